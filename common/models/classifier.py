"""What classifiers of all our families have in common: which texts they take, how they answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sklearn.base import ClassifierMixin

from common.models import context
from common.models.extras import Extras
from common.models.text import TextInput


class MessageClassifier(ClassifierMixin, TextInput):
    """Classifies messages: sequences of strings, or a DataFrame with the column `text_column`.

    Args:
        class_weight: None, or "balanced" to give each class the same total weight.
        extras: what only some families can be told; None: nothing.

    Attributes:
        classes_: (K,) the classes, sorted strings; columns of `predict_proba` in this order.
    """

    classes_: npt.NDArray[np.object_]

    def __init__(
        self,
        text_column: str = "text",
        class_weight: str | None = None,
        seed: int = 42,
        extras: Extras | None = None,
    ) -> None:
        self.text_column = text_column
        self.class_weight = class_weight
        self.seed = seed
        self.extras = extras

    @abstractmethod
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities, shape (n, K)."""

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

    def _number_classes(self, y: Any) -> npt.NDArray[np.int64]:
        """(n,) number of each row's class; `classes_` becomes their names.

        Raises:
            ValueError: fewer than two classes.
        """
        self.classes_, numbers = np.unique(np.asarray(y, object), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, found {list(self.classes_)}")
        return np.asarray(numbers)

    def _messages(self, X: Any) -> Any:
        """Messages as `_texts`, without those that they answer (`context`)."""
        return context.parted(self._texts(X))[0]

    def _texts(self, X: Any) -> pa.Array | Sequence[str]:
        """Messages as an Arrow array without nulls; what is missing is an empty text."""
        if isinstance(X, (pa.Array, pa.ChunkedArray)):
            return X.fill_null("")
        column = X[self.text_column] if isinstance(X, pd.DataFrame) else X
        # nan is not equal to itself; pandas makes one of None.
        return [
            "" if text is None or text is pd.NA or text != text else str(text) for text in column
        ]
