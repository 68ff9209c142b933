"""Known numbers, scipy's numbers, and what must hold of any two models."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score, log_loss

from common.evaluation import metrics, paired

counts = st.integers(0, 60)


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1 / 2),
        (0, 1, 1.0),
        (5, 0, 1 / 32),
        (3, 1, 5 / 16),
        (8, 2, 56 / 1024),
        (2, 8, 1013 / 1024),
    ],
)
def test_mcnemar_by_hand(wins, losses, p):
    assert paired.mcnemar_p(wins, losses) == pytest.approx(p, rel=1e-12)


@given(counts, counts)
@settings(max_examples=100)
def test_mcnemar_is_the_sum_of_the_binomial_tail(wins, losses):
    n = wins + losses
    tail = Fraction(sum(math.comb(n, k) for k in range(wins, n + 1)), 2**n)
    assert paired.mcnemar_p(wins, losses) == pytest.approx(float(tail), rel=1e-12)


def test_mcnemar_on_the_textbook_table():
    # Sum of the binomial tail for 25 of 31 discordant pairs, one-sided.
    expected = float(stats.binom.sf(24, 31, 0.5))
    assert paired.mcnemar_p(25, 6) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # R: p.adjust(..., "holm")
        ([0.5], [0.5]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([], []),
    ],
)
def test_holm_as_r_adjusts(p_values, adjusted):
    assert paired.holm(p_values) == pytest.approx(adjusted, rel=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_never_lowers_a_p_value(p_values):
    adjusted = paired.holm(p_values)
    assert all(a >= p or a == pytest.approx(p) for a, p in zip(adjusted, p_values, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


@pytest.mark.parametrize(
    ("correct", "rows", "low", "high"),
    # Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_as_published(correct, rows, low, high):
    assert metrics.wilson_interval(correct, rows) == pytest.approx((low, high), abs=5e-5)


def labels(numbers):
    return np.array(["a", "b", "c"], object)[numbers]


@pytest.mark.slow
def test_drawing_triples_is_drawing_rows():
    random = np.random.default_rng(0)
    true, first, second = (labels(random.integers(0, 3, 300)) for _ in range(3))
    found = paired.macro_f1_difference(true, first, second)
    differences = []
    for _ in range(1500):
        rows = random.integers(0, 300, 300)
        scores = [
            f1_score(true[rows], answers[rows], average="macro", labels=["a", "b", "c"])
            for answers in (first, second)
        ]
        differences.append(scores[1] - scores[0])
    assert found == pytest.approx(np.quantile(differences, (0.025, 0.975)), abs=0.012)


@pytest.mark.parametrize(
    "difference", [paired.macro_f1_difference], ids=lambda function: function.__name__
)
def test_a_model_does_not_differ_from_itself(difference):
    true, answers = labels([0, 1, 2, 0, 1]), labels([0, 1, 1, 0, 2])
    assert difference(true, answers, answers) == (0, 0)
    proba = np.array([0.5, 0.9, 0.1])
    assert paired.log_loss_difference(proba, proba) == (0, 0)
    sure = np.array([True, False, True]), np.array([0.9, 0.6, 0.7])
    assert paired.calibration_difference(sure, sure) == pytest.approx((0, 0), abs=1e-6)


def test_the_log_loss_interval_is_scipys_paired_one():
    random = np.random.default_rng(1)
    first, second = random.uniform(0.05, 1, 200), random.uniform(0.05, 1, 200)
    expected = stats.ttest_rel(-np.log(second), -np.log(first)).confidence_interval(0.95)
    assert paired.log_loss_difference(first, second) == pytest.approx(
        (expected.low, expected.high), rel=1e-12
    )


def test_log_losses_average_to_scikit_learns():
    proba = np.array([0.9, 0.2, 0.6])
    expected = log_loss([1, 0, 1], [0.9, 0.8, 0.6], labels=[0, 1])
    assert paired.log_losses(proba).mean() == pytest.approx(expected, rel=1e-12)


def test_the_calibration_interval_is_about_that_of_drawn_rows():
    random = np.random.default_rng(2)
    confidence = random.uniform(0.5, 1, 2000)
    good = random.uniform(size=2000) < confidence
    bad = random.uniform(size=2000) < confidence - 0.15
    found = paired.calibration_difference((good, confidence), (bad, confidence))
    drawn = []
    for _ in range(600):
        rows = random.integers(0, 2000, 2000)
        errors = [
            metrics.expected_calibration_error(right[rows], confidence[rows])
            for right in (good, bad)
        ]
        drawn.append(errors[1] - errors[0])
    assert found == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.01)
    assert found[0] > 0.05


def test_a_single_row_says_nothing():
    one = np.array([0.4])
    assert paired.log_loss_difference(one, one / 2) == (-math.inf, math.inf)
    sure = np.array([True]), one
    assert paired.calibration_difference(sure, sure) == (-math.inf, math.inf)
    assert paired.macro_f1_difference(*[labels([0])] * 3) == (0, 0)


@pytest.mark.slow
def test_hundreds_of_classes_are_compared_within_small_memory():
    random = np.random.default_rng(3)
    names = np.array([f"class {k}" for k in range(300)], object)
    true, first, second = (names[random.integers(0, 300, 20_000)] for _ in range(3))
    low, high = paired.macro_f1_difference(true, first, second)
    assert -0.01 < low < high < 0.01
