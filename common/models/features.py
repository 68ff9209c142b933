"""From messages to the few dense columns that CatBoost weighs: linear scores and statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from common.models import embedding_scores, lexicon, linear_scores, text
from common.models.embedding_scores import EmbeddingScores, EncoderScores, WordScores
from common.models.embeddings import Encoder, WordTable
from common.models.extras import NO_EXTRAS, Extras
from common.models.lexicon import Gain, Lexicon
from common.models.piece_statistics import STATISTICS, piece_statistics
from common.models.pieces import batches, split
from common.models.row_cache import RowCache
from common.models.softmax import class_scores, softmax_scale

IDLE_CACHES = 4
ROWS_AT_ONCE, BYTES_AT_ONCE = 50_000, 2_000_000


@dataclass(frozen=True)
class _Caches:
    """What one call uses: (words, k) scores of words, (pieces, k + 14) values of pieces."""

    words: RowCache
    pieces: RowCache


class MessageFeatures(TransformerMixin, text.TextInput):
    """n messages -> (n, k + 12) float32: class scores, statistics, number of tokens.

    With a lexicon there are 4 columns more, before the number of tokens; with embeddings, after
    those, k class scores of the message's vector.

    `fit_transform` gives the training messages the scores of models that have not seen them.
    Everything that adds up over the pieces of a message is cached by piece. Threads share no cache:
    each call takes an idle one, or a new one, and puts it back.
    """

    # Of models that were pickled before there were such.
    extras: Extras | None = Extras(all_scripts=False)
    lexicon_: Lexicon | None = None
    embedding_: EmbeddingScores | None = None

    def __init__(
        self,
        min_count: int = 2,
        class_weight: str | None = None,
        seed: int = 42,
        extras: Extras | None = None,
    ) -> None:
        self.min_count = min_count
        self.class_weight = class_weight
        self.seed = seed
        self.extras = extras

    def fit(self, X: Any, y: Any) -> Self:
        self.fit_transform(X, y)
        return self

    def fit_transform(
        self, X: Any, y: Any = None, advance: Callable[[int], None] = lambda steps: None
    ) -> npt.NDArray[np.float32]:
        """Fit on n messages and class numbers (n,), 0 to K - 1."""
        self.counts_ = text.WordCounts(self.min_count, self._all_scripts)
        counts = self.counts_.fit_counts(X)
        advance(1)
        weights = linear_scores.row_weights(y, self.class_weight)
        self.linear_, scores = linear_scores.cross_fit(counts, y, weights, self.seed, advance)
        extras = self.extras or NO_EXTRAS
        self.lexicon_, self.embedding_ = extras.lexicon, None
        self.gain_: Gain | None = None
        self.embedding_gain_: Gain | None = None
        self._forget()
        features = np.hstack([scores, self.transform(X)[:, scores.shape[1] :]])
        if extras.lexicon and extras.lexicon_must_gain:
            features = self._without_useless_lexicon(features, y, weights)
        if extras.embeddings is not None:
            features = self._with_embeddings(extras.embeddings, X, features, y, weights)
        return features

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """(n, k + 12) for n messages."""
        check_is_fitted(self)
        sums = [self._sums(part) for part in self._parts(X)]
        # By columns: CatBoost takes 1,000 rows so in 0.5 ms, and by rows in 3.4 (one thread).
        return sums[0] if len(sums) == 1 else np.asfortranarray(np.vstack(sums))

    @property
    def _all_scripts(self) -> bool:
        return (self.extras or NO_EXTRAS).all_scripts

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        check_is_fitted(self)
        scores = [f"score {k}" for k in range(len(self.linear_.intercept))]
        values = lexicon.COLUMNS if self.lexicon_ else ()
        vector = [f"vector {score}" for score in scores] if self.embedding_ else ()
        return np.array([*scores, *STATISTICS, *values, *vector, "tokens"], object)

    def word_scores(self, words: Sequence[str]) -> npt.NDArray[np.float64]:
        """(words, k): what each word adds to the class scores, by itself and by its parts."""
        terms = self.counts_.terms(words)
        return np.asarray(terms @ self.linear_.coefficients[: terms.shape[1]], np.float64)

    def contributions(
        self, X: Any, directions: npt.NDArray[np.float64]
    ) -> list[list[tuple[str, float]]]:
        """What each word of each message adds to its linear score, the largest first.

        Exact: a message's contributions and the intercept add up to its score. What a pair of words
        adds is shared by the two.

        Args:
            directions: (n, k) weights of the k scores for each message, such as 1 for the class
                that is asked about.
        """
        ends = np.cumsum([0, *map(len, parts := self._parts(X))])
        return [
            pairs
            for part, start, stop in zip(parts, ends, ends[1:], strict=False)
            for pairs in self._contributions(part, directions[start:stop])
        ]

    def _without_useless_lexicon(
        self, features: npt.NDArray[np.float32], y: Any, weights: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """The features, without the lexicon's columns if it gains nothing; `gain_`."""
        last = features.shape[1] - 1
        first = last - len(lexicon.COLUMNS)
        some = self._deciding_rows(features)
        chosen = features[some]
        others = np.hstack([chosen[:, :first], chosen[:, last:]])
        columns = lexicon.standardised_counts(chosen[:, first:last])
        self.gain_ = self._gain(others, columns, y[some], weights[some])
        if self.gain_.beyond_chance:
            return features
        self.lexicon_ = None
        self._forget()  # what was remembered has columns of the lexicon
        return np.hstack([features[:, :first], features[:, last:]])

    def _with_embeddings(
        self,
        source: WordTable | Encoder,
        X: Any,
        features: npt.NDArray[np.float32],
        y: Any,
        weights: npt.NDArray[np.float32],
    ) -> npt.NDArray[np.float32]:
        """The features, and the scores of vectors; `embedding_gain_`."""
        self.embedding_, scores = embedding_scores.cross_fit(source, X, y, weights, self.seed)
        self._forget()  # what was remembered has no columns of embeddings
        some = self._deciding_rows(features)
        columns = lexicon.standardised(scores[some])
        self.embedding_gain_ = self._gain(features[some], columns, y[some], weights[some])
        return np.hstack([features[:, :-1], scores, features[:, -1:]])

    def _gain(
        self,
        features: npt.NDArray[np.float32],
        columns: npt.NDArray[np.float64],
        y: Any,
        weights: npt.NDArray[np.float32],
    ) -> Gain:
        """What standardised columns add to the features of n rows."""
        k = len(self.linear_.intercept)
        scores = class_scores(features[:, :k])
        start = softmax_scale(scores, y, weights) * scores
        others = lexicon.standardised_counts(features[:, k:])
        return lexicon.gain(start, others, columns, y, self.seed)

    def _deciding_rows(self, features: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        classes = max(len(self.linear_.intercept), 2)
        return lexicon.deciding_rows(len(features), classes, self.seed)

    def _parts(self, X: Any) -> list[Any]:
        return batches(X, ROWS_AT_ONCE, BYTES_AT_ONCE)

    def _contributions(
        self, X: Any, directions: npt.NDArray[np.float64]
    ) -> list[list[tuple[str, float]]]:
        offsets, numbers, words = text.expanded(split(X), self._all_scripts)
        known = np.array([self.counts_.words_.get(word, -1) for word in words], np.int64)[numbers]
        pairs = self.counts_.pair_numbers(text.neighbours(offsets, known, known))
        values = self.word_scores(words)[numbers]
        shared = np.zeros_like(values)
        shared[pairs >= 0] = self._pair_coefficients()[pairs[pairs >= 0]] / 2
        values += shared
        values[1:] += shared[:-1]
        lengths = np.diff(offsets)
        rows = np.repeat(np.arange(len(lengths)), lengths)
        weights = (values * directions[rows]).sum(axis=1) / np.sqrt(lengths)[rows]
        found = []
        for first, last in pairwise(offsets.tolist()):
            sums: dict[str, float] = {}
            for number, weight in zip(numbers[first:last], weights[first:last], strict=True):
                sums[words[number]] = sums.get(words[number], 0.0) + float(weight)
            found.append(sorted(sums.items(), key=lambda pair: -pair[1]))
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Without caches; and without a table of words once its scores are fitted."""
        state = {k: v for k, v in super().__getstate__().items() if k != "_idle_caches"}
        return embedding_scores.stored(state) if "linear_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "linear_" in state:
            self._forget()

    def _forget(self) -> None:
        self._idle_caches: list[_Caches] = []

    @contextmanager
    def _caches(self) -> Iterator[_Caches]:
        """Caches that no other thread uses meanwhile.

        list.pop and list.append are atomic. After an exception the caches may be half filled, so
        they are not put back.
        """
        try:
            caches = self._idle_caches.pop()
        except IndexError:
            scores = len(self.linear_.intercept)
            # scores, statistics, number of tokens, first and last word
            width = scores + len(STATISTICS) + 3
            width += len(lexicon.COLUMNS) if self.lexicon_ else 0
            width += scores + 1 if isinstance(self.embedding_, WordScores) else 0
            caches = _Caches(RowCache(scores + 1), RowCache(width))
        yield caches
        if len(self._idle_caches) < IDLE_CACHES:
            self._idle_caches.append(caches)

    def _sums(self, X: Any) -> npt.NDArray[np.float32]:
        """Add up the values of the pieces of n messages; scale the scores by the tokens.

        Returns:
            (n, k + 12), the columns of `get_feature_names_out`.
        """
        pieces = split(X)
        with self._caches() as caches:
            values = caches.pieces.rows(
                pieces.distinct, partial(self._piece_values, word_cache=caches.words)
            )
        size = values.shape[1] - 2
        ones = np.ones(len(pieces.index))
        shape = (len(pieces), len(values))
        sums = sp.csr_array((ones, pieces.index, pieces.offsets), shape=shape) @ values[:, :size]

        first, last = values[:, size:].astype(np.int64).T
        # A piece without tokens does not come between its neighbours.
        filled = values[:, size - 1][pieces.index] > 0
        offsets = np.concatenate([[0], np.cumsum(filled)])[pieces.offsets]
        index = pieces.index[filled]
        scores = len(self.linear_.intercept)
        sums[:, :scores] += self._pair_sums(
            offsets, text.neighbours(offsets, last[index], first[index])
        )
        sums[:, :scores] /= np.sqrt(np.maximum(sums[:, size - 1], 1))[:, None]
        sums[:, :scores] += self.linear_.intercept
        if isinstance(self.embedding_, WordScores):
            at = size - 2 - scores
            found = self.embedding_.of_sums(sums[:, at:-1])
            sums = np.hstack([sums[:, :at], found, sums[:, -1:]])
        elif isinstance(self.embedding_, EncoderScores):
            sums = np.hstack([sums[:, :-1], self.embedding_.of_texts(X), sums[:, -1:]])
        return sums.astype(np.float32, order="F")

    def _piece_values(self, pieces: Sequence[str], word_cache: RowCache) -> npt.NDArray[np.float64]:
        """What each of p pieces adds to its message, and how it ends.

        Returns:
            (p, k + 14): k scores, 11 statistics, the number of tokens, and the numbers of the first
            and the last word (-1 if it isn't a term).
        """
        offsets, numbers, words = text.tokenised(pieces, self._all_scripts)
        values = word_cache.rows(words, self._word_values)
        shape = (len(pieces), len(words))
        tokens = sp.csr_array((np.ones(len(numbers)), numbers, offsets), shape=shape)
        known = values[:, -1].astype(np.int64)[numbers]
        keys = text.neighbours(offsets, known, known)
        scores = tokens @ values[:, :-1] + self._pair_sums(offsets, keys)
        counted = piece_statistics(pieces)
        if self.lexicon_:
            counted = np.hstack([counted, self.lexicon_.columns(tokens, words, pieces)])
        if isinstance(self.embedding_, WordScores):
            counted = np.hstack([counted, self.embedding_.columns(tokens, words)])
        ends = np.full((len(pieces), 2), -1)
        some = np.diff(offsets) > 0
        ends[some] = np.stack([known[offsets[:-1][some]], known[offsets[1:][some] - 1]], axis=1)
        return np.hstack([scores, counted, np.diff(offsets)[:, None], ends])

    def _word_values(self, words: Sequence[str]) -> npt.NDArray[np.float64]:
        """(words, k + 1): the scores of each word, and its number (-1 if it isn't a term)."""
        numbers = [self.counts_.words_.get(word, -1) for word in words]
        return np.column_stack([self.word_scores(words), numbers])

    def _pair_sums(self, offsets: Any, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """(n, k) what the pairs of words of n rows add to the scores.

        Args:
            offsets: (n + 1,) where in `keys` each row starts, and the end of the last one.
            keys: of pairs, as `text.neighbours` makes them; others than terms count nothing.
        """
        numbers = self.counts_.pair_numbers(keys)
        if not (numbers >= 0).any():
            return np.zeros((len(offsets) - 1, len(self.linear_.intercept)))
        found = text.count_matrix(offsets, numbers, len(self.counts_.pairs_))
        return np.asarray(found @ self._pair_coefficients(), np.float64)

    def _pair_coefficients(self) -> npt.NDArray[np.float32]:
        coefficients = self.linear_.coefficients
        return coefficients[len(coefficients) - len(self.counts_.pairs_) :]
