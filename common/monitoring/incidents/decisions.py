"""What people have decided about incidents: acknowledged, closed, muted; and what follows."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from common.monitoring.checks.catalogue import Subject
from common.monitoring.checks.finding import Status
from common.monitoring.incidents.incident import ACKNOWLEDGED, CLOSED, Incident, Notice
from common.monitoring.incidents.lifecycle import place

MUTED = "muted"


@dataclass(frozen=True)
class Decision:
    """A decision, which is kept for ever.

    Attributes:
        kind: acknowledged, closed or muted.
        at, by: when (UTC), and by which user.
        feed, finding, incident: what it is about; None: everything.
        window: the newest one then.
        until: the end of a silence.
    """

    kind: str
    at: datetime
    by: str
    reason: str
    feed: str | None = None
    finding: str | None = None
    incident: str | None = None
    window: str | None = None
    until: datetime | None = None


def about(incident: Incident, kind: str, newest: str, by: str, reason: str, at: datetime) -> Change:
    """That an incident is acknowledged or closed.

    Args:
        newest: the newest window of its feed. After a closing only later ones open another.
    """
    last = incident.changes[-1]
    status = Status.OK if kind == CLOSED else last.status
    notice = replace(
        last, change=kind, status=status, at=at, window=newest, reason=reason, detail={"by": by}
    )
    decision = Decision(kind, at, by, reason, last.feed, last.finding, last.incident, window=newest)
    return Change(decision, notice)


@dataclass(frozen=True)
class Change:
    """A decision, and the change of the incident that it makes."""

    decision: Decision
    notice: Notice


def put(connection: sqlite3.Connection, decision: Decision) -> None:
    """Keep a decision."""
    connection.execute(
        """INSERT INTO decisions (kind, at, by, reason, feed, finding, incident, window, until)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *(decision.kind, _text(decision.at), decision.by, decision.reason),
            *(decision.feed, decision.finding, decision.incident, decision.window),
            None if decision.until is None else _text(decision.until),
        ),
    )


def muted_until(connection: sqlite3.Connection, subject: str, at: datetime) -> datetime | None:
    """Until when nobody is told of a subject; None if people are. What was said last counts."""
    row = connection.execute(
        """SELECT until FROM decisions WHERE kind = ? AND ifnull(finding, ?) = ?
        ORDER BY number DESC LIMIT 1""",
        (MUTED, subject, subject),
    ).fetchone()
    until = datetime.fromisoformat(row[0]) if row else None
    return until if until and until > at else None


def drift_accepted(connection: sqlite3.Connection, feed: str) -> str | None:
    """The newest window of all in which the drift of a feed was acknowledged."""
    rows = connection.execute(
        "SELECT window FROM decisions WHERE kind = ? AND feed = ? AND finding = ?",
        (ACKNOWLEDGED, feed, Subject.DRIFT),
    ).fetchall()
    return max((window for (window,) in rows), key=place, default=None)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
