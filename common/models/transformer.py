"""A pretrained transformer, fine-tuned: any that Hugging Face's library can classify with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from common.models.checkpoint import class_logits, load
from common.models.classifier import MessageClassifier

Floats = npt.NDArray[np.float64]


class TransformerClassifier(MessageClassifier):
    """Classifies messages: sequences of strings, or a DataFrame with the column `text_column`.

    Fitting uses a GPU where there is one; answers are computed by one thread of the CPU, so that
    they are the same bits in whatever chunk a message is asked about.

    Args:
        class_weight: None, or "balanced" to give each class the same total weight.
        extras: `transformer` is the checkpoint: a folder, or a name on Hugging Face's hub.

    Attributes:
        classes_: (K,) the classes, sorted strings; columns of `predict_proba` in this order.
        files_: the fine-tuned checkpoint with its tokenizer, by path in its folder.
        scale_: a in softmax(a * logits).

    Several threads may ask a fitted classifier at once; it answers one after the other.
    """

    concurrent = True

    def fit(self, X: Any, y: Any, advance: Callable[[int], None] = lambda steps: None) -> Self:
        """Fine-tune on n messages and their n classes.

        Args:
            advance: told of each of the EPOCHS that is done, or not needed any more.

        Raises:
            ValueError: fewer than two classes.
            CheckpointError: there is no such checkpoint, or it can't be used.
        """
        from common.models import transformer_fit

        numbers = self._number_classes(y)
        checkpoint = self.extras.transformer if self.extras else ""
        fitted = transformer_fit.fine_tune(
            checkpoint,
            self._strings(X),
            numbers,
            self.class_weight == "balanced",
            self.seed,
            advance,
        )
        self.files_: Mapping[str, bytes] = fitted.files
        self.scale_ = fitted.scale
        self.__dict__.pop("_loaded", None)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities, shape (n, K)."""
        check_is_fitted(self)
        with self.__dict__.setdefault("_lock", threading.Lock()):
            if "_loaded" not in vars(self):
                self._loaded = load(self.files_)
            logits = class_logits(self._loaded, self._strings(X), len(self.classes_))
        return np.asarray(softmax(self.scale_ * logits, axis=1))

    def _strings(self, X: Any) -> list[str]:
        texts = self._messages(X)
        return texts.to_pylist() if isinstance(texts, pa.Array | pa.ChunkedArray) else list(texts)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made of the files on first use."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("_loaded", "_lock")}
