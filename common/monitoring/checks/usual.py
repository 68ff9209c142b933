"""What windows are usually like: what is measured of a new one is held against those before it.

Messages of one day are not independent draws. They are about the day's topics, copy each other and
follow the week, so a test that assumes independence finds a difference on every second real day. A
drift counts only where it is also beyond what the windows before showed of the same figure: in one
window, or, where it is small, in the last three together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

# Chances that windows which are like those before are beyond the limit: one window, of which two of
# three must be for people to be told, and three together.
SIGNIFICANCE, TOGETHER_SIGNIFICANCE = 0.005, 0.001
TOGETHER = 3
# With fewer windows, how much they vary is what it was on real streams.
MIN_WINDOWS = 7


@dataclass(frozen=True)
class Figure:
    """What was measured of one window; `error` is its standard error by the window's rows alone."""

    value: float
    error: float

    @property
    def mirrored(self) -> Figure:
        return Figure(-self.value, self.error)


@dataclass(frozen=True)
class Prior:
    """How a figure was distributed over days of real streams: its mean, and its spread from day to
    day, without what the number of rows adds."""

    centre: float
    spread: float


@dataclass(frozen=True)
class PastFigures:
    """What a check measured of the windows before, oldest first.

    Attributes:
        usual: of those that it found usual, without the last two windows.
        last: of the last two, or fewer, whatever it found.
    """

    usual: Sequence[Figure] = ()
    last: Sequence[Figure] = ()

    @property
    def mirrored(self) -> PastFigures:
        """For figures that may also be unusually small."""
        return PastFigures([f.mirrored for f in self.usual], [f.mirrored for f in self.last])


NOTHING = PastFigures()


@dataclass(frozen=True)
class Usual:
    """A figure held against the windows before.

    Attributes:
        centre: of the windows before.
        limit: what a usual window is below.
        lasts: whether the last three windows together are above what three usual ones are below,
            and the newest above the centre.
    """

    centre: float
    limit: float
    lasts: bool


def usual(figure: Figure, past: PastFigures, prior: Prior) -> Usual:
    """Is the figure of a window larger than those before it?

    Args:
        prior: of the centre where there is no past, of the spread where there is little.

    Windows are studies of one quantity that also varies between them: the limit is the upper bound
    of a prediction interval of the random-effects model. Sources: DerSimonian & Laird,
    Meta-analysis in Clinical Trials, 1986; Higgins, Thompson & Spiegelhalter, A Re-evaluation of
    Random-effects Meta-analysis, 2009, eq. 12.

    >>> past = PastFigures([Figure(value, 0.01) for value in (0.1, 0.12) * 5])
    >>> found = usual(Figure(0.13, 0.01), past, Prior(0.0, 1.0))
    >>> round(found.centre, 3), round(found.limit, 3), found.lasts
    (0.11, 0.147, False)
    """
    before = past.usual
    values = np.array([f.value for f in before])
    errors = np.maximum([f.error for f in before], 1e-9)
    enough = len(before) >= MIN_WINDOWS
    between = _between(values, errors) if enough else prior.spread**2
    weights = 1 / (errors**2 + between)
    known = len(before) > 0
    centre = float((weights * values).sum() / weights.sum()) if known else prior.centre
    of_centre = float(1 / weights.sum()) if known else 0.0

    def bound(figures: Sequence[Figure], significance: float) -> float:
        t = stats.t.isf(significance, len(before) - 2) if enough else stats.norm.isf(significance)
        errors_of_mean = sum(f.error**2 for f in figures) / len(figures) ** 2
        return centre + float(t) * math.sqrt(between / len(figures) + errors_of_mean + of_centre)

    together = [*past.last, figure][-TOGETHER:]
    mean = sum(f.value for f in together) / len(together)
    lasts = (
        enough
        and len(together) == TOGETHER
        and figure.value > centre
        and mean > bound(together, TOGETHER_SIGNIFICANCE)
    )
    return Usual(centre, bound([figure], SIGNIFICANCE), lasts)


def _between(values: np.ndarray, errors: np.ndarray) -> float:
    """Variance between windows: DerSimonian and Laird's estimate by moments."""
    weights = 1 / errors**2
    mean = (weights * values).sum() / weights.sum()
    excess = float((weights * (values - mean) ** 2).sum()) - (len(values) - 1)
    return max(0.0, excess / float(weights.sum() - (weights**2).sum() / weights.sum()))
