import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contest import Rule, against_champion, first_model, mcnemar_p, no_contest

THRESHOLDS = (-1.0, -0.05, 0.0, 1e-05, 0.001, 0.005, 0.05, 0.1, 0.3, 1.0)
counts = st.integers(0, 60)


def contest(only_challenger, only_champion, both, rows, threshold=0.05):
    return against_champion(only_challenger, only_champion, both, rows, threshold)


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
    assert mcnemar_p(wins, losses) == pytest.approx(p, rel=1e-12)


@given(counts, counts)
@settings(max_examples=100, deadline=None)
def test_mcnemar_is_the_sum_of_the_binomial_tail(wins, losses):
    n = wins + losses
    tail = Fraction(sum(math.comb(n, k) for k in range(wins, n + 1)), 2**n)
    assert mcnemar_p(wins, losses) == pytest.approx(float(tail), rel=1e-9)


@pytest.mark.parametrize("rows", [20, 100, 1_000, 1_000_000])
def test_a_gain_of_exactly_the_threshold_does_not_promote(rows):
    champion, challenger = rows * 80 // 100, rows * 85 // 100
    verdict = contest(challenger - champion, 0, champion, rows)
    assert not verdict.promote
    assert verdict.outcome == "rejected"


@pytest.mark.parametrize("rows", [20, 100, 1_000, 1_000_000])
def test_one_row_more_than_the_threshold_promotes(rows):
    champion, challenger = rows * 80 // 100, rows * 85 // 100
    verdict = contest(challenger - champion + 1, 0, champion, rows)
    assert verdict.promote
    assert verdict.outcome == "promoted"


@pytest.mark.parametrize("threshold", [0, 0.0, 0.005])
def test_an_equal_challenger_does_not_replace_the_champion(threshold):
    assert not contest(4, 4, 80, 100, threshold).promote


def test_with_threshold_zero_one_row_is_enough():
    assert contest(5, 4, 80, 100, 0.0).promote


@pytest.mark.parametrize(("losses", "promoted"), [(1, True), (2, False), (3, False)])
def test_a_negative_threshold_lets_a_slightly_worse_challenger_win(losses, promoted):
    assert contest(0, losses, 80, 100, -0.02).promote is promoted


@given(counts, counts, counts, counts, st.sampled_from(THRESHOLDS))
@settings(max_examples=100, deadline=None)
def test_promotes_where_the_exact_gain_is_greater_than_the_threshold(
    wins, losses, both, neither, threshold
):
    rows = wins + losses + both + neither + 1
    gain = Fraction(both + wins, rows) - Fraction(both + losses, rows)
    verdict = contest(wins, losses, both, rows, threshold)
    assert verdict.promote == (gain > Fraction(repr(threshold)))


@given(st.integers(0, 1000), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_a_thousandth_is_compared_as_it_is_written(champion, challenger):
    gain = max(challenger - champion, 0)
    verdict = contest(gain, 0, 0, 1000, gain / 1000)
    assert not verdict.promote


def test_the_verdict_shows_both_accuracies_the_gain_and_what_was_required():
    reason = contest(7, 4, 80, 100, 0.05).reason
    assert reason.startswith("champion stays: ")
    for shown in ("0.8700", "0.8400", "100", "+0.0300", "0.05"):
        assert shown in reason


def test_the_verdict_of_a_winner_names_a_new_champion():
    assert contest(9, 1, 80, 100, 0.05).reason.startswith("new champion: ")


def test_only_the_rule_on_accuracy_decides():
    verdict = against_champion(9, 1, 80, 100, 0.05, {"macro-F1": (0.9, 0.1)})
    accuracy, f1, mcnemar = verdict.rules
    assert verdict.promote
    assert (accuracy.champion, accuracy.challenger) == (0.81, 0.89)
    assert (accuracy.passed, f1.passed, mcnemar.passed) == (True, None, None)
    assert f1.difference == pytest.approx(-0.8)
    assert mcnemar.challenger == pytest.approx(11 / 1024)
    assert mcnemar.difference is None


@pytest.mark.parametrize(("champion", "challenger"), [(None, 0.5), (0.5, None), (None, None)])
def test_a_figure_of_one_side_alone_has_no_difference(champion, challenger):
    assert Rule("x", champion, challenger).difference is None


@pytest.mark.parametrize(("correct", "promoted"), [(69, False), (70, False), (71, True)])
def test_a_first_model_must_beat_the_majority_class(correct, promoted):
    verdict = first_model(correct, 70, 100)
    assert verdict.promote is promoted
    assert verdict.outcome == ("promoted" if promoted else "rejected")
    assert verdict.reason.startswith("first champion" if promoted else "no champion")
    assert verdict.rules[0].passed is promoted


def test_without_a_contest_the_champion_stays():
    verdict = no_contest("no row is shared")
    assert not verdict.promote
    assert verdict.reason == "champion stays: no row is shared"
