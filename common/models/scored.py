"""What families that weigh the columns of MessageFeatures share: all but the weighing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from common.models import context, linear_scores, text
from common.models.base import EmbeddingsUse, LexiconUse, UnseenAnswers
from common.models.classifier import MessageClassifier
from common.models.embedding_scores import stored
from common.models.embeddings import Encoder, WordTable
from common.models.extras import NO_EXTRAS, Extras
from common.models.features import MessageFeatures
from common.models.folds import FEW_ROWS
from common.models.lexicon import Lexicon
from common.models.softmax import class_scores, softmax_scale

SOME_ROWS = 200_000
# One number is found on them; their probabilities are all in memory.
SCALE_ROWS = 20_000
NOTICEABLE_WORDS = 2000


class ScoredTextClassifier(MessageClassifier):
    """Classifies messages: sequences of strings, or a DataFrame with the column `text_column`.

    A family says how the columns of its messages become probabilities: `_fit_answers`, `_proba`.

    Args:
        class_weight: None, or "balanced" to give each class the same total weight.
        extras: lexicon and embeddings; None: neither.

    Attributes:
        classes_: (K,) the classes, sorted strings; columns of `predict_proba` in this order.
        unseen_: of the messages it was fitted on; not stored with it.
        lexicon_use_: whether it looks at the lexicon; None: it was given none.
        embeddings_use_: what the embeddings gained; None: it was given none.
        context_: columns of the message that a text answers (`context`), whose class scores stand
            behind the others; None: no training text had one.

    Several threads may ask a fitted classifier at once.
    """

    concurrent = True
    context_: MessageFeatures | None = None

    def fit(self, X: Any, y: Any, advance: Callable[[int], None] = lambda steps: None) -> Self:
        """Fit on n messages and their n classes.

        Args:
            advance: told of each of the 8 steps that is done.

        Raises:
            ValueError: fewer than two classes.
        """
        texts, answered = context.parted(self._texts(X))
        numbers = self._number_classes(y)
        # Vectors are short here: threads of BLAS wait for each other longer than they work. One
        # thread fits 7,000 tweets in 5.4 s, two in 14 (two shared cores), to the same last bit.
        with threadpool_limits(1, user_api="blas"):
            self._fit_all(texts, answered, numbers, advance)
        return self

    def _fit_all(
        self,
        texts: Any,
        answered: Any,
        numbers: npt.NDArray[np.int64],
        advance: Callable[[int], None],
    ) -> None:
        extras = self.extras or NO_EXTRAS
        min_count = 2 if len(texts) >= FEW_ROWS else 1
        self.features_ = MessageFeatures(min_count, self.class_weight, self.seed, self.extras)
        features = self.features_.fit_transform(texts, numbers, advance)
        self.lexicon_use_ = self._lexicon_use(extras.lexicon)
        self.embeddings_use_ = self._embeddings_use(extras.embeddings, texts)
        self.context_ = None
        if answered is not None and any(answered.to_pylist()):
            alone = Extras(all_scripts=extras.all_scripts)
            self.context_ = MessageFeatures(min_count, self.class_weight, self.seed, alone)
            found = self.context_.fit_transform(answered, numbers)
            features = np.hstack([features, found[:, : self._context_columns]])
        weights = linear_scores.row_weights(numbers, self.class_weight)
        scores = features[:, : len(self.features_.linear_.intercept)]
        some = some_rows(len(numbers), self.seed)[:SCALE_ROWS]
        scale = softmax_scale(class_scores(scores[some]), numbers[some], weights[some])
        self.unseen_ = _unseen_answers(scale, scores, numbers, self.classes_)
        self._fit_answers(features, numbers, weights, scale)
        advance(2)

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities, shape (n, K)."""
        check_is_fitted(self)
        texts, answered = context.parted(self._texts(X))
        if not len(texts):
            return np.empty((0, len(self.classes_)))
        features = self.features_.transform(texts)
        if self.context_ is not None:
            found = self.context_.transform([""] * len(texts) if answered is None else answered)
            features = np.hstack([features, found[:, : self._context_columns]])
        return self._proba(features)

    def explain(
        self, X: Any, proba: npt.NDArray[np.float64], top: int = 3
    ) -> list[list[tuple[str, float]]]:
        """The words of each message that speak most for its predicted class, with their weights.

        They are spelt as in the message.

        Exact for the linear scores, which a family weighs together with statistics of a message:
        against the other class, or the mean of the other classes.

        Args:
            proba: (n, K) what `predict_proba` gives for the messages.
        """
        predicted = proba.argmax(axis=1)
        classes = len(self.classes_)
        if classes == 2:
            directions = np.where(predicted == 1, 1.0, -1.0)[:, None]
        else:
            directions = np.full((len(predicted), classes), -1 / (classes - 1))
            directions[np.arange(len(predicted)), predicted] = 1
        texts, _ = context.parted(self._texts(X))
        reasons = []
        for message, pairs in zip(
            texts, self.features_.contributions(texts, directions), strict=True
        ):
            written = text.as_written(str(message))
            reasons.append([(written.get(w, w), weight) for w, weight in pairs[:top] if weight > 0])
        return reasons

    def telling_terms(self, top: int = 15) -> dict[str, list[tuple[str, float]]]:
        """The words that speak most for each class, among the frequent ones, with their scores."""
        frequent = list(self.features_.counts_.words_)[:NOTICEABLE_WORDS]
        # Who somebody is in anonymised data is nothing that people say.
        words = [word for word in frequent if not text.is_person(word)]
        scores = self.features_.word_scores(words)
        if scores.shape[1] == 1:
            scores = np.hstack([-scores, scores])
        best = np.argsort(-scores, axis=0, kind="stable")[:top]
        return {
            str(name): [(words[i], float(scores[i, k])) for i in best[:, k]]
            for k, name in enumerate(self.classes_)
        }

    def unknown_words(self, texts: Sequence[str]) -> list[tuple[list[str], int]]:
        """(n,) the words of each text that were in no training message, and how many it has."""
        scripts = (self.extras or NO_EXTRAS).all_scripts
        return text.unknown_words(texts, self.features_.counts_.words_, scripts)

    def _lexicon_use(self, lexicon: Lexicon | None) -> LexiconUse | None:
        if lexicon is None:
            return None
        used, gain = self.features_.lexicon_ is not None, self.features_.gain_
        if gain is None:
            return LexiconUse(lexicon.name, used)
        return LexiconUse(lexicon.name, used, gain.mean, gain.error)

    def _embeddings_use(
        self, source: WordTable | Encoder | None, texts: Any
    ) -> EmbeddingsUse | None:
        gain = self.features_.embedding_gain_
        if source is None or gain is None:
            return None
        known = source.known_share(texts) if isinstance(source, WordTable) else None
        return EmbeddingsUse(source.name, gain.mean, gain.error, known)

    @abstractmethod
    def _fit_answers(
        self,
        features: npt.NDArray[np.float32],
        y: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float32],
        scale: float,
    ) -> None:
        """Fit what makes probabilities of columns.

        Args:
            features: (n, m) of the training messages.
            y: (n,) class numbers, 0 to K - 1.
            weights: (n,) of each row's loss.
            scale: a > 0 that makes softmax(a * linear scores) good probabilities.
        """

    @abstractmethod
    def _proba(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(n, K) probabilities of n messages by their columns, (n, m)."""

    @property
    def _context_columns(self) -> int:
        """How many columns, the last ones, are scores of the message that is answered."""
        return len(self.context_.linear_.intercept) if self.context_ is not None else 0

    def _linear(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(n, K) linear scores of each class, of n messages by their columns."""
        return class_scores(features[:, : len(self.features_.linear_.intercept)])

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in super().__getstate__().items() if k != "unseen_"}
        return stored(state) if "features_" in state else state


def some_rows(rows: int, seed: int) -> npt.NDArray[np.int64]:
    """Numbers of SOME_ROWS rows at most, in random order: more tell so few columns nothing."""
    return np.random.default_rng(seed).permutation(rows)[:SOME_ROWS]


def _unseen_answers(
    scale: float,
    scores: npt.NDArray[np.float32],
    y: npt.NDArray[np.int64],
    classes: npt.NDArray[np.object_],
) -> UnseenAnswers:
    """What softmax(scale * scores) says of each row; scores (n, k) of models that haven't seen it.

    Part by part: all probabilities of a million rows would be in memory at once.
    """
    label_proba, likeliest = np.empty(len(y)), np.empty(len(y), np.int64)
    for first in range(0, len(y), SCALE_ROWS):
        part = slice(first, first + SCALE_ROWS)
        proba = softmax(scale * class_scores(scores[part]), axis=1)
        label_proba[part] = proba[np.arange(len(proba)), y[part]]
        likeliest[part] = proba.argmax(axis=1)
    return UnseenAnswers(label_proba, classes[likeliest])
