"""Labelled rows that say how they were drawn, added to the profile of those drawn at random."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from common.evaluation import weighted
from common.evaluation.profile import Profile
from common.types import Bools, Floats, Labels


@dataclass(frozen=True)
class DrawnAnswers:
    """Answers to n labelled rows that were drawn.

    Attributes:
        strata, weights, right: as of `weighted.count`; a weight is nan where nobody knows it.
        predicted: their classes.
        automatic: whether nobody looked at them; None where no answer is routed.
    """

    strata: Labels
    weights: Floats
    right: Bools
    predicted: Labels
    automatic: Bools | None = None


def with_drawn(profile: Profile, answers: DrawnAnswers, hard: int) -> Profile:
    """The profile of rows that were drawn at random, with all labelled ones that were drawn.

    Args:
        hard: how many of the rows were chosen for another reason, and are not in the profile yet.
    """
    everything = np.full(len(answers.right), "", object)
    found = weighted.count_by(everything, answers.strata, answers.weights, answers.right)
    chosen = ~np.isin(answers.strata, ("", weighted.RANDOM))
    automatic = {}
    if (auto := answers.automatic) is not None:
        automatic = weighted.count_by(
            answers.predicted[auto],
            answers.strata[auto],
            answers.weights[auto],
            answers.right[auto],
        )
    return replace(
        profile,
        read=profile.read + hard,
        drawn=profile.drawn + found.get("", Counter()),
        drawn_automatic=automatic,
        left_out=profile.left_out + int((chosen & np.isnan(answers.weights)).sum()),
    )
