"""From text to probabilities in one estimator: TF-IDF -> linear class scores -> CatBoost."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from catboost import CatBoostClassifier
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted

from common.model.text import TextStatistics, tfidf

FOLDS = 5
FEW_ROWS = 1000


class CrossFittedScores(TransformerMixin, BaseEstimator):
    """Scores of one linear classifier per class: (n, terms) sparse -> (n, classes or 1) float32.

    `fit_transform` gives each training row the scores of a model that has not seen it, so that
    what learns from them (CatBoost) meets the same kind of scores on new messages. The model that
    scores new messages is the mean of the folds' models.

    Source: stacking with cross-fitted level-one data (Wolpert 1992; Ting & Witten 1999).
    """

    def __init__(self, C: float = 0.5, seed: int = 42) -> None:
        self.C = C
        self.seed = seed

    def fit(self, X: Any, y: npt.NDArray[np.intp]) -> Self:
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Fit on X and class numbers y (n,), 0 to K-1; return out-of-fold scores."""
        columns = 1 if y.max() < 2 else int(y.max()) + 1
        self.coef_ = np.zeros((X.shape[1], columns), np.float32)
        self.intercept_ = np.zeros(columns, np.float32)
        scores = np.zeros((X.shape[0], columns), np.float32)
        folds = int(np.clip(np.bincount(y).max(), 2, FOLDS))
        splitter = StratifiedKFold(folds, shuffle=True, random_state=self.seed)
        with warnings.catch_warnings():
            # A class with fewer rows than folds is scored -1 where it is missing; that is fine.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            parts = list(splitter.split(X, y))
        for seen, unseen in parts:
            coefficients, intercept = self._one_against_rest(X[seen], y[seen], columns)
            scores[unseen] = X[unseen] @ coefficients + intercept
            self.coef_ += coefficients / folds
            self.intercept_ += intercept / folds
        return scores

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        return np.asarray(X @ self.coef_ + self.intercept_)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        return np.array([f"score {k}" for k in range(self.coef_.shape[1])], object)

    def _one_against_rest(
        self, X: Any, y: npt.NDArray[np.intp], columns: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Coefficients (terms, columns) and intercepts; a class that isn't in y scores -1."""
        coefficients = np.zeros((X.shape[1], columns), np.float32)
        intercept = np.zeros(columns, np.float32)
        for column in range(columns):
            is_class = y == (1 if columns == 1 else column)
            if is_class.all() or not is_class.any():
                intercept[column] = 1 if is_class.all() else -1
            else:
                model = LinearSVC(C=self.C, random_state=self.seed).fit(X, is_class)
                coefficients[:, column] = model.coef_[0]
                intercept[column] = model.intercept_[0]
        return coefficients, intercept


def build_pipeline(min_df: int = 2, seed: int = 42) -> Pipeline:
    """text -> [TF-IDF -> cross-fitted linear scores | statistics of the text] -> CatBoost."""
    scores = Pipeline([("tfidf", tfidf(min_df)), ("linear", CrossFittedScores(seed=seed))])
    return Pipeline(
        [
            ("features", FeatureUnion([("scores", scores), ("statistics", TextStatistics())])),
            (
                "catboost",
                CatBoostClassifier(
                    iterations=300,
                    depth=5,
                    learning_rate=0.05,
                    random_seed=seed,
                    verbose=False,
                    allow_writing_files=False,
                ),
            ),
        ]
    )


class TextClassifier(ClassifierMixin, BaseEstimator):
    """Classifies messages: sequences of strings, or a DataFrame with the column `text_column`.

    Attributes:
        classes_: (K,) the classes, sorted strings; columns of `predict_proba` in this order.

    >>> model = TextClassifier().fit(texts, labels)             # doctest: +SKIP
    >>> model.predict(["my order never came"])                  # doctest: +SKIP
    array(['angry'], dtype=object)
    """

    def __init__(self, text_column: str = "text", seed: int = 42) -> None:
        self.text_column = text_column
        self.seed = seed

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on n messages and their n classes.

        Raises:
            ValueError: fewer than two classes, or no class with two messages.
        """
        texts = self._texts(X)
        self.classes_, numbers = np.unique(np.asarray(y, object), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, found {list(self.classes_)}")
        self.pipeline_ = build_pipeline(min_df=2 if len(texts) >= FEW_ROWS else 1, seed=self.seed)
        self.pipeline_.fit(texts, numbers)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities, shape (n, K)."""
        check_is_fitted(self)
        texts = self._texts(X)
        if not texts:
            return np.empty((0, len(self.classes_)))
        return np.asarray(self.pipeline_.predict_proba(texts))

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

    def telling_terms(self, top: int = 15) -> dict[str, list[tuple[str, float]]]:
        """Words and word pairs that speak most for each class, with their linear weights."""
        scores = dict(self.pipeline_["features"].transformer_list)["scores"]
        words = dict(scores["tfidf"].transformer_list)["words"].get_feature_names_out()
        weights = scores["linear"].coef_[: len(words)]
        if weights.shape[1] == 1:
            weights = np.hstack([-weights, weights])
        best = np.argsort(-weights, axis=0, kind="stable")[:top]
        return {
            str(name): [(str(words[i]), float(weights[i, k])) for i in best[:, k]]
            for k, name in enumerate(self.classes_)
        }

    def _texts(self, X: Any) -> list[str]:
        column = X[self.text_column] if isinstance(X, pd.DataFrame) else X
        # nan is not equal to itself; pandas makes one of None.
        return [
            "" if text is None or text is pd.NA or text != text else str(text) for text in column
        ]
