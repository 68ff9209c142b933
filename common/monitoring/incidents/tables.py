"""The tables of the incident book, and what their rows mean.

An incident is its notices, so there is no table of incidents. Addresses hold tokens, so only their
digests are stored.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from common.monitoring.checks.finding import NAN, Finding, Status
from common.monitoring.incidents.lifecycle import Judged, Notice
from common.text import printable

APPLICATION_ID, VERSION = 0x74726961, 1
SCHEMA = (
    """CREATE TABLE windows (
        model TEXT, finding TEXT, window TEXT, place TEXT NOT NULL, judged_at TEXT NOT NULL,
        status TEXT NOT NULL, reason TEXT NOT NULL, value REAL, lower REAL, upper REAL,
        "limit" REAL, rows INTEGER NOT NULL, detail TEXT NOT NULL,
        PRIMARY KEY (model, finding, window))""",
    "CREATE INDEX windows_in_order ON windows (model, finding, place, window)",
    """CREATE TABLE notices (
        number INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, finding TEXT NOT NULL,
        incident TEXT NOT NULL, at TEXT NOT NULL, facts TEXT NOT NULL)""",
    "CREATE INDEX notices_of_findings ON notices (model, finding)",
    """CREATE TABLE outbox (
        notice INTEGER REFERENCES notices ON DELETE CASCADE, channel TEXT,
        position INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, claimed_by TEXT,
        claimed_until TEXT, delivered_at TEXT, PRIMARY KEY (notice, channel))""",
)

Key = tuple[str, str]  # model, finding
Rows = Iterable[Sequence[Any]]


def channel_key(address: str) -> str:
    """What stands for an address in the book."""
    return sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def put_window(connection: sqlite3.Connection, key: Key, judged: Judged) -> None:
    """In place of what the window showed before."""
    finding = judged.finding
    connection.execute(
        "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(*key, judged.window, _place(judged.window), time_text(judged.at)),
            *(finding.status.name, printable(finding.reason)),
            *(finding.value, finding.lower, finding.upper, finding.limit, finding.rows),
            json.dumps(finding.detail, allow_nan=False),
        ),
    )


def windows(connection: sqlite3.Connection, key: Key, last: int) -> list[Judged]:
    """The last windows, in their order."""
    rows = connection.execute(
        """SELECT window, judged_at, status, reason, value, lower, upper, "limit", rows, detail
        FROM windows WHERE model = ? AND finding = ?
        ORDER BY place DESC, window DESC LIMIT ?""",
        (*key, last),
    ).fetchall()
    with _decoding():
        return [_judged(key[1], *row) for row in reversed(rows)]


def put_notice(connection: sqlite3.Connection, notice: Notice, addresses: Sequence[str]) -> None:
    """Also in the outbox of each address."""
    number = connection.execute(
        "INSERT INTO notices (model, finding, incident, at, facts) VALUES (?, ?, ?, ?, ?)",
        (
            *(notice.model, notice.finding, notice.incident, time_text(notice.at)),
            facts_text(notice),
        ),
    ).lastrowid
    # An address that is given twice is told once.
    connection.executemany(
        "INSERT OR IGNORE INTO outbox (notice, channel, position) VALUES (?, ?, ?)",
        [(number, channel_key(address), nth) for nth, address in enumerate(addresses, start=1)],
    )


def notices(rows: Rows) -> list[Notice]:
    """From the column `facts`."""
    with _decoding():
        return [_notice(json.loads(facts)) for (facts,) in rows]


def latest_incident(connection: sqlite3.Connection, key: Key) -> tuple[Notice, ...]:
    """All notices of the incident that was told of last."""
    rows = connection.execute(
        """SELECT facts FROM notices WHERE model = ? AND finding = ? AND incident = (
        SELECT incident FROM notices WHERE model = ? AND finding = ?
        ORDER BY number DESC LIMIT 1) ORDER BY number""",
        (*key, *key),
    )
    return tuple(notices(rows))


def forget(
    connection: sqlite3.Connection, key: Key, kept_windows: int, oldest_notice: datetime
) -> None:
    """Windows but the last, and incidents that nothing was told of for long."""
    connection.execute(
        """DELETE FROM windows WHERE model = ? AND finding = ? AND window IN (
        SELECT window FROM windows WHERE model = ? AND finding = ?
        ORDER BY place DESC, window DESC LIMIT -1 OFFSET ?)""",
        (*key, *key, kept_windows),
    )
    connection.execute(
        """DELETE FROM notices WHERE model = ? AND finding = ? AND incident IN (
        SELECT incident FROM notices WHERE model = ? AND finding = ?
        GROUP BY incident HAVING max(at) < ?)""",
        (*key, *key, time_text(oldest_notice)),
    )


def time_text(at: datetime) -> str:
    """Sorts as text like the times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def facts_text(notice: Notice) -> str:
    return json.dumps(notice.facts())


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise sqlite3.DatabaseError("it holds a row that was never written so") from error


def _judged(name: str, window: str, at: str, status: str, reason: str, *rest: Any) -> Judged:
    *figures, rows, detail = rest
    # SQLite has no nan.
    value, lower, upper, limit = (NAN if figure is None else figure for figure in figures)
    finding = Finding(
        name, Status[status], reason, value, lower, upper, limit, rows, json.loads(detail)
    )
    return Judged(window, finding, datetime.fromisoformat(at))


def _notice(facts: dict[str, Any]) -> Notice:
    times = {key: datetime.fromisoformat(facts[key]) for key in ("since", "at")}
    return Notice(**facts | times | {"status": Status[facts["status"]]})


def _place(window: str) -> str:
    """Sorts like the window, but 2 before 10."""
    return re.sub(r"[0-9]+", lambda number: number[0].zfill(20), window)
