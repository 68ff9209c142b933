"""How often the check of accuracy against the floor alarms: exact, by the binomial distribution.

Messages of a window count as independent. Those of real days are not quite (a topic of the day is
easy or hard), so real alarms come somewhat more often.
"""

from __future__ import annotations

from bisect import bisect_left

from scipy.stats import binom

from common.evaluation.two_samples import Share, upper_bound


def critical_share(rows: int, floor: float, true: float) -> float:
    """Share of windows of `rows` labelled rows that are CRITICAL if accuracy is `true`, 0 to 1.

    Sums the probabilities of all counts whose one-sided 95 % bound (Wilson 1927) is below the
    floor.
    """
    highest = bisect_left(
        range(rows + 1), True, key=lambda correct: upper_bound(Share(correct, rows)) >= floor
    )
    return float(binom.cdf(highest - 1, rows, true))


def below_share(rows: int, floor: float, true: float) -> float:
    """Share of such windows whose point estimate is below the floor: WARNING or CRITICAL."""
    highest = bisect_left(range(rows + 1), True, key=lambda correct: correct / rows >= floor)
    return float(binom.cdf(highest - 1, rows, true))
