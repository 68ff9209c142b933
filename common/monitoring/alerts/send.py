"""Deliver alerts to people: all channels at once, within one deadline, at least once."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from common.monitoring.alerts import formats, mail, webhook
from common.monitoring.alerts.channels import Channel, Kind
from common.monitoring.alerts.deadline import run_together
from common.monitoring.alerts.formats import Alert

DEADLINE_SECONDS = 20.0
FORMS: dict[Kind, Callable[[Alert], Mapping[str, object]]] = {
    Kind.JSON: formats.for_json,
    Kind.SLACK: formats.for_slack,
    Kind.TEAMS: formats.for_teams,
}
# Teams' connectors answer 200 and say in the body that they failed.
COMPLAINTS = {Kind.TEAMS: b"delivery failed"}

logger = logging.getLogger(__name__)


class Dispatch(NamedTuple):
    """An alert on its way to a channel.

    Attributes:
        channel: its key.
        alert: an id, as the caller likes it.
    """

    channel: str
    alert: str


def deliver(
    alerts: Mapping[Dispatch, Alert], channels: Sequence[Channel]
) -> dict[Dispatch, str | None]:
    """Send each alert to its channel; returns the problem or None, under the same keys.

    A channel gets its alerts one after the other, in their order. What was not delivered within
    DEADLINE_SECONDS, retries included, is logged with the channel's position and host alone. A
    receiver may get an alert twice: if it took it and did not say so in time.
    """
    end = time.monotonic() + DEADLINE_SECONDS
    outcome: dict[Dispatch, str | None] = {}

    def send_all(channel: Channel) -> None:
        for key, alert in alerts.items():
            if key.channel == channel.key and time.monotonic() < end:
                outcome[key] = _send(channel, alert, end)

    run_together([partial(send_all, channel) for channel in channels], end)
    known = {channel.key: channel for channel in channels}
    late = f"not taken within {DEADLINE_SECONDS:g} s"
    problems = {
        key: outcome.get(key, late) if key.channel in known else "not in ALERT_URLS any more"
        for key in alerts
    }
    for key, problem in problems.items():
        receiver, incident = known.get(key.channel, "its address"), alerts[key]["incident"]
        if problem:
            logger.error("Notice of %s not delivered to %s: %s.", incident, receiver, problem)
        else:
            logger.info("Notice of %s delivered to %s.", incident, receiver)
    return problems


def _send(channel: Channel, alert: Alert, end: float) -> str | None:
    if channel.kind is Kind.APPRISE:
        return _by_apprise(channel, alert)
    if channel.server:
        message = formats.for_mail(alert, channel.server.sender, channel.target)
        return mail.send(channel.server, message, end)
    body = _utf8(FORMS[channel.kind](alert))
    headers = {"Content-Type": "application/json", **formats.headers(alert)}
    return webhook.post(channel.target, body, headers, end, COMPLAINTS.get(channel.kind, b""))


def _utf8(payload: Mapping[str, object]) -> bytes:
    # Teams takes 28 kB, which \uXXXX for each character could exceed.
    return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")


def _by_apprise(channel: Channel, alert: Alert) -> str | None:
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs addresses
    receiver = apprise.Apprise()
    receiver.add(channel.target)
    taken = receiver.notify(
        title=formats.without_calls(formats.subject(alert)),
        body=formats.plain(alert),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return None if taken else "Apprise could not deliver it"
