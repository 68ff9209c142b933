from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import settings as settings_module
from common.training import contest
from common.training.contest import (
    Answers,
    Policy,
    Rule,
    RuleName,
    against_champion,
    first_model,
    no_contest,
)

THRESHOLDS = (-1.0, -0.05, 0.0, 1e-05, 0.001, 0.005, 0.05, 0.1, 0.3, 1.0)
CLASSES = ("a", "b", "c")
counts = st.integers(0, 60)
RULES = settings_module.RULES


def policy_of(threshold=0.005, required=RULES):
    return Policy(threshold, significance=0.05, required=required, min_rows=30)


ONLY_ACCURACY = policy_of(required=("accuracy",))


def answers(predicted, confidence=0.8):
    predicted = np.array(predicted, object)
    proba = np.full((len(predicted), len(CLASSES)), (1 - confidence) / (len(CLASSES) - 1))
    proba[np.arange(len(predicted)), [CLASSES.index(name) for name in predicted]] = confidence
    return Answers(predicted, proba)


def from_counts(wins, losses, both, neither):
    """Rows of class a that one, both or none of the two get right."""
    champion = ["b"] * wins + ["a"] * losses + ["a"] * both + ["b"] * neither
    challenger = ["a"] * wins + ["b"] * losses + ["a"] * both + ["b"] * neither
    return np.array(["a"] * len(champion), object), answers(champion), answers(challenger)


def judged(wins, losses, both, rows, policy=ONLY_ACCURACY, **other):
    true, champion, challenger = from_counts(wins, losses, both, rows - wins - losses - both)
    return against_champion(true, champion, challenger, CLASSES, "b", policy, **other)


def with_threshold(threshold, *required):
    return policy_of(threshold, required or ("accuracy",))


def rule(verdict, name):
    return next(rule for rule in verdict.rules if rule.name == name)


def test_a_rule_is_called_what_the_setting_calls_it():
    assert get_args(RuleName)[: len(RULES)] == RULES


@pytest.mark.parametrize("rows", [20, 100, 1_000, 100_000])
def test_a_gain_of_exactly_the_threshold_does_not_promote(rows):
    champion, challenger = rows * 80 // 100, rows * 85 // 100
    verdict = judged(challenger - champion, 0, champion, rows, with_threshold(0.05))
    assert not verdict.promote
    assert verdict.outcome == "rejected"


@pytest.mark.parametrize("rows", [20, 100, 1_000, 100_000])
def test_one_row_more_than_the_threshold_promotes(rows):
    champion, challenger = rows * 80 // 100, rows * 85 // 100 + 1
    verdict = judged(challenger - champion, 0, champion, rows, with_threshold(0.05))
    assert verdict.promote
    assert verdict.outcome == "promoted"


@pytest.mark.parametrize("threshold", [0, 0.0, 0.005])
def test_an_equal_challenger_does_not_replace_the_champion(threshold):
    assert not judged(4, 4, 80, 100, with_threshold(threshold)).promote


@pytest.mark.parametrize(("losses", "promoted"), [(1, True), (2, False), (3, False)])
def test_a_negative_threshold_lets_a_slightly_worse_challenger_win(losses, promoted):
    policy = with_threshold(-0.02, "accuracy", "significance")
    assert judged(0, losses, 80, 100, policy).promote is promoted


@given(counts, counts, counts, counts, st.sampled_from(THRESHOLDS))
@settings(max_examples=100)
def test_accuracy_passes_where_the_exact_gain_is_greater_than_the_threshold(
    wins, losses, both, neither, threshold
):
    rows = wins + losses + both + neither + 1
    gain = Fraction(both + wins, rows) - Fraction(both + losses, rows)
    passed = contest.gain(wins, losses, both, rows, threshold).passed
    assert passed == (gain > Fraction(repr(threshold)))


@given(st.integers(0, 1000), st.integers(0, 1000))
@settings(max_examples=100)
def test_a_thousandth_is_compared_as_it_is_written(champion, challenger):
    gain = max(challenger - champion, 0)
    assert not contest.gain(gain, 0, 0, 1000, gain / 1000).passed


def test_the_verdict_shows_both_accuracies_the_gain_and_what_was_required():
    reason = judged(7, 4, 80, 100, with_threshold(0.05)).reason
    assert reason.startswith("champion stays: ")
    for shown in ("0.8700", "0.8400", "100", "+0.0300", "0.05"):
        assert shown in reason


def test_the_verdict_of_a_winner_names_a_new_champion():
    assert judged(9, 1, 80, 100, with_threshold(0.05)).reason.startswith("new champion: ")


def test_a_gain_that_chance_explains_does_not_promote():
    verdict = judged(9, 5, 80, 100, with_threshold(0.005, "accuracy", "significance"))
    assert not verdict.promote
    assert verdict.reason.endswith("but McNemar p (gain by chance) is 0.2120 (required: <= 0.05)")
    assert judged(9, 1, 80, 100, with_threshold(0.005, "accuracy", "significance")).promote


@pytest.mark.parametrize("required", [(), *((name,) for name in RULES), RULES])
def test_all_rules_are_computed_whichever_decide(required):
    true, champion, challenger = from_counts(9, 1, 80, 10)
    groups = np.array(["x", "y"] * 50, object)
    policy = policy_of(required=required)
    verdict = against_champion(true, champion, challenger, CLASSES, "b", policy, groups)
    assert len(verdict.rules) == len(RULES)
    assert {rule.name for rule in verdict.rules} == set(RULES)
    assert all(rule.passed is not None for rule in verdict.rules)
    assert sum(rule.blocks for rule in verdict.rules) == len(required)


def test_without_a_required_rule_nothing_is_promoted():
    verdict = judged(20, 0, 80, 100, policy_of(required=()))
    assert not verdict.promote
    assert "PROMOTE_RULES" in verdict.reason
    assert not first_model(90, 10, 100, policy_of(required=())).promote


def test_a_rule_that_is_not_required_blocks_nothing():
    verdict = judged(9, 5, 80, 100, with_threshold(0.005, "accuracy"))
    assert verdict.promote
    assert rule(verdict, "significance").passed is False


def test_a_challenger_no_better_than_the_majority_class_is_rejected():
    true, champion, challenger = from_counts(9, 1, 80, 10)
    policy = policy_of(required=("majority",))
    assert not against_champion(true, champion, challenger, CLASSES, "a", policy).promote


def classes_apart(drop, support, gain=200, rows=2000):
    """A challenger that loses `drop` rows of class c and wins `gain` rows of class a."""
    true = np.array(["a"] * (rows - support) + ["c"] * support, object)
    champion = true.copy()
    champion[:gain] = "b"
    challenger = true.copy()
    challenger[rows - support : rows - support + drop] = "b"
    return true, answers(champion), answers(challenger)


@pytest.mark.parametrize(
    ("drop", "support", "promoted"),
    [
        (3, 30, False),  # 10 points
        (2, 30, True),  # 6.7 points of few rows: may be chance
        (10, 100, False),  # 10 points
        (8, 100, False),  # 8 points, beyond chance
        (4, 100, True),  # 4 points
        (3, 29, True),  # too few rows to judge
    ],
)
def test_a_class_that_drops_clearly_keeps_the_champion(drop, support, promoted):
    sides = classes_apart(drop, support)
    verdict = against_champion(*sides, CLASSES, "b", policy_of(required=("accuracy", "recall")))
    assert verdict.promote is promoted
    if not promoted:
        assert f"c {100 * drop / support:.1f} points worse" in verdict.reason


def test_a_segment_that_drops_clearly_keeps_the_champion():
    true, champion, challenger = classes_apart(10, 100)
    brands = np.where(np.arange(len(true)) < len(true) - 100, "large", "small").astype(object)
    policy = policy_of(required=("accuracy", "segments"))
    verdict = against_champion(true, champion, challenger, CLASSES, "b", policy, brands)
    assert not verdict.promote
    assert "accuracy per segment" in verdict.reason
    assert "small 10.0 points worse" in verdict.reason


def test_many_classes_that_change_by_chance_are_no_drop():
    random = np.random.default_rng(5)
    groups = np.array([f"class {k}" for k in np.repeat(np.arange(40), 200)], object)
    right = random.uniform(size=(2, len(groups))) < 0.9
    assert contest.recall_per_class(groups, *right).passed


def test_groups_too_small_to_judge_decide_nothing():
    few = np.array(["a"] * 29, object)
    found = contest.recall_per_class(few, np.ones(29, bool), np.zeros(29, bool))
    assert found.passed is None


def test_macro_f1_clearly_lower_keeps_the_champion():
    sides = classes_apart(drop=60, support=100, gain=200)
    verdict = against_champion(*sides, CLASSES, "b", policy_of(required=("accuracy", "macro_f1")))
    assert not verdict.promote
    assert "macro-F1" in verdict.reason


@pytest.mark.parametrize(("confidence", "promoted"), [(0.9, True), (0.4, False)])
def test_probabilities_that_are_clearly_worse_keep_the_champion(confidence, promoted):
    true, champion, challenger = from_counts(200, 20, 1600, 180)
    unsure = answers(challenger.predicted, confidence)
    policy = policy_of(required=("accuracy", "log_loss", "calibration"))
    verdict = against_champion(true, champion, unsure, CLASSES, "b", policy)
    assert verdict.promote is promoted
    if not promoted:
        assert "log loss" in verdict.reason
        assert "calibration (ECE)" in verdict.reason


def test_settled_rules_are_part_of_the_report():
    size = Rule("size", "model size (MB)", 1.0, 3.0)
    broken = Rule("clean_process", "loads in a clean process", None, 0.0, "yes", False)
    assert judged(9, 1, 80, 100, settled=[size]).promote
    assert judged(9, 1, 80, 100, settled=[size]).rules[-1] == size
    assert not judged(9, 1, 80, 100, settled=[broken]).promote


@pytest.mark.parametrize(("correct", "promoted"), [(71, True), (70, False), (10, False)])
def test_a_first_model_must_beat_the_majority_class(correct, promoted):
    verdict = first_model(correct, 70, 100, policy_of())
    assert verdict.promote is promoted
    assert verdict.rules[0].passed is promoted
    assert verdict.rules[0].champion is None
    assert verdict.rules[0].required == "> 0.7000 (majority class)"


@pytest.mark.parametrize(("rows", "provisional"), [(8, True), (29, True), (30, False)])
def test_a_first_champion_of_few_rows_is_provisional(rows, provisional):
    verdict = first_model(rows, 1, rows, policy_of())
    assert verdict.promote
    assert ("provisional" in verdict.decision) is provisional
    assert ("CONTEST_ROWS" in verdict.grounds) is provisional


def test_a_passed_challenger_can_be_left_to_a_person():
    passed = judged(9, 1, 80, 100)
    assert (passed.waiting().promote, passed.waiting().outcome) == (False, "waiting")
    assert passed.reason in passed.waiting().reason
    stays = judged(1, 9, 80, 100)
    assert stays.waiting() == stays


def test_a_champion_that_cannot_be_tested_is_replaced_where_that_was_asked_for():
    first = first_model(90, 50, 100, policy_of())
    verdict = contest.replaced("new champion", "version 3 is gone", first)
    assert verdict.promote
    assert verdict.reason.startswith("new champion")
    assert "version 3 is gone" in verdict.reason
    worse = contest.replaced(
        "new champion", "version 3 is gone", first_model(40, 50, 100, policy_of())
    )
    assert not worse.promote
    assert worse.reason.startswith("champion stays")


def test_no_contest_says_why_and_promotes_nothing():
    verdict = no_contest("nobody came", "invite them")
    assert verdict.ways_out == ("invite them",)
    assert (verdict.promote, verdict.outcome) == (False, "no contest")
    assert "nobody came" in verdict.reason


def test_an_equal_model_is_compared_without_a_warning(recwarn):
    true, champion, _ = from_counts(5, 5, 80, 10)
    verdict = against_champion(true, champion, champion, CLASSES, "b", policy_of())
    assert not verdict.promote
    assert not recwarn
