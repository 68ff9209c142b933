"""What a look of the monitor has found, as plain data for JSON, the report and charts."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from common.evaluation.metrics import class_metrics, confusion_metrics, wilson_interval
from common.evaluation.profile import Profile
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.checks.severity import overall
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.lifecycle import Judged
from common.monitoring.run import SUBJECTS, Look
from common.text import printable

SHOWN_WINDOWS = 200
SHOWN_EXAMPLES = 20


def of(
    look: Look,
    model: Mapping[str, Any],
    file: str,
    reference: Profile | None,
    book: Book,
    next_steps: Sequence[str],
) -> dict[str, Any]:
    """All that a look has found, and what is known from earlier ones.

    Args:
        next_steps: command lines to go on with.
    """
    history = book.history(look.model, "accuracy", SHOWN_WINDOWS)
    measured = look.windows.get(look.measured or "", Profile())
    status, shown = look.status, look.shown
    first = next((finding for finding in shown if finding.status is status), None)
    reason = first.reason if first else "there is no message to look at"
    sentence = f"{status.name}: {model['name']} version {model['version']} on {file}: {reason}."
    total = look.total
    return {
        "status": status.name,
        "exit_code": int(status),
        "reason": reason,
        "text": sentence,
        "model": dict(model),
        "file": file,
        "at": look.at.isoformat(),
        "floor": look.floor,
        "window": look.newest,
        "windows": [_window(judged) for judged in history],
        "findings": [_finding(finding) for finding in shown],
        "metrics": metrics(measured, shown),
        "classes": _classes(measured, reference),
        "segments": {
            name: _share(right, rows) for name, (right, rows) in sorted(measured.segments.items())
        },
        "examples": examples(measured),
        "incidents": [incident.facts() for incident in book.incidents(look.model)],
        "next_steps": list(next_steps),
        "counts": {
            "read": total.read,
            "used": total.rows,
            "rejected": total.rejected,
            "blank": total.blank,
            "unlabelled": total.unlabelled,
            "replaced": total.replaced,
        },
    }


def metrics(seen: Profile, findings: Sequence[Finding]) -> dict[str, float]:
    """What is charted over time: of the rows with a class, and the value of each finding."""
    found: dict[str, float] = {"rows": float(seen.rows)}
    if seen.rows:
        found |= confusion_metrics(seen.confusion(seen.classes), seen.classes)
    for finding in findings:
        found[f"finding_{finding.name}"] = finding.value
        if finding.name == "accuracy":
            found |= {"accuracy_lower": finding.lower, "accuracy_upper": finding.upper}
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def charts(look: Look, version: int) -> list[dict[str, float]]:
    """Metrics of each window that was judged, oldest first."""
    return [
        metrics(look.windows[name], findings)
        | {
            "floor": look.floor,
            "model_version": float(version),
            "status": float(overall(findings)),
        }
        for name, findings in look.findings.items()
    ]


def next_steps(look: Look, flags: Sequence[str], window: str, train_data: Path | None) -> list[str]:
    """Command lines to go on with, where something is wrong.

    Args:
        flags, window: with which monitor.py looked at this.
        train_data: what the model is fitted on by default.
    """
    wrong = {f.name for f in look.shown if f.status in (Status.WARNING, Status.CRITICAL)}
    steps = []
    if wrong:
        steps.append(_command("monitor.py", *flags, "--window", window, "--report", "report.html"))
    if wrong & set(SUBJECTS["accuracy"]):
        data = ("--data", printable(train_data)) if train_data else ()
        steps += [_command("train.py", *data, "--dry-run"), "python -m common.registry history"]
    return steps


def _command(*words: str) -> str:
    return shlex.join(["python", *words])


def examples(seen: Profile) -> list[dict[str, Any]]:
    """Errors of the sample that the model was surest of."""
    rows = seen.sample
    wrong = rows.filter(
        pc.and_(
            pc.not_equal(rows.column("label"), ""),
            pc.not_equal(rows.column("label"), rows.column("predicted")),
        )
    ).sort_by([("confidence", "descending")])
    return [
        {
            "text": row["text"] or "",
            "true": row["label"],
            "predicted": row["predicted"],
            "confidence": _finite(row["confidence"]),
        }
        for row in wrong.slice(0, SHOWN_EXAMPLES).to_pylist()
    ]


def _classes(seen: Profile, reference: Profile | None) -> dict[str, Any] | None:
    if not seen.rows:
        return None
    names = seen.classes
    then: dict[str, Any] = {}
    if reference is not None and reference.rows:
        then = class_metrics(reference.confusion(reference.classes), reference.classes)
    confusion = seen.confusion(names)
    by_class = class_metrics(confusion, names)
    return {
        "names": list(names),
        "confusion": confusion.tolist(),
        "by_class": {
            name: values.facts()
            | {"reference_recall": _finite(then[name].recall) if name in then else None}
            for name, values in by_class.items()
        },
    }


def _window(judged: Judged) -> dict[str, Any]:
    remembered = judged.finding.detail["window"]
    return {
        "name": judged.window,
        "rows": remembered["labelled"],
        "correct": remembered["correct"],
        "accuracy": remembered["accuracy"],
        "lower": remembered["lower"],
        "upper": remembered["upper"],
        "status": judged.finding.status.name,
        "estimated": remembered["estimated"],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    figures = {
        name: _finite(getattr(finding, name)) for name in ("value", "lower", "upper", "limit")
    }
    return {
        "name": finding.name,
        "status": finding.status.name,
        "reason": finding.reason,
        **figures,
        "rows": finding.rows,
        "detail": finding.detail,
    }


def _share(right: int, rows: int) -> dict[str, Any]:
    lower, upper = wilson_interval(right, rows)
    return {
        "rows": rows,
        "correct": right,
        "accuracy": right / rows,
        "lower": lower,
        "upper": upper,
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
