"""What the scripts print of several targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from common.reports import console
from common.reports.console import Summary

if TYPE_CHECKING:  # a script pays only for the start of what it uses
    from common.monitoring.checks.finding import Status
    from common.monitoring.result import MonitoringResult
    from common.training.outcome import TrainResult

Failed = Mapping[str, Exception]


def trained(done: Mapping[str, TrainResult], failed: Failed) -> Summary:
    """Of trainings, each under the name of its target."""
    return _summary({name: console.training(result) for name, result in done.items()}, failed)


def monitored(done: Mapping[str, MonitoringResult], failed: Failed, status: Status) -> Summary:
    """Of looks at models, each under the name of its target.

    Args:
        status: the worst of all.
    """
    each = {name: (console.monitoring(result), result.to_json()) for name, result in done.items()}
    text, facts = _summary(each, failed)
    return text, {**facts, "status": status.name, "exit_code": int(status)}


def _summary(each: Mapping[str, tuple[str, Mapping[str, object]]], failed: Failed) -> Summary:
    blocks = [f"\n=== {name} ===\n{text.strip()}" for name, (text, _) in each.items()]
    return "\n".join(blocks), {
        "targets": {name: facts for name, (_, facts) in each.items()},
        "failed": {name: str(error) for name, error in failed.items()},
    }
