"""CatBoost that starts from scaled class scores, instead of having to find out what they say.

With many classes it would rebuild "the largest score wins" from splits of one score each, and lose
what the scores know; with few rows it would fit noise before it gets there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from catboost import CatBoostClassifier, Pool

from common.models.folds import FEW_ROWS, stratified_folds
from common.models.softmax import cross_entropy

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

# Of fewer, at FEW_ROWS and above, CatBoost finds out what the scores say as well by itself.
MANY_CLASSES = 10
FOLDS = 5
VALIDATION_SHARE = 0.1
PATIENCE = 50


@dataclass(frozen=True)
class Rows:
    """What trees are fitted on.

    Attributes:
        start: (n, K) logits that the trees are added to.
        features: (n, columns) what they split on.
        y: (n,) class numbers; each of 0 to K - 1 is there.
        weights: (n,) of each row's loss.
    """

    start: Floats
    features: npt.NDArray[np.float32]
    y: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.y)

    def pool(self, rows: npt.NDArray[Any]) -> Pool:
        """Some rows, as CatBoost takes them."""
        return Pool(
            self.features[rows], self.y[rows], baseline=self.start[rows], weight=self.weights[rows]
        )

    def loss(self, rows: npt.NDArray[Any]) -> float:
        """Cross-entropy of the start, without any tree."""
        return cross_entropy(self.start[rows], self.y[rows], self.weights[rows])


def fit_trees(rows: Rows, seed: int) -> CatBoostClassifier | None:
    """Trees whose raw values, added to the start, lower the cross-entropy of rows not seen.

    How many: what five-fold cross-validation finds best for few rows, a tenth of the rows for more.
    Without that, 200 rows of any file were answered worse than by the start alone.

    Returns:
        None if no tree gains anything.
    """
    few = len(rows) < FEW_ROWS
    classes = rows.start.shape[1]
    # Few rows of many classes get bolder trees, since six fits are made of them.
    most, rate = (1000, 0.05) if not few else (200, 0.1) if classes >= MANY_CLASSES else (300, 0.05)
    settings = {
        "loss_function": "MultiClass",
        # A tree costs as much as there are classes, so many of them get fewer.
        "iterations": min(most, max(50, 20_000 // classes)),
        "learning_rate": rate,
        "depth": 3 if few else 4,
        "border_count": 32,
        "random_seed": seed,
        "verbose": False,
        "allow_writing_files": False,
    }
    if not few:
        return _stopped_by_validation(rows, settings, seed)
    trees = _cross_validated_trees(rows, settings, seed)
    if not trees:
        return None
    model = CatBoostClassifier(**settings | {"iterations": trees})
    return model.fit(rows.pool(np.arange(len(rows))))


def _stopped_by_validation(
    rows: Rows, settings: dict[str, Any], seed: int
) -> CatBoostClassifier | None:
    held = np.random.default_rng(seed).random(len(rows)) < VALIDATION_SHARE
    # CatBoost wants each class among the rows it is fitted on.
    held &= np.isin(rows.y, rows.y[~held])
    model = CatBoostClassifier(early_stopping_rounds=PATIENCE, **settings)
    model.fit(rows.pool(~held), eval_set=rows.pool(held))
    gains = model.best_score_["validation"]["MultiClass"] < rows.loss(held)
    return model if gains else None


def _cross_validated_trees(rows: Rows, settings: dict[str, Any], seed: int) -> int:
    """The number of trees with the least mean loss of the rows left out; 0: the start's is less."""
    folds = stratified_folds(rows.y, FOLDS, seed)
    folds[np.bincount(rows.y)[rows.y] < 2] = -1  # the only row of a class is in all fits
    losses = np.zeros(settings["iterations"])
    for fold in range(FOLDS):
        seen, held = folds != fold, folds == fold
        model = CatBoostClassifier(early_stopping_rounds=PATIENCE, use_best_model=False, **settings)
        model.fit(rows.pool(seen), eval_set=rows.pool(held))
        curve = model.evals_result_["validation"]["MultiClass"]
        # A fold that stopped early counts on with its last loss, so that the others may go on.
        padded = np.pad(curve, (0, len(losses) - len(curve)), mode="edge")
        losses += rows.weights[held].sum() * padded
    left_out = folds >= 0
    losses /= rows.weights[left_out].sum()
    best = int(losses.argmin())
    return best + 1 if losses[best] < rows.loss(left_out) else 0
