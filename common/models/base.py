"""What a classifier promises to those who use it, whatever its family.

Scoring, monitoring and training know a classifier by these protocols alone. What not every family
can do is a protocol of its own, which its user asks for with `isinstance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class LexiconUse:
    """What became of a list of words with values when a model was fitted.

    Attributes:
        name: what the list is called.
        used: whether the model looks at it.
        gain: what it takes off the log loss of training rows that were not seen, in nats a row;
            None: nobody asked, it is used whatever it gains.
        error: standard error of the gain.
    """

    name: str
    used: bool
    gain: float | None = None
    error: float | None = None

    def sentence(self) -> str:
        """For people.

        >>> LexiconUse("vader", False, 0.001, 0.002).sentence()
        'Lexicon vader is not used: no gain beyond chance (log loss 0.001 lower, +/- 0.004).'
        """
        if self.gain is None or self.error is None:
            return f"Lexicon {self.name} is used, as LEXICON says."
        change = f"{abs(self.gain):.3f} {'lower' if self.gain >= 0 else 'higher'}"
        measured = f"(log loss {change}, +/- {2 * self.error:.3f})"
        if self.used:
            return f"Lexicon {self.name} is used: it gains beyond chance {measured}."
        return f"Lexicon {self.name} is not used: no gain beyond chance {measured}."


@runtime_checkable
class UsesLexicon(Protocol):
    """May look at a list of words with values; None: it was given none."""

    lexicon_use_: LexiconUse | None


@dataclass(frozen=True)
class EmbeddingsUse:
    """What vectors that the user supplied gained when a model was fitted.

    Attributes:
        name: of the file, or of the function.
        gain: what they take off the log loss of training rows that were not seen, in nats a row.
        error: standard error of the gain.
        known: share of the words and marks of these rows that have a vector; None: it is no table
            of words.
    """

    name: str
    gain: float
    error: float
    known: float | None = None

    def sentence(self) -> str:
        """For people.

        >>> EmbeddingsUse("words.vec", 0.031, 0.006, 0.97).sentence()
        'Embeddings words.vec are used, as EMBEDDINGS says: log loss 0.031 lower, +/- 0.012; \
97.0 % of the words and marks have a vector.'
        """
        change = f"{abs(self.gain):.3f} {'lower' if self.gain >= 0 else 'higher'}"
        known = f"; {self.known:.1%} of the words and marks have a vector" if self.known else ""
        return (
            f"Embeddings {self.name} are used, as EMBEDDINGS says: log loss {change}, "
            f"+/- {2 * self.error:.3f}{known.replace('%', ' %')}."
        )


@runtime_checkable
class UsesEmbeddings(Protocol):
    """May use vectors that the user supplies; None: it was given none."""

    embeddings_use_: EmbeddingsUse | None


@runtime_checkable
class ExportsFiles(Protocol):
    """Gives files for programs that can't load it, which are stored beside it."""

    def exports(self) -> Mapping[str, bytes]:
        """Contents by file name."""
        ...


@dataclass(frozen=True)
class UnseenAnswers:
    """What is said of n training rows by models that have not seen them.

    Attributes:
        label_proba: (n,) probability of the class that the row is labelled with.
        likeliest: (n,) the most probable class.
    """

    label_proba: npt.NDArray[np.float64]
    likeliest: npt.NDArray[np.object_]


@runtime_checkable
class AnswersUnseen(Protocol):
    """Knows, after `fit`, what models that had not seen a training row said of it.

    Attributes:
        unseen_: of the training rows in their order; not stored with the model.
    """

    unseen_: UnseenAnswers


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
