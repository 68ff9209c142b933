"""What is told of an incident: notices, which together are all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.monitoring.checks.finding import Finding, Status
from common.monitoring.checks.severity import worst
from common.types import Json

OPENED, FLAPPING, ESCALATED = "opened", "flapping", "escalated"
REMINDED, RECOVERED, RETRAINED = "reminded", "recovered", "retrained"
ACKNOWLEDGED, CLOSED, REPLACED = "acknowledged", "closed", "replaced"
ENDS = (RECOVERED, CLOSED, REPLACED)
# What is told once, and is no incident: something that people write about is no fault.
NEWS = "news"


@dataclass(frozen=True)
class Owner:
    """Whose incidents are asked for.

    Attributes:
        feed: key of the feed.
        model: its registered name.
        version: that judged the windows; 0 where they are the feed's, whatever the version.
        previous: id of the incident that this one takes the place of, if it is a new one.
    """

    feed: str
    model: str
    version: int = 0
    previous: str | None = None


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
            reopening), recovered, retrained (the model was fitted again), replaced (another version
            is watched), acknowledged or closed (by a person); news is told by itself.
        status: of the incident: one that has escalated stays CRITICAL until it recovers.
        since: the day (UTC) of the first bad window; of windows without days, when it was judged.
        at: when (UTC) the change was found out.
        finding: the subject: accuracy, drift or data; bursts for news.
        window, reason, detail: what the change rests on.
        feed: key of the feed that it is about.
        version: of the model; 0 if it is about the feed alone, or not known.
        previous: id of the incident of the version before, which this one takes the place of.
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
    feed: str = ""
    version: int = 0
    previous: str | None = None

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
            "feed": self.feed,
            "version": self.version,
            "previous": self.previous,
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
            feed=notice.get("feed") or notice["model"],
            version=notice.get("version", 0),
            previous=notice.get("previous"),
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
        return self.changes[-1].change not in ENDS

    @property
    def trouble(self) -> Notice:
        """The last change that rests on a bad window."""
        of_windows = (OPENED, ESCALATED, FLAPPING, REMINDED)
        bad = [notice for notice in self.changes if notice.change in of_windows]
        return bad[-1] if bad else self.changes[0]

    @property
    def status(self) -> Status:
        """The gravest that was told of it."""
        return worst(notice.status for notice in self.changes)

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody has taken note since it opened or escalated."""
        for notice in reversed(self.changes):
            if notice.change in (OPENED, ESCALATED, FLAPPING):
                return False
            if notice.change == ACKNOWLEDGED:
                return True
        return False

    @property
    def is_flapping(self) -> bool:
        return any(notice.change == FLAPPING for notice in self.changes)

    @property
    def openings(self) -> int:
        return sum(notice.change in (OPENED, FLAPPING) for notice in self.changes)

    def to_json(self) -> dict[str, Json]:
        """`status` is the gravest, `recovered` None while it is open; `ended` says how it ended."""
        first, last = self.changes[0], self.changes[-1]
        return {
            "id": first.incident,
            "finding": first.finding,
            "status": self.status.name,
            "since": first.since.isoformat(),
            "recovered": None if self.is_open else last.at.isoformat(),
            "ended": None if self.is_open else last.change,
            "acknowledged": self.is_open and self.is_acknowledged,
            "version": first.version or None,
            "previous": first.previous,
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


def incidents_of(notices: Sequence[Notice]) -> list[Incident]:
    """The incidents that notices, oldest first, are of; the one that was told of last is last.

    News is of none.
    """
    changes: dict[tuple[str, str, str], list[Notice]] = {}
    for notice in notices:
        if notice.change == NEWS:
            continue
        key = (notice.feed, notice.finding, notice.incident)
        changes[key] = [*changes.pop(key, []), notice]
    return [Incident(tuple(told)) for told in changes.values()]
