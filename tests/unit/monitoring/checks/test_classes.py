"""Classes, segments and calibration: scikit-learn's numbers, drawn rows, power, false alarms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from common.evaluation.metrics import expected_calibration_error
from common.evaluation.two_samples import Share
from common.monitoring.checks import calibration, classes, segments
from common.monitoring.checks.finding import Status
from common.monitoring.checks.usual import Figure, PastFigures

NAMES = ["a", "b", "c"]
SHARES = (0.5, 0.3, 0.2)


def confusion(random, rows, accuracy=(0.92, 0.92, 0.92)):
    """Rows of three classes, each right with its own chance."""
    true = random.choice(3, rows, p=SHARES)
    wrong = random.random(rows) >= np.array(accuracy)[true]
    counts = np.zeros((3, 3), np.intp)
    np.add.at(counts, (true, (true + wrong * random.integers(1, 3, rows)) % 3), 1)
    return counts


def labels(counts):
    pairs = [(i, j) for i, j in np.ndindex(*counts.shape) for _ in range(counts[i, j])]
    return tuple(np.array(pairs).T)


matrices = st.lists(st.integers(0, 60), min_size=9, max_size=9).map(
    lambda cells: np.array(cells, np.intp).reshape(3, 3) + np.eye(3, dtype=np.intp)
)


@given(matrices)
@settings(max_examples=50)
def test_macro_f1_is_scikit_learns(counts):
    value, error = classes.macro_f1_and_error(counts)
    assert value == pytest.approx(f1_score(*labels(counts), average="macro"), rel=1e-12)
    assert error >= 0


def test_the_standard_error_is_that_of_drawn_rows():
    random = np.random.default_rng(0)
    counts = confusion(random, 300)
    draws = random.multinomial(300, counts.ravel() / 300, 4000).reshape(-1, 3, 3)
    spread = np.std([classes.macro_f1_and_error(draw)[0] for draw in draws])
    assert classes.macro_f1_and_error(counts)[1] == pytest.approx(spread, rel=0.06)


def test_the_standard_error_by_hand():
    # One class of two never wrong, F1 of the other one too: nothing varies.
    assert classes.macro_f1_and_error(np.diag([40, 60]))[1] == 0
    # Two classes alike: F1 is accuracy here, so its error is that of a share.
    counts = np.array([[40, 10], [10, 40]])
    assert classes.macro_f1_and_error(counts) == pytest.approx((0.8, math.sqrt(0.16 / 100)))


def test_a_class_with_few_rows_does_not_decide_on_macro_f1():
    before = np.array([[95, 5, 0], [5, 95, 0], [0, 0, 100]])
    now = np.array([[95, 5, 0], [5, 95, 0], [10, 10, 0]])
    finding = classes.macro_f1(now, before)
    assert finding.status is Status.OK
    assert finding.detail["classes"] == 2
    enough = now + np.array([[0, 0, 0], [0, 0, 0], [5, 5, 0]])
    assert classes.macro_f1(enough, before).status is Status.WARNING
    assert classes.macro_f1(now // 10, before).status is Status.UNKNOWN


def test_the_class_that_fell_is_named_and_small_ones_are_left_out():
    before = np.array([[950, 50, 0], [50, 950, 0], [0, 0, 30]])
    now = np.array([[95, 5, 0], [35, 65, 0], [29, 0, 0]])
    finding = classes.recall(now, before, NAMES)
    assert finding.status is Status.WARNING
    assert [row["class"] for row in finding.detail["fallen"]] == ["b"]
    assert finding.value == pytest.approx(0.65)
    assert finding.limit == pytest.approx(0.9)
    assert finding.detail["skipped"] == 1


def test_recall_is_unknown_where_no_class_has_rows():
    tiny = np.full((3, 3), 5)
    assert classes.recall(tiny, tiny * 100, NAMES).status is Status.UNKNOWN
    assert classes.recall(tiny * 100, tiny, NAMES).status is Status.UNKNOWN


@given(matrices)
@settings(max_examples=30)
def test_what_is_like_its_reference_never_alarms(counts):
    assert classes.recall(counts, counts, NAMES).status is not Status.WARNING
    assert classes.macro_f1(counts, counts).status is not Status.WARNING


def test_classes_seldom_alarm_for_nothing_and_find_a_drop():
    random = np.random.default_rng(201)
    false, found = np.zeros(2), np.zeros(2)
    for run in range(1500):
        before = confusion(random, 2000)
        now = confusion(random, 300)
        false += [
            classes.macro_f1(now, before).status == 1,
            classes.recall(now, before, NAMES).status == 1,
        ]
        if run < 100:
            worse = confusion(random, 300, (0.92, 0.92, 0.6))
            found += [
                classes.macro_f1(worse, before).status == 1,
                classes.recall(worse, before, NAMES).status == 1,
            ]
    assert (false <= 5).all()  # about 0.7 are expected at most
    assert found[0] >= 60
    assert found[1] >= 85


def test_a_segment_below_the_floor_is_named():
    finding = segments.accuracy({"x": Share(90, 100), "y": Share(60, 100), "z": Share(1, 29)}, 0.85)
    assert finding.status is Status.WARNING
    assert "y" in finding.reason
    assert finding.value == pytest.approx(0.6)
    assert finding.lower < 0.6 < finding.upper < 0.7
    assert [row["segment"] for row in finding.detail["worst"]] == ["y", "x"]
    assert (finding.detail["low"], finding.detail["skipped"]) == (1, 1)
    assert finding.rows == 229


def test_small_segments_are_unknown():
    small = {"x": Share(0, 29), "y": Share(0, 10)}
    assert segments.accuracy(small, 0.85).status is Status.UNKNOWN
    assert segments.accuracy({}, 0.85).status is Status.UNKNOWN


def test_many_segments_are_corrected_for():
    one = {"s0": Share(38, 60)}
    many = {f"s{k}": Share(56, 60) for k in range(1, 200)}
    alone = segments.accuracy(one, 0.85).detail["worst"][0]["p"]
    together = segments.accuracy(one | many, 0.85).detail["worst"][0]["p"]
    assert together == pytest.approx(200 * alone, rel=1e-6)


@pytest.mark.slow
def test_segments_seldom_alarm_for_nothing():
    random = np.random.default_rng(202)
    alarms = 0
    for _ in range(3000):
        right = random.binomial(60, 0.85, 5)
        pairs = {str(k): Share(int(n), 60) for k, n in enumerate(right)}
        alarms += segments.accuracy(pairs, 0.85).status == 1
    assert alarms <= 6  # at most 1.5 expected, though each segment is just at the floor


def answers(random, rows, drop=0.0, sharp=11.5):
    confidence = random.beta(sharp, 1, rows)
    return random.random(rows) < confidence - drop, confidence


def test_the_calibration_error_is_the_one_of_the_model_card():
    random = np.random.default_rng(1)
    now, before = answers(random, 300), answers(random, 2000)
    finding = calibration.calibration(*now, *before)
    assert finding.value == pytest.approx(expected_calibration_error(*now), rel=1e-9)
    assert finding.detail["holdout"] == pytest.approx(expected_calibration_error(*before), rel=1e-9)


def test_a_model_that_was_never_calibrated_does_not_drift():
    random = np.random.default_rng(2)
    before, now = (answers(random, rows, drop=0.2) for rows in (2000, 300))
    finding = calibration.calibration(*now, *before)
    assert finding.value > 0.15
    assert finding.status is Status.OK


def test_confidences_that_the_holdout_never_had_count_as_calibrated():
    random = np.random.default_rng(3)
    before = np.ones(2000, bool), np.full(2000, 0.999)
    confidence = random.uniform(0.4, 0.8, 300)
    assert calibration.calibration(random.random(300) < confidence, confidence, *before).status == 0
    assert calibration.calibration(np.zeros(300, bool), confidence, *before).status == 1


@pytest.mark.parametrize(("rows", "holdout"), [(29, 2000), (300, 29)])
def test_few_rows_have_no_calibration(rows, holdout):
    random = np.random.default_rng(4)
    finding = calibration.calibration(*answers(random, rows), *answers(random, holdout))
    assert finding.status is Status.UNKNOWN


@pytest.mark.slow
def test_calibration_seldom_alarms_for_nothing_and_finds_overconfidence():
    random = np.random.default_rng(203)
    false = found = 0
    for run in range(400):
        before = answers(random, 2000)
        false += calibration.calibration(*answers(random, 300), *before).status == 1
        if run < 60:
            found += calibration.calibration(*answers(random, 300, drop=0.12), *before).status == 1
    assert false <= 3  # 0.2 expected
    assert found >= 45


def test_macro_f1_that_is_usual_is_no_warning_and_a_decline_does_not_become_usual():
    reference = np.array([[900, 100], [100, 900]])
    now = np.array([[170, 30], [30, 170]])
    usually = PastFigures([Figure(0.05 + 0.03 * (-1) ** day, 0.02) for day in range(20)])
    assert classes.macro_f1(now, reference).status is Status.OK, "by the spread of real days"
    fallen = np.array([[160, 40], [40, 160]])
    assert classes.macro_f1(fallen, reference).status is Status.WARNING
    assert classes.macro_f1(fallen, reference, usually).status is Status.OK
    declined = PastFigures([Figure(0.1, 0.02)] * 20)
    assert classes.macro_f1(fallen, reference, declined).status is Status.WARNING
