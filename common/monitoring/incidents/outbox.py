"""Tell people what is new of incidents: what nobody has taken yet, each once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from common.monitoring.alerts import send
from common.monitoring.alerts.channels import Channel
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.lifecycle import TROUBLE, Notice

LOOK = ("status", "exit_code", "model", "file", "window", "floor", "metrics")

logger = logging.getLogger(__name__)


def tell(
    news: Sequence[Notice], book: Book, channels: Sequence[Channel], facts: Mapping[str, Any]
) -> None:
    """Log what is new, and deliver what waits in the book: that, and what nobody took before.

    What is not taken now is kept for the next run.

    Args:
        facts: of this look, as `monitor_facts.of` gives them.
    """
    for notice in news:
        logger.warning("%s", _sentence(notice))
    waiting = book.claim(datetime.now(UTC))
    messages = {
        (channel, str(number)): _message(notice, facts, notice in news)
        for number, (channel, notice) in enumerate(waiting)
    }
    outcome = send.deliver(messages, channels)
    for number, (channel, notice) in enumerate(waiting):
        if outcome[channel, str(number)] is None:
            book.delivered(channel, notice, datetime.now(UTC))
        else:
            book.failed(channel, notice)


def _message(notice: Notice, facts: Mapping[str, Any], is_new: bool) -> dict[str, Any]:
    """The notice; while it is new, with what this look has found."""
    model = facts["model"]
    where = f"{model['name']} version {model['version']} on {facts['file']}"
    look = {name: facts[name] for name in LOOK} if is_new else None
    text = f"{notice.status.name}: {where if is_new else notice.model}: {notice.reason}."
    return notice.facts() | {"text": text, "look": look, "next_steps": facts["next_steps"]}


def _sentence(notice: Notice) -> str:
    """What is new of an incident, for logs and consoles."""
    alarm = "ALERT " if notice.status in TROUBLE else ""
    return (
        f"{alarm}{notice.status.name} {notice.finding} {notice.change} ({notice.incident}, since "
        f"{notice.since:%Y-%m-%d %H:%M} UTC, window {notice.window}): {notice.reason}"
    )
