"""A look at a model: every window judged, and what is to be told of it."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from common.evaluation.profile import NEVER, SAMPLE_ROWS, Profile
from common.monitoring.checks import suite
from common.monitoring.checks.finding import FEWEST_ROWS, SEVERITY, Finding, Status, worst
from common.monitoring.checks.severity import overall
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.lifecycle import Judged, Notice
from common.monitoring.windows import UNDATED

# What a finding is about: one incident for each, or a single drop would wake people five times.
SUBJECTS = {
    "accuracy": (
        *("accuracy", "accuracy_pooled", "degradation", "macro_f1", "class_recall"),
        *("segment_accuracy", "calibration", "challenger"),
    ),
    "drift": (
        *("predicted_classes", "confidence", "unknown_words", "text", "length"),
        "estimated_accuracy",
    ),
    "data": (
        *("rejected", "blank", "replaced", "duplicates", "unseen_labels", "row_count"),
        *("label_delay", "label_coverage", "no_labels", "columns"),
    ),
}
PAST_WINDOWS = 20
# Windows that are judged again come after later ones.
CONFIRMED_WITHIN = 10


@dataclass(frozen=True)
class Rules:
    """What windows are held against.

    Attributes:
        reference: of the model; None where it has none stored.
        days: length of a window; None where windows are no stretches of time.
        label_days: how old the newest label may be.
    """

    floor: float
    reference: Profile | None
    known_classes: Sequence[str]
    known_words: Container[str]
    days: int | None = None
    label_days: float = 7.0


def rules(
    classifier: Any, reference: Profile | None, floor: float, days: int | None, label_days: float
) -> Rules:
    """What the windows of a model are held against; without words where it is no model of ours."""
    counts = getattr(getattr(classifier, "features_", None), "counts_", None)
    words = frozenset(getattr(counts, "words_", ()))
    names = [str(name) for name in classifier.classes_]
    return Rules(floor, reference, names, words, days, label_days)


@dataclass
class Look:
    """What was found out.

    Attributes:
        windows: all windows of the data, oldest first.
        findings: of the windows that were judged now: new ones, those that have changed, and the
            newest.
    """

    model: str
    floor: float
    at: datetime
    windows: Mapping[str, Profile]
    findings: dict[str, list[Finding]] = field(default_factory=dict)

    @property
    def newest(self) -> str | None:
        return next(reversed(_dated(self.windows)), None)

    @property
    def measured(self) -> str | None:
        """The newest window with enough labels to measure accuracy on; else the newest."""
        enough = [name for name in _dated(self.windows) if self.windows[name].rows >= FEWEST_ROWS]
        return enough[-1] if enough else self.newest

    @property
    def shown(self) -> list[Finding]:
        """What holds now, worst first: what is measured on labels is from the newest window that
        has enough of them."""
        found = [
            finding
            for name, about_accuracy in ((self.measured, True), (self.newest, False))
            for finding in self.findings.get(name or "", ())
            if (finding.name in SUBJECTS["accuracy"]) is about_accuracy
        ]
        return sorted(found, key=lambda finding: -SEVERITY.index(finding.status))

    @property
    def status(self) -> Status:
        return overall(self.shown)

    @property
    def total(self) -> Profile:
        """All windows together."""
        return sum(self.windows.values(), Profile())


def look(
    model: str,
    windows: Mapping[str, Profile],
    rules: Rules,
    book: Book,
    at: datetime,
    more: Sequence[Finding] = (),
) -> Look:
    """Judge each window that is new or has changed, and the newest; write all to the book.

    Args:
        windows: oldest first.
        more: findings about the newest window that were made elsewhere.
    """
    found = Look(model, rules.floor, at, windows)
    again = {found.newest, found.measured}
    known = {judged.window: judged for judged in book.history(model, "accuracy")}
    past = _Past([judged for judged in known.values() if judged.window not in windows])
    newest_label = np.fmax.reduce([seen.newest_label for seen in windows.values()] or [NEVER])
    for name in _dated(windows):
        seen = windows[name]
        if name in again or not _same(known.get(name), seen):
            findings = suite.window(
                seen,
                rules.reference,
                past.before(),
                rules.floor,
                rules.known_classes,
                rules.known_words,
                _days_old(name, rules.days, at),
            )
            if name == found.newest:
                fresh = suite.freshness(newest_label, at, rules.label_days)
                findings += [*more, *([fresh] if fresh else [])]
            found.findings[name] = findings
            past.add(seen, _remembered(findings, seen))
        else:
            past.add(seen, known[name].finding.detail["window"])
    return found


def record(
    found: Look,
    book: Book,
    channels: Sequence[str],
    remind_hours: float = 24,
) -> list[Notice]:
    """Write the windows that were judged to the book; return what is new of incidents."""
    told: list[Notice] = []
    for name, findings in found.findings.items():
        before = [
            j for j in book.history(found.model, "drift", CONFIRMED_WITHIN) if j.window < name
        ]
        subjects = [
            confirmed(subject, before) if subject.name == "drift" else subject
            for subject in subjects_of(findings, found.windows[name])
        ]
        told += book.record(found.model, name, subjects, found.at, channels, remind_hours)
    return told


def subjects_of(findings: Sequence[Finding], seen: Profile) -> list[Finding]:
    """The findings of a window as one for each subject that was judged: its worst."""
    found = []
    for subject, names in SUBJECTS.items():
        about = [finding for finding in findings if finding.name in names]
        if not about:
            continue
        status = overall(about) if subject == "accuracy" else _known_worst(about)
        first = max(about, key=lambda finding: (finding.status is status, finding.name == subject))
        also = [
            finding.reason
            for finding in about
            if finding is not first and finding.status in (Status.WARNING, Status.CRITICAL)
        ]
        warned = [finding.name for finding in about if finding.status is Status.WARNING]
        detail = {**first.detail, "finding": first.name, "also": also, "warned": warned}
        if subject == "accuracy":
            detail["window"] = _remembered(findings, seen)
        found.append(replace(first, name=subject, status=status, detail=detail))
    return found


def confirmed(drift: Finding, before: Sequence[Judged]) -> Finding:
    """Drift as it is told: OK, unless one of the last two windows showed the same too.

    Accuracy measures what drift only may lead to, and drift that lasts loses nothing by a day. On
    stable days one window in fifty looks foreign by chance, or by what happened that day.

    Args:
        before: earlier windows, oldest first.
    """
    earlier = {name for judged in before[-2:] for name in judged.finding.detail["warned"]}
    if drift.status is not Status.WARNING or earlier & set(drift.detail["warned"]):
        return drift
    return replace(drift, status=Status.OK, reason=f"{drift.reason} (for the first time)")


class _Past:
    """Earlier windows, as far as findings look back."""

    def __init__(self, earlier: Sequence[Judged]) -> None:
        self._remembered = [judged.finding.detail["window"] for judged in earlier]
        self._profiles: list[Profile] = []

    def add(self, seen: Profile, remembered: Mapping[str, Any]) -> None:
        self._remembered.append(remembered)
        self._profiles = [*self._profiles, seen][-PAST_WINDOWS:]

    def before(self) -> suite.Past:
        last = self._remembered[-PAST_WINDOWS:]
        delays = [np.empty(0), *(seen.delays() for seen in self._profiles)]
        return suite.Past(
            [(window["correct"], window["labelled"]) for window in last if window["labelled"]],
            [window["read"] for window in last],
            [Status[window["degradation"]] for window in last if window["degradation"]],
            np.concatenate(delays)[-SAMPLE_ROWS:],
            (
                sum(seen.rows for seen in self._profiles),
                sum(seen.rows + seen.unlabelled for seen in self._profiles),
            ),
        )


def _remembered(findings: Sequence[Finding], seen: Profile) -> dict[str, Any]:
    """What later windows and charts need to know of this one."""
    by_name = {finding.name: finding for finding in findings}
    accuracy, estimated = by_name["accuracy"], by_name.get("estimated_accuracy")
    degradation = by_name.get("degradation")
    return {
        "read": seen.read,
        "correct": seen.correct,
        "labelled": seen.rows,
        "accuracy": accuracy.value if seen.rows else None,
        "lower": accuracy.lower if seen.rows else None,
        "upper": accuracy.upper if seen.rows else None,
        "estimated": {name: getattr(estimated, name) for name in ("value", "lower", "upper")}
        if estimated and math.isfinite(estimated.value)
        else None,
        "degradation": degradation and degradation.detail.get("unescalated"),
    }


def _dated(windows: Mapping[str, Profile]) -> list[str]:
    return [name for name in windows if name != UNDATED]


def _same(known: Judged | None, seen: Profile) -> bool:
    """Whether a window is as it was when it was judged; late labels change it."""
    if known is None:
        return False
    before = known.finding.detail["window"]
    now = {"read": seen.read, "correct": seen.correct, "labelled": seen.rows}
    return all(before[key] == value for key, value in now.items())


def _known_worst(findings: Sequence[Finding]) -> Status:
    """UNKNOWN only where nothing is known."""
    known = [found.status for found in findings if found.status is not Status.UNKNOWN]
    return worst(known)


def _days_old(name: str, days: int | None, at: datetime) -> float:
    """Days since the window ended; less than 0 before."""
    if days is None:
        return 0.0
    end = datetime.fromisoformat(name).replace(tzinfo=UTC) + timedelta(days=days)
    return (at - end) / timedelta(days=1)
