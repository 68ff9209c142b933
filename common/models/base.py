"""What a classifier promises to those who use it, whatever its family.

Scoring, monitoring and training know a classifier by these protocols alone. What not every family
can do is a protocol of its own, which its user asks for with `isinstance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

# Words or other pieces of a text with their weights, the largest first.
Weighted = list[tuple[str, float]]


@runtime_checkable
class Classifier(Protocol):
    """A fitted classifier of texts. Several threads may ask it at once.

    Attributes:
        classes_: (K,) names of the classes, sorted; columns of `predict_proba` in this order.
    """

    classes_: npt.NDArray[np.object_]

    def predict_proba(self, texts: Any, /) -> npt.NDArray[np.float64]:
        """(n, K) probabilities, rows sum to 1; texts are n strings (a sequence or Arrow array)."""
        ...


@runtime_checkable
class Explains(Protocol):
    """Says which words speak for its answers."""

    def explain(
        self, texts: Any, proba: npt.NDArray[np.float64], /, top: int = 3
    ) -> list[Weighted]:
        """(n,) the words that speak most for the predicted class; proba is `predict_proba`'s."""
        ...


@runtime_checkable
class TellsTerms(Protocol):
    """Says which terms speak most for each class."""

    def telling_terms(self, top: int = 20) -> dict[str, Weighted]: ...


@runtime_checkable
class KnowsWords(Protocol):
    """Knows which words it has never seen when it was fitted."""

    def unknown_words(self, texts: Sequence[str], /) -> list[tuple[list[str], int]]:
        """(n,) the unknown words of each text, and how many words it has in all."""
        ...


class TrainableClassifier(Classifier, Protocol):
    """What a family makes, and `training` fits.

    Attributes:
        text_column: the column of a DataFrame that has the texts, for MLflow's servers.
        concurrent: True: several threads may ask it at once.
    """

    text_column: str
    concurrent: bool

    def fit(
        self, texts: Any, labels: Any, /, advance: Callable[[int], None] = lambda steps: None
    ) -> Any:
        """Fit on n texts and their n classes; `advance` is told of each step that is done."""
        ...

    def predict_frame(self, texts: Any, /) -> Any:
        """A DataFrame with `prediction` and `confidence`, of a DataFrame or a list of texts."""
        ...
