"""Several targets at once: each is trained, contested and monitored as a model of its own.

>>> results = train_each(TrainRequest(Path("a.csv"), target_column="topic,sentiment"))
... # doctest: +SKIP
>>> results.done["topic"].contest.verdict.reason    # doctest: +SKIP
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from common.errors import SettingsError, TriageError
from common.pipelines import monitor, train
from common.pipelines.monitor_request import MonitorRequest
from common.pipelines.progress import no_progress
from common.pipelines.target_names import model_of, one_target, several
from common.pipelines.train_request import TrainRequest

if TYPE_CHECKING:  # loaded by what runs
    from common.monitoring.checks.finding import Status
    from common.monitoring.result import MonitoringResult
    from common.training.outcome import TrainResult
    from common.types import Progress

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Each(Generic[Result]):
    """What became of each target: results of those that were done, errors of the others."""

    done: Mapping[str, Result]
    failed: Mapping[str, TriageError]

    def raise_first(self) -> None:
        """Raise the first error, if there is any."""
        for error in self.failed.values():
            raise error


def train_each(request: TrainRequest, progress: Progress = no_progress) -> Each[TrainResult]:
    """Train a model for each column of `target_column`; a failure of one stops none of the others.

    All have the same holdout: the split is by the text. A row without a class of one target is
    used for the others.

    Raises:
        SettingsError: a rule makes the classes, which would be the same for all.
        InputError: the data can't be read, or lacks a column.
    """
    if request.label_with not in ("column", "file"):
        raise SettingsError(
            f"LABEL_WITH={request.label_with} makes the classes of one target, and TARGET_COLUMN "
            "names several: add a column of them with python -m common.prepare, then train on that "
            "column with LABEL_WITH=column."
        )
    requests = {
        target: replace(
            request, target_column=target, model_name=model_of(request.model_name, target)
        )
        for target in several(request.target_column)
    }
    for each in requests.values():
        train.require_columns(each)
    return _each(requests, lambda each: train.run(each, progress))


def monitor_each(
    request: MonitorRequest, progress: Progress = no_progress
) -> Each[MonitoringResult]:
    """Look at the model of each column of `target_column`; a failure stops none of the others.

    Each has a report of its own: `report.html` becomes `report.topic.html`.

    Raises:
        SettingsError: what is asked for is of one model.
    """
    if request.metrics_file or (request.model or "").isdecimal():
        one = one_target(several(request.target_column)[0], request.model_name)
        raise SettingsError(
            f"--metrics-file and the number of a version are of one target at a time: {one}."
        )
    return _each(monitor_requests(request), lambda each: monitor.run(each, progress))


def monitor_requests(request: MonitorRequest) -> dict[str, MonitorRequest]:
    """What is asked of the model of each target, by the target."""
    targets = several(request.target_column)
    return {
        target: replace(
            request,
            target_column=target,
            model_name=model_of(request.model_name, target),
            report=None if request.report is None else _named(request.report, target),
            # They are the same messages: what is new in them is told once.
            burst_alerts=request.burst_alerts and target == targets[0],
        )
        for target in targets
    }


def worst_status(found: Each[MonitoringResult]) -> Status:
    """The worst status of all; a target that couldn't be looked at is UNKNOWN."""
    from common.monitoring.checks.finding import Status
    from common.monitoring.checks.severity import worst

    failed = [Status.UNKNOWN] * len(found.failed)
    return worst([*failed, *(result.status for result in found.done.values())])


Request = TypeVar("Request")


def _each(requests: Mapping[str, Request], work: Callable[[Request], Result]) -> Each[Result]:
    done: dict[str, Result] = {}
    failed: dict[str, TriageError] = {}
    for target, request in requests.items():
        logger.info("Target %s.", target)
        try:
            done[target] = work(request)
        except TriageError as error:
            logger.error("%s: %s", target, error)
            failed[target] = error
    return Each(done, failed)


def _named(path: Path, target: str) -> Path:
    """The file of one target: `report.topic.html`."""
    return path.with_name(f"{path.stem}.{target}{path.suffix}")
