"""Deliver notices to people: all channels at once, within one deadline, at least once."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from common.monitoring.alerts import formats, mail, webhook
from common.monitoring.alerts.channels import Channel, Kind
from common.monitoring.alerts.deadline import together
from common.monitoring.alerts.formats import Notice

DEADLINE_SECONDS = 20.0
FORMS = {
    Kind.JSON: formats.for_json,
    Kind.SLACK: formats.for_slack,
    Kind.TEAMS: formats.for_teams,
}
# Teams' connectors answer 200 and say in the body that they failed.
COMPLAINTS = {Kind.TEAMS: b"delivery failed"}

Key = tuple[str, str]

logger = logging.getLogger(__name__)


def deliver(
    notices: Mapping[Key, Notice],
    channels: Sequence[Channel],
    deadline: float = DEADLINE_SECONDS,
) -> dict[Key, str | None]:
    """Tell each notice to its channel; why it could not be told, or None, under the same keys.

    A channel gets its notices one after the other, in their order. What was not delivered is logged
    with the channel's position and host alone. A receiver may get a notice twice: where it took it
    and did not say so in time.

    Args:
        notices: by (key of the channel, id of the notice), the id as the caller likes it.
        deadline: seconds for all of it, retries included.
    """
    end = time.monotonic() + deadline
    outcome: dict[Key, str | None] = {}

    def tell(channel: Channel) -> None:
        for key, notice in notices.items():
            if key[0] == channel.key and time.monotonic() < end:
                outcome[key] = _send(channel, notice, end)

    together([partial(tell, channel) for channel in channels], end)
    known = {channel.key: channel for channel in channels}
    late = f"not taken within {deadline:g} s"
    told = {
        key: outcome.get(key, late) if key[0] in known else "not in ALERT_URLS any more"
        for key in notices
    }
    for key, problem in told.items():
        receiver, incident = known.get(key[0], "its address"), notices[key]["incident"]
        if problem:
            logger.error("Notice of %s not delivered to %s: %s.", incident, receiver, problem)
        else:
            logger.info("Notice of %s delivered to %s.", incident, receiver)
    return told


def _send(channel: Channel, notice: Notice, end: float) -> str | None:
    if channel.kind is Kind.APPRISE:
        return _by_apprise(channel, notice)
    if channel.server:
        message = formats.for_mail(notice, channel.server.sender, channel.target)
        return mail.send(channel.server, message, end)
    body = _utf8(FORMS[channel.kind](notice))
    headers = {"Content-Type": "application/json", **formats.headers(notice)}
    return webhook.post(channel.target, body, headers, end, COMPLAINTS.get(channel.kind, b""))


def _utf8(payload: Any) -> bytes:
    # Teams takes 28 kB, which \uXXXX for each sign could exceed.
    return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")


def _by_apprise(channel: Channel, notice: Notice) -> str | None:
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it tells addresses
    receiver = apprise.Apprise()
    receiver.add(channel.target)
    taken = receiver.notify(
        title=formats.without_calls(formats.subject(notice)),
        body=formats.plain(notice),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return None if taken else "Apprise could not deliver it"
