"""How classes and segments fare in a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from common.evaluation.metrics import ClassMetrics, class_metrics, wilson_interval
from common.evaluation.profile import Profile
from common.types import Json


@dataclass(frozen=True)
class ClassResult:
    """How one class fares, and its recall on the reference; None if it was not there."""

    metrics: ClassMetrics
    reference_recall: float | None = None

    def to_json(self) -> dict[str, Json]:
        return {**asdict(self.metrics), "reference_recall": self.reference_recall}


@dataclass(frozen=True)
class ClassResults:
    """How classes fare and are confused.

    Attributes:
        names: (K,).
        confusion: (K, K) counts, rows are true classes.
        by_class: of each class that occurs.
    """

    names: tuple[str, ...]
    confusion: Sequence[Sequence[int]]
    by_class: Mapping[str, ClassResult]

    def to_json(self) -> dict[str, Json]:
        return {
            "names": list(self.names),
            "confusion": [list(row) for row in self.confusion],
            "by_class": {name: row.to_json() for name, row in self.by_class.items()},
        }


@dataclass(frozen=True)
class SegmentResult:
    """Accuracy of a segment with its 95 % interval, shares 0 to 1."""

    rows: int
    correct: int
    accuracy: float
    lower: float
    upper: float


def class_results(window: Profile, reference: Profile | None) -> ClassResults | None:
    """Compare the classes of a window with those of the reference; None without labels."""
    if not window.rows:
        return None
    then: Mapping[str, ClassMetrics] = {}
    if reference is not None and reference.rows:
        then = class_metrics(reference.confusion(reference.classes), reference.classes)
    confusion = window.confusion(window.classes)
    return ClassResults(
        names=window.classes,
        confusion=confusion.tolist(),
        by_class={
            name: ClassResult(metrics, then[name].recall if name in then else None)
            for name, metrics in class_metrics(confusion, window.classes).items()
        },
    )


def segment_result(correct: int, rows: int) -> SegmentResult:
    """Accuracy of a segment, with Wilson's interval."""
    lower, upper = wilson_interval(correct, rows)
    return SegmentResult(rows, correct, accuracy=correct / rows, lower=lower, upper=upper)
