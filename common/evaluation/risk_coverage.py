"""How right the most confident answers are, by how many they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from common.types import Bools, Floats

CURVE_POINTS = 200


def accuracy_lower(
    correct: npt.NDArray[np.intp], rows: npt.NDArray[np.intp], error: float = 0.05
) -> Floats:
    """Exact one-sided lower bounds of accuracies (Clopper & Pearson 1934); (m,) counts each.

    >>> accuracy_lower(np.array([59]), np.array([59])).round(4).tolist()
    [0.9505]
    """
    found = stats.beta.ppf(error, correct, rows - correct + 1)
    return np.where(correct > 0, found, 0.0)


@dataclass(frozen=True)
class RiskCoverage:
    """What accuracy the most confident answers have, by how many they are.

    Attributes:
        coverage: (m,) shares of the messages, rising.
        accuracy: (m,) of so many of the most confident answers.
        lower: (m,) its lower bound, each point by itself.
    """

    coverage: Floats
    accuracy: Floats
    lower: Floats


def risk_coverage(confidence: Floats, right: Bools) -> RiskCoverage:
    """The accuracy of the k most confident of n answers, for at most CURVE_POINTS values of k.

    Source: El-Yaniv & Wiener, On the Foundations of Noise-free Selective Classification, 2010.
    """
    n = len(right)
    correct = np.cumsum(right[np.argsort(-confidence, kind="stable")])
    ks = np.unique(np.linspace(1, n, CURVE_POINTS).astype(int)) if n else np.zeros(0, int)
    hits = correct[ks - 1]
    return RiskCoverage(ks / max(n, 1), hits / ks, accuracy_lower(hits, ks))
