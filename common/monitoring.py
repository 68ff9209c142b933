"""Measure a model on a window of labelled messages, and judge what is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from common import evaluate, split
from common.labelled import Batch, Counts
from common.labels import canonical

FEWEST_ROWS = 30


class Status(IntEnum):
    """Nagios' convention: the number is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True)
class Finding:
    """What a window shows: its status, and why in one sentence.

    `lower` and `upper` are the one-sided 95 % Wilson bounds of the accuracy.
    """

    status: Status
    reason: str
    accuracy: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Window:
    """Labelled messages as the model sees them: (K, K) counts, rows are true classes.

    `classes` are those that occur, also classes the model doesn't know.
    """

    classes: tuple[str, ...]
    confusion: npt.NDArray[np.intp]
    counts: Counts

    @property
    def rows(self) -> int:
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        return int(self.confusion.trace())

    def metrics(self, finding: Finding) -> dict[str, float]:
        """What is charted over time; nan where there are no rows."""
        found = evaluate.confusion_metrics(self.confusion, self.classes) if self.rows else {}
        return found | {
            "accuracy": finding.accuracy,
            "accuracy_lower": finding.lower,
            "accuracy_upper": finding.upper,
            "rows": float(self.rows),
            "status": float(finding.status),
        }


def measure(
    batches: Iterable[Batch],
    classifier: Any,
    holdout_percent: int = 100,
    advance: Callable[[int], None] = lambda units: None,
) -> Window:
    """Score labelled messages as a stream; what is kept grows with the classes, not the rows.

    Args:
        holdout_percent: look only at the rows that a split with this percentage holds out.
        advance: told how many bytes of the file were just done.
    """
    spelling = {canonical(str(name)): str(name) for name in classifier.classes_}
    pairs: Counter[tuple[str, str]] = Counter()
    counts, done = Counts(), 0
    for batch in batches:
        texts, labels, seen = batch.texts, batch.labels, batch.counts
        if holdout_percent < 100:
            kept = np.flatnonzero(split.in_holdout(split.buckets(texts), holdout_percent))
            texts, labels = [texts[i] for i in kept], [labels[i] for i in kept]
            seen = replace(seen, used=len(kept), training=seen.used - len(kept))
        true = [spelling.get(canonical(label), label) for label in labels]
        pairs.update(zip(true, map(str, classifier.predict(texts)), strict=True))
        counts += seen
        advance(batch.bytes_done - done)
        done = batch.bytes_done
    classes = tuple(sorted({name for pair in pairs for name in pair}))
    confusion = np.zeros((len(classes), len(classes)), np.intp)
    for (true_class, predicted), rows in pairs.items():
        confusion[classes.index(true_class), classes.index(predicted)] = rows
    return Window(classes, confusion, counts)


def accuracy_against_floor(correct: int, rows: int, floor: float) -> Finding:
    """Judge `correct` of `rows` labelled messages against a floor between 0 and 1.

    CRITICAL where the upper bound is below the floor: by chance in about 5 % of the windows
    whose true accuracy is at the floor (exactly, 4.5 to 7.9 % for 100 to 2,000 rows and floors of
    .7 to .99), and in far fewer where it is above. WARNING where only the point is below; UNKNOWN
    where fewer than 30 rows say neither.

    >>> accuracy_against_floor(70, 100, 0.85).status.name
    'CRITICAL'
    """
    if not rows:
        nan = float("nan")
        return Finding(Status.UNKNOWN, "no labelled rows", nan, nan, nan)
    accuracy = correct / rows
    lower, upper = wilson_bounds(correct, rows)
    interval = f"accuracy {accuracy:.4f} (95 % bounds {lower:.4f} to {upper:.4f}) on {rows:,} rows"
    if upper < floor:
        status, reason = Status.CRITICAL, f"{interval} is below the floor {floor:g}"
    elif rows < FEWEST_ROWS:
        status = Status.UNKNOWN
        reason = f"{interval}: too few rows to judge, at least {FEWEST_ROWS} are needed"
    elif accuracy < floor:
        status = Status.WARNING
        reason = f"{interval} is below the floor {floor:g}, but that may be chance"
    else:
        status, reason = Status.OK, f"{interval} holds the floor {floor:g}"
    return Finding(status, reason, accuracy, lower, upper)


def wilson_bounds(correct: int, rows: int) -> tuple[float, float]:
    """One-sided 95 % bounds of a share, each."""
    return evaluate.wilson_interval(correct, rows, confidence=0.9)
