"""A threshold keeps its promise, reaches nearly what could be reached, and says what it can't."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from common.evaluation.risk_coverage import accuracy_lower, risk_coverage
from common.evaluation.routing import (
    ERROR,
    Promise,
    Routing,
    choose,
    fewest_rows,
)


def answers(n, seed=0, steepness=2.0):
    """Calibrated answers: predicted classes, confidences, whether they are right."""
    rng = np.random.default_rng(seed)
    confidence = 1 - 0.5 * rng.beta(0.5, steepness, n)
    return rng.choice(["a", "b", "c"], n), confidence, rng.random(n) < confidence


def chosen(predicted, confidence, right, promise, first=None):
    first = np.ones(len(right), bool) if first is None else first
    return choose(predicted, confidence, right, promise, first)


def test_fewest_rows_are_those_that_can_keep_a_promise_if_all_are_right():
    for promise in (0.8, 0.9, 0.95, 0.99):
        n = fewest_rows(promise)
        assert stats.binom.sf(n - 1, n, promise) <= ERROR < stats.binom.sf(n - 2, n - 1, promise)


def test_the_lower_bound_is_that_of_clopper_and_pearson():
    for correct, rows in ((0, 10), (7, 10), (10, 10), (930, 1000)):
        found = stats.binomtest(correct, rows, alternative="greater")
        known = found.proportion_ci(confidence_level=0.95, method="exact").low
        assert accuracy_lower(np.array([correct]), np.array([rows]))[0] == pytest.approx(known)


def test_automatic_answers_are_those_at_or_above_the_threshold():
    predicted, confidence, right = answers(4000)
    found = chosen(predicted, confidence, right, Promise(0.95))
    auto = found.automatic(predicted, confidence)
    assert auto.sum() == found.rest.auto
    assert (right & auto).sum() == found.rest.correct
    assert confidence[auto].round(6).min() == found.rest.threshold
    assert found.rest.lower >= 0.95 <= found.accuracy


def test_a_class_with_a_promise_of_its_own_has_a_threshold_of_its_own():
    predicted, confidence, right = answers(12_000)
    found = chosen(predicted, confidence, right, Promise(0.9, {"b": 0.97}))
    assert found.by_class["b"].threshold > found.rest.threshold
    assert found.by_class["b"].lower >= 0.97
    auto = found.automatic(predicted, confidence)
    assert auto.sum() == found.rest.auto + found.by_class["b"].auto
    assert found.error == ERROR / 2
    by_class = found.thresholds(np.array(["a", "b", "c"], object))
    assert by_class.tolist() == [
        found.rest.threshold,
        found.by_class["b"].threshold,
        found.rest.threshold,
    ]


def test_a_class_may_always_go_to_people():
    predicted, confidence, right = answers(4000)
    found = chosen(predicted, confidence, right, Promise(0.95, {"b": 1}))
    auto = found.automatic(predicted, confidence)
    assert not auto[predicted == "b"].any()
    assert auto.any()
    assert found.error == ERROR  # nothing is promised of it
    assert found.problems() == []
    assert "b: always a person" in found.sentence()


def test_copies_are_no_evidence():
    predicted, confidence, right = answers(400)
    copied = tuple(np.tile(side, 20) for side in (predicted, confidence, right))
    first = np.arange(8000) < 400
    assert chosen(*copied, Promise(0.9), first) == chosen(
        predicted, confidence, right, Promise(0.9)
    )


@pytest.mark.parametrize("n", [0, 1, 20])
def test_too_few_messages_promise_nothing_and_say_how_many_are_needed(n):
    found = chosen(*answers(n), Promise(0.95))
    assert not found.automatic(*answers(50)[:2]).any()
    assert f"{n} different holdout messages are too few to promise 0.95: 59" in found.sentence()


def test_a_small_holdout_is_tested_from_the_fewest_messages_on():
    confidence = np.linspace(1, 0.5, 100)
    right = np.array([True] * 90 + [False] * 6 + [True] * 4)
    found = chosen(np.full(100, "a"), confidence, right, Promise(0.95))
    assert (found.rest.auto, found.rest.correct) == (90, 90)
    # Where the surest answer is wrong, no test begins well, and it is said where they began.
    right[0] = False
    found = chosen(np.full(100, "a"), confidence, right, Promise(0.95))
    assert found.rest.auto == 0
    assert "of the 59 most confident answers 98.3% are right" in found.sentence()


def test_a_promise_out_of_reach_says_how_good_the_best_answers_are():
    rng = np.random.default_rng(1)
    confidence, right = rng.uniform(0.5, 1, 3000), rng.random(3000) < 0.7
    found = chosen(np.full(3000, "a"), confidence, right, Promise(0.99))
    assert found.accuracy is None
    assert found.coverage == 0
    assert found.sentence().startswith("Automatic: nothing; no threshold keeps the promise of 0.99")


def test_answers_of_one_confidence_go_together():
    confidence, right = np.full(500, 0.8), np.arange(500) >= 5
    found = chosen(np.full(500, "a"), confidence, right, Promise(0.95))
    assert (found.rest.auto, found.rest.threshold) == (500, 0.8)


@given(
    st.integers(0, 3000),
    st.floats(0.5, 0.999),
    st.integers(0, 2**31),
    st.floats(0.3, 5),
    st.booleans(),
)
def test_what_is_chosen_holds_on_what_it_was_chosen_on(n, promise, seed, steepness, own):
    predicted, confidence, right = answers(n, seed, steepness)
    promises = Promise(promise, {"a": 0.9} if own else {})
    found = chosen(predicted, confidence, right, promises)
    assert found.rows == n
    for group in found.groups.values():
        if group.threshold is None:
            assert group.why_not(found.error)
        else:
            assert not group.why_not(found.error)
            # The exact test at the whole error is the weakest that may decide.
            assert group.lower >= group.promise - 1e-9
    assert Routing.from_json(json.loads(found.to_text())) == found


@given(st.integers(1, 2000), st.integers(0, 2**31))
def test_the_curve_ends_with_the_accuracy_of_all_answers(n, seed):
    _, confidence, right = answers(n, seed)
    curve = risk_coverage(confidence, right)
    assert curve.coverage[-1] == 1
    assert curve.accuracy[-1] == pytest.approx(right.mean())
    assert (curve.lower <= curve.accuracy + 1e-12).all()


WORLDS = {
    # (confidence, chance of being right) of n answers
    "calibrated": lambda c: c,
    "overconfident": lambda c: np.clip(c - 0.6 * (1 - c), 0, 1),
    "modest": lambda c: np.clip(c + 0.6 * (1 - c), 0, 1),
    "jagged": lambda c: np.where((c * 20).astype(int) % 3 == 0, c - 0.1, c),
    "no better than promised": lambda c: np.full(len(c), 0.9),
}


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("rows", [100, 500, 5000])
def test_a_promise_is_broken_in_at_most_5_percent_of_trainings(world, rows):
    """500 holdouts whose labels are drawn from known probabilities."""
    rng, broken = np.random.default_rng(7), 0
    everybody = 1 - 0.5 * rng.beta(0.7, 1.5, 400_000)
    chances = WORLDS[world](everybody)
    for _ in range(500):
        drawn = rng.integers(0, len(everybody), rows)
        right = rng.random(rows) < chances[drawn]
        found = chosen(np.full(rows, "a"), everybody[drawn], right, Promise(0.9))
        auto = everybody.round(6) >= (found.rest.threshold or math.inf)
        broken += bool(auto.any() and chances[auto].mean() < 0.9 - 1e-9)
    assert stats.binomtest(broken, 500, ERROR, alternative="greater").pvalue > 0.01


@pytest.mark.slow
def test_two_promises_are_both_kept_in_95_percent_of_trainings():
    rng, broken = np.random.default_rng(8), 0
    everybody, said = 1 - 0.5 * rng.beta(0.7, 1.5, 200_000), rng.random(200_000) < 0.3
    chances = np.where(said, everybody - 0.05, everybody)
    for _ in range(500):
        drawn = rng.integers(0, len(everybody), 3000)
        predicted = np.where(said[drawn], "critical", "other")
        right = rng.random(3000) < chances[drawn]
        found = chosen(predicted, everybody[drawn], right, Promise(0.9, {"critical": 0.93}))
        auto = found.automatic(np.where(said, "critical", "other"), everybody)
        kept = [
            not (auto & group).any() or chances[auto & group].mean() >= promise
            for group, promise in ((said, 0.93), (~said, 0.9))
        ]
        broken += not all(kept)
    assert stats.binomtest(broken, 500, ERROR, alternative="greater").pvalue > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "points"), [(2000, 7), (5000, 3.5), (20_000, 2)])
def test_coverage_comes_near_that_of_the_best_threshold(rows, points):
    rng = np.random.default_rng(9)
    everybody = np.sort(1 - 0.5 * rng.beta(0.7, 2, 400_000))[::-1]
    known = np.flatnonzero(np.cumsum(everybody) / np.arange(1, 400_001) >= 0.9)[-1] / 400_000
    covered = []
    for _ in range(200):
        confidence = everybody[rng.integers(0, len(everybody), rows)]
        right = rng.random(rows) < confidence
        found = chosen(np.full(rows, "a"), confidence, right, Promise(0.9))
        covered.append((everybody.round(6) >= (found.rest.threshold or math.inf)).mean())
    assert 100 * (known - np.mean(covered)) < points
