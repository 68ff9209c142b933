"""Figures are drawn without a warning, whatever the classes are called."""

import io
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from common.reports import figures


def scored_rows(classes, rows=40):
    random = np.random.default_rng(1)
    names = np.array(classes, object)
    return names[np.arange(rows) % len(names)], random.dirichlet(np.ones(len(names)), rows)


def png(figure):
    """The figure as it is logged; a warning, such as of a missing glyph, is an error."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(file, format="png", dpi=40)
    return file.getvalue()


CLASSES = {
    "two": ["False", "True"],
    "emoji": ["👍 good", "😡 bad", "日本"],
    "dollars": ["$a$", r"$\frac$", "costs $5"],
    "underscores": ["_private", "__", "a_b^c"],
    "control characters": ["a\tb", "c\nd", "e\x07f"],
    "many": [f"class {k:03}" for k in range(60)],
    "long": ["x" * 200, "y" * 200],
}


@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
def test_figures_are_drawn_without_a_warning_whatever_the_classes_are_called(classes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = figures.figures(*scored_rows(classes, max(40, len(classes))), classes)
    assert set(drawn) == {"confusion_matrix", "roc", "precision_recall", "calibration"}
    for figure in drawn.values():
        assert isinstance(figure, Figure)
        assert png(figure).startswith(b"\x89PNG")


def test_figures_of_a_single_true_class_are_drawn_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        true, proba = np.array(["calm"] * 5, object), np.full((5, 2), 0.5)
        drawn = figures.figures(true, proba, ["angry", "calm"])
    assert all(png(figure) for figure in drawn.values())


@pytest.mark.parametrize("name", ["roc", "precision_recall"])
@pytest.mark.parametrize("classes", [["False", "True"], ["_private", "a_b^c", "$x"]], ids=str)
def test_a_curve_of_each_class_is_named_in_the_legend(name, classes):
    figure = figures.figures(*scored_rows(classes), classes)[name]
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend[-len(classes) :] == classes


def test_curves_of_many_classes_are_those_of_the_most_frequent():
    classes = [f"class {k:02}" for k in range(30)]
    true = np.array(classes + classes[5:15] * 3, object)
    proba = np.random.default_rng(1).dirichlet(np.ones(30), len(true))
    figure = figures.figures(true, proba, classes)["roc"]
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend[-10:] == classes[5:15]
    assert not set(legend) & {*classes[:5], *classes[15:]}


def test_the_confusion_matrix_shows_the_counts():
    classes = ["False", "True"]
    true, proba = np.array(["True"] * 3 + ["False"], object), np.array([[0.1, 0.9]] * 4)
    figure = figures.figures(true, proba, classes)["confusion_matrix"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "1", "0", "3"]


@pytest.mark.parametrize(
    "terms",
    [
        {"False": [("order", 1.5), ("now ?", 1.0)], "True": [("👍", 2.0), ("$5 $", 1.0)]},
        {f"class {k}": [("term", 1.0)] for k in range(40)},
        {"$x": [], "😡": [("a", 0.0)]},
    ],
    ids=["emoji and dollars", "many classes", "few terms"],
)
def test_telling_terms_are_drawn_without_a_warning(terms):
    assert png(figures.telling_terms_figure(terms)).startswith(b"\x89PNG")
