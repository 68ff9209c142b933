"""Deliver queued notices to people, each once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from common.monitoring.alerts import send
from common.monitoring.alerts.channels import Channel
from common.monitoring.alerts.formats import Alert
from common.monitoring.checks.finding import TROUBLE
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.incident import NEWS, Notice
from common.monitoring.result import MonitoringResult
from common.monitoring.story import story
from common.text import moment

# For how many windows a version is new.
NEW_VERSION_WINDOWS = 5
# What of a run's result goes with what is new.
LOOK = ("status", "exit_code", "model", "file", "window", "floor", "metrics", "version_changes")

logger = logging.getLogger(__name__)


def deliver_queued(
    new_notices: Sequence[Notice],
    book: Book,
    channels: Sequence[Channel],
    addresses: Sequence[str],
    result: MonitoringResult,
) -> None:
    """Log what is new, and deliver what waits in the book: that, and what nobody took before.

    What is not taken now is kept for the next run.

    Args:
        addresses: of the channels.
    """
    for notice in new_notices:
        level = logging.INFO if notice.change == NEWS else logging.WARNING
        logger.log(level, "%s", _sentence(notice))
    waiting = {
        send.Dispatch(delivery.channel, str(delivery.number)): delivery
        for delivery in book.claim(datetime.now(UTC), addresses)
    }
    alerts = {
        key: _alert(delivery.notice, result, delivery.notice in new_notices)
        for key, delivery in waiting.items()
    }
    for key, problem in send.deliver(alerts, channels).items():
        if problem is None:
            book.mark_delivered(waiting[key], datetime.now(UTC))
        else:
            book.mark_failed(waiting[key])


def _alert(notice: Notice, result: MonitoringResult, is_new: bool) -> Alert:
    """The notice; while it is new, with what this run has found."""
    where = _where(result) if is_new else notice.model
    facts = result.to_json()
    told = story(notice, result) if is_new else None
    what = told["headline"] if told else notice.reason
    return {
        "incident": notice.incident,
        "model": notice.model,
        "finding": notice.finding,
        "change": notice.change,
        "status": notice.status.name,
        "since": notice.since.isoformat(),
        "at": notice.at.isoformat(),
        "window": notice.window,
        "reason": notice.reason,
        "detail": notice.detail,
        "text": f"{notice.status.name}: {where}: {what}.",
        "look": {name: facts[name] for name in LOOK} if is_new else None,
        "next_steps": [step.command for step in result.next_steps if step.command],
        "story": told,
    }


def _where(result: MonitoringResult) -> str:
    """Which version on which file, and that it is a new one, where one window was another's."""
    model, changes = result.model, result.version_changes
    recent = {window.window for window in result.windows[-NEW_VERSION_WINDOWS:]}
    new = ""
    if changes and changes[-1].window in recent:
        new = f" (since {changes[-1].window}, before that version {changes[-1].before})"
    return f"{model.name} version {model.version}{new} on {result.file}"


def _sentence(notice: Notice) -> str:
    """What is new of an incident, for logs and consoles."""
    if notice.change == NEWS:
        return f"NEW in window {notice.window}: {notice.reason}"
    alarm = "ALERT " if notice.status in TROUBLE else ""
    return (
        f"{alarm}{notice.status.name} {notice.finding} {notice.change} ({notice.incident}, since "
        f"{moment(notice.since)}, window {notice.window}): {notice.reason}"
    )
