"""How often chance is promoted, and how often a real gain is, over many simulated retrainings."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from common.settings import RULES
from common.training.contest import Answers, Policy, against_champion

CLASSES = ("a", "b", "c")
TRAININGS = 200
EVERY_RULE = Policy(threshold=0.005, significance=0.05, required=RULES, min_rows=30)
EVERY_RULE_AT_THRESHOLD_0 = replace(EVERY_RULE, threshold=0.0)


def labels(numbers):
    return np.array(CLASSES, object)[numbers]


def messages(random, rows):
    """Features (rows, 6) of three overlapping classes, one of them rare, and the classes."""
    numbers = random.choice(3, rows, p=(0.5, 0.4, 0.1))
    centres = np.array([[1, 0, 0, 0.5, 0, 0], [0, 1, 0, 0, 0.5, 0], [0, 0, 1, 0, 0, 0.5]])
    return centres[numbers] + random.normal(0, 0.8, (rows, 6)), numbers


def answers_of_a_fitted_model(random, holdout):
    """A softmax of class means, each fitted on its own sample: real retrainings of one recipe."""
    features, numbers = messages(random, 300)
    means = np.array([features[numbers == k].mean(axis=0) for k in range(3)])
    shares = np.bincount(numbers, minlength=3) / len(numbers)
    scores = (holdout @ means.T - (means**2).sum(axis=1) / 2) / 0.64 + np.log(shares)
    proba = np.exp(scores - scores.max(axis=1, keepdims=True))
    proba /= proba.sum(axis=1, keepdims=True)
    return Answers(labels(proba.argmax(axis=1)), proba)


def swapped(answers, rows, to):
    """The same, but these rows get the classes `to` (numbers), with the confidence they had."""
    proba = answers.proba.copy()
    before = proba[rows].argmax(axis=1)
    proba[rows, before], proba[rows, to] = proba[rows, to].copy(), proba[rows, before].copy()
    return Answers(labels(proba.argmax(axis=1)), proba)


def better(random, answers, numbers):
    """5 % of the rows that were wrong become right, 2 % that were right become wrong."""
    right = answers.predicted == labels(numbers)
    mended = random.choice(np.flatnonzero(~right), round(0.05 * len(right)), replace=False)
    broken = random.choice(np.flatnonzero(right), round(0.02 * len(right)), replace=False)
    after = swapped(answers, mended, numbers[mended])
    return swapped(after, broken, (numbers[broken] + 1) % len(CLASSES))


@pytest.mark.slow
def test_an_equal_challenger_is_promoted_no_more_often_than_the_significance():
    random = np.random.default_rng(20261121)
    promoted = 0
    for _ in range(TRAININGS):
        features, numbers = messages(random, 2000)
        true = labels(numbers)
        champion, challenger = (answers_of_a_fitted_model(random, features) for _ in range(2))
        verdict = against_champion(
            true, champion, challenger, CLASSES, "a", EVERY_RULE_AT_THRESHOLD_0
        )
        promoted += verdict.promote
    assert promoted <= stats.binom.ppf(0.99, TRAININGS, 0.05)


@pytest.mark.slow
def test_a_challenger_that_is_three_points_better_is_promoted_in_most_cases():
    random = np.random.default_rng(7)
    promoted = 0
    for _ in range(TRAININGS):
        features, numbers = messages(random, 2000)
        true = labels(numbers)
        champion = answers_of_a_fitted_model(random, features)
        challenger = better(random, champion, numbers)
        verdict = against_champion(true, champion, challenger, CLASSES, "a", EVERY_RULE)
        promoted += verdict.promote
    assert promoted > 0.8 * TRAININGS
