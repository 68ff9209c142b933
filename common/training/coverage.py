"""Of the contest: how many answers of each model nobody would have to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.evaluation.routing import Promise, choose
from common.text import p_value
from common.training.contest import FAMILY_ERROR, Answers, Policy, Rule
from common.training.decided import decided
from common.types import Bools, Floats, Labels

SEED = 20041
# Contests are drawn until so many are as bad for the challenger, or that many are drawn: where p is
# large, few tell (Besag & Clifford, Sequential Monte Carlo p-values, 1991).
AS_BAD, CONTESTS = 20, 399


@dataclass(frozen=True)
class Answered:
    """Answers to n rows.

    Attributes:
        predicted, confidence: (n,) the classes, and their probabilities.
        routable: (n,) what is compared with a threshold: the confidence, below 0 where a person
            costs less.
        automatic: (n,) whether nobody would look at them; None: no answer is routed.
    """

    predicted: Labels
    confidence: Floats
    routable: Floats
    automatic: Bools | None = None


@dataclass(frozen=True)
class _Routable:
    """Answers that thresholds are chosen on.

    Attributes:
        predicted: (n,) the classes.
        confidence: (n,) what is compared with a threshold.
        right: (n,) whether they are the true classes.
    """

    predicted: Labels
    confidence: Floats
    right: Bools

    def coverage(self, promise: Promise) -> float:
        every = np.ones(len(self.right), bool)
        return choose(self.predicted, self.confidence, self.right, promise, every).coverage

    def mixed(self, other: _Routable, taken: Bools) -> _Routable:
        """The same, but for the rows that are taken of another model."""
        return _Routable(
            np.where(taken, other.predicted, self.predicted),
            np.where(taken, other.confidence, self.confidence),
            np.where(taken, other.right, self.right),
        )


def rules(
    true: Labels,
    champion: Answers,
    challenger: Answers,
    classes: Sequence[str],
    first: Bools,
    policy: Policy,
) -> list[Rule]:
    """No fewer answers are automatic at the promise, beyond chance; none if nothing is promised.

    Both models' thresholds are chosen on these rows, and one answer may decide whether a thousand
    are automatic: rows come and go together, so counting them (McNemar) would call nearly every
    difference beyond chance. In a randomisation test it is left to chance in each row which model
    has which answer, and both thresholds are chosen anew.

    Args:
        true: (n,) classes of rows that neither model was fitted on.
        classes: K names, the columns of both models' probabilities.
        first: (n,) False for copies of an earlier row, which are no evidence.
    """
    if policy.promise is None:
        return []
    before, after = (
        _routable(answers, true, classes, first, policy) for answers in (champion, challenger)
    )
    p = _fewer_p(before, after, policy.promise)
    return [
        Rule(
            "coverage",
            f"automatic, {policy.promise} of it right",
            before.coverage(policy.promise),
            after.coverage(policy.promise),
            "not fewer beyond chance",
            p > FAMILY_ERROR,
            blocks="coverage" in policy.required,
            found=p_value(p),
        )
    ]


def _routable(
    answers: Answers, true: Labels, classes: Sequence[str], first: Bools, policy: Policy
) -> _Routable:
    found = answered(answers, true, classes, first, replace(policy, promise=None))
    predicted, confidence = found.predicted[first], found.routable[first]
    return _Routable(predicted, confidence, predicted == true[first])


def _fewer_p(champion: _Routable, challenger: _Routable, promise: Promise) -> float:
    """The chance that so much fewer answers of an equally good challenger are automatic."""
    lost = champion.coverage(promise) - challenger.coverage(promise)
    if lost <= 0:
        return 1.0
    random, as_bad = np.random.default_rng(SEED), 0
    for drawn in range(1, CONTESTS + 1):
        taken = random.random(len(champion.right)) < 0.5
        pair = champion.mixed(challenger, taken), challenger.mixed(champion, taken)
        as_bad += pair[0].coverage(promise) - pair[1].coverage(promise) >= lost
        if as_bad == AS_BAD:
            return as_bad / drawn
    return (1 + as_bad) / (1 + CONTESTS)


def answered(
    answers: Answers, true: Labels, classes: Sequence[str], first: Bools, policy: Policy
) -> Answered:
    """What a model would answer if it were the champion.

    Args:
        true, classes, first: as of `rules`.
    """
    predicted, confidence = answers.predicted, answers.confidence
    routable, automatic = confidence, None
    if policy.costs is not None:  # then these decide what is answered, and what a person sees
        found = decided(policy.costs, answers.proba, classes)
        predicted, confidence = np.array(classes, object)[found.best], found.confidence
        routable, automatic = found.routable, found.automatic
    if policy.promise is not None:
        routing = choose(predicted, routable, predicted == true, policy.promise, first)
        automatic = routing.automatic(predicted, routable)
    return Answered(predicted, confidence, routable, automatic)
