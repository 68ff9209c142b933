import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from common import monitoring, split, summary
from common.labelled import Batch, Counts
from common.monitoring import Status, accuracy_against_floor, measure, wilson_bounds

Z95 = 1.6448536269514722  # one-sided 95 %, as in tables of the normal distribution


class Loud:
    """Knows two classes, and takes every message with an exclamation mark for a customer's."""

    classes_ = np.array(["False", "True"], object)

    def predict(self, texts):
        return np.array(["True" if "!" in text else "False" for text in texts], object)


def batches(*pairs, size=2):
    chunks = [pairs[i : i + size] for i in range(0, len(pairs), size)]
    for number, chunk in enumerate(chunks, start=1):
        texts, labels = map(list, zip(*chunk, strict=True))
        yield Batch(texts, labels, [], Counts(used=len(chunk), blank=1), bytes_done=100 * number)


@pytest.mark.parametrize(
    ("correct", "rows", "lower", "upper"),
    [
        # By the closed formula which gives the intervals published by Newcombe 1998 (81 of 263:
        # 0.2553 to 0.3662) with z = 1.96, and these with z = 1.6449.
        (81, 263, 0.2633, 0.3566),
        (15, 148, 0.0674, 0.1496),
        (0, 20, 0.0, 0.1192),
        (20, 20, 0.8808, 1.0),
        (1, 29, 0.0077, 0.1407),
    ],
)
def test_wilson_bounds_of_known_shares(correct, rows, lower, upper):
    assert wilson_bounds(correct, rows) == pytest.approx((lower, upper), abs=5e-5)


@st.composite
def shares(draw):
    rows = draw(st.integers(1, 10_000))
    return draw(st.integers(0, rows)), rows


@given(shares())
@settings(max_examples=100, deadline=None)
def test_wilson_bounds_are_where_the_score_test_is_just_passed(share):
    correct, rows = share
    for bound, distance in zip(wilson_bounds(correct, rows), (Z95, -Z95), strict=True):
        if 1e-9 < bound < 1 - 1e-9:
            deviation = math.sqrt(bound * (1 - bound) / rows)
            assert (correct / rows - bound) / deviation == pytest.approx(distance, rel=1e-6)


@given(shares())
@settings(max_examples=50, deadline=None)
def test_wilson_bounds_enclose_the_share_and_mirror(share):
    correct, rows = share
    lower, upper = wilson_bounds(correct, rows)
    assert 0 <= lower <= correct / rows + 1e-12
    assert correct / rows - 1e-12 <= upper <= 1
    assert wilson_bounds(rows - correct, rows) == pytest.approx((1 - upper, 1 - lower), abs=1e-12)


@pytest.mark.parametrize(
    ("correct", "rows", "floor", "status"),
    [
        (0, 0, 0.8, Status.UNKNOWN),
        (1, 1, 0.8, Status.UNKNOWN),
        (29, 29, 0.8, Status.UNKNOWN),
        (22, 29, 0.8, Status.UNKNOWN),
        (15, 29, 0.8, Status.CRITICAL),
        (0, 1, 0.8, Status.CRITICAL),
        (24, 30, 0.8, Status.OK),
        (23, 30, 0.8, Status.WARNING),
        (17, 30, 0.8, Status.CRITICAL),
        (80, 100, 0.8, Status.OK),
        (79, 100, 0.8, Status.WARNING),
        (72, 100, 0.8, Status.CRITICAL),
        (100, 100, 0.999, Status.OK),
        (0, 100, 0.001, Status.WARNING),
    ],
)
def test_status_by_rows_accuracy_and_floor(correct, rows, floor, status):
    assert accuracy_against_floor(correct, rows, floor).status is status


@given(shares(), st.floats(0.01, 0.99))
@settings(max_examples=100, deadline=None)
def test_status_follows_from_rows_accuracy_and_upper_bound(share, floor):
    correct, rows = share
    finding = accuracy_against_floor(correct, rows, floor)
    if finding.upper < floor:
        expected = Status.CRITICAL
    elif rows < 30:
        expected = Status.UNKNOWN
    else:
        expected = Status.WARNING if correct / rows < floor else Status.OK
    assert finding.status is expected
    assert finding.accuracy == correct / rows
    assert (finding.lower, finding.upper) == wilson_bounds(correct, rows)


@given(shares(), st.floats(0.01, 0.99))
@settings(max_examples=50, deadline=None)
def test_one_more_correct_answer_never_makes_it_worse(share, floor):
    correct, rows = share
    assume(rows >= 30 and correct < rows)
    better = accuracy_against_floor(correct + 1, rows, floor)
    assert better.status <= accuracy_against_floor(correct, rows, floor).status


@pytest.mark.parametrize(
    ("rows", "floor"),
    [(100, 0.8), (100, 0.9), (100, 0.95), (100, 0.99), (500, 0.7), (500, 0.99), (2000, 0.8)],
)
def test_a_model_at_the_floor_seldom_raises_critical(rows, floor):
    correct = np.arange(rows + 1)
    critical = [accuracy_against_floor(int(k), rows, floor).status == 2 for k in correct]
    assert binom.pmf(correct, rows, floor)[critical].sum() <= 0.08


def test_an_upper_bound_at_the_floor_is_not_below_it():
    floor = wilson_bounds(70, 100)[1]
    assert accuracy_against_floor(70, 100, floor).status is Status.WARNING


def test_no_rows_have_no_accuracy():
    finding = accuracy_against_floor(0, 0, 0.8)
    assert finding.reason == "no labelled rows"
    assert all(map(math.isnan, (finding.accuracy, finding.lower, finding.upper)))


@pytest.mark.parametrize("correct", [95, 79, 40])
def test_the_reason_names_accuracy_bounds_rows_and_floor(correct):
    finding = accuracy_against_floor(correct, 100, 0.8)
    for shown in (finding.accuracy, finding.lower, finding.upper):
        assert f"{shown:.4f}" in finding.reason
    assert "100 rows" in finding.reason
    assert "floor 0.8" in finding.reason


def test_rows_are_counted_by_true_and_predicted_class():
    messages = ["hi!", "hey!", "ok", "so?", "no"]
    labels = ["True", "False", "False", "True", "False"]
    window = measure(batches(*zip(messages, labels, strict=True)), Loud())
    assert window.classes == ("False", "True")
    assert window.confusion.tolist() == [[2, 1], [1, 1]]
    assert (window.rows, window.correct) == (5, 3)


@pytest.mark.parametrize("label", ["True", "true", "TRUE", " true "])
def test_spellings_of_a_class_count_as_the_one_the_model_knows(label):
    window = measure(batches(("hi!", label)), Loud())
    assert window.classes == ("True",)
    assert (window.rows, window.correct) == (1, 1)


def test_a_class_the_model_does_not_know_appears_and_counts_as_wrong():
    window = measure(batches(("hi!", "True"), ("hm", "maybe")), Loud())
    assert window.classes == ("False", "True", "maybe")
    assert (window.rows, window.correct) == (2, 1)


def test_classes_of_the_model_that_are_no_strings_are_found_too():
    class Counting(Loud):
        classes_ = np.array([0, 1])

        def predict(self, texts):
            return np.array([1 for _ in texts])

    window = measure(batches(("a", "1.0"), ("b", "0")), Counting())
    assert window.confusion.tolist() == [[0, 1], [0, 1]]


def test_only_the_holdout_is_looked_at_where_that_is_asked():
    pairs = [(f"message {k}{'!' * (k % 3)}", str(k % 2 == 0)) for k in range(200)]
    held = split.in_holdout(split.buckets([text for text, _ in pairs]), 20)
    expected = measure(batches(*(pairs[i] for i in np.flatnonzero(held))), Loud())
    window = measure(batches(*pairs), Loud(), holdout_percent=20)
    assert 0 < window.rows == held.sum() < 200
    assert (window.counts.used, window.counts.training) == (window.rows, 200 - window.rows)
    assert window.counts.read == 300
    assert window.confusion.tolist() == expected.confusion.tolist()


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_size_of_batches_changes_nothing(size):
    pairs = [(f"m{k}{'!' * (k % 3)}", str(k % 2 == 0)) for k in range(10)]
    window = measure(batches(*pairs, size=size), Loud())
    assert window.confusion.tolist() == measure(batches(*pairs), Loud()).confusion.tolist()


def test_counts_of_all_batches_are_added_and_progress_is_told_in_steps():
    steps = []
    window = measure(batches(*[("hi!", "True")] * 5), Loud(), advance=steps.append)
    assert (window.counts.used, window.counts.blank, window.counts.read) == (5, 3, 8)
    assert steps == [100, 100, 100]


def test_metrics_of_a_window_are_those_that_are_charted():
    window = measure(batches(("hi!", "True"), ("ok", "True"), ("ok", "False")), Loud())
    finding = accuracy_against_floor(window.correct, window.rows, 0.8)
    metrics = window.metrics(finding)
    assert metrics["accuracy"] == 2 / 3
    assert (metrics["accuracy_lower"], metrics["accuracy_upper"]) == wilson_bounds(2, 3)
    assert (metrics["rows"], metrics["status"]) == (3, Status.UNKNOWN)
    assert metrics["f1_macro"] == pytest.approx(2 / 3)


def test_an_empty_window_is_unknown_and_has_metrics_all_the_same():
    window = measure([], Loud())
    finding = accuracy_against_floor(window.correct, window.rows, 0.8)
    metrics = window.metrics(finding)
    assert (metrics["rows"], metrics["status"]) == (0, Status.UNKNOWN)
    assert math.isnan(metrics["accuracy"])


@pytest.mark.parametrize(
    "pairs",
    [
        [("ok", "True"), ("ok", "False")],  # one class is never answered
        [("hi!", "True"), ("ok", "maybe")],  # one is unknown, one has no rows
        [],
    ],
)
def test_what_is_sent_and_printed_about_a_window_is_strict_json(pairs):
    window = measure(batches(*pairs), Loud())
    finding = monitoring.accuracy_against_floor(window.correct, window.rows, 0.8)
    text, facts = summary.monitoring(finding, window, {"name": "triage", "version": 1}, "a.csv")
    assert json.loads(json.dumps(facts, allow_nan=False))["window"] == "a.csv"
    assert facts["rows"]["read"] == sum(facts["rows"].values()) - facts["rows"]["read"]
    assert "nan" not in text
