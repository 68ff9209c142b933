"""Figures for Prometheus as a file, for the textfile collector of its node exporter."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from common.data import atomic

if TYPE_CHECKING:
    from common.monitoring.result import MonitoringResult
    from common.scoring.total import Total


def write_scoring(path: Path, total: Total) -> None:
    """Write what a run of predict.py has done.

    Raises:
        InputError: the file can't be written.
    """
    registry = CollectorRegistry()
    gauge = partial(_gauge, registry, "triage_predict")
    outcomes = gauge("rows", "Rows of the last run by what became of them", ("outcome",))
    outcomes.labels("scored").set(total.rows.scored)
    outcomes.labels("blank").set(total.rows.blank)
    outcomes.labels("rejected").set(total.rows.rejected)
    classes = gauge("class_rows", "Scored rows of the last run by predicted class", ("class",))
    for name, rows in total.classes.items():
        classes.labels(name).set(rows)
    if total.routes is not None:
        routes = gauge("route_rows", "Scored rows of the last run by who looks at them", ("route",))
        for name, rows in total.routes.items():
            routes.labels(name).set(rows)
    confidence = gauge("mean_confidence", "Mean confidence of the last run")
    confidence.set(_number(total.mean_confidence))
    gauge("duration_seconds", "Seconds that scoring took").set(total.seconds)
    gauge("model_version", "Version of the model that scored").set(total.model.version)
    _write(path, registry, gauge)


def write_monitoring(path: Path, result: MonitoringResult) -> None:
    """Write what a monitoring run has found.

    Raises:
        InputError: the file can't be written.
    """
    registry = CollectorRegistry()
    gauge = partial(_gauge, registry, "triage_monitor")
    gauge("status", "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN").set(result.exit_code)
    statuses = gauge("finding_status", "The same of each finding", ("finding",))
    values = gauge("finding_value", "What each finding has measured", ("finding",))
    for finding in result.findings:
        statuses.labels(finding.name).set(int(finding.status))
        values.labels(finding.name).set(finding.value)
    newest = result.windows[-1] if result.windows else None
    accuracy = newest.accuracy.value if newest and newest.accuracy else None
    gauge("accuracy", "Accuracy of the newest window").set(_number(accuracy))
    gauge("rows", "Rows with a class in the newest window").set(newest.labelled if newest else 0)
    gauge("floor", "ACCURACY_FLOOR").set(result.floor)
    opened = sum(incident.is_open for incident in result.incidents)
    gauge("open_incidents", "Incidents that have not recovered").set(opened)
    gauge("model_version", "Version of the model that is watched").set(result.model.version)
    _write(path, registry, gauge)


def _gauge(
    registry: CollectorRegistry, prefix: str, name: str, help: str, labels: tuple[str, ...] = ()
) -> Gauge:
    return Gauge(f"{prefix}_{name}", help, labels, registry=registry)


def _write(path: Path, registry: CollectorRegistry, gauge: Callable[..., Gauge]) -> None:
    """Replace the file as a whole.

    A run that fails leaves it as it was, so that the time of the last success grows old.
    """
    gauge("last_success_timestamp_seconds", "When the last run ended well").set(time.time())
    atomic.write_text(path, generate_latest(registry).decode())


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
