"""What every window showed, what is told of it, and to whom that has still to be delivered.

A notice is written in the same transaction as the window that it rests on, and waits in the outbox
until each channel has taken it. Who delivers claims it for a while, so no two processes send the
same; where one is killed after sending and before it has said so, the notice is sent a second time,
with the same incident id.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.data import sqlite
from common.monitoring.checks.finding import Finding
from common.monitoring.incidents import tables
from common.monitoring.incidents.lifecycle import REMINDED, Incident, Judged, Notice, due
from common.text import printable

KEPT_WINDOWS = 1_000
KEPT_INCIDENTS = timedelta(days=400)
KEPT_UNDELIVERED = timedelta(days=7)
# Nothing that is due depends on windows further back, and they are read for every finding.
LOOKBACK_WINDOWS = 50


class Book:
    """Open by `opened`. Times are aware datetimes; what is read back is UTC.

    Every method raises StoreError where the file is damaged, read-only, held by another process,
    another program's, or from a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = uuid.uuid4().hex
        self._open: sqlite3.Connection | None = None

    def record(
        self,
        model: str,
        window: str,
        findings: Iterable[Finding],
        at: datetime,
        channels: Sequence[str],
        remind_hours: float = 24,
        recover_windows: int = 2,
    ) -> list[Notice]:
        """Note what a window showed, in place of what it showed before; say what is new of it.

        Args:
            window: its name; names are ordered as text, the numbers in them as numbers.
            at: the present time.
            channels: addresses that are to be told; what is new waits there for `claim`.
            remind_hours, recover_windows: see `incidents.due`.
        """
        model, window, at = printable(model), printable(window), at.astimezone(UTC)
        told = []
        with self._transaction() as connection:
            for finding in findings:
                key = (model, printable(finding.name))
                tables.put_window(connection, key, Judged(window, finding, at))
                tables.forget(connection, key, KEPT_WINDOWS, at - KEPT_INCIDENTS)
                history = tables.windows(connection, key, LOOKBACK_WINDOWS)
                changes = tables.latest_incident(connection, key)
                incident = Incident(changes) if changes else None
                notice = due(model, history, incident, at, remind_hours, recover_windows)
                # Older windows are judged again before the newest, which may say that it is over.
                newest = history[-1].window == window
                if notice and (newest or notice.change != REMINDED):
                    tables.put_notice(connection, notice, channels)
                    told.append(notice)
        return told

    def add(self, notice: Notice, channels: Sequence[str]) -> None:
        """Tell something more of an incident."""
        with self._transaction() as connection:
            tables.put_notice(connection, notice, channels)

    def history(self, model: str, finding: str, last: int = KEPT_WINDOWS) -> list[Judged]:
        """The last windows, in their order; none where nothing was recorded."""
        if not self._path.exists():
            return []
        with self._reading() as connection:
            return tables.windows(connection, (printable(model), printable(finding)), last)

    def incidents(self, model: str) -> list[Incident]:
        """All incidents of a model, the one that was told of last first."""
        if not self._path.exists():
            return []
        statement = "SELECT facts FROM notices WHERE model = ? ORDER BY number"
        with self._reading() as connection:
            found = tables.notices(connection.execute(statement, (printable(model),)))
        changes: dict[tuple[str, str], list[Notice]] = {}
        for notice in found:
            key = (notice.finding, notice.incident)
            changes[key] = [*changes.pop(key, []), notice]
        return [Incident(tuple(notices)) for notices in reversed(changes.values())]

    def claim(self, at: datetime, lease_seconds: float = 120) -> list[tuple[str, Notice]]:
        """What has to be delivered, oldest first, with the `channel_key` of where to.

        Until `lease_seconds` after `at`, it is for this book alone to deliver it. What a channel
        has not taken within 7 days is dropped.
        """
        until = tables.time_text(at + timedelta(seconds=lease_seconds))
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
            notices = tables.notices((facts,) for _, _, facts in rows)
        return [(row[1], notice) for row, notice in zip(rows, notices, strict=True)]

    def delivered(self, channel: str, notice: Notice, at: datetime) -> None:
        """The channel has taken the notice: it is never claimed again."""
        self._settle("delivered_at = ?", tables.time_text(at), channel, notice)

    def failed(self, channel: str, notice: Notice) -> None:
        """The channel has not taken the notice: it may be claimed again at once."""
        # Where the lease has ended meanwhile, another may be sending it.
        change = "claimed_until = CASE claimed_by WHEN ? THEN NULL ELSE claimed_until END"
        self._settle(change, self._owner, channel, notice)

    def close(self) -> None:
        if self._open:
            self._open.close()

    def _settle(self, change: str, value: str, channel: str, notice: Notice) -> None:
        with self._transaction() as connection:
            connection.execute(
                f"""UPDATE outbox SET {change} WHERE channel = ? AND notice IN (
                SELECT number FROM notices WHERE model = ? AND finding = ? AND facts = ?)""",
                (value, channel, notice.model, notice.finding, tables.facts_text(notice)),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection, sqlite.transaction(connection):
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with sqlite.explained(self._path):
            if self._open is None:
                self._open = sqlite.connect(
                    self._path, tables.APPLICATION_ID, tables.VERSION, tables.SCHEMA
                )
            yield self._open


@contextmanager
def opened(path: Path) -> Iterator[Book]:
    """The book in this file, which is made when something is first written."""
    with closing(Book(path)) as book:
        yield book
