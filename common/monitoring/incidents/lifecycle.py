"""What people are told of a finding that goes bad, stays bad, comes and goes, and recovers.

An incident is what was told of it: its changes are its whole state. So a window that is judged
again, because its labels came late, can't undo what people know already; only what is told next
follows from the windows as they are judged now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from common.monitoring.checks.finding import Finding, Status, worst

OPENED, FLAPPING, ESCALATED = "opened", "flapping", "escalated"
REMINDED, RECOVERED, RETRAINED = "reminded", "recovered", "retrained"
REOPENS_WITHIN = 5
REOPENINGS = 3
FLAPPING_RECOVER_WINDOWS = 5
# Cron is some seconds early now and then; a reminder must not wait for the next day then.
EARLY = timedelta(minutes=5)
TROUBLE = (Status.WARNING, Status.CRITICAL)
_ID_CHARACTERS = 20


@dataclass(frozen=True)
class Judged:
    """What one window showed of one finding, and when (UTC) that was found out."""

    window: str
    finding: Finding
    at: datetime


@dataclass(frozen=True)
class Notice:
    """One change of one incident, to be told once on each channel.

    Attributes:
        incident: id, the same in all notices of an incident.
        change: opened (also again), escalated, reminded, flapping (instead of the opened of a third
            reopening), recovered, or retrained (the model was fitted again).
        status: of the incident: one that has escalated stays CRITICAL until it recovers.
        since: when (UTC) the incident was first opened.
        at: when (UTC) the change was found out.
        window, reason, detail: what the change rests on.
    """

    incident: str
    model: str
    finding: str
    change: str
    status: Status
    since: datetime
    at: datetime
    window: str
    reason: str
    detail: dict[str, Any]

    def facts(self) -> dict[str, Any]:
        """For JSON: the status by its name, times in ISO 8601."""
        return vars(self) | {
            "status": self.status.name,
            "since": self.since.isoformat(),
            "at": self.at.isoformat(),
        }


@dataclass(frozen=True)
class Incident:
    """What was told of it, oldest first; at least that it was opened."""

    changes: tuple[Notice, ...]

    @property
    def is_open(self) -> bool:
        return self.changes[-1].change != RECOVERED

    @property
    def is_flapping(self) -> bool:
        return any(notice.change == FLAPPING for notice in self.changes)

    @property
    def openings(self) -> int:
        return sum(notice.change in (OPENED, FLAPPING) for notice in self.changes)

    def facts(self) -> dict[str, Any]:
        """For JSON: `status` is the gravest, `recovered` None while it is open."""
        first, last = self.changes[0], self.changes[-1]
        return {
            "id": first.incident,
            "finding": first.finding,
            "status": worst(notice.status for notice in self.changes).name,
            "since": first.since.isoformat(),
            "recovered": None if self.is_open else last.at.isoformat(),
            "reason": last.reason,
            "changes": [
                {key: notice.facts()[key] for key in ("change", "at", "status")}
                for notice in self.changes
            ],
        }


def due(
    model: str,
    history: Sequence[Judged],
    incident: Incident | None,
    now: datetime,
    remind_hours: float = 24,
    recover_windows: int = 2,
) -> Notice | None:
    """The one change to tell of now, if there is any.

    Args:
        history: of one finding of the model, in the order of the windows.
        incident: of this finding, the one that was told of last.
        remind_hours: after how long without a notice people are told that it is still open; not
            after an OK window, with which it may be over.
        recover_windows: how many OK windows in a row end it. UNKNOWN windows count neither way.

    An incident that reopens within 5 windows after its recovery is the same incident. At its third
    reopening it is flapping: it is told of no more but where it escalates, and that it has
    recovered, which then takes 5 OK windows. What comes after that is a new incident.
    """
    bad = _bad_since_recovery(history, recover_windows)
    if incident is None or not incident.is_open:
        return _opening(model, history, bad, incident, now) if bad else None

    def change(name: str, status: Status, shown: Judged) -> Notice:
        first = incident.changes[0]
        return _notice(first.incident, model, name, status, first.since, now, shown)

    told = incident.changes[-1]
    needed = FLAPPING_RECOVER_WINDOWS if incident.is_flapping else 0
    good = _good_at_the_end(history)
    if len(good) >= max(needed, recover_windows):
        return change(RECOVERED, Status.OK, good[-1])
    gravest = _gravest(bad)
    if gravest and gravest.finding.status is Status.CRITICAL and told.status is Status.WARNING:
        return change(ESCALATED, Status.CRITICAL, gravest)
    waited = now - told.at >= timedelta(hours=remind_hours) - EARLY
    if incident.is_flapping or not history or good or not waited:
        return None
    return change(REMINDED, told.status, (bad or history)[-1])


def incident_id(model: str, finding: str, window: str) -> str:
    """A name to talk about, safe in headers and file names; the same whenever it is made.

    >>> incident_id("triage", "accuracy", "2026-03-01")
    'accuracy-20260301-a05307'
    """
    # The names are shortened and two models may have the same window: the digest tells them apart.
    digest = sha256(json.dumps([model, finding, window]).encode("ascii")).hexdigest()[:6]
    readable = [re.sub(r"[^0-9A-Za-z_]", "", text)[:_ID_CHARACTERS] for text in (finding, window)]
    return "-".join(filter(None, [*readable, digest]))


def _opening(
    model: str,
    history: Sequence[Judged],
    bad: Sequence[Judged],
    before: Incident | None,
    now: datetime,
) -> Notice:
    gravest = _gravest(bad) or bad[0]
    status = gravest.finding.status
    if before and not before.is_flapping and _is_soon_after(history, before, bad[0]):
        first = before.changes[0]
        change = FLAPPING if before.openings >= REOPENINGS else OPENED
        return _notice(first.incident, model, change, status, first.since, now, gravest)
    name = incident_id(model, gravest.finding.name, bad[0].window)
    return _notice(name, model, OPENED, status, now, now, gravest)


def _is_soon_after(history: Sequence[Judged], before: Incident, bad: Judged) -> bool:
    windows = [judged.window for judged in history]
    recovered = before.changes[-1].window
    return (
        recovered in windows
        and windows.index(bad.window) - windows.index(recovered) <= REOPENS_WITHIN
    )


def _bad_since_recovery(history: Sequence[Judged], recover_windows: int) -> list[Judged]:
    """WARNING and CRITICAL windows that not enough OK windows have followed."""
    bad: list[Judged] = []
    good = 0
    for judged in history:
        if judged.finding.status in TROUBLE:
            bad.append(judged)
            good = 0
        elif judged.finding.status is Status.OK:
            good += 1
            if good >= recover_windows:
                bad.clear()
    return bad


def _good_at_the_end(history: Sequence[Judged]) -> list[Judged]:
    """OK windows that no WARNING or CRITICAL has followed."""
    good: list[Judged] = []
    for judged in history:
        if judged.finding.status in TROUBLE:
            good.clear()
        elif judged.finding.status is Status.OK:
            good.append(judged)
    return good


def _gravest(bad: Sequence[Judged]) -> Judged | None:
    """The first of those with the gravest status."""
    status = worst(judged.finding.status for judged in bad)
    return next((judged for judged in bad if judged.finding.status is status), None)


def _notice(
    incident: str,
    model: str,
    change: str,
    status: Status,
    since: datetime,
    now: datetime,
    shown: Judged,
) -> Notice:
    finding = shown.finding
    return Notice(
        incident=incident,
        model=model,
        finding=finding.name,
        change=change,
        status=status,
        since=since,
        at=now,
        window=shown.window,
        reason=finding.reason,
        detail=finding.detail,
    )
