"""Numbers as the figures of a page need them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np
import numpy.typing as npt

from common.monitoring.course import spoken
from common.monitoring.history import BoundedShare
from common.types import Bools, Labels

Counts = npt.NDArray[np.intp]

SHOWN_CLASSES = 12
STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class Mark:
    """An accuracy and its interval in a figure: per cent from the left and from the top."""

    x: float
    y: float
    upper: float
    lower: float


@dataclass(frozen=True)
class Timeline:
    """Accuracies over time in a figure.

    Args:
        grid: (per cent from the top, share) of each line.
        floor: per cent from the top.
        measured, estimated: one for each window, None if there is none.
        stretches: the measured ones, cut at each window that has none.
        guessed: the same of the estimated ones.
    """

    grid: list[tuple[float, float]]
    floor: float
    measured: list[Mark | None]
    estimated: list[Mark | None]
    stretches: list[list[Mark]]
    guessed: list[list[Mark]]


@dataclass(frozen=True)
class Group:
    """Rows with the same value, and the share of them that each model gets right."""

    name: str
    rows: int
    shares: tuple[float, ...]


def groups(values: Labels, right: Sequence[Bools]) -> list[Group]:
    """Rows by their value, the most frequent first; by true class, the shares are recalls.

    Args:
        values: (n,) the value of each row.
        right: of each model, (n,) whether its answer is right.
    """
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
    frequent = np.argsort(-counts.sum(axis=1), kind="stable")[:longest]
    return merge(counts, classes, np.sort(frequent).tolist())


def merge(counts: Counts, classes: Sequence[str], kept: Sequence[int]) -> tuple[list[str], Counts]:
    """A confusion matrix of the classes `kept`, and a last one that is all others together."""
    others = len(classes) - len(kept)
    if not others:
        return [classes[k] for k in kept], counts[np.ix_(kept, kept)]
    place = np.full(len(classes), len(kept))
    place[list(kept)] = np.arange(len(kept))
    merged = np.zeros((len(kept) + 1, len(kept) + 1), np.intp)
    np.add.at(merged, (place[:, None], place[None, :]), counts)
    rest = "1 other" if others == 1 else f"{others} others"
    return [*(classes[k] for k in kept), rest], merged


def ticks(values: Sequence[float]) -> list[float]:
    """Round numbers, two to seven, that span `values`, for an axis of shares."""
    low, high = min(values), max(values)
    step = next((s for s in STEPS if (high - low) / s <= 5), STEPS[-1])
    return [k * step for k in range(math.floor(low / step), math.ceil(high / step) + 1)]


def timeline(
    measured: Sequence[BoundedShare | None], estimated: Sequence[BoundedShare | None], floor: float
) -> Timeline:
    """Lay out windows, the oldest first, on an axis that starts near the lowest bound.

    Args:
        measured, estimated: the accuracy of each window by labels, and by estimate.
    """
    known = [
        share
        for found in (*measured, *estimated)
        if found
        for share in (found.value, found.lower, found.upper)
    ]
    # Room above and below, also where all shares are the same.
    grid = ticks([max(0.0, min([*known, floor]) - 0.01), min(1.0, max([*known, floor]) + 0.01)])

    def top(share: float) -> float:
        return round(100 * (grid[-1] - share) / (grid[-1] - grid[0]), 2)

    def mark(place: int, found: BoundedShare | None) -> Mark | None:
        if found is None:
            return None
        x = round(100 * (place + 0.5) / len(measured), 3)
        return Mark(x, top(found.value), upper=top(found.upper), lower=top(found.lower))

    marks = [mark(place, found) for place, found in enumerate(measured)]
    guesses = [mark(place, found) for place, found in enumerate(estimated)]
    return Timeline(
        [(top(tick), tick) for tick in grid],
        top(floor),
        marks,
        guesses,
        _stretches(marks),
        _stretches(guesses),
    )


def _stretches(marks: Sequence[Mark | None]) -> list[list[Mark]]:
    """What lies side by side, cut at each that is missing."""
    return [
        [found for found in stretch if found]
        for is_known, stretch in groupby(marks, key=lambda found: found is not None)
        if is_known
    ]


def place_of(name: str | None, names: Sequence[str]) -> float | None:
    """Where a window begins on the axis, per cent from the left; None if it is not there.

    >>> place_of("b", ["a", "b"]), place_of("c", ["a", "b"])
    (50.0, None)
    """
    return round(100 * names.index(name) / len(names), 3) if name in names else None


def axis_labels(names: Sequence[str]) -> list[str]:
    """Names of windows, short enough for an axis: days without the year if all are of one.

    >>> axis_labels(["2026-01-21", "2026-02-01"]), axis_labels(["2025-12-31", "2026-01-01"])
    (['21 Jan', '1 Feb'], ["31 Dec '25", "1 Jan '26"])
    """
    same_year = len({name[:4] for name in names}) == 1

    def label(name: str) -> str:
        try:
            day = date.fromisoformat(name)
        except ValueError:
            return spoken(name)
        return f"{day.day} {day:%b}" + ("" if same_year else f" '{day:%y}")

    return [label(name) for name in names]


def spread(count: int, most: int = 7) -> list[int]:
    """At most `most` places of `count`, at about the same distance, the first and last included.

    >>> spread(4), spread(9, 3)
    ([0, 1, 2, 3], [0, 4, 8])
    """
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most)).tolist()})
