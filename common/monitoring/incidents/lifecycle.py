"""The life cycle of an incident: opened, escalated, flapping, reminded, recovered.

An incident is what was told of it: its changes are its whole state. So a window that is judged
again, because its labels came late, can't undo what people know already; only what is told next
follows from the windows as they are judged now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from common.monitoring.checks.finding import TROUBLE, Finding, Status
from common.monitoring.checks.severity import worst
from common.types import Json

OPENED, FLAPPING, ESCALATED = "opened", "flapping", "escalated"
REMINDED, RECOVERED, RETRAINED = "reminded", "recovered", "retrained"
RECOVER_WINDOWS = 2
REOPENS_WITHIN = 5
REOPENINGS = 3
FLAPPING_RECOVER_WINDOWS = 5
# Cron is some seconds early now and then; a reminder must not wait for the next day then.
CRON_SLACK = timedelta(minutes=5)
_ID_CHARACTERS = 20


@dataclass(frozen=True)
class WindowResult:
    """What one window showed of one subject, and when (UTC) that was found out."""

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
        finding: the subject: accuracy, drift or data.
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
    detail: Mapping[str, Json]

    def to_json(self) -> dict[str, Json]:
        """The status by its name, times in ISO 8601."""
        return {
            "incident": self.incident,
            "model": self.model,
            "finding": self.finding,
            "change": self.change,
            "status": self.status.name,
            "since": self.since.isoformat(),
            "at": self.at.isoformat(),
            "window": self.window,
            "reason": self.reason,
            "detail": dict(self.detail),
        }

    @classmethod
    def from_json(cls, notice: Mapping[str, Any]) -> Notice:
        """What `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return cls(
            incident=notice["incident"],
            model=notice["model"],
            finding=notice["finding"],
            change=notice["change"],
            status=Status[notice["status"]],
            since=datetime.fromisoformat(notice["since"]),
            at=datetime.fromisoformat(notice["at"]),
            window=notice["window"],
            reason=notice["reason"],
            detail=notice["detail"],
        )


@dataclass(frozen=True)
class Incident:
    """What was told of it, oldest first; at least that it was opened."""

    changes: tuple[Notice, ...]

    @property
    def since(self) -> datetime:
        return self.changes[0].since

    @property
    def is_open(self) -> bool:
        return self.changes[-1].change != RECOVERED

    @property
    def is_flapping(self) -> bool:
        return any(notice.change == FLAPPING for notice in self.changes)

    @property
    def openings(self) -> int:
        return sum(notice.change in (OPENED, FLAPPING) for notice in self.changes)

    def to_json(self) -> dict[str, Json]:
        """`status` is the gravest, `recovered` None while it is open."""
        first, last = self.changes[0], self.changes[-1]
        return {
            "id": first.incident,
            "finding": first.finding,
            "status": worst(notice.status for notice in self.changes).name,
            "since": first.since.isoformat(),
            "recovered": None if self.is_open else last.at.isoformat(),
            "reason": last.reason,
            "changes": [
                {
                    "change": notice.change,
                    "at": notice.at.isoformat(),
                    "status": notice.status.name,
                }
                for notice in self.changes
            ],
        }


def due(
    model: str,
    history: Sequence[WindowResult],
    incident: Incident | None,
    now: datetime,
    remind_hours: float,
) -> Notice | None:
    """The one change to tell of now, if there is any.

    Args:
        history: of one subject of the model, in the order of the windows.
        incident: of this subject, the one that was told of last.
        remind_hours: after how long without a notice people are told that it is still open; not
            after an OK window, with which it may be over.

    Two OK windows in a row end an incident; UNKNOWN windows count neither way. One that reopens
    within 5 windows after its recovery is the same incident. At its third reopening it is flapping:
    people are only told when it escalates, and when it has recovered, which then takes 5 OK
    windows. What comes after that is a new incident.
    """
    bad = _bad_since_recovery(history)
    if incident is None or not incident.is_open:
        return _opening(model, history, bad, incident, now) if bad else None

    told = incident.changes[-1]
    good = _good_at_the_end(history)
    if len(good) >= (FLAPPING_RECOVER_WINDOWS if incident.is_flapping else RECOVER_WINDOWS):
        return _follow_up(incident, RECOVERED, Status.OK, now, good[-1])
    gravest = _gravest(bad)
    if gravest and gravest.finding.status is Status.CRITICAL and told.status is Status.WARNING:
        return _follow_up(incident, ESCALATED, Status.CRITICAL, now, gravest)
    waited = now - told.at >= timedelta(hours=remind_hours) - CRON_SLACK
    if incident.is_flapping or not history or good or not waited:
        return None
    return _follow_up(incident, REMINDED, told.status, now, (bad or history)[-1])


def incident_id(model: str, finding: str, window: str) -> str:
    """A name to talk about, safe in headers and file names; the same whenever it is made.

    >>> incident_id("triage", "accuracy", "2026-03-01")
    'accuracy-20260301-a05307'
    """
    # The names are shortened and two models may have the same window: the digest tells them apart.
    digest = sha256(json.dumps([model, finding, window]).encode("ascii")).hexdigest()[:6]
    readable = [re.sub(r"[^0-9A-Za-z_]", "", text)[:_ID_CHARACTERS] for text in (finding, window)]
    return "-".join(filter(None, [*readable, digest]))


def _follow_up(
    incident: Incident, change: str, status: Status, now: datetime, shown: WindowResult
) -> Notice:
    """A further change of an incident."""
    first, finding = incident.changes[0], shown.finding
    return Notice(
        incident=first.incident,
        model=first.model,
        finding=finding.name,
        change=change,
        status=status,
        since=first.since,
        at=now,
        window=shown.window,
        reason=finding.reason,
        detail=finding.detail,
    )


def _opening(
    model: str,
    history: Sequence[WindowResult],
    bad: Sequence[WindowResult],
    before: Incident | None,
    now: datetime,
) -> Notice:
    gravest = _gravest(bad) or bad[0]
    status = gravest.finding.status
    if before and not before.is_flapping and _is_soon_after(history, before, bad[0]):
        change = FLAPPING if before.openings >= REOPENINGS else OPENED
        return _follow_up(before, change, status, now, gravest)
    finding = gravest.finding
    return Notice(
        incident=incident_id(model, finding.name, bad[0].window),
        model=model,
        finding=finding.name,
        change=OPENED,
        status=status,
        since=now,
        at=now,
        window=gravest.window,
        reason=finding.reason,
        detail=finding.detail,
    )


def _is_soon_after(history: Sequence[WindowResult], before: Incident, bad: WindowResult) -> bool:
    windows = [result.window for result in history]
    recovered = before.changes[-1].window
    return (
        recovered in windows
        and windows.index(bad.window) - windows.index(recovered) <= REOPENS_WITHIN
    )


def _bad_since_recovery(history: Sequence[WindowResult]) -> list[WindowResult]:
    """WARNING and CRITICAL windows that not enough OK windows have followed."""
    bad: list[WindowResult] = []
    good = 0
    for result in history:
        if result.finding.status in TROUBLE:
            bad.append(result)
            good = 0
        elif result.finding.status is Status.OK:
            good += 1
            if good >= RECOVER_WINDOWS:
                bad.clear()
    return bad


def _good_at_the_end(history: Sequence[WindowResult]) -> list[WindowResult]:
    """OK windows that no WARNING or CRITICAL has followed."""
    good: list[WindowResult] = []
    for result in history:
        if result.finding.status in TROUBLE:
            good.clear()
        elif result.finding.status is Status.OK:
            good.append(result)
    return good


def _gravest(bad: Sequence[WindowResult]) -> WindowResult | None:
    """The first of those with the gravest status."""
    status = worst(result.finding.status for result in bad)
    return next((result for result in bad if result.finding.status is status), None)
