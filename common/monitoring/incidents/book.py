"""What every window showed, what is told of it, and to whom that has still to be delivered.

A notice is written in the same transaction as the window that it rests on, and waits in the outbox
until each channel has taken it. A sender leases a notice, so no two processes send it; if one dies
between sending and recording, it is sent again under the same id.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.data import sqlite
from common.monitoring.checks.finding import Finding
from common.monitoring.history import WindowRecord
from common.monitoring.incidents import migrations, tables
from common.monitoring.incidents.lifecycle import REMINDED, Incident, Notice, WindowResult, due
from common.monitoring.incidents.tables import Key
from common.text import printable

KEPT_WINDOWS = 1_000
KEPT_INCIDENTS = timedelta(days=400)
KEPT_UNDELIVERED = timedelta(days=7)
# Nothing that is due depends on windows further back, and they are read for every finding.
LOOKBACK_WINDOWS = 50
# How long a sender has a notice for itself.
LEASE = timedelta(seconds=120)


@dataclass(frozen=True)
class Delivery:
    """A notice that a channel has still to take.

    Attributes:
        number: of the notice.
        channel: `tables.channel_key` of the address.
    """

    number: int
    channel: str
    notice: Notice


class Book:
    """The monitor's database; made by `open_book`, do not construct directly.

    It holds one record of each window, what each subject showed in it, the incidents as the notices
    of their changes, and the outbox of notices that some channel has still to take. Times are aware
    datetimes; what is read back is UTC. Every method raises StoreError if the file is damaged,
    read-only, held by another process, another program's, or from a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = uuid.uuid4().hex
        self._open: sqlite3.Connection | None = None

    def record(
        self,
        model: str,
        record: WindowRecord,
        findings: Iterable[Finding],
        at: datetime,
        channels: Sequence[str],
        remind_hours: float = 24,
    ) -> list[Notice]:
        """Note what a window showed, in place of what it showed before; return what is new of it.

        Args:
            record: of the window; windows are ordered by name as text, the numbers in it as
                numbers.
            findings: one for each subject.
            at: the present time.
            channels: addresses that are to be told; what is new waits there for `claim`.
            remind_hours: see `lifecycle.due`.
        """
        model, window, at = printable(model), printable(record.window), at.astimezone(UTC)
        new_notices = []
        with self._transaction() as connection:
            tables.put_record(connection, model, replace(record, window=window))
            for finding in findings:
                key = Key(model, printable(finding.name))
                tables.put_result(connection, key, WindowResult(window, finding, at))
                tables.forget(connection, key, KEPT_WINDOWS, at - KEPT_INCIDENTS)
                history = tables.results(connection, key, LOOKBACK_WINDOWS)
                changes = tables.latest_incident(connection, key)
                incident = Incident(changes) if changes else None
                notice = due(model, history, incident, at, remind_hours)
                # Older windows are judged again before the newest, which may say that it is over.
                newest = history[-1].window == window
                if notice and (newest or notice.change != REMINDED):
                    tables.put_notice(connection, notice, channels)
                    new_notices.append(notice)
        return new_notices

    def add(self, notice: Notice, channels: Sequence[str]) -> None:
        """Queue another notice of an incident."""
        with self._transaction() as connection:
            tables.put_notice(connection, notice, channels)

    def rewrite(self, edit: Callable[[str], str], commit: bool) -> int:
        """Replace what findings and notices say in words; return how many would change or have.

        Nothing of what was replaced is left in the file.
        """
        if not commit:
            with self._reading() as connection:
                rows = [
                    text
                    for table, columns in tables.WORDS.items()
                    for column in columns
                    for (text,) in connection.execute(f"SELECT {column} FROM {table}")
                ]
            return sum(edit(text) != text for text in rows)
        with self._transaction() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            changed = tables.rewrite(connection, edit)
        if changed:
            with self._reading() as connection:
                connection.execute("VACUUM")
        return changed

    def windows(self, model: str, last: int = KEPT_WINDOWS) -> list[WindowRecord]:
        """The records of the last windows, in their order; none if nothing was recorded."""
        if not self._path.exists():
            return []
        with self._reading() as connection:
            return tables.records(connection, printable(model), last)

    def history(self, model: str, finding: str, last: int = KEPT_WINDOWS) -> list[WindowResult]:
        """What the last windows showed of a subject, in their order."""
        if not self._path.exists():
            return []
        with self._reading() as connection:
            return tables.results(connection, Key(printable(model), printable(finding)), last)

    def incidents(self, model: str) -> list[Incident]:
        """All incidents of a model, the one that was told of last first."""
        if not self._path.exists():
            return []
        statement = "SELECT facts FROM notices WHERE model = ? ORDER BY number"
        with self._reading() as connection:
            rows = connection.execute(statement, (printable(model),)).fetchall()
            notices = [tables.notice_of(facts) for (facts,) in rows]
        changes: dict[tuple[str, str], list[Notice]] = {}
        for notice in notices:
            key = (notice.finding, notice.incident)
            changes[key] = [*changes.pop(key, []), notice]
        return [Incident(tuple(incident)) for incident in reversed(changes.values())]

    def claim(self, at: datetime) -> list[Delivery]:
        """Lease what has to be delivered, oldest first.

        Until LEASE after `at`, it is for this book alone to deliver it. What a channel has not
        taken within 7 days is dropped.
        """
        until = tables.time_text(at + LEASE)
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM outbox WHERE notice IN (SELECT number FROM notices WHERE at < ?)",
                (tables.time_text(at - KEPT_UNDELIVERED),),
            )
            rows = connection.execute(
                """SELECT notice, channel, facts FROM outbox JOIN notices ON number = notice
                WHERE delivered_at IS NULL AND (claimed_until IS NULL OR claimed_until <= ?)
                ORDER BY notice, position""",
                (tables.time_text(at),),
            ).fetchall()
            connection.executemany(
                """UPDATE outbox SET claimed_by = ?, claimed_until = ?, attempts = attempts + 1
                WHERE notice = ? AND channel = ?""",
                [(self._owner, until, number, channel) for number, channel, _ in rows],
            )
            return [
                Delivery(number, channel, tables.notice_of(facts))
                for number, channel, facts in rows
            ]

    def mark_delivered(self, delivery: Delivery, at: datetime) -> None:
        """The channel has taken the notice: it is never claimed again."""
        self._settle(delivery, "delivered_at = ?", tables.time_text(at))

    def mark_failed(self, delivery: Delivery) -> None:
        """The channel has not taken the notice: it may be claimed again at once."""
        # If the lease has ended meanwhile, another may be sending it.
        change = "claimed_until = CASE claimed_by WHEN ? THEN NULL ELSE claimed_until END"
        self._settle(delivery, change, self._owner)

    def close(self) -> None:
        if self._open:
            self._open.close()

    def _settle(self, delivery: Delivery, change: str, value: str) -> None:
        with self._transaction() as connection:
            connection.execute(
                f"UPDATE outbox SET {change} WHERE notice = ? AND channel = ?",
                (value, delivery.number, delivery.channel),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection, sqlite.transaction(connection):
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with sqlite.sqlite_errors(self._path):
            if self._open is None:
                self._open = _connect(self._path)
            yield self._open


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite.connect(path, tables.APPLICATION_ID, tables.VERSION, tables.SCHEMA)
    try:
        migrations.upgrade(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def open_book(path: Path) -> Iterator[Book]:
    """Open the book in this file, which is made when something is first written."""
    with closing(Book(path)) as book:
        yield book
