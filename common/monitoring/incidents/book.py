"""What every window showed, what is told of it, and to whom that has still to be delivered.

Windows belong to a feed, and to the version of the model that judged them. So do incidents, but
those of the data: whether rows come, and whether they can be read, is no matter of the model's.

A notice is written in the same transaction as the window that it rests on, and waits in the outbox
until each channel has taken it. A sender leases a notice, so no two processes send it; if one dies
between sending and recording, it is sent again under the same id.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.data import sqlite
from common.monitoring.feed import Feed
from common.monitoring.history import JudgedWindow, WindowRecord
from common.monitoring.incidents import announce, decisions, kept_phrases, migrations, tables
from common.monitoring.incidents.decisions import Decision
from common.monitoring.incidents.incident import Incident, Notice, WindowResult, incidents_of
from common.monitoring.incidents.look import (
    KEPT_INCIDENTS,
    KEPT_WINDOWS,
    Look,
    key_of,
    queue,
)
from common.monitoring.news import News
from common.monitoring.phrases import PhraseCounts
from common.monitoring.summaries import Summary

KEPT_UNDELIVERED = timedelta(days=7)
# How long a sender has a notice for itself.
LEASE = timedelta(seconds=120)
KEPT_SUMMARIES = timedelta(days=30)


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

    def adopt(self, feed: Feed, version: int) -> None:
        """Let a feed go on with what a former release has noted, unless it has windows itself."""
        if not self._path.exists():
            return
        with self._reading() as connection:
            if not tables.is_adoptable(connection, feed):
                return
        with self._transaction() as connection:
            if tables.is_adoptable(connection, feed):
                tables.adopt(connection, feed, version)

    def record(
        self,
        feed: Feed,
        version: int,
        judged: Sequence[JudgedWindow],
        at: datetime,
        channels: Sequence[str],
        remind_hours: float = 24,
        is_current: bool = True,
    ) -> list[Notice]:
        """Note what the windows of a look showed; return what people are told, one of each subject.

        Args:
            version: of the model that judged them.
            judged: in their order; each in place of what it showed before. Windows are ordered by
                name as text, the numbers in it as numbers.
            at: the present time.
            channels: addresses that are to be told; what is new waits there for `claim`.
            remind_hours: see `lifecycle.due`; drift is reminded of weekly at most.
            is_current: it is the version that is watched now: incidents of others are over. Of
                another nobody is told anything.

        What opened and recovered within a look is told once, and not at all on the first look at a
        feed, which may go back for months.
        """
        at = at.astimezone(UTC)
        with self._transaction() as connection:
            look = Look(connection, feed, version, at, channels, remind_hours)
            told = look.replace_versions() if is_current else []
            seen = look.write(judged)
            return [*told, *look.tell(seen)] if is_current else []

    def add(self, notice: Notice, channels: Sequence[str]) -> None:
        """Queue another notice of an incident."""
        with self._transaction() as connection:
            queue(connection, notice, channels)

    def find(self, name: str) -> Incident | None:
        """The incident of this id; None if there is none."""
        found = [each for each in self.incidents() if each.changes[0].incident == name]
        return found[0] if found else None

    def decide(self, incident: Incident, kind: str, by: str, reason: str, at: datetime) -> Incident:
        """Note that an open incident is acknowledged or closed; return it as it is then.

        Args:
            kind: `incident.ACKNOWLEDGED` or `incident.CLOSED`.
            by: who has decided it.
        """
        with self._transaction() as connection:
            feed = incident.changes[-1].feed
            newest = tables.records(connection, feed, 1)
            window = newest[-1].window if newest else incident.changes[-1].window
            change = decisions.about(incident, kind, window, by, reason, at.astimezone(UTC))
            decisions.put(connection, change.decision)
            tables.put_notice(connection, change.notice, [])
        return Incident((*incident.changes, change.notice))

    def mute(self, subject: str | None, until: datetime, by: str, at: datetime) -> None:
        """Tell nobody of a subject, or of any, until then."""
        silence = Decision(decisions.MUTED, at, by, "", finding=subject, until=until)
        with self._transaction() as connection:
            decisions.put(connection, silence)

    def muted_until(self, subject: str, at: datetime) -> datetime | None:
        """Until when nobody is told of a subject; None if people are."""
        if not self._path.exists():
            return None
        with self._reading() as connection:
            return decisions.muted_until(connection, subject, at)

    def drift_accepted(self, feed: Feed) -> str | None:
        """The newest window when drift was last acknowledged: what came later is the reference.

        None if it never was.
        """
        if not self._path.exists():
            return None
        with self._reading() as connection:
            return decisions.drift_accepted(connection, feed.key)

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
            connection.execute("DELETE FROM summaries")  # they are made again
            # Nobody knows in which windows the messages were counted.
            connection.execute("DELETE FROM phrases")
        if changed:
            with self._reading() as connection:
                connection.execute("VACUUM")
        return changed

    def feeds(self, model: str) -> list[Feed]:
        """The feeds of a model that have windows, the one that got the newest window last."""
        if not self._path.exists():
            return []
        with self._reading() as connection:
            keys = tables.feeds(connection)
        return [feed for feed in map(Feed.of_key, keys) if feed and feed.model == model]

    def windows(
        self, feed: Feed, last: int = KEPT_WINDOWS, version: int | None = None
    ) -> list[WindowRecord]:
        """The records of the last windows, in their order; none if nothing was recorded.

        Args:
            version: that judged them. None: of several for one window that of the version which
                judged it first, unless another has found more labels.
        """
        if not self._path.exists():
            return []
        with self._reading() as connection:
            found = tables.records(connection, feed.key, last, version)
        chosen: dict[str, WindowRecord] = {}
        for record in found:
            known = chosen.get(record.window)
            if known is None or record.labelled > known.labelled:
                chosen[record.window] = record
        return list(chosen.values())

    def history(
        self, feed: Feed, version: int, subject: str, last: int = KEPT_WINDOWS
    ) -> list[WindowResult]:
        """What the last windows showed of a subject, in their order."""
        if not self._path.exists():
            return []
        with self._reading() as connection:
            return tables.results(connection, key_of(feed, version, subject), last)

    def incidents(self, feed: Feed | None = None) -> list[Incident]:
        """All incidents of a feed, or of all, the one that was told of last first."""
        if not self._path.exists():
            return []
        with self._reading() as connection:
            notices = tables.notices(connection, feed.key if feed else None)
        return list(reversed(incidents_of(notices)))

    def claim(self, at: datetime, addresses: Sequence[str] | None = None) -> list[Delivery]:
        """Lease what has to be delivered, oldest first.

        Until LEASE after `at`, it is for this book alone to deliver it. What a channel has not
        taken within 7 days is dropped.

        Args:
            addresses: that are told now. What waits for others goes to them, unless one of them
                has taken it: an address was mended. None: each notice waits for its own.
        """
        until = tables.time_text(at + LEASE)
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM outbox WHERE notice IN (SELECT number FROM notices WHERE at < ?)",
                (tables.time_text(at - KEPT_UNDELIVERED),),
            )
            if addresses:
                tables.redirect(connection, addresses)
            rows = connection.execute(
                """SELECT notice, channel, facts FROM outbox JOIN notices ON number = notice
                WHERE delivered_at IS NULL AND (claimed_until IS NULL OR claimed_until <= ?)
                ORDER BY notice, position""",
                (tables.time_text(at),),
            ).fetchall()
            found = [
                Delivery(number, channel, tables.notice_of(facts))
                for number, channel, facts in rows
            ]
            free = [d for d in found if not decisions.muted_until(connection, d.notice.finding, at)]
            connection.executemany(
                """UPDATE outbox SET claimed_by = ?, claimed_until = ?, attempts = attempts + 1
                WHERE notice = ? AND channel = ?""",
                [(self._owner, until, each.number, each.channel) for each in free],
            )
            return free

    def mark_delivered(self, delivery: Delivery, at: datetime) -> None:
        """The channel has taken the notice: it is never claimed again."""
        self._settle(delivery, "delivered_at = ?", tables.time_text(at))

    def mark_failed(self, delivery: Delivery) -> None:
        """The channel has not taken the notice: it may be claimed again at once."""
        # If the lease has ended meanwhile, another may be sending it.
        change = "claimed_until = CASE claimed_by WHEN ? THEN NULL ELSE claimed_until END"
        self._settle(delivery, change, self._owner)

    def summaries(self, keys: Collection[str]) -> dict[str, Summary]:
        """Those of these keys that are kept."""
        if not keys or not self._path.exists():
            return {}
        with self._reading() as connection:
            return tables.summaries(connection, keys)

    def keep_summaries(self, found: Mapping[str, Summary], at: datetime) -> None:
        """Keep what files add to windows, by key, and forget what was long of no use."""
        if found:
            with self._transaction() as connection:
                tables.put_summaries(connection, found, at, at - KEPT_SUMMARIES)

    def phrases(self, feed: Feed, masked: bool) -> dict[str, PhraseCounts]:
        """In how many messages of the last windows phrases stood, by window, oldest first.

        Args:
            masked: of windows whose messages held masks, or of the others.
        """
        if not self._path.exists():
            return {}
        with self._reading() as connection:
            return kept_phrases.get(connection, feed.key, masked)

    def record_news(
        self, feed: Feed, news: News, at: datetime, channels: Sequence[str], tell: bool = True
    ) -> list[Notice]:
        """Keep what later windows are compared with; return what people are told, one at most.

        Args:
            tell: False: nobody is told, and all of it stays untold.
        """
        at = at.astimezone(UTC)
        with self._transaction() as connection:
            kept_phrases.put(connection, feed.key, news.counted, news.masked)
            tables.forget(connection, announce.key_of(feed), KEPT_WINDOWS, at - KEPT_INCIDENTS)
            told = tables.notices(connection, feed.key) if tell else []
            notice = announce.notice(feed, news, told, at) if tell else None
            if notice is None:
                return []
            queue(connection, notice, channels)
            return [notice]

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
