"""Measured accuracy: published intervals, scipy's tests, and how soon a drop is found."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from common.evaluation import two_samples
from common.evaluation.two_samples import Share
from common.monitoring.checks import accuracy
from common.monitoring.checks.accuracy import against_floor, degradation, pooled_against_floor
from common.monitoring.checks.finding import Status
from common.monitoring.checks.severity import escalate

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN


@st.composite
def shares(draw, least=1, most=500):
    rows = draw(st.integers(least, most))
    return Share(draw(st.integers(0, rows)), rows)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    # Newcombe, Interval Estimation for the Difference between Independent Proportions, 1998,
    # table II, method 10, contrasts (a) to (h).
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_intervals_of_a_difference_as_published(first, second, low, high):
    found = two_samples.share_difference(Share(*first), Share(*second))
    assert found == pytest.approx((low, high), abs=5e-5)


@given(shares(), shares())
@settings(max_examples=100)
def test_the_interval_encloses_the_difference_and_mirrors(first, second):
    low, high = two_samples.share_difference(Share(*first), Share(*second))
    difference = first[0] / first[1] - second[0] / second[1]
    assert -1 - 1e-9 <= low <= difference + 1e-9
    assert difference - 1e-9 <= high <= 1 + 1e-9
    mirrored = two_samples.share_difference(second, first)
    assert mirrored == pytest.approx((-high, -low), abs=1e-9)


@given(shares(), shares())
@settings(max_examples=100)
def test_a_higher_share_is_tested_as_scipy_tests_it(first, second):
    table = [[first[0], first[1] - first[0]], [second[0], second[1] - second[0]]]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    assert two_samples.higher_share_p(first, second) == pytest.approx(expected, rel=1e-6)


def test_values_that_are_all_alike_are_not_shifted():
    assert two_samples.shift_p(np.zeros(40), np.zeros(50)) == 1
    assert two_samples.shift_p(np.ones(40), np.zeros(50), "greater") < 1e-9


@pytest.mark.parametrize(
    ("correct", "rows", "status"),
    [
        (0, 0, UNKNOWN),
        (29, 29, UNKNOWN),
        (15, 29, CRITICAL),
        (24, 30, OK),
        (23, 30, WARNING),
        (17, 30, CRITICAL),
        (80, 100, OK),
        (79, 100, WARNING),
        (72, 100, CRITICAL),
    ],
)
def test_status_against_the_floor(correct, rows, status):
    finding = against_floor(Share(correct, rows), 0.8)
    assert finding.status is status
    assert (finding.rows, finding.limit) == (rows, 0.8)


@given(shares(30), st.floats(0.01, 0.99))
@settings(max_examples=100)
def test_critical_against_the_floor_means_the_upper_bound_is_below_it(share, floor):
    finding = against_floor(share, floor)
    assert (finding.status is CRITICAL) == (two_samples.upper_bound(share) < floor)
    if finding.status is OK:
        assert share[0] / share[1] >= floor


def test_five_windows_together_show_what_none_of_them_does():
    windows = [Share(82, 100)] * 5
    assert against_floor(Share(82, 100), 0.85).status is WARNING
    finding = pooled_against_floor(windows, 0.85)
    assert finding.status is CRITICAL
    assert finding.rows == 500
    assert finding.value == pytest.approx(0.82)


def test_older_windows_and_empty_ones_do_not_count():
    recent = [Share(90, 100)] * 5
    finding = pooled_against_floor(
        [Share(0, 1000), *recent[:3], Share(0, 0), *recent[3:], Share(0, 0)], 0.85
    )
    assert finding.status is OK
    assert finding.rows == 500


def test_a_failure_that_is_mended_is_no_longer_critical():
    failed = [Share(70, 100)] * 4
    assert pooled_against_floor([*failed, Share(84, 100)], 0.85).status is CRITICAL
    mended = pooled_against_floor([*failed, Share(85, 100)], 0.85)
    assert mended.status is OK
    assert "newest" in mended.reason


@pytest.mark.parametrize("windows", [[], [Share(0, 0)]])
def test_no_windows_are_unknown(windows):
    finding = pooled_against_floor(windows, 0.85)
    assert finding.status is UNKNOWN
    assert math.isnan(finding.value)


def test_a_drop_is_judged_by_size_and_by_chance():
    assert degradation(Share(252, 300), Share(1840, 2000)).status is CRITICAL
    assert degradation(Share(260, 300), Share(1840, 2000)).status is WARNING
    assert degradation(Share(270, 300), Share(1840, 2000)).status is OK
    # Beyond any chance, but a point and a half.
    tiny = degradation(Share(90_500, 100_000), Share(92_000, 100_000))
    assert (tiny.status, tiny.detail["p"] < 1e-9) == (OK, True)


def test_a_drop_of_exactly_the_margin_counts():
    assert degradation(Share(90_000, 100_000), Share(92_000, 100_000)).status is CRITICAL


def test_a_small_window_is_never_critical_by_its_drop():
    assert degradation(Share(50, 99), Share(1840, 2000)).status is WARNING
    assert degradation(Share(51, 100), Share(1840, 2000)).status is CRITICAL


@pytest.mark.parametrize(("rows", "holdout"), [(29, 2000), (300, 29), (0, 0)])
def test_few_rows_say_nothing_of_a_drop(rows, holdout):
    assert degradation(Share(0, rows), Share(holdout, holdout)).status is UNKNOWN


@given(shares(30), shares(30, 3000))
@settings(max_examples=100)
def test_critical_is_beyond_chance_and_one_more_right_answer_never_makes_it_worse(now, holdout):
    finding = degradation(now, holdout)
    if finding.status is CRITICAL:
        assert finding.upper < 0
        assert finding.value <= finding.limit + 1e-9
    if now.part < now.rows:
        assert degradation(Share(now.part + 1, now.rows), holdout).status <= finding.status


def test_every_reason_has_the_numbers():
    assert "0.8400" in degradation(Share(252, 300), Share(1840, 2000)).reason
    assert "300 rows" in degradation(Share(252, 300), Share(1840, 2000)).reason
    assert "floor 0.85" in against_floor(Share(252, 300), 0.85).reason


def runs_with(random, accuracies, rows=300, holdout_rows=2000):
    """(against the floor, pooled, degradation) statuses a day, of a model of .92 on its holdout."""
    holdout = int(random.binomial(holdout_rows, 0.92))
    windows, degraded, found = [], [], []
    for truth in accuracies:
        n = rows if isinstance(rows, int) else int(random.integers(*rows))
        windows.append(Share(int(random.binomial(n, truth)), n))
        degraded.append(degradation(windows[-1], Share(holdout, holdout_rows)).status)
        pooled = pooled_against_floor(windows, 0.85).status
        found.append((against_floor(windows[-1], 0.85).status, pooled, escalate(degraded)))
    return np.array(found)


def test_a_drop_of_eight_points_is_critical_within_two_days():
    random = np.random.default_rng(101)
    found = 0
    for _ in range(200):
        days = runs_with(random, [0.92] * 3 + [0.84] * 2)
        found += (days[3:] == CRITICAL).any()
    assert found >= 190


@pytest.mark.slow
def test_a_stable_model_is_hardly_ever_critical():
    random = np.random.default_rng(102)
    days = np.concatenate([runs_with(random, [0.92] * 200) for _ in range(10)])
    # Expected in 2,000 days: two; .999 of a Poisson count of two is eight at most.
    assert (days == CRITICAL).any(axis=1).sum() <= 8
    assert (days[:, 0] != OK).sum() == 0
    assert (days[:, 2] != OK).mean() < 0.01


@pytest.mark.slow
def test_small_stable_windows_are_hardly_ever_critical():
    random = np.random.default_rng(103)
    days = np.concatenate([runs_with(random, [0.92] * 200, rows=(20, 61)) for _ in range(10)])
    assert (days == CRITICAL).any(axis=1).sum() <= 10


def test_names_tell_the_findings_apart():
    names = {
        against_floor(Share(80, 100), 0.8).name,
        pooled_against_floor([Share(80, 100)], 0.8).name,
        degradation(Share(80, 100), Share(80, 100)).name,
    }
    assert len(names) == 3
    assert accuracy.POOLED_WINDOWS == 5


def test_a_drop_that_one_window_hardly_shows_is_found_by_five():
    """Accuracy .71 falls by eight points on 300 rows a day: the hard case."""
    random = np.random.default_rng(11)
    found = {1: 0, 5: 0}
    for _ in range(200):
        stable = [Share(int(random.binomial(300, 0.71)), 300) for _ in range(15)]
        fallen = [Share(int(random.binomial(300, 0.63)), 300) for _ in range(5)]
        holdout = Share(int(random.binomial(2000, 0.71)), 2000)
        days = [
            accuracy.degradation(fallen[k], holdout, [*stable, *fallen[:k]]).status
            for k in range(5)
        ]
        found[1] += days[0] is CRITICAL
        found[5] += CRITICAL in days
    assert found[5] >= 184
    assert found[1] < 140


def test_a_stable_model_is_seldom_critical_in_two_hundred_days():
    random = np.random.default_rng(12)
    critical = 0
    for _ in range(20):
        holdout = Share(int(random.binomial(2000, 0.71)), 2000)
        days = [Share(int(random.binomial(300, 0.71)), 300) for _ in range(200)]
        critical += any(
            accuracy.degradation(days[k], holdout, days[max(0, k - 20) : k]).status is CRITICAL
            for k in range(200)
        )
    assert critical <= 4


def test_days_that_vary_by_themselves_are_counted_for_less():
    random = np.random.default_rng(13)
    days = [Share(int(random.binomial(300, p)), 300) for p in random.normal(0.8, 0.05, 21)]
    assert accuracy.overdispersion(days) > 2
    alike = [Share(int(random.binomial(300, 0.8)), 300) for _ in range(21)]
    assert accuracy.overdispersion(alike) < 2.5


def test_a_lucky_day_in_a_decline_does_not_end_it():
    windows = [Share(112, 150), Share(113, 150), Share(111, 150), Share(112, 150), Share(121, 150)]
    assert windows[-1].value > 0.8
    assert accuracy.pooled_against_floor(windows, 0.8).status is CRITICAL
