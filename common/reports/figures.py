"""Figures of a training, as MLflow shows them beside the run; drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.evaluation.metrics import calibration, confusion_counts
from common.evaluation.risk_coverage import RiskCoverage
from common.evaluation.routing import Routing
from common.models.base import Weighted
from common.types import Bools, Floats, Labels

MANY_CLASSES = 10


def figures(true: Labels, proba: Floats, classes: Sequence[str]) -> dict[str, Figure]:
    """Confusion matrix, ROC, precision-recall and calibration, by file name without ending.

    Args:
        true: (n,) classes.
        proba: (n, K) probabilities; columns in the order of `classes`.
    """
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


def telling_terms_figure(terms: Mapping[str, Weighted], top: int = 12) -> Figure:
    """Bars of the terms that speak most for each class (at most ten classes)."""
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


def risk_coverage_figure(curve: RiskCoverage, routed: Routing) -> Figure:
    """Accuracy of the most confident answers by how many they are, with what is promised."""
    figure, axes = _axes(
        "share of the messages that are automatic", "accuracy of these", "Automatic answers"
    )
    axes.fill_between(curve.coverage, curve.lower, curve.accuracy, alpha=0.2, linewidth=0)
    axes.plot(curve.coverage, curve.accuracy)
    promised = routed.promise.accuracy
    axes.axhline(promised, color="grey", linestyle=":", linewidth=1)
    axes.annotate(f"promised: {promised:g}", (0, promised), va="bottom")
    if routed.accuracy is not None:
        axes.plot([routed.coverage], [routed.accuracy], marker="o", color="black")
        axes.annotate(
            f" {routed.coverage:.1%}", (routed.coverage, routed.accuracy), ha="left", va="bottom"
        )
    lowest = min(float(curve.accuracy[len(curve.accuracy) // 20 :].min()), promised)
    axes.set(xlim=(0, 1), ylim=(max(0.0, lowest - 0.05), 1.005))
    return figure


def _axes(x: str, y: str, title: str) -> tuple[Figure, Axes]:
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
    """A legend of the lines drawn last, in their order, whatever characters the names hold."""
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
        character if character.isprintable() else "?"
        for character in text.encode("latin-1", "replace").decode("latin-1")
    )
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."
