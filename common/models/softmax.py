"""Probabilities of class scores: scaled so that they are calibrated, or weighed by a regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

SCALES = (1e-3, 1e3)


def class_scores(scores: Floats) -> npt.NDArray[np.float64]:
    """(n, K) scores of each class; of two classes, from the one column (n, 1) that tells them."""
    if scores.shape[1] == 1:
        scores = np.hstack([-scores / 2, scores / 2])
    return scores.astype(np.float64)


def softmax_scale(scores: Floats, y: Ints, weights: Floats) -> float:
    """The a > 0 with which softmax(a * scores) has the least `smoothed_loss`.

    Source: temperature scaling with a = 1 / T (Guo et al., On Calibration of Modern Neural
    Networks, ICML 2017), on cross-fitted scores.

    Args:
        scores: (n, K) of each class.
        y: (n,) class numbers.
        weights: (n,) of the rows.
    """
    found = minimize_scalar(
        lambda exponent: smoothed_loss(np.exp(exponent) * scores, y, weights),
        bounds=tuple(np.log(SCALES)),
        method="bounded",
    )
    return float(np.exp(found.x))


def smoothed_loss(logits: Floats, y: Ints, weights: Floats) -> float:
    """Cross-entropy as if one row more were there, of each other class in equal parts.

    Where the scores get every row right it still has a minimum: no answer becomes certain. Source:
    the targets of Platt's Probabilistic Outputs for Support Vector Machines (1999).
    """
    logs = log_softmax(logits, axis=1)
    own = logs[np.arange(len(y)), y]
    others = (logs.sum(axis=1) - own) / (logs.shape[1] - 1)
    share = 1 / (len(y) + 1)
    return float(-np.average((1 - share) * own + share * others, weights=weights))


def cross_entropy(logits: Floats, y: Ints, weights: Floats) -> float:
    """Weighted mean of -ln softmax(logits)[y] in nats; logits (n, K), y and weights (n,)."""
    return float(-np.average(log_softmax(logits, axis=1)[np.arange(len(y)), y], weights=weights))


def softmax_regression(
    start: Floats, x: Floats, y: Ints, weights: Floats, ridge: float
) -> npt.NDArray[np.float64]:
    """(m, K) the W with the least sum of -weights ln softmax(start + x W)[y] + ridge |W|^2 / 2.

    Args:
        start: (n, K) logits.
        x: (n, m) columns.
        y: (n,) class numbers, 0 to K - 1.
        weights: (n,) of each row's loss.
    """
    shape = (x.shape[1], start.shape[1])
    rows = np.arange(len(y))

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        found = flat.reshape(shape)
        logits = log_softmax(start + x @ found, axis=1)
        slope = np.exp(logits)
        slope[rows, y] -= 1
        slope *= weights[:, None]
        value = (found**2).sum() * ridge / 2 - weights @ logits[rows, y]
        return float(value), (x.T @ slope + ridge * found).ravel()

    solved = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B")
    return solved.x.reshape(shape)
