"""Metrics of answers: true classes against probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from common.types import Bools, Floats, Labels

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class ClassMetrics:
    """How one class fares: all shares 0 to 1, nan where there is nothing to divide by."""

    support: int
    precision: float
    recall: float
    f1: float

    def facts(self) -> dict[str, float | None]:
        """For JSON, which has no nan: None instead."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Confused:
    """Two classes taken for each other: `there` rows of `one` for `other`, `back` the reverse."""

    one: str
    other: str
    there: int
    back: int

    @property
    def rows(self) -> int:
        return self.there + self.back


def class_indices(classes: Sequence[str]) -> dict[str, int]:
    """The place of each class in `classes`, and so of its column of probabilities."""
    return {name: index for index, name in enumerate(classes)}


def confusion_counts(
    true: Labels, predicted: Labels, classes: Sequence[str]
) -> npt.NDArray[np.intp]:
    """Rows are true classes, columns predicted ones, both in the order of `classes`; shape (K, K).

    Every true and predicted class must be one of `classes`.
    """
    number = class_indices(classes)
    counts = np.zeros((len(classes), len(classes)), np.intp)
    rows = [number[name] for name in true]
    np.add.at(counts, (rows, [number[name] for name in predicted]), 1)
    return counts


def class_metrics(
    confusion: npt.NDArray[np.intp], classes: Sequence[str]
) -> dict[str, ClassMetrics]:
    """Precision, recall and F1 of each class that occurs, as a true or a predicted class."""
    hits, true, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        name: ClassMetrics(
            support=int(true[k]),
            precision=_share(hits[k], predicted[k]),
            recall=_share(hits[k], true[k]),
            f1=_share(2 * hits[k], true[k] + predicted[k]),
        )
        for k, name in enumerate(classes)
        if true[k] + predicted[k]
    }


def most_confused(confusion: npt.NDArray[np.intp], classes: Sequence[str]) -> Confused | None:
    """The two classes with most rows taken for each other; None if every answer is right."""
    both = np.triu(confusion + confusion.T, 1)
    if not both.any():
        return None
    one, other = divmod(int(both.argmax()), len(classes))
    if confusion[one, other] < confusion[other, one]:
        one, other = other, one
    return Confused(
        classes[one], classes[other], int(confusion[one, other]), int(confusion[other, one])
    )


def confusion_metrics(confusion: npt.NDArray[np.intp], classes: Sequence[str]) -> dict[str, float]:
    """What the confusion matrix tells: accuracy, and means over the classes that occur.

    As scikit-learn's: macro means count each class alike, weighted ones by support, a share
    without denominator is 0; balanced accuracy is the mean recall of the classes with support.
    """
    rows = list(class_metrics(confusion, classes).values())
    support = np.array([row.support for row in rows])
    metrics = {
        "accuracy": _share(confusion.diagonal().sum(), confusion.sum()),
        "balanced_accuracy": float(np.mean([row.recall for row in rows if row.support])),
    }
    for name in ("precision", "recall", "f1"):
        values = np.nan_to_num([getattr(row, name) for row in rows])
        metrics[f"{name}_macro"] = float(values.mean())
        metrics[f"{name}_weighted"] = float(values @ support / support.sum())
    return metrics


def probability_metrics(true: Labels, proba: Floats, classes: Sequence[str]) -> dict[str, float]:
    """ROC AUC, PR AUC (both one against the rest, mean over classes), log loss, Brier score, ECE.

    Args:
        true: (n,) classes.
        proba: (n, K) probabilities; columns in the order of `classes`.

    The AUCs are left out if fewer than two classes occur in `true`. Brier score: mean squared
    distance between probabilities and the truth, summed over classes, 0 to 2 (Brier 1950).
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    truth = true[:, None] == np.asarray(classes, object)
    occurs = truth.any(axis=0) & ~truth.all(axis=0)
    metrics = {
        "log_loss": float(log_losses(proba[truth]).mean()),
        "brier": float(((proba - truth) ** 2).sum(axis=1).mean()),
        "ece": expected_calibration_error(
            truth[np.arange(len(true)), proba.argmax(1)], proba.max(1)
        ),
    }
    if occurs.any():
        # With two classes, the one that sorts last is the positive one, as in scikit-learn.
        chosen = [1] if len(classes) == 2 else np.flatnonzero(occurs)
        pairs = [(truth[:, k], proba[:, k]) for k in chosen]
        metrics["roc_auc"] = float(np.mean([roc_auc_score(*pair) for pair in pairs]))
        metrics["pr_auc"] = float(np.mean([average_precision_score(*pair) for pair in pairs]))
    return metrics


def log_losses(given: Floats) -> Floats:
    """(n,) the log loss of each row.

    Args:
        given: (n,) the probability that its true class was given, 0 to 1.
    """
    return -np.log(np.clip(given, np.finfo(float).eps, 1))


def expected_calibration_error(
    correct: Bools, confidence: Floats, bins: int = CALIBRATION_BINS
) -> float:
    """Mean gap between confidence and accuracy over equal bins of confidence, 0 to 1.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3.
    """
    return float(
        sum(n * abs(c - a) for n, c, a in calibration(correct, confidence, bins)) / len(correct)
    )


def calibration(
    correct: Bools, confidence: Floats, bins: int = CALIBRATION_BINS
) -> list[tuple[int, float, float]]:
    """(rows, mean confidence, accuracy) of each bin that has rows; bins are open on the left."""
    which = calibration_bins(confidence, bins)
    inside = [which == b for b in range(bins)]
    return [
        (int(rows.sum()), float(confidence[rows].mean()), float(correct[rows].mean()))
        for rows in inside
        if rows.any()
    ]


def calibration_bins(confidence: Floats, bins: int = CALIBRATION_BINS) -> npt.NDArray[np.intp]:
    """(n,) the bin of each confidence, from 0; bins are equal and open on the left."""
    return np.clip(np.ceil(confidence * bins).astype(np.intp) - 1, 0, bins - 1)


def wilson_interval(correct: float, rows: float, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of a share, `rows` > 0: whole numbers, or what rows are worth.

    Source: Wilson 1927; Brown, Cai & DasGupta, Interval Estimation for a Binomial Proportion, 2001.
    """
    share, z = correct / rows, float(ndtri(0.5 + confidence / 2))
    width = 2 * (rows + z * z)
    centre = (2 * rows * share + z * z) / width
    error = z * math.sqrt(4 * rows * share * (1 - share) + z * z) / width
    # Rounding would leave a hair between them and the end.
    return (
        centre - error if correct else 0.0,
        centre + error if correct < rows else 1.0,
    )


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else float("nan")
