"""Predicted classes, confidences, data quality, estimates without labels."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from common.evaluation.two_samples import Share
from common.monitoring.checks import distribution, estimated, quality
from common.monitoring.checks.finding import Status

counts = st.lists(st.integers(0, 500), min_size=2, max_size=8)


def test_psi_by_hand():
    before, now = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.3])
    expected = -0.1 * math.log(0.8) + 0.1 * math.log(1.5)
    assert distribution.psi(before, now) == pytest.approx(expected, rel=1e-12)
    assert distribution.psi(before, before) == 0


@given(counts)
@settings(max_examples=50)
def test_psi_is_never_negative_and_symmetric(numbers):
    shares = (np.array(numbers) + 1) / (sum(numbers) + len(numbers))
    uniform = np.full(len(numbers), 1 / len(numbers))
    found = distribution.psi(uniform, shares)
    assert found >= 0
    assert found == pytest.approx(distribution.psi(shares, uniform), rel=1e-9, abs=1e-15)


def test_the_null_distribution_of_psi_is_yurdakuls():
    # Chi2 tables: 16.919 is the 95 % point with 9 degrees of freedom, so ten classes and 100 rows a
    # side exceed 16.919 (1/100 + 1/100) = .338 in 5 %: far above the trade's .1 and .25.
    random = np.random.default_rng(301)
    uniform = np.full(10, 0.1)
    draws = random.multinomial(400, uniform, (4000, 2)) / 400
    draws = np.maximum(draws, 1e-9)
    found = np.array([distribution.psi(*pair) for pair in draws])
    beyond = found > 16.919 * (1 / 400 + 1 / 400)
    assert beyond.mean() == pytest.approx(0.05, abs=0.02)
    assert found.mean() == pytest.approx(9 * 2 / 400, rel=0.06)


def classes(random, rows, shares):
    drawn = random.multinomial(rows, shares)
    return {f"class {k}": int(n) for k, n in enumerate(drawn) if n}


def test_twenty_classes_of_a_hundred_rows_seldom_alarm():
    random = np.random.default_rng(302)
    uniform = np.full(20, 0.05)
    before = classes(random, 2000, uniform)
    windows = [classes(random, 100, uniform) for _ in range(1500)]
    found = [distribution.predicted_classes(before, window) for window in windows]
    assert np.mean([finding.value > 0.1 for finding in found]) > 0.4  # the trade's cut-off
    assert sum(finding.status == 1 for finding in found) <= 7


def test_other_classes_are_found_and_named():
    random = np.random.default_rng(303)
    before = classes(random, 2000, (0.5, 0.3, 0.2))
    windows = [classes(random, 300, (0.3, 0.5, 0.2)) for _ in range(50)]
    found = [distribution.predicted_classes(before, window) for window in windows]
    assert sum(finding.status == 1 for finding in found) >= 45
    assert {finding.detail["moved"][0]["class"] for finding in found} == {"class 0", "class 1"}


def test_rare_classes_are_counted_together_and_new_ones_are_no_infinite_shift():
    many = {f"rare {k}": 1 for k in range(200)}
    assert distribution.predicted_classes({"a": 2000}, {"a": 300, "new": 2}).status is Status.OK
    finding = distribution.predicted_classes({"a": 1800} | many, {"a": 270} | {"rare x": 30})
    assert finding.status is Status.OK
    finding = distribution.predicted_classes({"a": 2000}, {"b": 300})
    assert finding.status is Status.WARNING
    assert math.isfinite(finding.value)


def test_a_single_class_does_not_differ_and_few_rows_are_unknown():
    assert distribution.predicted_classes({"a": 2000}, {"a": 300}).status is Status.OK
    assert distribution.predicted_classes({"a": 2000}, {"a": 29}).status is Status.UNKNOWN
    assert distribution.predicted_classes({}, {"a": 300}).status is Status.UNKNOWN


def confidences(random, rows, sharp=11.5):
    return random.beta(sharp, 1, rows), np.array(["a", "b"], object)[random.integers(0, 2, rows)]


def test_confidences_are_compared_as_scipy_compares_them():
    random = np.random.default_rng(4)
    (before, _), (now, _) = confidences(random, 2000), confidences(random, 300, 5.0)
    same = np.full(2000, "a", object)
    finding = distribution.confidence(before, now, same, np.full(300, "b", object))
    test = stats.ks_2samp(before, now, method="asymp")
    assert finding.value == pytest.approx(test.statistic)
    assert finding.detail["p"] == pytest.approx(test.pvalue, abs=1e-14)
    assert finding.status is Status.WARNING


def test_a_change_in_one_class_alone_is_found_and_named():
    random = np.random.default_rng(5)
    before, old = confidences(random, 2000)
    now, new = confidences(random, 400)
    now[new == "b"] **= 3
    finding = distribution.confidence(before, now, old, new)
    assert finding.status is Status.WARNING
    assert "class b" in {row["group"] for row in finding.detail["groups"]}
    assert "class a" not in {row["group"] for row in finding.detail["groups"]}


@pytest.mark.slow
def test_confidences_seldom_alarm_for_nothing():
    random = np.random.default_rng(304)
    before, old = confidences(random, 2000)
    alarms = 0
    for _ in range(1500):
        now, new = confidences(random, 300)
        alarms += distribution.confidence(before, now, old, new).status == 1
    assert alarms <= 5  # 0.7 expected


SHARE_FINDINGS = [
    quality.blank,
    quality.duplicates,
    quality.replaced,
    quality.rejected,
    quality.unseen_labels,
]


@pytest.mark.parametrize("finding", SHARE_FINDINGS)
def test_a_share_alarms_when_it_rises_beyond_chance_and_margin(finding):
    assert finding(Share(60, 300), Share(20, 2000)).status is Status.WARNING
    assert finding(Share(3, 300), Share(20, 2000)).status is Status.OK
    assert finding(Share(0, 300), Share(400, 2000)).status is Status.OK
    # Beyond chance, but a tenth of a point.
    assert finding(Share(2_000, 1_000_000), Share(1_000, 1_000_000)).status is Status.OK
    # Five times as much, but of so few rows that it may be chance.
    assert finding(Share(4, 40), Share(40, 2000)).status is Status.OK
    assert finding(Share(29, 29), Share(0, 2000)).status is Status.UNKNOWN
    assert finding(Share(60, 300), Share(0, 29)).status is Status.UNKNOWN


@given(st.integers(0, 299))
@settings(max_examples=30)
def test_one_more_bad_row_never_makes_it_better(part):
    less, more = (quality.blank(Share(part + k, 300), Share(20, 2000)) for k in (0, 1))
    assert less.status <= more.status
    assert less.lower <= less.value <= less.upper


def test_labels_that_become_scarce_or_late_are_found():
    assert quality.label_coverage(Share(120, 300), Share(1200, 2000)).status is Status.WARNING
    assert quality.label_coverage(Share(180, 300), Share(1200, 2000)).status is Status.OK
    assert quality.label_coverage(Share(300, 300), Share(1200, 2000)).status is Status.OK
    random = np.random.default_rng(6)
    before, now = random.exponential(1, 2000), random.exponential(1, 300)
    assert quality.label_delay(now, before).status is Status.OK
    assert quality.label_delay(now + 2, before).status is Status.WARNING
    assert quality.label_delay(now + 0.5, before).status is Status.OK
    assert quality.label_delay(before, before + 2).status is Status.OK
    assert quality.label_delay(now[:29], before).status is Status.UNKNOWN


@pytest.mark.parametrize(("days", "status"), [(0, 0), (7, 0), (7.1, 1), (400, 1)])
def test_no_labels_for_too_long(days, status):
    assert quality.no_labels_for(days, 7).status == status


@pytest.mark.parametrize(("factor", "status"), [(1, 0), (1.1, 0), (2, 1), (0.5, 1)])
def test_longer_and_shorter_messages_are_found(factor, status):
    random = np.random.default_rng(7)
    before, now = random.gamma(4, 25, 2000), random.gamma(4, 25, 300) * factor
    finding = quality.length(now, before)
    assert finding.status == status
    assert finding.value == pytest.approx(factor, rel=0.1)


def test_lengths_that_are_all_alike_do_not_differ():
    assert quality.length(np.full(50, 9), np.full(50, 9)).status is Status.OK
    assert quality.length(np.full(50, 29), np.full(50, 9)).status is Status.WARNING
    assert quality.length(np.full(29, 9), np.full(50, 9)).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("rows", "previous", "status"),
    [
        (300, [300] * 7, 0),
        (151, [300] * 7, 0),
        (149, [300] * 7, 1),
        (601, [300] * 7, 1),
        (0, [300] * 7, 1),
        (0, [0] * 7, 0),
        (300, [300] * 6, 3),
        # Weekends are usual; one odd day before changes nothing.
        (80, [300, 310, 290, 305, 295, 100, 90] * 2, 0),
        (40, [300, 310, 290, 305, 295, 100, 90] * 2, 1),
        (100, [300, 310, 290, 305, 295, 300, 0] + [300] * 7, 1),
        (700, [300, 310, 290, 305, 295, 300, 9000], 1),
        (0, [400, 10, 300, 20, 500, 0, 600], 1),
    ],
)
def test_the_number_of_rows_against_the_usual(rows, previous, status):
    assert quality.row_count(rows, previous).status == status


def holdout(random, rows, drop=0.04, sharp=8.0):
    """Confidences of a model that is surer than it should be, and whether it was right."""
    confidence = random.beta(sharp, 1, rows)
    return confidence, random.random(rows) < confidence - drop


@pytest.mark.slow
def test_the_estimate_is_within_two_points_and_its_interval_covers():
    random = np.random.default_rng(305)
    near, covered = [], 0
    for _ in range(80):
        before, right = holdout(random, 2000)
        now, truth = holdout(random, 300)
        finding = estimated.accuracy(now, estimated.calibrate(before, right), 0.5)
        near.append(finding.value - (now - 0.04).mean())
        covered += finding.lower <= truth.mean() <= finding.upper
    assert np.mean(np.abs(near)) < 0.01
    assert np.quantile(np.abs(near), 0.9) < 0.02
    assert covered >= 72


def test_an_easier_or_harder_mix_moves_the_estimate_where_it_should():
    random = np.random.default_rng(306)
    before, right = holdout(random, 4000)
    now, truth = holdout(random, 4000, sharp=5.0)
    finding = estimated.accuracy(now, estimated.calibrate(before, right), 0.9)
    assert finding.value == pytest.approx(truth.mean(), abs=0.02)
    assert finding.detail["holdout_accuracy"] > finding.value + 0.03
    assert finding.status is Status.WARNING


def test_an_estimate_is_blind_to_changed_meaning_says_so_and_is_never_critical():
    random = np.random.default_rng(307)
    before, right = holdout(random, 2000)
    now, _ = holdout(random, 300)  # whatever the labels would be
    finding = estimated.accuracy(now, estimated.calibrate(before, right), 0.8)
    assert finding.status is Status.OK
    assert "blind" in finding.reason
    assert (
        estimated.accuracy(now, estimated.calibrate(before, right), 0.999).status is Status.WARNING
    )
    assert (
        estimated.accuracy(now[:29], estimated.calibrate(before, right), 0.999).status
        is Status.UNKNOWN
    )
    never_right = estimated.calibrate(before, np.zeros(2000, bool))
    assert estimated.accuracy(np.zeros(50), never_right, 0.5).status == 1


def test_confidences_that_repeat_are_one_level():
    before, right = np.repeat([0.6, 0.9], 500), np.tile([True, True, False, True], 250)
    finding = estimated.accuracy(np.full(100, 0.75), estimated.calibrate(before, right), 0.5)
    assert finding.value == pytest.approx(0.75)
    assert 0.6 < finding.lower < 0.75 < finding.upper < 0.9
