"""The tables of the incident book, and what their rows mean.

An incident is its notices, so there is no table of incidents. Addresses hold tokens, so only their
digests are stored. To change a table: raise VERSION, change SCHEMA, and add a step to `migrations`,
which names the tables as they are then.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from common.monitoring.checks.catalogue import Subject
from common.monitoring.checks.finding import NAN, Finding, Status
from common.monitoring.feed import Feed
from common.monitoring.history import WindowRecord
from common.monitoring.incidents.incident import Notice, WindowResult
from common.monitoring.incidents.lifecycle import place
from common.monitoring.summaries import Summary
from common.text import printable

APPLICATION_ID, VERSION = 0x74726961, 5
# Of findings and notices that are about the feed, whatever version is watched; or not known.
ANY_VERSION = 0
WINDOWS_TABLE = (
    """CREATE TABLE windows (
        feed TEXT, version INTEGER, window TEXT, place TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (feed, version, window))""",
    "CREATE INDEX windows_in_order ON windows (feed, place, window)",
)
FINDINGS_TABLE = (
    """CREATE TABLE findings (
        feed TEXT, version INTEGER, finding TEXT, window TEXT, place TEXT NOT NULL,
        judged_at TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, value REAL, lower REAL,
        upper REAL, "limit" REAL, rows INTEGER NOT NULL, detail TEXT NOT NULL,
        PRIMARY KEY (feed, version, finding, window))""",
    "CREATE INDEX findings_in_order ON findings (feed, version, finding, place, window)",
)
DECISIONS_TABLE = """CREATE TABLE decisions (
        number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at TEXT NOT NULL,
        by TEXT NOT NULL, reason TEXT NOT NULL, feed TEXT, finding TEXT, incident TEXT, window TEXT,
        until TEXT)"""
SUMMARIES_TABLE = (
    "CREATE TABLE summaries (key TEXT PRIMARY KEY, used_at TEXT NOT NULL, summary TEXT NOT NULL)"
)
PHRASES_TABLE = """CREATE TABLE phrases (
        feed TEXT, window TEXT, place TEXT NOT NULL, masked INTEGER NOT NULL,
        messages INTEGER NOT NULL, least INTEGER NOT NULL, counts TEXT NOT NULL,
        PRIMARY KEY (feed, window))"""
SCHEMA = (
    *WINDOWS_TABLE,
    *FINDINGS_TABLE,
    """CREATE TABLE notices (
        number INTEGER PRIMARY KEY AUTOINCREMENT, feed TEXT NOT NULL, finding TEXT NOT NULL,
        incident TEXT NOT NULL, at TEXT NOT NULL, facts TEXT NOT NULL,
        version INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX notices_of_findings ON notices (feed, finding)",
    """CREATE TABLE outbox (
        notice INTEGER REFERENCES notices ON DELETE CASCADE, channel TEXT,
        position INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, claimed_by TEXT,
        claimed_until TEXT, delivered_at TEXT, PRIMARY KEY (notice, channel))""",
    DECISIONS_TABLE,
    SUMMARIES_TABLE,
    PHRASES_TABLE,
)

# Where words of messages may stand, by table.
WORDS = {"findings": ("reason", "detail"), "notices": ("facts",), "decisions": ("reason",)}


class Key(NamedTuple):
    """What has a history and incidents of its own."""

    feed: str
    version: int
    finding: str


def channel_key(address: str) -> str:
    """What stands for an address in the book."""
    return sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def put_record(connection: sqlite3.Connection, feed: str, record: WindowRecord) -> None:
    """Keep the record of a window, in place of the one before by the same version."""
    connection.execute(
        """INSERT INTO windows VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET place = excluded.place, record = excluded.record""",
        (feed, record.version, record.window, place(record.window), json.dumps(record.to_json())),
    )


def records(
    connection: sqlite3.Connection, feed: str, last: int, version: int | None = None
) -> list[WindowRecord]:
    """The records of the last windows, in their order; of several for one, the first first.

    Args:
        version: that judged them; None: any.
    """
    rows = connection.execute(
        """SELECT record FROM windows WHERE feed = :feed AND version = ifnull(:version, version)
        AND window IN (SELECT DISTINCT window FROM windows WHERE feed = :feed
        AND version = ifnull(:version, version) ORDER BY place DESC, window DESC LIMIT :last)
        ORDER BY place, window, rowid""",
        {"feed": feed, "version": version, "last": last},
    ).fetchall()
    with decoding():
        return [WindowRecord.from_json(json.loads(record)) for (record,) in rows]


def feeds(connection: sqlite3.Connection) -> list[str]:
    """Keys of the feeds that have windows, the one that got the newest window last."""
    rows = connection.execute("SELECT feed FROM windows GROUP BY feed ORDER BY max(rowid)")
    return [key for (key,) in rows]


def put_result(connection: sqlite3.Connection, key: Key, result: WindowResult) -> None:
    """Keep what a window showed, in place of what it showed before."""
    finding = result.finding
    values = {
        "feed": key.feed,
        "version": key.version,
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
        FROM findings WHERE feed = ? AND version = ? AND finding = ?
        ORDER BY place DESC, window DESC LIMIT ?""",
        (*key, last),
    ).fetchall()
    with decoding():
        return [_result(key.finding, *row) for row in reversed(rows)]


def known_status(connection: sqlite3.Connection, key: Key, window: str) -> str | None:
    """The status, by its name, that a window was last known by."""
    row = connection.execute(
        """SELECT status FROM findings
        WHERE feed = ? AND version = ? AND finding = ? AND window = ?""",
        (*key, window),
    ).fetchone()
    return None if row is None else str(row[0])


def put_notice(connection: sqlite3.Connection, notice: Notice, addresses: Sequence[str]) -> None:
    """Keep a notice, and put it into the outbox of each address."""
    facts = json.dumps(notice.to_json())
    number = connection.execute(
        """INSERT INTO notices (feed, version, finding, incident, at, facts)
        VALUES (?, ?, ?, ?, ?, ?)""",
        (
            *(notice.feed, notice.version, notice.finding),
            *(notice.incident, time_text(notice.at), facts),
        ),
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
    of_key = "feed = ? AND version = ? AND finding = ?"
    rows = connection.execute(
        f"""SELECT facts FROM notices WHERE {of_key} AND incident = (
        SELECT incident FROM notices WHERE {of_key} ORDER BY number DESC LIMIT 1)
        ORDER BY number""",
        (*key, *key),
    )
    return tuple(notice_of(facts) for (facts,) in rows)


def notices(connection: sqlite3.Connection, feed: str | None) -> list[Notice]:
    """All notices of a feed, or of all feeds, oldest first."""
    rows = connection.execute(
        "SELECT facts FROM notices WHERE feed = ifnull(?, feed) ORDER BY number", (feed,)
    )
    return [notice_of(facts) for (facts,) in rows.fetchall()]


def put_summaries(
    connection: sqlite3.Connection, found: Mapping[str, Summary], at: datetime, oldest: datetime
) -> None:
    """Keep summaries of files by their keys; forget those that were last used before `oldest`."""
    known = {key for (key,) in connection.execute("SELECT key FROM summaries")}
    used = time_text(at)
    connection.executemany(
        "UPDATE summaries SET used_at = ? WHERE key = ?", [(used, key) for key in found]
    )
    connection.executemany(
        "INSERT INTO summaries VALUES (?, ?, ?)",
        [
            (key, used, json.dumps(summary.to_json()))
            for key, summary in found.items()
            if key not in known
        ],
    )
    connection.execute("DELETE FROM summaries WHERE used_at < ?", (time_text(oldest),))


def summaries(connection: sqlite3.Connection, keys: Collection[str]) -> dict[str, Summary]:
    """The summaries that are kept of these keys."""
    rows = connection.execute(
        "SELECT key, summary FROM summaries WHERE key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    )
    with decoding():
        return {key: Summary.from_json(json.loads(summary)) for key, summary in rows}


def forget(
    connection: sqlite3.Connection, key: Key, kept_windows: int, oldest_notice: datetime
) -> None:
    """Forget all windows but the last, and incidents that nothing was told of for long."""
    of_key = "feed = ? AND version = ? AND finding = ?"
    connection.execute(
        f"""DELETE FROM findings WHERE {of_key} AND window IN (
        SELECT window FROM findings WHERE {of_key}
        ORDER BY place DESC, window DESC LIMIT -1 OFFSET ?)""",
        (*key, *key, kept_windows),
    )
    connection.execute(
        """DELETE FROM windows WHERE feed = ? AND window IN (
        SELECT DISTINCT window FROM windows WHERE feed = ?
        ORDER BY place DESC, window DESC LIMIT -1 OFFSET ?)""",
        (key.feed, key.feed, kept_windows),
    )
    connection.execute(
        f"""DELETE FROM notices WHERE {of_key} AND incident IN (
        SELECT incident FROM notices WHERE {of_key}
        GROUP BY incident HAVING max(at) < ?)""",
        (*key, *key, time_text(oldest_notice)),
    )


def is_adoptable(connection: sqlite3.Connection, feed: Feed) -> bool:
    """Whether a former release has noted what is this feed's, and the feed has nothing itself."""
    own, former = (
        connection.execute("SELECT 1 FROM windows WHERE feed = ? LIMIT 1", (key,)).fetchone()
        for key in (feed.key, feed.former_key)
    )
    return bool(former) and not own


def adopt(connection: sqlite3.Connection, feed: Feed, version: int) -> None:
    """Give a feed what a former release has noted, as if this version had judged it all."""
    key, former = feed.key, feed.former_key
    for number, facts in connection.execute(
        "SELECT number, facts FROM notices WHERE feed = ?", (former,)
    ).fetchall():
        told = notice_of(facts)
        mine = ANY_VERSION if told.finding == Subject.DATA else version
        told = replace(told, feed=key, model=feed.model, version=mine)
        connection.execute(
            "UPDATE notices SET feed = ?, version = ?, facts = ? WHERE number = ?",
            (key, mine, json.dumps(told.to_json()), number),
        )
    connection.execute(
        """UPDATE findings SET feed = ?, version = CASE finding WHEN ? THEN ? ELSE ? END
        WHERE feed = ?""",
        (key, Subject.DATA, ANY_VERSION, version, former),
    )
    connection.execute(
        """UPDATE windows SET feed = ?, version = ?,
        record = json_set(record, '$.version', ?) WHERE feed = ?""",
        (key, version, version, former),
    )


def redirect(connection: sqlite3.Connection, addresses: Sequence[str]) -> None:
    """Give what waits for addresses that nobody has any more to those that there are.

    Not what one of these has taken already.
    """
    current = [channel_key(address) for address in addresses]
    marks = ", ".join("?" for _ in current)
    lost = [
        number
        for (number,) in connection.execute(
            f"""SELECT DISTINCT notice FROM outbox
            WHERE delivered_at IS NULL AND channel NOT IN ({marks})""",
            current,
        ).fetchall()
    ]
    for number in lost:
        taken = connection.execute(
            f"""SELECT 1 FROM outbox
            WHERE notice = ? AND delivered_at IS NOT NULL AND channel IN ({marks})""",
            (number, *current),
        ).fetchone()
        if not taken:
            connection.executemany(
                "INSERT OR IGNORE INTO outbox (notice, channel, position) VALUES (?, ?, ?)",
                [(number, channel, nth) for nth, channel in enumerate(current, start=1)],
            )
        connection.execute(
            f"""DELETE FROM outbox
            WHERE notice = ? AND delivered_at IS NULL AND channel NOT IN ({marks})""",
            (number, *current),
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
