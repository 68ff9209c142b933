"""A challenger's answers must cost less, beyond chance, where the rule `cost` decides."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from common.evaluation import paired
from common.evaluation.costs import LOOK, CostRules
from common.evaluation.routing import Promise
from common.training import cost, coverage
from common.training.contest import Answers, Policy, against_champion
from common.training.cost import CostFigures
from common.training.decided import decided

CLASSES = ("other", "urgent")
DEAR = CostRules({("urgent", "other"): 10.0, ("*", LOOK): 0.8})
counts = st.integers(0, 30)


def answers(p_urgent):
    proba = np.column_stack([1 - np.asarray(p_urgent), p_urgent])
    return Answers(np.array(CLASSES, object)[proba.argmax(axis=1)], proba)


def policy_of(given=DEAR, required=("cost",)):
    return Policy(0.0, 0.05, required, 30, costs=given)


def judged(true, champion, challenger, **policy):
    (rule,) = cost.rules(true, champion, challenger, CLASSES, policy_of(**policy))
    return rule


def rows(urgent, other):
    return np.array(["urgent"] * urgent + ["other"] * other, object)


def test_fewer_dear_mistakes_pass_though_there_are_more_in_all():
    """The champion misses 10 urgent messages, at 10 each; the challenger errs 30 times, at 1."""
    true = rows(100, 900)
    champion = answers([0.9] * 90 + [0.001] * 10 + [0.001] * 900)
    challenger = answers([0.9] * 100 + [0.9] * 30 + [0.001] * 870)
    found = judged(true, champion, challenger)
    assert (found.champion, found.challenger) == pytest.approx((100, 30))
    assert found.passed
    assert found.blocks
    assert not judged(true, challenger, champion).passed
    # Where all mistakes cost alike, the challenger's are dearer.
    assert not judged(true, champion, challenger, given=CostRules({})).passed
    held = against_champion(
        true,
        champion,
        challenger,
        CLASSES,
        "other",
        policy_of(required=("cost",)),
        settled=[found],
    )
    assert held.promote
    assert held.grounds.endswith("of -0.0200; cost per 1,000 messages 30.0 against 100.0")
    required = policy_of(required=("accuracy", "cost"))
    assert not against_champion(
        true, champion, challenger, CLASSES, "other", required, settled=[found]
    ).promote


def test_a_person_s_look_is_paid_instead_of_the_answer():
    """At 10 for a miss a look at .8 pays between .08 and .2 of probability."""
    found = judged(rows(10, 90), answers([0.15] * 100), answers([0.5] * 10 + [0.001] * 90))
    assert (found.champion, found.challenger) == pytest.approx((800, 0))


def test_the_same_answers_pass_nothing():
    same = answers([0.9] * 50 + [0.1] * 50)
    found = judged(rows(50, 50), same, same, required=())
    assert not found.passed
    assert not found.blocks, "it is reported"
    assert cost.rules(rows(50, 50), same, same, CLASSES, policy_of(None)) == []


def test_a_class_that_a_model_does_not_know_is_never_its_answer():
    """It would be the cheapest: a right one costs 0, and a wrong one nothing either."""
    given = CostRules({("*", "new"): 0.0})
    classes = ("new", *CLASSES)
    proba = np.column_stack([np.zeros(3), [0.9, 0.2, 0.5], [0.1, 0.8, 0.5]])
    found = decided(given, proba, classes)
    assert found.best.tolist() == [1, 2, 1]
    assert found.confidence.tolist() == [0.9, 0.8, 0.5]


@settings(deadline=None, max_examples=25)
@given(counts, counts, st.floats(0.01, 100))
def test_where_mistakes_cost_alike_it_is_mcnemar(wins, losses, size):
    champion = np.concatenate([np.full(wins, size), np.zeros(losses + 5)])
    challenger = np.concatenate([np.zeros(wins), np.full(losses, size), np.zeros(5)])
    assert paired.cheaper_p(champion, challenger) == paired.mcnemar_p(wins, losses)


def test_where_they_do_not_it_is_the_share_of_all_signs():
    """All 2^10 ways to give the two costs of each row to the two models, by enumeration."""
    difference = np.array([5.0, 5, -1, 2, 0.5, -0.5, 3, 1, -2, 1])
    signs = 1 - 2 * ((np.arange(1024)[:, None] >> np.arange(10)) & 1)
    exact = ((signs @ np.abs(difference)) >= difference.sum()).mean()
    found = paired.cheaper_p(10 + difference, np.full(10, 10.0))
    assert found == pytest.approx(exact, abs=0.01)
    # Of many rows it is the paired t-test.
    random = np.random.default_rng(3)
    many = random.choice([-1, 0, 0, 0, 1, 5, -5], 4000) + 0.05 * random.choice([0, 1], 4000)
    t = stats.ttest_1samp(many, 0, alternative="greater").pvalue
    assert paired.cheaper_p(many, np.zeros(4000)) == pytest.approx(t, abs=0.015)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_few_rows_that_differ_are_chance(rows):
    assert paired.cheaper_p(np.full(rows, 7.0), np.zeros(rows)) == 0.5**rows


def test_equally_dear_challengers_pass_as_rarely_as_chance_has_it():
    """Costs of 1, 1, 1, 5 and 10; 5 % of 400 are 20, give or take 9."""
    random = np.random.default_rng(8)
    passed = 0
    for _ in range(400):
        mistakes = random.random((2, 500)) < 0.2
        paid = mistakes * random.choice([1, 1, 1, 5, 10], (1, 500))
        passed += paired.cheaper_p(*paid.astype(float)) <= 0.05
    assert passed <= 29


def test_coverage_counts_what_costs_leave_automatic():
    policy = replace(policy_of(required=()), promise=Promise(0.9))
    true = rows(0, 400)
    # Both are always right; a look at .8 pays for the champion's answers, not for the challenger's.
    sides = answers([0.1] * 200 + [0.01] * 200), answers([0.01] * 400)
    (found,) = coverage.rules(true, *sides, CLASSES, np.ones(400, bool), policy)
    assert (found.champion, found.challenger) == (0.5, 1)
    (plain,) = coverage.rules(
        true, *sides, CLASSES, np.ones(400, bool), replace(policy, costs=None)
    )
    assert (plain.champion, plain.challenger) == (1, 1)


@pytest.mark.parametrize(
    ("people", "champion", "told"),
    [
        (None, None, "Cost per 1,000 messages: 210.0 by the model (800 holdout rows)."),
        (
            None,
            1240.0,
            "Cost per 1,000 messages: 210.0 by the model; 1,240.0 by the champion "
            "(800 holdout rows).",
        ),
    ],
)
def test_what_it_comes_to_is_one_sentence(people, champion, told):
    figures = CostFigures(CostRules({}), 800, 210.0, 0.0, 210.0, people, champion)
    assert figures.sentence() == told
