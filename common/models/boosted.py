"""From text to probabilities in one estimator: counted words -> linear class scores -> CatBoost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from catboost import CatBoostClassifier
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from common.models import boosting, linear_scores, text
from common.models.base import EmbeddingsUse, LexiconUse, UnseenAnswers
from common.models.boosting import FEW_ROWS, MANY_CLASSES
from common.models.embedding_scores import without_table
from common.models.embeddings import Encoder, WordTable
from common.models.features import MessageFeatures
from common.models.lexicon import Lexicon
from common.models.text import TextInput

BOOSTED_ROWS = 200_000
MOST_TREES = 1000
VALIDATION_SHARE = 0.1
# One number is found on them; their probabilities are all in memory.
SCALE_ROWS = 20_000
NOTICEABLE_WORDS = 2000


class TextClassifier(ClassifierMixin, TextInput):
    """Classifies messages: sequences of strings, or a DataFrame with the column `text_column`.

    Args:
        class_weight: None, or "balanced" to give each class the same total weight.
        lexicon: words with values whose sums are columns beside the scores; None: no such list.
        lexicon_must_gain: leave the lexicon out unless it gains beyond chance on the rows to fit.
        scaled_start: with few rows or many classes CatBoost starts from scaled scores; False: never
            does, as in versions registered before there was such a start.
        embeddings: what gives vectors of messages, whose class scores are columns beside the
            linear scores; None: nothing. A fitted classifier needs a table of words no more, and
            is stored without: the parameter is None then.

    Attributes:
        classes_: (K,) the classes, sorted strings; columns of `predict_proba` in this order.
        scale_: a in softmax(a * scores), which CatBoost starts from; None: it has no start.
        catboost_: fitted trees; None: they gain nothing over the start.
        unseen_: of the messages it was fitted on; not stored with it.
        lexicon_use_: whether it looks at the lexicon; None: it was given none.
        embeddings_use_: what the embeddings gained; None: it was given none.

    >>> model = TextClassifier().fit(texts, labels)             # doctest: +SKIP
    >>> model.predict(["my order never came"])                  # doctest: +SKIP
    array(['angry'], dtype=object)

    Several threads may ask a fitted classifier at once.
    """

    concurrent = True
    # Of models that were pickled before there were such.
    scale_: float | None = None
    catboost_: CatBoostClassifier | None

    def __init__(
        self,
        text_column: str = "text",
        class_weight: str | None = None,
        seed: int = 42,
        lexicon: Lexicon | None = None,
        lexicon_must_gain: bool = False,
        scaled_start: bool = True,
        embeddings: WordTable | Encoder | None = None,
    ) -> None:
        self.text_column = text_column
        self.class_weight = class_weight
        self.seed = seed
        self.lexicon = lexicon
        self.lexicon_must_gain = lexicon_must_gain
        self.scaled_start = scaled_start
        self.embeddings = embeddings

    def fit(self, X: Any, y: Any, advance: Callable[[int], None] = lambda steps: None) -> Self:
        """Fit on n messages and their n classes.

        Args:
            advance: told of each of the 8 steps that is done.

        Raises:
            ValueError: fewer than two classes.
        """
        texts = self._texts(X)
        self.classes_, numbers = np.unique(np.asarray(y, object), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, found {list(self.classes_)}")
        self.features_ = MessageFeatures(
            2 if len(texts) >= FEW_ROWS else 1,
            self.class_weight,
            self.seed,
            self.lexicon,
            self.lexicon_must_gain,
            self.embeddings,
        )
        features = self.features_.fit_transform(texts, numbers, advance)
        self.lexicon_use_ = self._lexicon_use()
        self.embeddings_use_ = self._embeddings_use(texts)
        self._fit_answers(features, numbers)
        advance(2)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities, shape (n, K)."""
        check_is_fitted(self)
        texts = self._texts(X)
        if not len(texts):
            return np.empty((0, len(self.classes_)))
        features = self.features_.transform(texts)
        # One thread: a dozen columns are too little work for two, and scoring runs a process a core
        # (two workers with two threads each were a third slower).
        if self.scale_ is None and self.catboost_ is not None:
            return np.asarray(self.catboost_.predict_proba(features, thread_count=1))
        scores = features[:, : len(self.features_.linear_.intercept)]
        logits = (self.scale_ or 1.0) * boosting.class_scores(scores)
        if self.catboost_ is not None:
            logits += self.catboost_.predict(
                features, prediction_type="RawFormulaVal", thread_count=1
            )
        return np.asarray(softmax(logits, axis=1))

    def predict(self, X: Any) -> npt.NDArray[np.object_]:
        """The most probable class of each message, shape (n,)."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[proba.argmax(axis=1)])

    def predict_frame(self, X: Any) -> pd.DataFrame:
        """Columns `prediction` (class) and `confidence` (its probability, 0 to 1)."""
        proba = self.predict_proba(X)
        return pd.DataFrame(
            {"prediction": self.classes_[proba.argmax(axis=1)], "confidence": proba.max(axis=1)}
        )

    def explain(
        self, X: Any, proba: npt.NDArray[np.float64], top: int = 3
    ) -> list[list[tuple[str, float]]]:
        """The words of each message that speak most for its predicted class, with their weights.

        They are spelt as in the message.

        Exact for the linear scores, which CatBoost weighs together with statistics of the message:
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
        texts = self._texts(X)
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
        return text.unknown_words(texts, self.features_.counts_.words_)

    def _lexicon_use(self) -> LexiconUse | None:
        if self.lexicon is None:
            return None
        used, gain = self.features_.lexicon_ is not None, self.features_.gain_
        if gain is None:
            return LexiconUse(self.lexicon.name, used)
        return LexiconUse(self.lexicon.name, used, gain.mean, gain.error)

    def _embeddings_use(self, texts: Any) -> EmbeddingsUse | None:
        source, gain = self.embeddings, self.features_.embedding_gain_
        if source is None or gain is None:
            return None
        known = source.known_share(texts) if isinstance(source, WordTable) else None
        return EmbeddingsUse(source.name, gain.mean, gain.error, known)

    def _fit_answers(
        self, features: npt.NDArray[np.float32], numbers: npt.NDArray[np.int64]
    ) -> None:
        """Fit what makes probabilities of the features: a scale and trees, or trees alone."""
        weights = linear_scores.row_weights(numbers, self.class_weight)
        scores = features[:, : len(self.features_.linear_.intercept)]
        some = _some_rows(len(numbers), self.seed)
        deciding = some[:SCALE_ROWS]
        scale = boosting.softmax_scale(
            boosting.class_scores(scores[deciding]), numbers[deciding], weights[deciding]
        )
        self.unseen_ = _unseen_answers(scale, scores, numbers, self.classes_)
        few_rows, many = len(numbers) < FEW_ROWS, len(self.classes_) >= MANY_CLASSES
        if self.scaled_start and (few_rows or many):
            start = scale * boosting.class_scores(scores[some])
            rows = boosting.Rows(start, features[some], numbers[some], weights[some])
            self.scale_, self.catboost_ = scale, boosting.fit_trees(rows, self.seed)
        else:
            self.scale_, self.catboost_ = None, self._boosted(features, numbers)

    def _boosted(self, features: npt.NDArray[np.float32], y: Any) -> CatBoostClassifier:
        """CatBoost on the dense columns; it stops when the validation rows stop gaining.

        More rows than BOOSTED_ROWS tell a dozen columns nothing new, so a part is taken.
        """
        # A tree costs as much as there are classes, so many of them get fewer and bolder trees.
        trees = min(MOST_TREES, max(50, 20 * MOST_TREES // len(self.classes_)))
        many = trees < MOST_TREES
        settings = {
            "depth": 5,
            "learning_rate": 0.15 if many else 0.05,
            "border_count": 32 if many else 254,
            "auto_class_weights": "Balanced" if self.class_weight == "balanced" else None,
            "random_seed": self.seed,
            "verbose": False,
            "allow_writing_files": False,
        }
        order = _some_rows(len(y), self.seed)
        held = order[: round(VALIDATION_SHARE * len(order))]
        seen = order[len(held) :]
        if len(order) < FEW_ROWS or set(y[seen]) != set(y):
            return CatBoostClassifier(iterations=min(200, trees), **settings).fit(features, y)
        model = CatBoostClassifier(iterations=trees, early_stopping_rounds=50, **settings)
        return model.fit(features[seen], y[seen], eval_set=(features[held], y[held]))

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in super().__getstate__().items() if k != "unseen_"}
        return without_table(state, fitted="features_" in state)

    def _texts(self, X: Any) -> pa.Array | Sequence[str]:
        """Messages as an Arrow array without nulls; what is missing is an empty text."""
        if isinstance(X, (pa.Array, pa.ChunkedArray)):
            return X.fill_null("")
        column = X[self.text_column] if isinstance(X, pd.DataFrame) else X
        # nan is not equal to itself; pandas makes one of None.
        return [
            "" if text is None or text is pd.NA or text != text else str(text) for text in column
        ]


def _some_rows(rows: int, seed: int) -> npt.NDArray[np.int64]:
    """Numbers of BOOSTED_ROWS rows at most, in random order: more tell so few columns nothing."""
    return np.random.default_rng(seed).permutation(rows)[:BOOSTED_ROWS]


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
        proba = softmax(scale * boosting.class_scores(scores[part]), axis=1)
        label_proba[part] = proba[np.arange(len(proba)), y[part]]
        likeliest[part] = proba.argmax(axis=1)
    return UnseenAnswers(label_proba, classes[likeliest])
