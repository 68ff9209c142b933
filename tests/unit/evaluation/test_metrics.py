import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as reference

from common.evaluation import metrics

NAMES = np.array(["angry", "calm", "other thing", "zzz", "Ünsure"], object)
exactly = {"rel": 1e-12, "abs": 1e-12}


@st.composite
def answers(draw):
    """True and predicted classes of a few rows, and the classes; some may not occur."""
    classes = NAMES[: draw(st.integers(2, len(NAMES)))]
    rows = draw(st.integers(1, 30))
    numbers = st.lists(st.integers(0, len(classes) - 1), min_size=rows, max_size=rows)
    return classes[draw(numbers)], classes[draw(numbers)], list(classes)


@st.composite
def scored(draw):
    """True classes and probabilities of a few rows, and the classes; some may not occur."""
    true, _, classes = draw(answers())
    row = st.lists(st.integers(0, 20), min_size=len(classes), max_size=len(classes)).filter(any)
    weights = np.array(draw(st.lists(row, min_size=len(true), max_size=len(true))), float)
    return true, weights / weights.sum(axis=1, keepdims=True), classes


def truth_of(true, classes):
    return np.array([[label == name for name in classes] for label in true])


@given(answers())
@settings(max_examples=50)
def test_confusion_counts_are_scikit_learns(case):
    true, predicted, classes = case
    found = metrics.confusion_counts(true, predicted, classes)
    expected = reference.confusion_matrix(true, predicted, labels=classes)
    assert found.tolist() == expected.tolist()


@given(answers())
@settings(max_examples=100)
def test_class_metrics_are_scikit_learns_for_the_classes_that_occur(case):
    true, predicted, classes = case
    found = metrics.class_metrics(metrics.confusion_counts(true, predicted, classes), classes)
    occurring = [name for name in classes if name in set(true) | set(predicted)]
    expected = reference.precision_recall_fscore_support(
        true, predicted, labels=occurring, zero_division=np.nan
    )
    assert list(found) == occurring
    for name, precision, recall, f1, support in zip(occurring, *expected, strict=True):
        row = found[name]
        assert (row.precision, row.recall, row.f1, row.support) == pytest.approx(
            (precision, recall, f1, support), nan_ok=True, **exactly
        )


@given(answers())
@settings(max_examples=100)
def test_confusion_metrics_are_scikit_learns(case):
    true, predicted, classes = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": reference.accuracy_score(true, predicted),
            "balanced_accuracy": reference.balanced_accuracy_score(true, predicted),
        }
        for average in ("macro", "weighted"):
            for name in ("precision", "recall", "f1"):
                score = getattr(reference, f"{name}_score")
                expected[f"{name}_{average}"] = score(
                    true, predicted, average=average, zero_division=0
                )
    confusion = metrics.confusion_counts(true, predicted, classes)
    assert metrics.confusion_metrics(confusion, classes) == pytest.approx(expected, **exactly)


@given(scored())
@settings(max_examples=50)
def test_log_loss_is_scikit_learns(case):
    true, proba, classes = case
    expected = reference.log_loss(true, proba, labels=classes)
    found = metrics.probability_metrics(true, proba, classes)["log_loss"]
    assert found == pytest.approx(expected, **exactly)


@given(scored())
@settings(max_examples=50)
def test_brier_score_is_scikit_learns(case):
    true, proba, classes = case
    expected = reference.brier_score_loss(true, proba, labels=classes, scale_by_half=False)
    found = metrics.probability_metrics(true, proba, classes)["brier"]
    assert found == pytest.approx(expected, **exactly)


@given(scored())
@settings(max_examples=50)
def test_areas_under_curves_are_scikit_learns_over_the_classes_that_occur(case):
    true, proba, classes = case
    found = metrics.probability_metrics(true, proba, classes)
    truth = truth_of(true, classes)
    occurs = [k for k in range(len(classes)) if truth[:, k].any()]
    if len(occurs) < 2:
        assert not {"roc_auc", "pr_auc"} & set(found)
        return
    if len(classes) == 2:
        roc = reference.roc_auc_score(truth[:, 1], proba[:, 1])
        pr = reference.average_precision_score(truth[:, 1], proba[:, 1])
    elif len(occurs) == len(classes):
        roc = reference.roc_auc_score(true, proba, multi_class="ovr", labels=classes)
        pr = reference.average_precision_score(truth, proba)
    else:
        roc = np.mean([reference.roc_auc_score(truth[:, k], proba[:, k]) for k in occurs])
        pr = reference.average_precision_score(truth[:, occurs], proba[:, occurs])
    assert (found["roc_auc"], found["pr_auc"]) == pytest.approx((roc, pr), **exactly)


def test_a_truth_of_a_single_class_has_no_area_but_all_else():
    true = np.array(["calm", "calm"], object)
    found = metrics.probability_metrics(true, np.array([[0.5, 0.5], [0.25, 0.75]]), NAMES[:2])
    assert set(found) == {"log_loss", "brier", "ece"}
    assert found["log_loss"] == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)


def test_a_perfect_model_has_nothing_to_lose():
    true, proba = NAMES[[0, 1, 2, 1]], np.eye(3)[[0, 1, 2, 1]]
    found = metrics.probability_metrics(true, proba, list(NAMES[:3]))
    assert found == pytest.approx({"log_loss": 0, "brier": 0, "ece": 0, "roc_auc": 1, "pr_auc": 1})


def test_calibration_error_by_hand():
    correct = np.array([True, False, True, True, False])
    confidence = np.array([0.55, 0.6, 0.9, 1.0, 0.95])
    # Bins of a fifth: (0.4, 0.6] has two rows, half right; (0.8, 1] has three, two right.
    expected = 2 / 5 * abs(0.575 - 0.5) + 3 / 5 * abs(0.95 - 2 / 3)
    assert metrics.expected_calibration_error(correct, confidence, 5) == pytest.approx(expected)


def test_a_confidence_on_the_border_of_two_bins_belongs_to_the_lower_one():
    correct, confidence = np.array([True, False]), np.array([0.5, 0.6])
    assert metrics.expected_calibration_error(correct, confidence, 2) == pytest.approx(0.55)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40))
@settings(max_examples=100)
def test_calibration_error_is_a_share(rows):
    correct, confidence = (np.array(column) for column in zip(*rows, strict=True))
    error = metrics.expected_calibration_error(correct, confidence)
    assert -1e-12 <= error <= 1 + 1e-12
    assert error >= abs(confidence.mean() - correct.mean()) - 1e-9


@pytest.mark.parametrize(
    ("correct", "rows", "interval"),
    [(8, 10, (0.4902, 0.9433)), (0, 10, (0, 0.2775)), (10, 10, (0.7225, 1))],
)
def test_wilson_interval_by_hand(correct, rows, interval):
    assert metrics.wilson_interval(correct, rows) == pytest.approx(interval, abs=5e-5)


@settings(max_examples=200)
@given(st.integers(1, 10**7), st.floats(0, 1), st.floats(0.5, 0.999))
def test_wilson_interval_is_scipy_s(rows, share, confidence):
    correct = round(share * rows)
    theirs = binomtest(correct, rows).proportion_ci(confidence, method="wilson")
    ours = metrics.wilson_interval(correct, rows, confidence)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)
