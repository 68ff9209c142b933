"""Class scores of vectors that the user supplies, cross-fitted as the linear scores are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from common.models.embeddings import Encoder, Texts, WordTable, rows_of
from common.models.extras import Extras
from common.models.folds import stratified_folds
from common.models.lexicon import deciding_rows
from common.models.pieces import as_arrow
from common.models.softmax import class_scores, cross_entropy

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

FOLDS = 5
# Of the loss of a row, against half the squared coefficients; from strong regularisation to weak.
COSTS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
ITERATIONS, TOLERANCE = 100, 1e-3
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class WordScores:
    """score(message) = mean of the scores of its tokens that have some + intercept.

    All that a model needs of a table of words: the head is linear in a mean of vectors, so its
    scores add up over the words, and the vectors stay behind.

    Attributes:
        rows: where in `scores` a token stands.
        scores: (V, k) float32.
        intercept: (k,).
    """

    rows: Mapping[str, int]
    scores: npt.NDArray[np.float32]
    intercept: npt.NDArray[np.float64]

    def columns(self, tokens: sp.csr_array, words: Sequence[str]) -> npt.NDArray[np.float64]:
        """(p, k + 1) what p pieces add to `of_sums`: scores, and how many tokens have some.

        Args:
            tokens: (p, w) how often each piece holds each of the w words.
        """
        rows = rows_of(words, self.rows)
        values = np.zeros((len(words), len(self.intercept) + 1))
        values[rows >= 0, :-1] = self.scores[rows[rows >= 0]]
        values[rows >= 0, -1] = 1
        return np.asarray(tokens @ values)

    def of_sums(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n, k) scores of n messages, whose `columns` add up to `sums`, (n, k + 1)."""
        return sums[:, :-1] / np.maximum(sums[:, -1:], 1) + self.intercept


@dataclass(frozen=True)
class EncoderScores:
    """score(message) = the encoder's vector @ coefficients + intercept.

    coefficients: (d, k), intercept: (k,).
    """

    encoder: Encoder
    coefficients: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]

    def of_texts(self, texts: Texts) -> npt.NDArray[np.float64]:
        """(n, k) scores of n messages."""
        vectors = self.encoder.vectors_of(texts, len(self.coefficients))
        return np.asarray(vectors @ self.coefficients + self.intercept)


EmbeddingScores: TypeAlias = WordScores | EncoderScores


def stored(state: dict[str, Any]) -> dict[str, Any]:
    """What is stored of a fitted estimator: it needs a table of words no more."""
    extras: Extras | None = state.get("extras")
    if extras and isinstance(extras.embeddings, WordTable):
        return state | {"extras": replace(extras, embeddings=None)}
    return state


@dataclass(frozen=True)
class _Head:
    """score(vector) = standardised vector @ coefficients + intercept; (d, k) and (k,)."""

    coefficients: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]

    def scores(self, vectors: Floats) -> npt.NDArray[np.float64]:
        return np.asarray(vectors @ self.coefficients + self.intercept, np.float64)


@dataclass(frozen=True)
class _Standard:
    """What is subtracted from vectors, and what they are divided by; (d,) both."""

    mean: npt.NDArray[np.float32]
    deviation: npt.NDArray[np.float32]

    @classmethod
    def of(cls, vectors: npt.NDArray[np.float32]) -> _Standard:
        some = vectors[~np.isnan(vectors[:, 0])]
        if not len(some):
            some = np.zeros((1, vectors.shape[1]), np.float32)
        deviation = some.std(axis=0)
        return cls(some.mean(axis=0), np.where(deviation > 0, deviation, 1).astype(np.float32))

    def __call__(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A message of which nothing is known (nan) is an average one."""
        return np.nan_to_num((vectors - self.mean) / self.deviation)


def cross_fit(
    source: WordTable | Encoder,
    texts: Texts,
    y: Ints,
    row_weights: npt.NDArray[np.float32],
    seed: int,
) -> tuple[EmbeddingScores, npt.NDArray[np.float32]]:
    """Fit one head a fold on the vectors of n messages; return their mean, and each row's score by
    the one that has not seen it, (n, k); k is 1 with two classes, else one a class.

    Multinomial logistic regression with an L2 penalty, such as makes the scores of unseen rows
    best. It is fitted on `deciding_rows`: more of them tell some hundred coefficients little.

    Args:
        y: (n,) class numbers, 0 to K - 1.
        row_weights: (n,) weight of each row's loss.

    Raises:
        EncoderError: the user's function fails.
    """
    texts = as_arrow(texts)
    folds = stratified_folds(y, FOLDS, seed)
    folds[np.bincount(y)[y] < 2] = -1  # the only row of a class is in all fits
    # Each head must meet each class.
    _, of_each = np.unique(y * (FOLDS + 1) + folds, return_index=True)
    some = np.union1d(deciding_rows(len(y), int(y.max()) + 1, seed), of_each)
    vectors = source.vectors_of(texts.take(pa.array(some)))
    standard = _Standard.of(vectors)
    heads, scores = _best_heads(standard(vectors), y[some], folds[some], row_weights[some])
    mean = _mean(heads)
    unseen = np.empty((len(y), scores.shape[1]), np.float32)
    unseen[some] = scores
    rest = np.setdiff1d(np.arange(len(y)), some)
    for first in range(0, len(rest), ROWS_AT_ONCE):
        part = rest[first : first + ROWS_AT_ONCE]
        found = standard(source.vectors_of(texts.take(pa.array(part))))
        unseen[part] = _unseen_scores(heads, found, folds[part])
    return _fitted(source, mean, standard), unseen


def _fitted(source: WordTable | Encoder, head: _Head, standard: _Standard) -> EmbeddingScores:
    if isinstance(source, WordTable):
        parts = [
            head.scores(standard(source.vectors[first : first + ROWS_AT_ONCE]))
            for first in range(0, len(source.vectors), ROWS_AT_ONCE)
        ]
        scores = (np.vstack(parts) - head.intercept).astype(np.float32)
        used = np.fromiter(source.rows.values(), np.int64, len(source.rows))
        rows = dict(zip(source.rows, range(len(used)), strict=True))
        return WordScores(rows, scores[used], head.intercept)
    coefficients = head.coefficients / standard.deviation[:, None]
    return EncoderScores(source, coefficients, head.intercept - standard.mean @ coefficients)


def _best_heads(
    x: npt.NDArray[np.float32], y: Ints, folds: Ints, weights: Floats
) -> tuple[list[_Head], npt.NDArray[np.float64]]:
    """A head for each fold, and the scores of unseen rows: of the best of COSTS.

    Costs are tried until the loss rises.
    """
    best: tuple[list[_Head], npt.NDArray[np.float64]] | None = None
    least = np.inf
    for cost in COSTS:
        heads = [
            _logistic(x[seen], y[seen], weights[seen], cost)
            for seen in (folds != fold for fold in range(FOLDS))
        ]
        scores = _unseen_scores(heads, x, folds)
        loss = cross_entropy(class_scores(scores), y, weights)
        if best is not None and loss >= least:
            break
        best, least = (heads, scores), loss
    assert best is not None
    return best


def _logistic(x: npt.NDArray[np.float32], y: Ints, weights: Floats, cost: float) -> _Head:
    model = LogisticRegression(C=cost, max_iter=ITERATIONS, tol=TOLERANCE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough
        model.fit(x, y, weights)
    return _Head(model.coef_.T.astype(np.float64), model.intercept_.astype(np.float64))


def _unseen_scores(heads: list[_Head], x: Floats, folds: Ints) -> npt.NDArray[np.float64]:
    """(n, k) of each row the score by the head that has not seen its fold; -1: by their mean."""
    scores = _mean(heads).scores(x)
    for fold, head in enumerate(heads):
        rows = folds == fold
        scores[rows] = head.scores(x[rows])
    return scores


def _mean(heads: list[_Head]) -> _Head:
    return _Head(
        np.mean([head.coefficients for head in heads], axis=0),
        np.mean([head.intercept for head in heads], axis=0),
    )
