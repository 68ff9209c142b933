"""What a look of the monitor has found as one page of HTML, for the person on call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from common.monitoring.checks.finding import SEVERITY, Status
from common.reports import charts, html

Facts = Mapping[str, Any]

WORST = 15

# What the findings are called where nobody should have to know their names.
TITLES = {
    "accuracy": "Accuracy against the floor",
    "accuracy_pooled": "Accuracy of the last windows together",
    "degradation": "Accuracy against the holdout",
    "macro_f1": "Macro-F1 against the holdout",
    "class_recall": "Recall of each class",
    "segment_accuracy": "Accuracy of each segment",
    "calibration": "Calibration of the confidences",
    "predicted_classes": "Predicted classes",
    "confidence": "Confidence of the answers",
    "unknown_words": "Words the model does not know",
    "text": "Words of the messages",
    "blank": "Blank messages",
    "duplicates": "Duplicates",
    "replaced": "Broken characters",
    "rejected": "Rows that could not be read",
    "unseen_labels": "Labels the model does not know",
    "label_coverage": "Messages without a label",
    "length": "Length of the messages",
    "row_count": "Number of rows",
    "label_delay": "Delay of the labels",
    "no_labels": "Age of the newest label",
    "estimated_accuracy": "Accuracy estimated without labels",
    "challenger": "Challenger against champion",
}

# Headings of what a finding holds in its detail; other keys are their own headings.
HEADINGS = {
    "more": "More of",
    "fewer": "Fewer of",
    "words": "Most frequent",
    "moved": "Classes that changed most",
    "fallen": "Classes found less often",
    "worst": "Lowest segments",
    "bar": "To be reached",
    "p": "p-value",
}


def render(facts: Facts) -> str:
    """The page, which needs nothing but itself.

    Args:
        facts: shares are 0 to 1, NaN and None are no number; texts may hold anything.
            status, text: the verdict, and why in one sentence.
            model: name, version, run_id.
            file, at: what was looked at, and when (ISO 8601).
            floor: what accuracy must reach.
            windows: name, rows, correct, accuracy, lower, upper, status, and estimated (None, or
                value, lower, upper); the oldest first.
            findings: the fields of `findings.finding.Finding`, the status by its name.
            classes: None, or names (K), confusion (K x K, rows are true classes) and by_class:
                support, precision, recall, f1, reference_recall of each name.
            segments: rows, correct, accuracy, lower, upper of each name.
            examples: text, true, predicted, confidence.
            incidents: id, finding, status, since, recovered (None while open), reason, and
                changes: change, at, status.
            next_steps: commands to paste.
            counts: read, used, rejected, blank, unlabelled.
    """
    facts = _without_nan(facts)
    classes = facts["classes"] or {"names": [], "confusion": [], "by_class": {}}
    findings = worst_first(facts["findings"])
    return html.render(
        "monitor.html",
        facts=facts,
        verdict=facts["text"].removeprefix(f"{facts['status']}: "),
        findings=findings,
        timeline=charts.timeline(facts["windows"], facts["floor"]),
        shown_windows=charts.spread(len(facts["windows"])),
        confusion=confusion(classes),
        classes=weakest(classes["by_class"], "recall", "support"),
        all_classes=len(classes["by_class"]),
        segments=weakest(facts["segments"], "accuracy", "rows"),
        panels=[(finding, *panel(finding["detail"])) for finding in findings],
        incidents=open_first(facts["incidents"]),
        worst=WORST,
        titles=TITLES,
        headings=HEADINGS,
        moment=moment,
    )


def worst_first(findings: Sequence[Facts]) -> list[Facts]:
    """By severity, in the order they were given where that is the same."""
    return sorted(findings, key=lambda found: -SEVERITY.index(Status[found["status"]]))


def weakest(groups: Mapping[str, Facts], share: str, rows: str) -> list[tuple[str, Facts]]:
    """The 15 whose `share` is lowest, the largest first of equals; last those without one."""

    def key(group: tuple[str, Facts]) -> tuple[bool, float, int]:
        value = group[1][share]
        return value is None, value or 0.0, -(group[1][rows] or 0)

    return sorted(groups.items(), key=key)[:WORST]


def confusion(classes: Facts) -> tuple[list[str], list[list[int]]]:
    """Names and counts, at most those of the 15 weakest classes and of all others together."""
    names = classes["names"]
    chosen = {name for name, _ in weakest(classes["by_class"], "recall", "support")}
    kept = [k for k, name in enumerate(names) if name in chosen or len(names) <= WORST]
    counts = np.array(classes["confusion"], np.intp).reshape(len(names), len(names))
    shown, merged = charts.merge(counts, names, kept)
    return shown, merged.tolist()


def panel(detail: Facts | None) -> tuple[dict[str, list[str]], dict[str, list[Facts]]]:
    """What a finding tells in words, and what in tables, by its key in the detail."""
    words, tables = {}, {}
    for key, values in (detail or {}).items():
        if not isinstance(values, list) or not values:
            continue
        if all(isinstance(value, str) for value in values):
            words[key] = values
        elif all(isinstance(value, Mapping) for value in values):
            tables[key] = values
    return words, tables


def open_first(incidents: Sequence[Facts]) -> list[Facts]:
    """Open incidents, then recovered ones, each the newest first."""
    newest_first = sorted(incidents, key=lambda incident: incident["since"] or "", reverse=True)
    return sorted(newest_first, key=lambda incident: bool(incident["recovered"]))


def moment(text: str | None) -> str:
    """A time as people read it; what is no time stays as it is.

    >>> moment("2026-03-02T06:00:00Z"), moment("2026-03-02"), moment(None)
    ('2026-03-02 06:00 UTC', '2026-03-02', '–')
    """
    if not text:
        return html.DASH
    try:
        found = datetime.fromisoformat(text)
        return f"{found.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if found.tzinfo else text
    except (ValueError, OverflowError):
        return text


def _without_nan(value: Any) -> Any:
    """The same with None for what is no number."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
