"""Labels worth a second look: those that models which had not seen the row find improbable.

Source: confident learning (Northcutt et al. 2021), in its plainest form: rows by the probability
of their own label. Nothing is dropped: a table for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.models.base import UnseenAnswers
from common.types import Labels

# No page or table shows more messages.
MOST_DOUBTS = 1000
# The table of a version has so many, since people are asked for them; pages show fewer.
MOST_LISTED = 200


@dataclass(frozen=True)
class DoubtfulLabel:
    """A training row whose label looks wrong.

    Attributes:
        probability: of its label, 0 to 1.
        likeliest: the most probable class.
    """

    text: str
    label: str
    probability: float
    likeliest: str


def doubtful_labels(
    texts: Labels, labels: Labels, answers: UnseenAnswers
) -> Sequence[DoubtfulLabel]:
    """Rows whose label is not the most probable class, the least probable first.

    Args:
        texts, labels: (n,) of the training rows.
        answers: of the same rows.
    """
    differ = np.flatnonzero(answers.likeliest.astype(str) != labels.astype(str))
    order = differ[np.argsort(answers.label_proba[differ], kind="stable")][:MOST_DOUBTS]
    return [
        DoubtfulLabel(
            str(texts[row]),
            str(labels[row]),
            float(answers.label_proba[row]),
            str(answers.likeliest[row]),
        )
        for row in order
    ]


def listed(doubts: Sequence[DoubtfulLabel], examples: int) -> Sequence[DoubtfulLabel]:
    """Those in the table of a version; none if no message may be kept.

    Args:
        examples: how many messages a page may show; more than MOST_LISTED are listed too.
    """
    return doubts[: max(MOST_LISTED, examples)] if examples else ()
