"""What one look writes to the book: windows, what they showed, and what is new of incidents."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.monitoring.checks.catalogue import Subject
from common.monitoring.checks.finding import Status
from common.monitoring.checks.severity import SEVERITY
from common.monitoring.feed import Feed
from common.monitoring.history import JudgedWindow
from common.monitoring.incidents import decisions, tables
from common.monitoring.incidents.incident import (
    REMINDED,
    REPLACED,
    Incident,
    Notice,
    Owner,
    WindowResult,
    incidents_of,
)
from common.monitoring.incidents.lifecycle import came_and_went, due
from common.monitoring.incidents.tables import ANY_VERSION, Key
from common.text import printable

KEPT_WINDOWS = 1_000
KEPT_INCIDENTS = timedelta(days=400)
# Nothing that is due depends on windows further back, and they are read for every finding.
LOOKBACK_WINDOWS = 50
# Lasting drift is often a new normal; whoever can't act on it at once needs no daily word of it.
DRIFT_REMIND_HOURS = 7 * 24.0


@dataclass(frozen=True)
class Seen:
    """What a look has written.

    Attributes:
        windows: that were judged.
        critical: those of them that nobody knew to be CRITICAL, by subject.
        is_first: the version had no window in this feed before.
    """

    windows: Collection[str]
    critical: Mapping[str, Collection[str]]
    is_first: bool

    @property
    def subjects(self) -> list[str]:
        return list(self.critical)


@dataclass(frozen=True)
class Look:
    """What one look writes, within one transaction."""

    connection: sqlite3.Connection
    feed: Feed
    version: int
    at: datetime
    channels: Sequence[str]
    remind_hours: float

    def replace_versions(self) -> list[Notice]:
        """Close the incidents of versions that were watched before."""
        replaced = []
        for incident in incidents_of(tables.notices(self.connection, self.feed.key)):
            last = incident.changes[-1]
            if not incident.is_open or last.version in (ANY_VERSION, self.version):
                continue
            judged = tables.records(self.connection, self.feed.key, 1, last.version)
            reason = (
                f"version {self.version} has replaced version {last.version}; whether that mends "
                "it is not known yet"
            )
            notice = replace(
                last,
                change=REPLACED,
                status=Status.UNKNOWN,
                at=self.at,
                window=judged[-1].window if judged else last.window,
                reason=reason,
                detail={"version": self.version, "replaced": last.version},
            )
            queue(self.connection, notice, self.channels)
            replaced.append(notice)
        return replaced

    def write(self, judged: Sequence[JudgedWindow]) -> Seen:
        """Write what windows showed."""
        is_first = not tables.records(self.connection, self.feed.key, 1, self.version)
        critical: dict[str, set[str]] = {}
        for each in judged:
            window = printable(each.record.window)
            record = replace(each.record, window=window, version=self.version)
            tables.put_record(self.connection, self.feed.key, record)
            for finding in each.subjects:
                key = key_of(self.feed, self.version, finding.name)
                new = critical.setdefault(key.finding, set())
                known = tables.known_status(self.connection, key, window)
                if finding.status is Status.CRITICAL and known != Status.CRITICAL.name:
                    new.add(window)
                tables.put_result(self.connection, key, WindowResult(window, finding, self.at))
        windows = frozenset(printable(each.record.window) for each in judged)
        return Seen(windows, critical, is_first)

    def tell(self, seen: Seen) -> list[Notice]:
        """Queue what people are told; return it. Of a first look at old windows, one message."""
        told = [notice for subject in seen.subjects if (notice := self._new_of(subject, seen))]
        if seen.is_first and len(seen.windows) > 1 and len(told) > 1:
            first, *others = sorted(told, key=lambda notice: -SEVERITY.index(notice.status))
            for notice in others:
                tables.put_notice(self.connection, notice, [])
            told = [replace(first, reason=f"{first.reason}; also open: {_listed(others)}")]
        for notice in told:
            queue(self.connection, notice, self.channels)
        return told

    def _new_of(self, subject: str, seen: Seen) -> Notice | None:
        """What people are to be told of a subject."""
        key = key_of(self.feed, self.version, subject)
        tables.forget(self.connection, key, KEPT_WINDOWS, self.at - KEPT_INCIDENTS)
        history = tables.results(self.connection, key, LOOKBACK_WINDOWS)
        changes = tables.latest_incident(self.connection, key)
        incident = Incident(changes) if changes else None
        owner = self._owner_of(key)
        hours = self.remind_hours
        if subject == Subject.DRIFT:
            hours = max(hours, DRIFT_REMIND_HOURS)
        notice = due(owner, history, incident, self.at, hours)
        # A look at older windows alone, because their labels have come, is no occasion to remind.
        if notice and (history[-1].window in seen.windows or notice.change != REMINDED):
            return notice
        if seen.is_first:
            return None
        passed = came_and_went(owner, history, seen.critical[subject], incident, self.at)
        if passed is None:
            return None
        opened, recovered = passed
        tables.put_notice(self.connection, opened, [])
        return recovered

    def _owner_of(self, key: Key) -> Owner:
        told = [n for n in tables.notices(self.connection, key.feed) if n.finding == key.finding]
        previous = told[-1].incident if told and told[-1].change == REPLACED else None
        return Owner(key.feed, self.feed.model, key.version, previous)


def _listed(notices: Sequence[Notice]) -> str:
    return "; ".join(f"{n.finding} since {n.since:%Y-%m-%d} ({n.reason})" for n in notices)


def key_of(feed: Feed, version: int, subject: str) -> Key:
    of_data = subject == Subject.DATA
    return Key(feed.key, ANY_VERSION if of_data else version, printable(subject))


def queue(connection: sqlite3.Connection, notice: Notice, channels: Sequence[str]) -> None:
    """Keep a notice, and have it told unless that is muted."""
    muted = decisions.muted_until(connection, notice.finding, notice.at)
    tables.put_notice(connection, notice, [] if muted else channels)
