"""Figures for Prometheus as a file, for the textfile collector of its node exporter."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from common.errors import InputError


def write_scoring(path: Path, total: Mapping[str, Any]) -> None:
    """What a run of predict.py has done; the file is replaced as a whole.

    A run that fails leaves the file as it was, so that the time of the last success grows old.

    Args:
        total: as `totals.of` gives it.
    """
    registry = CollectorRegistry()

    def gauge(name: str, help: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"triage_predict_{name}", help, labels, registry=registry)

    outcomes = gauge("rows", "Rows of the last run by what became of them", ("outcome",))
    for outcome in ("scored", "blank", "rejected"):
        outcomes.labels(outcome).set(total["rows"][outcome])
    classes = gauge("class_rows", "Scored rows of the last run by predicted class", ("class",))
    for name, rows in total["classes"].items():
        classes.labels(name).set(rows)
    gauge("mean_confidence", "Mean confidence of the last run").set(
        float("nan") if total["mean_confidence"] is None else total["mean_confidence"]
    )
    gauge("duration_seconds", "Seconds that scoring took").set(total["seconds"])
    gauge("model_version", "Version of the model that scored").set(total["model"]["version"])
    gauge("last_success_timestamp_seconds", "When the last run ended well").set(time.time())
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}.") from error
