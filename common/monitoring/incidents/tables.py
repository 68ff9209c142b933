"""The tables of the incident book, and what their rows mean.

An incident is its notices, so there is no table of incidents. Addresses hold tokens, so only their
digests are stored. To change a table: raise VERSION, change SCHEMA, and add a step to `migrations`.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from common.monitoring.checks.finding import NAN, Finding, Status
from common.monitoring.history import WindowRecord
from common.monitoring.incidents.lifecycle import Notice, WindowResult
from common.text import printable

APPLICATION_ID, VERSION = 0x74726961, 2
WINDOWS_TABLE = (
    """CREATE TABLE windows (
        model TEXT, window TEXT, place TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (model, window))""",
    "CREATE INDEX windows_in_order ON windows (model, place, window)",
)
SCHEMA = (
    *WINDOWS_TABLE,
    """CREATE TABLE findings (
        model TEXT, finding TEXT, window TEXT, place TEXT NOT NULL, judged_at TEXT NOT NULL,
        status TEXT NOT NULL, reason TEXT NOT NULL, value REAL, lower REAL, upper REAL,
        "limit" REAL, rows INTEGER NOT NULL, detail TEXT NOT NULL,
        PRIMARY KEY (model, finding, window))""",
    "CREATE INDEX findings_in_order ON findings (model, finding, place, window)",
    """CREATE TABLE notices (
        number INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, finding TEXT NOT NULL,
        incident TEXT NOT NULL, at TEXT NOT NULL, facts TEXT NOT NULL)""",
    "CREATE INDEX notices_of_findings ON notices (model, finding)",
    """CREATE TABLE outbox (
        notice INTEGER REFERENCES notices ON DELETE CASCADE, channel TEXT,
        position INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, claimed_by TEXT,
        claimed_until TEXT, delivered_at TEXT, PRIMARY KEY (notice, channel))""",
)

# Where words of messages may stand, by table.
WORDS = {"findings": ("reason", "detail"), "notices": ("facts",)}


class Key(NamedTuple):
    """What has a history and incidents of its own."""

    model: str
    finding: str


def channel_key(address: str) -> str:
    """What stands for an address in the book."""
    return sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def put_record(connection: sqlite3.Connection, model: str, record: WindowRecord) -> None:
    """Keep the record of a window, in place of the one before."""
    connection.execute(
        "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?)",
        (model, record.window, place(record.window), json.dumps(record.to_json())),
    )


def records(connection: sqlite3.Connection, model: str, last: int) -> list[WindowRecord]:
    """The records of the last windows, in their order."""
    rows = connection.execute(
        "SELECT record FROM windows WHERE model = ? ORDER BY place DESC, window DESC LIMIT ?",
        (model, last),
    ).fetchall()
    with decoding():
        return [WindowRecord.from_json(json.loads(record)) for (record,) in reversed(rows)]


def put_result(connection: sqlite3.Connection, key: Key, result: WindowResult) -> None:
    """Keep what a window showed, in place of what it showed before."""
    finding = result.finding
    values = {
        "model": key.model,
        "finding": key.finding,
        "window": result.window,
        "place": place(result.window),
        "judged_at": time_text(result.at),
        "status": finding.status.name,
        "reason": printable(finding.reason),
        "value": finding.value,
        "lower": finding.lower,
        "upper": finding.upper,
        "limit": finding.limit,
        "rows": finding.rows,
        "detail": json.dumps(finding.detail, allow_nan=False),
    }
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT OR REPLACE INTO findings VALUES ({marks})", values)


def results(connection: sqlite3.Connection, key: Key, last: int) -> list[WindowResult]:
    """What the last windows showed, in their order."""
    rows = connection.execute(
        """SELECT window, judged_at, status, reason, value, lower, upper, "limit", rows, detail
        FROM findings WHERE model = ? AND finding = ?
        ORDER BY place DESC, window DESC LIMIT ?""",
        (*key, last),
    ).fetchall()
    with decoding():
        return [_result(key.finding, *row) for row in reversed(rows)]


def put_notice(connection: sqlite3.Connection, notice: Notice, addresses: Sequence[str]) -> None:
    """Keep a notice, and put it into the outbox of each address."""
    facts = json.dumps(notice.to_json())
    number = connection.execute(
        "INSERT INTO notices (model, finding, incident, at, facts) VALUES (?, ?, ?, ?, ?)",
        (notice.model, notice.finding, notice.incident, time_text(notice.at), facts),
    ).lastrowid
    # An address that is given twice is told once.
    connection.executemany(
        "INSERT OR IGNORE INTO outbox (notice, channel, position) VALUES (?, ?, ?)",
        [(number, channel_key(address), nth) for nth, address in enumerate(addresses, start=1)],
    )


def notice_of(facts: str) -> Notice:
    """The notice that a row's column `facts` holds."""
    with decoding():
        return Notice.from_json(json.loads(facts))


def latest_incident(connection: sqlite3.Connection, key: Key) -> tuple[Notice, ...]:
    """All notices of the incident that was told of last."""
    rows = connection.execute(
        """SELECT facts FROM notices WHERE model = ? AND finding = ? AND incident = (
        SELECT incident FROM notices WHERE model = ? AND finding = ?
        ORDER BY number DESC LIMIT 1) ORDER BY number""",
        (*key, *key),
    )
    return tuple(notice_of(facts) for (facts,) in rows)


def forget(
    connection: sqlite3.Connection, key: Key, kept_windows: int, oldest_notice: datetime
) -> None:
    """Forget all windows but the last, and incidents that nothing was told of for long."""
    connection.execute(
        """DELETE FROM findings WHERE model = ? AND finding = ? AND window IN (
        SELECT window FROM findings WHERE model = ? AND finding = ?
        ORDER BY place DESC, window DESC LIMIT -1 OFFSET ?)""",
        (*key, *key, kept_windows),
    )
    connection.execute(
        """DELETE FROM windows WHERE model = ? AND window IN (
        SELECT window FROM windows WHERE model = ?
        ORDER BY place DESC, window DESC LIMIT -1 OFFSET ?)""",
        (key.model, key.model, kept_windows),
    )
    connection.execute(
        """DELETE FROM notices WHERE model = ? AND finding = ? AND incident IN (
        SELECT incident FROM notices WHERE model = ? AND finding = ?
        GROUP BY incident HAVING max(at) < ?)""",
        (*key, *key, time_text(oldest_notice)),
    )


def rewrite(connection: sqlite3.Connection, edit: Callable[[str], str]) -> int:
    """Replace what rows say in words; return how many cells have changed."""
    changed = 0
    for table, columns in WORDS.items():
        for column in columns:
            rows = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
            edited = [(after, number) for number, text in rows if (after := edit(text)) != text]
            connection.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", edited)
            changed += len(edited)
    return changed


def time_text(at: datetime) -> str:
    """Sorts as text like the times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def place(window: str) -> str:
    """A text that sorts like the window, but 2 before 10."""
    return re.sub(r"[0-9]+", lambda number: number[0].zfill(20), window)


@contextmanager
def decoding() -> Iterator[None]:
    """Take a row that can't be read for damage of the file."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise sqlite3.DatabaseError("it holds a row that was never written so") from error


def _result(name: str, window: str, at: str, status: str, reason: str, *rest: Any) -> WindowResult:
    *figures, rows, detail = rest
    # SQLite has no nan.
    value, lower, upper, limit = (NAN if figure is None else figure for figure in figures)
    finding = Finding(
        name,
        Status[status],
        reason,
        value=value,
        lower=lower,
        upper=upper,
        limit=limit,
        rows=rows,
        detail=json.loads(detail),
    )
    return WindowResult(window, finding, datetime.fromisoformat(at))
