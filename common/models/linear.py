"""From text to probabilities in one estimator: counted words -> linear class scores -> softmax."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import softmax

from common.models.folds import stratified_folds
from common.models.lexicon import deciding_rows
from common.models.scored import ScoredTextClassifier
from common.models.softmax import (
    class_scores,
    cross_entropy,
    smoothed_loss,
    softmax_regression,
    softmax_scale,
)

FOLDS = 5
# Of half the squared coefficients, against the loss of a row; from strong to weak.
RIDGES = (300.0, 100.0, 30.0, 10.0, 3.0)
# Standard deviations. Rare marks, such as a link in 1 of 200 messages, are far off: on 6 draws each
# of 200 and 500 tweets of two files the log loss was .002 to .007 lower than with 3.
FARTHEST = 1.5
MOST_SCALE = 1e3

Floats = npt.NDArray[np.float64]


class LinearClassifier(ScoredTextClassifier):
    """softmax(a S + b E + columns @ W): S linear scores of words, E those of embeddings, if any.

    The columns are the standardised statistics, lexicon's sums and scores S, those of the message
    that is answered, and a constant.

    Attributes:
        scales_: (1,) a, or (2,) a and b.
        standard_: of the columns.
        weights_: (columns, K) W; None: it gains nothing over a S + b E.

    >>> model = LinearClassifier().fit(texts, labels)           # doctest: +SKIP
    >>> model.predict(["my order never came"])                  # doctest: +SKIP
    array(['angry'], dtype=object)
    """

    weights_: Floats | None

    def _fit_answers(
        self,
        features: npt.NDArray[np.float32],
        y: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float32],
        scale: float,
    ) -> None:
        """Find scales and regression on cross-fitted scores."""
        some = deciding_rows(len(y), len(self.classes_), self.seed)
        features, y, weights = features[some], y[some], weights[some]
        blocks = self._blocks(features)
        self.scales_ = np.array([scale])
        if len(blocks) > 1:
            self.scales_ = _scales(blocks, y, weights, scale)
        self.standard_ = _Standard.of(self._columns(features))
        x = self.standard_(self._columns(features))
        self.weights_ = _regression(self._start(blocks), x, y, weights, self.seed)

    def _proba(self, features: npt.NDArray[np.float32]) -> Floats:
        logits = self._start(self._blocks(features))
        if self.weights_ is not None:
            # Column by column: a product of matrices rounds as the number of rows has it.
            columns = self.standard_(self._columns(features)).T
            for column, weights in zip(columns, self.weights_, strict=True):
                logits += column[:, None] * weights
        return np.asarray(softmax(logits, axis=1))

    def _start(self, blocks: list[Floats]) -> Floats:
        scaled = [a * block for a, block in zip(self.scales_, blocks, strict=True)]
        return np.asarray(np.sum(scaled, axis=0))

    def _blocks(self, features: npt.NDArray[np.float32]) -> list[Floats]:
        """(n, K) class scores of words, and of embeddings if there are any."""
        blocks = [self._linear(features)]
        if self.features_.embedding_:
            first, last = self._embedding_columns(features)
            blocks.append(class_scores(features[:, first:last]))
        return blocks

    def _columns(self, features: npt.NDArray[np.float32]) -> Floats:
        """(n, m) what the regression weighs: scores, and logarithms of counts."""
        scores = len(self.features_.linear_.intercept)
        first, last = self._embedding_columns(features)
        counts = np.hstack([features[:, scores:first], features[:, last : last + 1]])
        logarithms = np.log1p(np.maximum(counts.astype(np.float64), 0))
        return np.hstack([features[:, :scores], logarithms, features[:, last + 1 :]])

    def _embedding_columns(self, features: npt.NDArray[np.float32]) -> tuple[int, int]:
        """Where scores of embeddings start, and end."""
        last = features.shape[1] - self._context_columns - 1
        scores = len(self.features_.linear_.intercept) if self.features_.embedding_ else 0
        return last - scores, last


@dataclass(frozen=True)
class _Standard:
    """What is subtracted from columns, and what they are divided by; (m,) both."""

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, columns: Floats) -> _Standard:
        deviation = columns.std(axis=0)
        return cls(columns.mean(axis=0), np.where(deviation > 0, deviation, 1))

    def __call__(self, columns: Floats) -> Floats:
        """(n, m + 1) standardised, none beyond FARTHEST, with a constant."""
        near = np.clip((columns - self.mean) / self.deviation, -FARTHEST, FARTHEST)
        return np.hstack([near, np.ones((len(near), 1))])


def _scales(
    blocks: list[Floats], y: npt.NDArray[np.int64], weights: npt.NDArray[np.float32], scale: float
) -> Floats:
    """(2,) the a, b >= 0 with which softmax(a S + b E) has the least `smoothed_loss`.

    Args:
        scale: the best a with b = 0.
    """

    def loss(scales: Floats) -> float:
        logits = scales[0] * blocks[0] + scales[1] * blocks[1]
        return smoothed_loss(logits, y, weights)

    alone = softmax_scale(blocks[1], y, weights)
    start = np.array([scale, alone]) / 2
    found = minimize(loss, start, method="L-BFGS-B", bounds=[(0, MOST_SCALE)] * 2)
    return np.asarray(found.x)


def _regression(
    start: Floats,
    x: Floats,
    y: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32],
    seed: int,
) -> Floats | None:
    """The W with the ridge that suits unseen rows best; None if they are answered best without."""
    folds = stratified_folds(y, FOLDS, seed)
    least, best = cross_entropy(start, y, weights), None
    for ridge in RIDGES:
        logits = start.copy()
        for fold in range(FOLDS):
            seen, held = folds != fold, folds == fold
            found = softmax_regression(start[seen], x[seen], y[seen], weights[seen], ridge)
            logits[held] += x[held] @ found
        loss = cross_entropy(logits, y, weights)
        if loss < least:
            least, best = loss, ridge
        elif best is not None:
            break
    return None if best is None else softmax_regression(start, x, y, weights, best)
