"""The life cycle of an incident: opened, escalated, flapping, reminded, recovered.

People may acknowledge or close it; a new version of the model replaces it.

An incident is what was told of it: its changes are its whole state. So a window that is judged
again, because its labels came late, can't undo what people know already; only what is told next
follows from the windows as they are judged now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from common.monitoring.checks.catalogue import ASKED_WITH_LABELS
from common.monitoring.checks.finding import TROUBLE, Finding, Status
from common.monitoring.checks.severity import worst
from common.monitoring.incidents.incident import (
    CLOSED,
    ESCALATED,
    FLAPPING,
    OPENED,
    RECOVERED,
    REMINDED,
    REPLACED,
    Incident,
    Notice,
    Owner,
    WindowResult,
)
from common.types import Json

RECOVER_WINDOWS = 2
REOPENS_WITHIN = 5
REOPENINGS = 3
FLAPPING_RECOVER_WINDOWS = 5
# Cron is some seconds early now and then; a reminder must not wait for the next day then.
CRON_SLACK = timedelta(minutes=5)
_ID_CHARACTERS = 20
# Of a finding's detail: what each of its checks said. For the life cycle alone, not for people.
REASONS = "reasons"


def due(
    owner: Owner,
    history: Sequence[WindowResult],
    incident: Incident | None,
    now: datetime,
    remind_hours: float,
) -> Notice | None:
    """The one change to tell of now, if there is any.

    Args:
        history: of one subject, in the order of the windows.
        incident: of this subject, the one that was told of last.
        remind_hours: after how long without a notice people are told that it is still open; not
            after an OK window, with which it may be over, nor once it is acknowledged.

    Two OK windows in a row end an incident; UNKNOWN windows count neither way. One that reopens
    within 5 windows after its recovery is the same incident. At its third reopening it is flapping:
    people are only told when it escalates, and when it has recovered, which then takes 5 OK
    windows. What comes after that is a new incident. One that was closed or replaced stays so: only
    later windows open another.
    """
    course = _course(_still_of_interest(history, incident))
    if incident is None or not incident.is_open:
        return _opening(owner, history, course.bad, incident, now) if course.bad else None

    told, good = incident.changes[-1], course.good
    if len(good) >= (FLAPPING_RECOVER_WINDOWS if incident.is_flapping else RECOVER_WINDOWS):
        return _recovery(incident, good, now)
    gravest = _gravest(course.bad)
    if gravest and gravest.finding.status is Status.CRITICAL and told.status is Status.WARNING:
        return _follow_up(incident, ESCALATED, Status.CRITICAL, now, gravest)
    waited = now - told.at >= timedelta(hours=remind_hours) - CRON_SLACK
    silent = incident.is_flapping or incident.is_acknowledged
    if silent or not history or good or not waited:
        return None
    return _follow_up(incident, REMINDED, told.status, now, (course.bad or history)[-1])


def came_and_went(
    owner: Owner,
    history: Sequence[WindowResult],
    new: Collection[str],
    incident: Incident | None,
    now: datetime,
) -> tuple[Notice, Notice] | None:
    """That an incident has opened and recovered within the windows of one look, if one has.

    Args:
        new: windows that nobody knew to be CRITICAL before.
        incident: as in `due`, which found nothing to tell.
    """
    later = _still_of_interest(history, incident)
    bad = [r for r in later if r.window in new and r.finding.status is Status.CRITICAL]
    good = _course(later).good
    if not bad or len(good) < RECOVER_WINDOWS or (incident and incident.is_open):
        return None
    opened = _opening(owner, history, bad, None, now)
    recovered = _recovery(Incident((opened,)), good, now)
    reason = f"on {opened.window}, {opened.reason}; since then, {recovered.reason}"
    return opened, replace(recovered, reason=reason)


def incident_id(feed: str, finding: str, window: str) -> str:
    """A name to talk about, safe in headers and file names; the same whenever it is made.

    >>> incident_id("triage", "accuracy", "2026-03-01")
    'accuracy-20260301-a05307'
    """
    # The names are shortened and two feeds may have the same window: the digest tells them apart.
    digest = sha256(json.dumps([feed, finding, window]).encode("ascii")).hexdigest()[:6]
    readable = [re.sub(r"[^0-9A-Za-z_]", "", text)[:_ID_CHARACTERS] for text in (finding, window)]
    return "-".join(filter(None, [*readable, digest]))


def place(window: str) -> str:
    """A text that sorts like the window, but 2 before 10."""
    return re.sub(r"[0-9]+", lambda number: number[0].zfill(20), window)


def day_of(window: str, judged: datetime) -> datetime:
    """When a window began, as far as its name says so; else when it was judged.

    >>> day_of("2026-03-01", datetime(2026, 4, 1, tzinfo=UTC)).isoformat()
    '2026-03-01T00:00:00+00:00'
    """
    try:
        return datetime.fromisoformat(window[:10]).replace(tzinfo=UTC)
    except ValueError:
        return judged


@dataclass(frozen=True)
class _Course:
    """How a history ends.

    Attributes:
        bad: WARNING and CRITICAL windows that not enough OK windows have followed.
        good: OK windows that no WARNING or CRITICAL has followed.
    """

    bad: Sequence[WindowResult]
    good: Sequence[WindowResult]


def _course(history: Sequence[WindowResult]) -> _Course:
    bad: list[WindowResult] = []
    good: list[WindowResult] = []
    for result in history:
        if result.finding.status in TROUBLE:
            bad.append(result)
            good = []
        elif result.finding.status is Status.OK and _answers(result, bad):
            good.append(result)
            if len(good) >= RECOVER_WINDOWS:
                bad = []
    return _Course(bad, good)


def _answers(good: WindowResult, bad: Sequence[WindowResult]) -> bool:
    """Whether an OK window says anything about what was bad.

    Checks of late labels are not asked before labels have come: newer windows without any are no
    reason to believe that labels come in time again.
    """
    asked = good.finding.detail.get(REASONS)
    if not bad or not isinstance(asked, Mapping):
        return True
    warned = bad[-1].finding.detail.get("warned")
    waiting = ASKED_WITH_LABELS.intersection(warned if isinstance(warned, list) else ())
    return waiting <= asked.keys()


def _still_of_interest(
    history: Sequence[WindowResult], incident: Incident | None
) -> Sequence[WindowResult]:
    """The windows after those of an incident that was closed or replaced; else all."""
    if incident is None or incident.changes[-1].change not in (CLOSED, REPLACED):
        return history
    last = place(incident.changes[-1].window)
    return [result for result in history if place(result.window) > last]


def _follow_up(
    incident: Incident, change: str, status: Status, now: datetime, shown: WindowResult
) -> Notice:
    """A further change of an incident."""
    finding = shown.finding
    return replace(
        incident.changes[-1],
        finding=finding.name,
        change=change,
        status=status,
        since=incident.since,
        at=now,
        window=shown.window,
        reason=finding.reason,
        detail=_for_people(finding),
    )


def _recovery(incident: Incident, good: Sequence[WindowResult], now: datetime) -> Notice:
    """The recovery, in the words of the check that the incident was about."""
    notice = _follow_up(incident, RECOVERED, Status.OK, now, good[-1])
    check = incident.trouble.detail.get("finding")
    if not isinstance(check, str) or check == notice.detail.get("finding"):
        return notice
    for result in reversed(good):
        reasons = result.finding.detail.get(REASONS)
        if isinstance(reasons, Mapping) and check in reasons:
            return replace(notice, reason=str(reasons[check]), detail={"finding": check})
    return notice


def _opening(
    owner: Owner,
    history: Sequence[WindowResult],
    bad: Sequence[WindowResult],
    before: Incident | None,
    now: datetime,
) -> Notice:
    gravest = _gravest(bad) or bad[0]
    finding, status = gravest.finding, gravest.finding.status
    if before and not before.is_flapping and _is_soon_after(history, before, bad[0]):
        change = FLAPPING if before.openings >= REOPENINGS else OPENED
        return _follow_up(before, change, status, now, gravest)
    versioned = f"{owner.feed} v{owner.version}" if owner.version else owner.feed
    return Notice(
        incident=incident_id(versioned, finding.name, bad[0].window),
        model=owner.model,
        finding=finding.name,
        change=OPENED,
        status=status,
        since=day_of(bad[0].window, now),
        at=now,
        window=gravest.window,
        reason=finding.reason,
        detail=_for_people(finding),
        feed=owner.feed,
        version=owner.version,
        previous=owner.previous,
    )


def _for_people(finding: Finding) -> dict[str, Json]:
    return {name: value for name, value in finding.detail.items() if name != REASONS}


def _is_soon_after(history: Sequence[WindowResult], before: Incident, bad: WindowResult) -> bool:
    windows = [result.window for result in history]
    end = before.changes[-1]
    return (
        end.change == RECOVERED
        and end.window in windows
        and windows.index(bad.window) - windows.index(end.window) <= REOPENS_WITHIN
    )


def _gravest(bad: Sequence[WindowResult]) -> WindowResult | None:
    """The first of those with the gravest status."""
    status = worst(result.finding.status for result in bad)
    return next((result for result in bad if result.finding.status is status), None)
