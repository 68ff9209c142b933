"""Metrics and figures of (true classes, probabilities)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from common.types import Bools, Floats, Labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CALIBRATION_BINS = 15
MANY_CLASSES = 10


@dataclass(frozen=True)
class ClassMetrics:
    """How one class fares: all shares 0 to 1, nan where there is nothing to divide by."""

    support: int
    precision: float
    recall: float
    f1: float

    def facts(self) -> dict[str, float | None]:
        """For JSON, which has no nan: None instead."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def confusion_counts(
    true: Labels, predicted: Labels, classes: Sequence[str]
) -> npt.NDArray[np.intp]:
    """Rows are true classes, columns predicted ones, both in the order of `classes`; shape (K, K).

    Every true and predicted class must be one of `classes`.
    """
    number = {name: index for index, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.intp)
    rows = [number[name] for name in true]
    np.add.at(counts, (rows, [number[name] for name in predicted]), 1)
    return counts


def class_metrics(
    confusion: npt.NDArray[np.intp], classes: Sequence[str]
) -> dict[str, ClassMetrics]:
    """Precision, recall and F1 of each class that occurs, as true or as predicted class."""
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

    The AUCs are left out where fewer than two classes occur in `true`. Brier score: mean squared
    distance between probabilities and the truth, summed over classes, 0 to 2 (Brier 1950).
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    truth = true[:, None] == np.asarray(classes, object)
    occurs = truth.any(axis=0) & ~truth.all(axis=0)
    metrics = {
        "log_loss": float(-np.log(np.clip(proba[truth], np.finfo(float).eps, 1)).mean()),
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


def wilson_interval(correct: int, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of a share, `rows` > 0.

    Source: Wilson 1927; Brown, Cai & DasGupta, Interval Estimation for a Binomial Proportion, 2001.
    """
    interval = binomtest(correct, rows).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def figures(true: Labels, proba: Floats, classes: Sequence[str]) -> dict[str, Figure]:
    """Confusion matrix, ROC, precision-recall and calibration, by file name without ending."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    predicted = np.asarray(classes, object)[proba.argmax(axis=1)]
    confusion = confusion_counts(true, predicted, classes)
    shown = np.argsort(-confusion.sum(axis=1), kind="stable")[:MANY_CLASSES]
    curves = [(classes[k], true == classes[k], proba[:, k]) for k in sorted(shown)]
    curves = [curve for curve in curves if 0 < curve[1].sum() < len(true)]

    drawn = {}
    drawn["confusion_matrix"], axes = _axes("predicted class", "true class", "Confusion matrix")
    _draw_confusion(axes, confusion, classes)
    drawn["roc"], axes = _axes("false positive rate", "true positive rate", "ROC")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
    for _, truth, scores in curves:
        false_rate, true_rate, _ = roc_curve(truth, scores)
        axes.plot(false_rate, true_rate)
    drawn["precision_recall"], axes = _axes("recall", "precision", "Precision and recall")
    for _, truth, scores in curves:
        precision, recall, _ = precision_recall_curve(truth, scores)
        axes.plot(recall, precision)
    names = [name for name, _, _ in curves]
    _name_curves(drawn["roc"].axes[0], names, "lower right")
    _name_curves(drawn["precision_recall"].axes[0], names, "lower left")
    drawn["calibration"], axes = _axes("confidence", "accuracy", "Calibration")
    _draw_calibration(axes, true == predicted, proba.max(axis=1))
    return drawn


def telling_terms_figure(terms: dict[str, list[tuple[str, float]]], top: int = 12) -> Figure:
    """Bars of the terms that speak most for each class (at most ten classes)."""
    from matplotlib.figure import Figure

    shown = list(terms.items())[:MANY_CLASSES]
    figure = Figure(figsize=(4 * len(shown), 0.3 * top + 1.2), layout="constrained")
    for axes, (name, pairs) in zip(
        figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True
    ):
        # Emoji are missing from the figure's font; the JSON artifact beside it has them all.
        words = [_drawable(word) for word, _ in pairs[:top]][::-1]
        axes.barh(range(len(words)), [weight for _, weight in pairs[:top]][::-1])
        axes.set_yticks(range(len(words)), words, parse_math=False)
        axes.set_title(_drawable(name), parse_math=False)
    return figure


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else float("nan")


def _axes(x: str, y: str, title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y, title=title)
    return figure, axes


def _draw_confusion(axes: Axes, confusion: npt.NDArray[np.intp], classes: Sequence[str]) -> None:
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [_drawable(name) for name in classes]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    if len(classes) <= 2 * MANY_CLASSES:
        for row, column in np.ndindex(*confusion.shape):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(
                column, row, f"{confusion[row, column]:,}", ha="center", va="center", color=colour
            )


def _draw_calibration(axes: Axes, correct: Bools, confidence: Floats) -> None:
    bins = calibration(correct, confidence)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
    axes.plot([c for _, c, _ in bins], [a for _, _, a in bins], marker="o")
    _name_curves(axes, ["perfect", "model"], "lower left")
    axes.set(xlim=(min(c for _, c, _ in bins) - 0.05, 1.02))


def _name_curves(axes: Axes, names: Sequence[str], place: Any) -> None:
    """A legend of the lines drawn last, in their order, whatever signs the names hold."""
    if not names:
        return
    lines = list(axes.lines)[-len(names) :]
    legend = axes.legend(lines, [str(k) for k in range(len(names))], loc=place)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(_drawable(name))


def _drawable(text: str, longest: int = 30) -> str:
    """Without the characters that the figures' font lacks, and cut to a length that fits."""
    shown = "".join(
        sign if sign.isprintable() else "?"
        for sign in text.encode("latin-1", "replace").decode("latin-1")
    )
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."
