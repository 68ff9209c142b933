"""Accuracy from rows that were drawn with unequal, known probabilities.

A row that was drawn with probability p, and that `copies` messages are like, stands for copies / p
messages (Horvitz & Thompson, A Generalization of Sampling Without Replacement from a Finite
Universe, 1952). What rows are drawn for is a stratum: those drawn at random, those that look hard.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.evaluation.metrics import wilson_interval
from common.evaluation.routing import AutoCounts
from common.evaluation.two_samples import Share
from common.types import Bools, Floats, Json, Labels

RANDOM = "random"
REPLICATES = 500
SEED = 19880
# Weights are kept to so many digits, so that few are different however many rows there are.
DIGITS = 4

# Rows by stratum, weight, and whether the answer is right. Of rows in the stratum "" nobody knows
# how they were drawn: they stand for themselves.
Drawn = Counter[tuple[str, float, bool]]


@dataclass(frozen=True)
class WeightedAccuracy:
    """An estimate of accuracy; all shares 0 to 1.

    Attributes:
        lower, upper: two-sided 95 % interval.
        bound: one-sided 95 % upper bound.
        rows: labelled ones that it rests on; `messages`: how many these stand for.
        effective: right answers of so many rows drawn evenly would say as much.
    """

    value: float
    lower: float
    upper: float
    bound: float
    rows: int
    messages: float
    effective: Share


def count(strata: Labels, weights: Floats, right: Bools) -> Drawn:
    """Rows as `estimate` takes them; counts of parts add up.

    Args:
        strata, weights, right: (n,) what each row was drawn for, how many messages it stands for
            (copies / probability, 1 or more), and whether the answer is right.
    """
    exponent = np.floor(np.log10(weights)) - (DIGITS - 1)
    kept = np.round(weights / 10**exponent) * 10**exponent
    rows = zip(strata.tolist(), kept.round(DIGITS).tolist(), right.tolist(), strict=True)
    return Counter(rows)


def count_by(names: Labels, strata: Labels, weights: Floats, right: Bools) -> dict[str, Drawn]:
    """The same for each of the (n,) names that rows have; a weight that is not known is nan, and
    such a row counts only if it was not chosen for being hard."""
    known = ~np.isnan(weights)
    hard = ~np.isin(strata, ("", RANDOM))
    stratum = np.where(hard, strata, np.where(known, RANDOM, "")).astype(object)
    usable = ~hard | known
    found = {}
    for name in dict.fromkeys(names.tolist()):
        own = usable & (names == name)
        if own.any():
            found[name] = count(stratum[own], np.where(known, weights, 1.0)[own], right[own])
    return found


def automatic_counts(
    counts: Mapping[str, AutoCounts], drawn: Mapping[str, Drawn]
) -> dict[str, AutoCounts]:
    """Answers that share a promise, by class, with as many labels and right ones as drawn rows are
    worth all together.

    Each class has the part of them that its messages are of all: a class of which few texts were
    drawn, each of which stands for many messages, counts as much as another of as many messages.

    Args:
        counts: of at least one class.
        drawn: the labelled automatic ones, of other classes too; without a random one among them
            nothing is known.
    """
    of_class = [drawn.get(name, Counter()) for name in counts]
    found = estimate(sum(of_class, Counter()))
    worth = found.effective if found else Share(0, 0)
    right, wrong = (
        [sum(w * n for (_, w, is_right), n in each.items() if is_right is of) for each in of_class]
        for of in (True, False)
    )
    # Apart, so that the sums over the classes are those of all of them.
    correct, mistakes = _parts(worth.part, right), _parts(worth.rows - worth.part, wrong)
    return {
        name: each._replace(labelled=k + m, correct=k)
        for (name, each), k, m in zip(counts.items(), correct, mistakes, strict=True)
    }


def _parts(whole: int, sizes: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to sizes, whose sum is `whole` (0 if all sizes are)."""
    ends = np.cumsum(sizes)
    return np.diff(np.round(whole * ends / max(ends[-1], 1e-9)), prepend=0).astype(int).tolist()


def to_cells(drawn: Drawn) -> list[Json]:
    """Rows for JSON; `from_cells` takes them back."""
    return [[*cell, rows] for cell, rows in drawn.items()]


def from_cells(cells: Iterable[Sequence[Any]]) -> Drawn:
    """What `to_cells` gave."""
    return Counter({(name, weight, right): rows for name, weight, right, rows in cells})


def estimate(drawn: Drawn) -> WeightedAccuracy | None:
    """Accuracy of all messages; None where no row was drawn at random, so that most had no chance.

    The value is the share of right answers by weight (Hájek, comment on Basu, in Foundations of
    Statistical Inference, 1971). Its variance is that of REPLICATES bootstraps within strata: of n
    rows of a stratum n - 1 are drawn and count n / (n - 1) times (Rao & Wu, Resampling Inference
    with Complex Survey Data, 1988; Rao, Wu & Yue 1992). The interval is Wilson's for as many rows
    as have that variance (Kott & Carr, Developing an Estimation Strategy for a Pesticide Data
    Program, 1997), at most as many as weights so unequal are worth (Kish, Survey Sampling, 1965):
    a bootstrap of rows that are all right has no variance.

    >>> even = Counter({(RANDOM, 10.0, True): 90, (RANDOM, 10.0, False): 10})
    >>> found = estimate(even + Counter({("uncertain", 1.0, False): 100}))
    >>> round(found.value, 3), found.rows, found.messages    # 900 of 1,100, not 90 of 200
    (0.818, 200, 1100.0)
    """
    if not any(stratum == RANDOM for stratum, _, _ in drawn):
        return None
    cells = sorted(drawn)
    rows = np.array([drawn[cell] for cell in cells])
    weight = np.array([cell[1] for cell in cells])
    right = np.array([cell[2] for cell in cells], float)
    total = float(rows @ weight)
    value = float((rows * weight) @ right) / total
    kish = total**2 / float(rows @ weight**2)
    variance = _variance([cell[0] for cell in cells], rows, weight, right)
    worth = kish if variance <= 0 else min(kish, value * (1 - value) / variance)
    worth = max(worth, 1.0)
    lower, upper = wilson_interval(value * worth, worth)
    whole = math.floor(worth)
    return WeightedAccuracy(
        value=value,
        lower=lower,
        upper=upper,
        bound=wilson_interval(value * worth, worth, confidence=0.9)[1],
        rows=int(rows.sum()),
        messages=total,
        effective=Share(round(value * whole), whole),
    )


def _variance(strata: list[str], rows: Floats, weight: Floats, right: Floats) -> float:
    """Of the estimate, by the bootstrap."""
    random = np.random.default_rng(SEED)
    hits, total = np.zeros(REPLICATES), np.zeros(REPLICATES)
    for stratum in sorted(set(strata)):
        chosen = np.array([name == stratum for name in strata])
        n = int(rows[chosen].sum())
        times = np.tile(rows[chosen], (REPLICATES, 1)).astype(float)
        if n > 1:
            drawn = random.multinomial(n - 1, rows[chosen] / n, REPLICATES)
            times = drawn * (n / (n - 1))
        total += times @ weight[chosen]
        hits += times @ (weight[chosen] * right[chosen])
    return float(np.var(hits / total))
