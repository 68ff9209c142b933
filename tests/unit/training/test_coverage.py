"""A challenger may not leave more to people beyond chance; thresholds are chosen by chance too."""

import numpy as np
import pytest
from scipy import stats

from common.evaluation.routing import Promise
from common.training import coverage
from common.training.contest import Answers, Policy

CLASSES = ("a", "b")
POLICY = Policy(0.0, 0.05, ("coverage",), 30, promise=Promise(0.95))


def answers(of_a):
    said = np.where(of_a >= 0.5, "a", "b").astype(object)
    return Answers(said, np.column_stack([of_a, 1 - of_a]))


def judged(true, champion, challenger, policy=POLICY):
    sides = answers(champion), answers(challenger)
    (rule,) = coverage.rules(true, *sides, CLASSES, np.ones(len(true), bool), policy)
    return rule


def truth(right):
    return np.where(right, "a", "b").astype(object)


def test_one_answer_that_moves_a_threshold_far_is_no_loss_beyond_chance():
    """400 sure answers are right; of 1,100 less sure ones so many are that all may just go out."""
    most = max(e for e in range(200) if stats.binom.sf(1500 - e - 1, 1500, 0.95) <= 0.05)
    true = truth(np.arange(1500) < 1500 - most)
    champion = np.repeat([0.99, 0.9], [400, 1100])
    challenger = champion.copy()
    challenger[-most - 1] = 0.1  # it says b where a is right, and is as sure
    found = judged(true, champion, challenger)
    assert found.champion == 1
    assert found.challenger < 0.3
    assert found.passed
    assert judged(true, challenger, champion).passed


def test_a_challenger_that_knows_less_of_itself_is_refused():
    confidence = np.linspace(1, 0.5, 2000)
    right = np.arange(2000) < 1700
    random = np.random.default_rng(4)
    found = judged(truth(right), confidence, random.permutation(confidence))
    assert found.champion > 0.8
    assert found.challenger == 0
    assert not found.passed
    assert found.blocks
    assert found.found == "p 0.0025"  # of 399 contests none was as bad
    assert judged(truth(right), random.permutation(confidence), confidence).passed


def test_nothing_promised_is_no_rule():
    policy = Policy(0.0, 0.05, (), 30)
    sides = answers(np.full(10, 0.9)), answers(np.full(10, 0.8))
    rules = coverage.rules(truth(np.ones(10, bool)), *sides, CLASSES, np.ones(10, bool), policy)
    assert rules == []


@pytest.mark.slow
@pytest.mark.parametrize("rows", [300, 2000])
def test_equally_good_challengers_are_refused_as_rarely_as_chance_has_it(rows):
    """200 pairs of models that err alike on most rows; McNemar's test refuses two in five."""
    random, refused = np.random.default_rng(3), 0
    for _ in range(200):
        chance, luck = 1 - 0.5 * random.beta(0.7, 2, rows), random.random(rows)
        pair = []
        for _ in range(2):
            sure = np.clip(chance + random.normal(0, 0.03, rows), 0.34, 0.999999)
            drawn = np.where(random.random(rows) < 0.8, luck, random.random(rows))
            pair.append(coverage._Routable(np.full(rows, "a", object), sure, drawn < chance))
        refused += coverage._fewer_p(*pair, Promise(0.9)) <= 0.05
    assert stats.binomtest(refused, 200, 0.05, alternative="greater").pvalue > 0.01
