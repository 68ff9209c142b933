"""Numbers as the figures of a page need them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.evaluate import Labels

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.intp]

SHOWN_CLASSES = 12
STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class Group:
    """Rows with the same value, and the share of them that each model gets right."""

    name: str
    rows: int
    shares: tuple[float, ...]


def groups(values: Labels, right: Sequence[Bools]) -> list[Group]:
    """Rows by their value, the most frequent first; by true class, the shares are recalls."""
    names, number = np.unique(
        np.array([str(value) for value in values], object), return_inverse=True
    )
    rows = np.bincount(number, minlength=len(names))
    shares = [np.bincount(number, weights=model, minlength=len(names)) / rows for model in right]
    return [
        Group(str(names[k]), int(rows[k]), tuple(float(model[k]) for model in shares))
        for k in np.argsort(-rows, kind="stable")
    ]


def fold(
    counts: Counts, classes: Sequence[str], longest: int = SHOWN_CLASSES
) -> tuple[list[str], Counts]:
    """A confusion matrix of at most `longest` + 1 classes: the last one is all the rarer ones."""
    if len(classes) <= longest:
        return list(classes), counts
    kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:longest])
    place = np.full(len(classes), longest)
    place[kept] = np.arange(longest)
    folded = np.zeros((longest + 1, longest + 1), np.intp)
    np.add.at(folded, (place[:, None], place[None, :]), counts)
    return [*(classes[k] for k in kept), f"{len(classes) - longest} others"], folded


def ticks(values: Sequence[float]) -> list[float]:
    """Round numbers, two to seven, that span `values`, for an axis of shares."""
    low, high = min(values), max(values)
    step = next((s for s in STEPS if (high - low) / s <= 5), STEPS[-1])
    return [k * step for k in range(math.floor(low / step), math.ceil(high / step) + 1)]
