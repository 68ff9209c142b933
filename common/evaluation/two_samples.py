"""Two independent samples: is one greater than the other, and by how much."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy import stats

from common.evaluation.metrics import wilson_interval
from common.types import Floats

# Fewer rows say too little about a share to act on it.
MIN_ROWS = 30

Interval = tuple[float, float]


class Share(NamedTuple):
    """`part` of `rows`, as correct answers of all answers."""

    part: int
    rows: int

    @property
    def value(self) -> float:
        """0 to 1; `rows` > 0."""
        return self.part / self.rows

    @property
    def error(self) -> float:
        """Standard error of `value`, with half a row of each kind added, so that it is never 0."""
        value = (self.part + 0.5) / (self.rows + 1)
        return math.sqrt(value * (1 - value) / (self.rows + 1))

    @property
    def rest(self) -> Share:
        """The other rows, as the wrong answers of all answers."""
        return Share(self.rows - self.part, self.rows)


def upper_bound(share: Share) -> float:
    """The one-sided 95 % upper bound of a share with rows (Wilson 1927), 0 to 1."""
    return wilson_interval(*share, confidence=0.9)[1]


def share_difference(share: Share, other: Share) -> Interval:
    """Two-sided 95 % interval of `share` - `other`, -1 to 1.

    Source: Newcombe, Interval Estimation for the Difference between Independent Proportions,
    Statistics in Medicine 1998, method 10: the Wilson intervals of both, joined by Pythagoras.

    >>> [round(bound, 4) for bound in share_difference(Share(56, 70), Share(48, 80))]
    [0.0524, 0.3339]
    """
    low, high = wilson_interval(*share)
    other_low, other_high = wilson_interval(*other)
    difference = share.value - other.value
    return (
        difference - math.hypot(share.value - low, other_high - other.value),
        difference + math.hypot(high - share.value, other.value - other_low),
    )


def higher_share_p(share: Share, other: Share) -> float:
    """One-sided p-value that `share` is higher than `other`: Fisher's exact test.

    Never more false alarms than promised, also far out in the tail, where the interval above has
    too many (with 300 rows against 2,000 of .92, at .001, it has .0018 and this test .0007).
    Source: Fisher, The Logic of Inductive Inference, 1935.

    >>> round(higher_share_p(Share(3, 4), Share(1, 4)), 4)
    0.2429
    """
    rows, parts = share.rows + other.rows, share.part + other.part
    return float(stats.hypergeom.sf(share.part - 1, rows, parts, share.rows))


def shift_p(sample: Floats, other: Floats, alternative: str = "two-sided") -> float:
    """P-value that `sample` and `other` lie apart: Mann-Whitney's test, corrected for ties.

    Args:
        sample, other: (n,) and (m,) values, both with at least one.
        alternative: "greater" if `sample` is suspected to be, "less" or "two-sided".

    Holds for any distribution, also for the many zeros of rates. 1 where all values are alike.
    Source: Mann & Whitney, On a Test of Whether One of Two Random Variables Is Stochastically
    Larger than the Other, 1947.
    """
    if sample.min() == sample.max() == other.min() == other.max():
        return 1.0
    return float(
        stats.mannwhitneyu(sample, other, alternative=alternative, method="asymptotic").pvalue
    )
