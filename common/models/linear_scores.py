"""Linear class scores of counted words, fitted without ever making the large matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.optimize import minimize

from common.models.folds import stratified_folds
from common.models.text import FactoredCounts

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

FOLDS = 5
COST = 0.3
# Stopping early was as accurate as converging on three data sets, and twice as fast.
ITERATIONS, TOLERANCE = 30, 1e-3
SCALE_ROWS = 2000


@dataclass(frozen=True)
class LinearScores:
    """score(message) = counts @ coefficients / sqrt(number of tokens) + intercept.

    coefficients: (terms + pairs, k), intercept: (k,); k is 1 with two classes, else one a class.
    """

    coefficients: npt.NDArray[np.float32]
    intercept: npt.NDArray[np.float32]


class _Factors:
    """X = diag(rows) [tokens @ terms | pairs] as factors, with columns weighted."""

    def __init__(self, counts: FactoredCounts, rows: Floats, weights: Floats) -> None:
        split = counts.terms.shape[1]
        self.rows = rows[:, None]
        self.tokens, self.tokens_t = counts.tokens, counts.tokens.T.tocsr()
        self.terms = _weighted(counts.terms, weights[:split])
        self.pairs = _weighted(counts.pairs, weights[split:])
        self.terms_t, self.pairs_t = self.terms.T.tocsr(), self.pairs.T.tocsr()

    def times(self, coefficients: Floats) -> Floats:
        """X @ coefficients: (terms + pairs, k) -> (n, k)."""
        split = self.terms.shape[1]
        product = self.tokens @ (self.terms @ coefficients[:split])
        return self.rows * (product + self.pairs @ coefficients[split:])

    def transposed_times(self, values: Floats) -> Floats:
        """X.T @ values: (n, k) -> (terms + pairs, k)."""
        scaled = self.rows * values
        return np.concatenate([self.terms_t @ (self.tokens_t @ scaled), self.pairs_t @ scaled])


def row_weights(y: Ints, class_weight: str | None) -> npt.NDArray[np.float32]:
    """(n,) weight of each row's loss: 1, or such that classes weigh the same if "balanced"."""
    if class_weight != "balanced":
        return np.ones(len(y), np.float32)
    frequency = np.bincount(y)
    return (len(y) / (np.count_nonzero(frequency) * frequency))[y].astype(np.float32)


def cross_fit(
    counts: FactoredCounts,
    y: Ints,
    row_weights: npt.NDArray[np.float32],
    seed: int,
    advance: Callable[[int], None] = lambda folds: None,
) -> tuple[LinearScores, npt.NDArray[np.float32]]:
    """Fit one linear model a fold; return their mean, and each row's score by the one that has
    not seen it, (n, k).

    What learns from the scores (CatBoost) must meet the same kind of scores on its training rows as
    on new messages. Source: stacking with cross-fitted level-one data (Wolpert 1992; Ting & Witten
    1999).

    Args:
        y: (n,) class numbers, 0 to K - 1.
        row_weights: (n,) weight of each row's loss.
        advance: called with 1 after each fold.
    """
    one_hot = np.eye(int(y.max()) + 1, dtype=np.float32)[y]
    signs = 2 * (one_hot[:, 1:] if one_hot.shape[1] == 2 else one_hot) - 1
    rows = _row_scale(counts)
    folds = stratified_folds(y, FOLDS, seed)
    idf = _inverse_document_frequency(counts)
    columns = counts.terms.shape[1] + counts.pairs.shape[1]
    coefficients = np.zeros((columns, signs.shape[1]), np.float32)
    intercept = np.zeros(signs.shape[1], np.float32)
    unseen_scores = np.zeros(signs.shape, np.float32)
    for fold in range(FOLDS):
        seen = folds != fold
        weights = idf * _naive_bayes_weights(counts, one_hot * seen[:, None])
        weights *= _block_scale(counts, rows, weights, seed)
        factors = _Factors(counts, rows, weights)
        fitted, constant = _squared_hinge(factors, signs, COST * seen * row_weights)
        unseen_scores[~seen] = (factors.times(fitted) + constant)[~seen]
        coefficients += weights[:, None] * fitted / FOLDS
        intercept += constant / FOLDS
        advance(1)
    return LinearScores(coefficients, intercept), unseen_scores


def _squared_hinge(
    factors: _Factors,
    signs: Floats,
    costs: Floats,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Minimise |w|^2 / 2 + sum of costs * max(0, 1 - signs * (X w + b))^2, for each column alone.

    The loss of liblinear's L2-SVM (Fan et al. 2008), by L-BFGS: each step costs two products with
    the factors, which is twenty times less than with the matrix.
    """
    columns, k = factors.terms.shape[1] + factors.pairs.shape[1], signs.shape[1]
    costs = costs[:, None].astype(np.float32)

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights = flat.reshape(columns + 1, k)
        single = weights.astype(np.float32)
        slack = np.maximum(0, 1 - signs * (factors.times(single[:-1]) + single[-1]))
        pull = costs * slack
        value = float((pull * slack).sum(dtype=np.float64)) + (weights[:-1] ** 2).sum() / 2
        slope = -2 * pull * signs
        gradient = np.concatenate([factors.transposed_times(slope), slope.sum(0, keepdims=True)])
        gradient = gradient.astype(np.float64)
        gradient[:-1] += weights[:-1]
        return value, gradient.ravel()

    options = {"maxiter": iterations, "maxcor": 8, "ftol": tolerance, "gtol": tolerance / 10}
    start = np.zeros((columns + 1) * k)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    weights = found.x.astype(np.float32).reshape(columns + 1, k)
    return weights[:-1], weights[-1]


def _naive_bayes_weights(counts: FactoredCounts, one_hot: Floats) -> Floats:
    """Square root of each term's naive-Bayes log-count ratio, the largest over the classes.

    Source: Wang & Manning, Baselines and Bigrams, ACL 2012; the root keeps rare terms in play.
    """
    by_class = np.concatenate(
        [counts.terms.T @ (counts.tokens.T @ one_hot), counts.pairs.T @ one_hot]
    ).astype(np.float64)
    others = by_class.sum(axis=1, keepdims=True) - by_class
    inside, outside = by_class + 1, others + 1
    ratios = np.log(inside / inside.sum(axis=0)) - np.log(outside / outside.sum(axis=0))
    return np.sqrt(np.abs(ratios).max(axis=1))


def _inverse_document_frequency(counts: FactoredCounts) -> Floats:
    """ln((1 + n) / (1 + df)) + 1 as scikit-learn's; a part's df counts words' messages."""
    n = counts.tokens.shape[0]
    of_tokens = np.bincount(counts.tokens.indices, minlength=counts.tokens.shape[1])
    of_terms = np.minimum(counts.terms.T @ of_tokens.astype(np.float64), n)
    of_pairs = np.bincount(counts.pairs.indices, minlength=counts.pairs.shape[1])
    return np.log((1 + n) / (1 + np.concatenate([of_terms, of_pairs]))) + 1


def _block_scale(counts: FactoredCounts, rows: Floats, weights: Floats, seed: int) -> Floats:
    """Factors that give words and pairs together, and parts, a mean squared row norm of 1 each."""
    n = counts.tokens.shape[0]
    some = np.sort(np.random.default_rng(seed).permutation(n)[:SCALE_ROWS])
    split = counts.terms.shape[1]
    terms = counts.tokens[some] @ _weighted(counts.terms, weights[:split])
    pairs = _weighted(counts.pairs[some], weights[split:])
    squares = np.zeros(len(weights))
    for matrix, first in ((terms, 0), (pairs, split)):
        of_rows = np.repeat(rows[some], np.diff(matrix.indptr))
        np.add.at(squares, first + matrix.indices, (matrix.data * of_rows) ** 2)
    is_part = np.zeros(len(weights), bool)
    is_part[counts.words : split] = True
    scale = np.ones(len(weights))
    for block in (is_part, ~is_part):
        total = squares[block].sum() / len(some)
        scale[block] = 1 / np.sqrt(total) if total else 1
    return scale


def _row_scale(counts: FactoredCounts) -> npt.NDArray[np.float32]:
    return 1 / np.sqrt(np.maximum(counts.tokens.sum(axis=1), 1)).astype(np.float32)


def _weighted(matrix: sp.csr_array, columns: Floats) -> sp.csr_array:
    data = matrix.data * columns.astype(np.float32)[matrix.indices]
    return sp.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
