"""Words with values from outside, such as how good or bad they are: dense columns of a message.

With few labelled messages most words of a new one were never seen; a list of words knows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import log_softmax

from common.models import text
from common.models.folds import stratified_folds
from common.models.softmax import softmax_regression

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

COLUMNS = ("positive value", "negative value", "positive words", "negative words")

# Of the longest row of marks that is looked up.
MARK_CHARACTERS = 8

FOLDS = 5
# Strong, since it takes off the noise of a gain before the gain: of 6 draws of 200 airline tweets
# all tell it from chance with 30 (z 3.1 to 4.1), none with 1 (1.3 to 1.9).
RIDGE = 30.0
# They tell a gain of a hundredth of a nat; all of a million rows would take minutes. Fewer of many
# classes, whose probabilities would take gigabytes.
DECIDING_ROWS, DECIDING_CELLS = 20_000, 2_000_000
# One-sided 2.5 %, normal.
BEYOND_CHANCE = 1.96


@dataclass(frozen=True)
class Gain:
    """What a lexicon takes off the cross-entropy of rows not seen, in nats a row.

    Attributes:
        mean: over the rows, paired.
        error: standard error of the mean.
    """

    mean: float
    error: float

    @property
    def beyond_chance(self) -> bool:
        return self.mean > BEYOND_CHANCE * self.error


@dataclass(frozen=True)
class Lexicon:
    """Values of words; `of` makes one.

    Attributes:
        name: what it is called.
        words: value of each token, as `text.normalise` gives it.
        marks: of what is several tokens, such as `:-)`, and a piece of its own.
    """

    name: str
    words: Mapping[str, float]
    marks: Mapping[str, float]

    @classmethod
    def of(cls, name: str, values: Mapping[str, float], all_scripts: bool = True) -> Lexicon:
        """A lexicon of entries as people write them: of spellings that differ by case, the first.

        >>> Lexicon.of("mine", {"Good": 1.9, "GOOD": 3.0, ":)": 2.0})
        Lexicon(name='mine', words={'good': 1.9}, marks={':)': 2.0})
        """
        words: dict[str, float] = {}
        marks: dict[str, float] = {}
        for entry, value in values.items():
            normal = text.normalise(entry, all_scripts)
            kind = words if text.tokens(entry, all_scripts) == [normal] else marks
            kind.setdefault(normal, value)
        return cls(name, words, marks)

    def columns(
        self, tokens: sp.csr_array, words: Sequence[str], pieces: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """(p, 4) the COLUMNS of p pieces, which add up over the pieces of a message.

        Args:
            tokens: (p, w) how often each piece holds each of the w words.
        """
        find, mark = self.words.get, self._mark
        of_words = np.fromiter((find(word, 0.0) for word in words), float, len(words))
        of_pieces = np.fromiter(map(mark, pieces), float, len(pieces))
        return np.asarray(tokens @ _signed(of_words)) + _signed(of_pieces)

    def _mark(self, piece: str) -> float:
        # Nearly all pieces are words, or too long for a mark.
        if piece.isalpha() or (len(piece) > MARK_CHARACTERS and "&" not in piece):
            return 0.0
        # Of so short a piece this is all that `text.normalise` does, and ten times faster.
        normal = text.normalise(piece) if "&" in piece else piece.lower()
        return self.marks.get(normal, 0.0)


def deciding_rows(rows: int, classes: int, seed: int) -> Ints:
    """Numbers of the rows that `gain` is asked about."""
    most = min(DECIDING_ROWS, max(DECIDING_CELLS // classes, 1))
    return np.random.default_rng(seed).permutation(rows)[:most]


def gain(start: Floats, others: Floats, columns: Floats, y: Ints, seed: int) -> Gain:
    """What columns, as those of a lexicon, add to what is known of a message without them.

    Two softmax regressions from the same start, with and without the columns, each measured on the
    fold it has not seen. The other statistics stand in both: columns that only tell how long a
    message is gain nothing.

    Args:
        start: (n, K) logits of models that have not seen the row.
        others: (n, m) statistics, standardised.
        columns: (n, c) standardised.
        y: (n,) class numbers, 0 to K - 1.
    """
    folds = stratified_folds(y, FOLDS, seed)
    losses = [_unseen_losses(start, x, y, folds) for x in (others, np.hstack([others, columns]))]
    gains = losses[0] - losses[1]
    return Gain(float(gains.mean()), float(gains.std() / np.sqrt(len(gains))))


def _signed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 4) COLUMNS of n values."""
    return np.stack(
        [np.maximum(values, 0), np.maximum(-values, 0), values > 0, values < 0], axis=1
    ).astype(np.float64)


def standardised(values: Floats) -> npt.NDArray[np.float64]:
    """(n, c) columns with mean 0 and standard deviation 1, or 0 if all rows are alike."""
    values = values.astype(np.float64)
    deviations = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(deviations > 0, deviations, 1))


def standardised_counts(counts: Floats) -> npt.NDArray[np.float64]:
    """As `standardised`, of the logarithms of counts from 0."""
    return standardised(np.log1p(np.maximum(counts, 0).astype(np.float64)))


def _unseen_losses(start: Floats, x: Floats, y: Ints, folds: Ints) -> npt.NDArray[np.float64]:
    """(n,) -ln probability of each row's class by the regression that has not seen its fold."""
    losses = np.empty(len(y))
    for fold in range(FOLDS):
        seen, held = folds != fold, folds == fold
        weights = softmax_regression(start[seen], x[seen], y[seen], np.ones(seen.sum()), RIDGE)
        logits = log_softmax(start[held] + x[held] @ weights, axis=1)
        losses[held] = -logits[np.arange(len(logits)), y[held]]
    return losses
