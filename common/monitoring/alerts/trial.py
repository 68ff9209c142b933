"""A marked message to each address, to see that it arrives before it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from common.monitoring.alerts import send
from common.monitoring.alerts.channels import Channel
from common.monitoring.alerts.formats import Alert
from common.types import Json


@dataclass(frozen=True)
class TriedChannel:
    """What came back from an address; None: it has taken the message."""

    address: str
    problem: str | None


@dataclass(frozen=True)
class Trial:
    """What came back from all addresses, in their order."""

    channels: Sequence[TriedChannel]

    @property
    def all_took_it(self) -> bool:
        return not any(channel.problem for channel in self.channels)

    def to_json(self) -> dict[str, Json]:
        return {"addresses": [asdict(channel) for channel in self.channels]}


def send_trial(channels: Sequence[Channel], model: str) -> Trial:
    """Send a test to each channel."""
    alert = trial_alert(model)
    dispatches = {channel: send.Dispatch(channel.key, "test") for channel in channels}
    problems = send.deliver(dict.fromkeys(dispatches.values(), alert), channels)
    return Trial(
        [TriedChannel(str(channel), problems[sent]) for channel, sent in dispatches.items()]
    )


def trial_alert(model: str) -> Alert:
    """A message that nobody can take for an alarm."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    reason = "TEST: nothing is wrong, this only shows that alerts of the monitor arrive here"
    return {
        "incident": "test",
        "model": model,
        "finding": "alerts",
        "change": "tested",
        "status": "OK",
        "since": now,
        "at": now,
        "window": "none",
        "reason": reason,
        "detail": {},
        "text": f"{reason} ({model}).",
        "look": None,
        "next_steps": [],
    }
