"""Parts of the training rows, each of which is judged by a model fitted on the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]

# From so many rows on, a tenth of them tells well enough what the others are worth.
FEW_ROWS = 1000


def stratified_folds(y: Ints, folds: int, seed: int) -> Ints:
    """(n,) fold numbers, spread evenly over each class."""
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    numbers = np.empty(len(y), np.int64)
    numbers[order] = np.arange(len(y)) % folds
    return numbers
