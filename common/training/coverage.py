"""Of the contest: how many answers of each model nobody would have to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.evaluation import paired
from common.evaluation.routing import choose
from common.training.contest import FAMILY_ERROR, Answers, Policy, Rule
from common.training.decided import decided
from common.types import Bools, Floats, Labels


@dataclass(frozen=True)
class Answered:
    """Answers to n rows.

    Attributes:
        predicted, confidence: (n,) the classes, and their probabilities.
        automatic: (n,) whether nobody would look at them; None: no answer is routed.
    """

    predicted: Labels
    confidence: Floats
    automatic: Bools | None = None


def rules(
    true: Labels,
    champion: Answers,
    challenger: Answers,
    classes: Sequence[str],
    first: Bools,
    policy: Policy,
) -> list[Rule]:
    """No fewer answers are automatic at the promise, beyond chance; none if nothing is promised.

    Both models' thresholds are chosen on these rows. What is tested is whether fewer rows become
    automatic than cease to be (exact McNemar), as it is for right answers.

    Args:
        true: (n,) classes of rows that neither model was fitted on.
        classes: K names, the columns of both models' probabilities.
        first: (n,) False for copies of an earlier row, which are no evidence.
    """
    if policy.promise is None:
        return []
    before, after = (
        _automatic(answers, true, classes, first, policy)[first]
        for answers in (champion, challenger)
    )
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    return [
        Rule(
            "coverage",
            f"automatic, {policy.promise} of it right",
            float(before.mean()),
            float(after.mean()),
            "not fewer beyond chance",
            paired.mcnemar_p(lost, won) > FAMILY_ERROR,
            blocks="coverage" in policy.required,
        )
    ]


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
    return Answered(predicted, confidence, automatic)


def _automatic(
    answers: Answers, true: Labels, classes: Sequence[str], first: Bools, policy: Policy
) -> Bools:
    automatic = answered(answers, true, classes, first, policy).automatic
    assert automatic is not None
    return automatic
