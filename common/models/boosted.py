"""From text to probabilities in one estimator: counted words -> linear class scores -> CatBoost."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from catboost import CatBoostClassifier
from scipy.special import softmax

from common.models import boosting
from common.models.boosting import MANY_CLASSES
from common.models.extras import NO_EXTRAS
from common.models.folds import FEW_ROWS
from common.models.scored import ScoredTextClassifier, some_rows

MOST_TREES = 1000
VALIDATION_SHARE = 0.1


class TextClassifier(ScoredTextClassifier):
    """CatBoost weighs the linear scores of a message with its statistics.

    Attributes:
        scale_: a in softmax(a * scores), which CatBoost starts from; None: it has no start.
        catboost_: fitted trees; None: they gain nothing over the start.

    >>> model = TextClassifier().fit(texts, labels)             # doctest: +SKIP
    >>> model.predict(["my order never came"])                  # doctest: +SKIP
    array(['angry'], dtype=object)
    """

    # Of models that were pickled before there were such.
    scale_: float | None = None
    catboost_: CatBoostClassifier | None

    def _fit_answers(
        self,
        features: npt.NDArray[np.float32],
        y: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float32],
        scale: float,
    ) -> None:
        """Fit trees, which start from scaled scores or from nothing."""
        few_rows, many = len(y) < FEW_ROWS, len(self.classes_) >= MANY_CLASSES
        if (self.extras or NO_EXTRAS).scaled_start and (few_rows or many):
            some = some_rows(len(y), self.seed)
            start = scale * self._linear(features[some])
            rows = boosting.Rows(start, features[some], y[some], weights[some])
            self.scale_, self.catboost_ = scale, boosting.fit_trees(rows, self.seed)
        else:
            self.scale_, self.catboost_ = None, self._boosted(features, y)

    def _proba(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        # One thread: a dozen columns are too little work for two, and scoring runs a process a core
        # (two workers with two threads each were a third slower).
        if self.scale_ is None and self.catboost_ is not None:
            return np.asarray(self.catboost_.predict_proba(features, thread_count=1))
        logits = (self.scale_ or 1.0) * self._linear(features)
        if self.catboost_ is not None:
            logits += self.catboost_.predict(
                features, prediction_type="RawFormulaVal", thread_count=1
            )
        return np.asarray(softmax(logits, axis=1))

    def _boosted(self, features: npt.NDArray[np.float32], y: Any) -> CatBoostClassifier:
        """CatBoost on the dense columns; it stops when the validation rows stop gaining.

        More rows than SOME_ROWS tell a dozen columns nothing new, so a part is taken.
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
        order = some_rows(len(y), self.seed)
        held = order[: round(VALIDATION_SHARE * len(order))]
        seen = order[len(held) :]
        if len(order) < FEW_ROWS or set(y[seen]) != set(y):
            return CatBoostClassifier(iterations=min(200, trees), **settings).fit(features, y)
        model = CatBoostClassifier(iterations=trees, early_stopping_rounds=50, **settings)
        return model.fit(features[seen], y[seen], eval_set=(features[held], y[held]))
