"""A model that was made elsewhere, behind the contract of a classifier.

The model's files travel inside the classifier. A process of its own runs them
(`registry.adopted_worker`), with a Python that has the packages which the model needs: so they
can't clash with ours, and a model that ends its process ends no other one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.models.adopted_process import Answer, Process

Scores = Literal["probabilities", "logits"]
ASKED_AT_ONCE = 2_000
# Sums of probabilities in single precision.
SUM_TOLERANCE = 1e-3
_UNKNOWN = (
    "the model answers a class that is not among its labels: say them all, in its order (--labels)"
)


@dataclass(frozen=True)
class Mapping:
    """What the model's answers mean.

    Attributes:
        labels: K >= 2 names of the classes, in the model's order.
        scores: what it gives for each class; logits become probabilities by softmax, or by the
            logistic function if there is one for two classes.
        label_column, score_column: of a DataFrame that it answers with: the class, and its
            probability.
        sureness: probability of the class that it answers, of a model that gives nothing else.
        class_columns: of a DataFrame with a figure for each class: K columns, as `labels`.
        numbered: the classes that it answers are their numbers in `labels`, from 0.
    """

    labels: tuple[str, ...]
    scores: Scores = "probabilities"
    label_column: str | None = None
    score_column: str | None = None
    sureness: float = 1.0
    class_columns: tuple[str, ...] = ()
    numbered: bool = False


class AdoptedClassifier:
    """A model of MLflow as a classifier; see `base.Classifier`.

    It answers once `understand` was told what its answers mean.

    Args:
        archive: the model's folder as a zip archive.
        input_column: of a DataFrame, that the texts go into; None: what the model says, or none.
        python: of the environment that has the model's packages; None: the one that runs this.
        program: source of `registry.adopted_worker`, which travels with the model.

    Raises:
        RuntimeError: the model can't be loaded.
    """

    concurrent = True

    classes_: npt.NDArray[np.object_]
    mapping: Mapping

    def __init__(
        self,
        text_column: str,
        archive: bytes,
        input_column: str | None,
        python: str | None,
        program: str,
    ) -> None:
        self.text_column, self.archive, self.input_column = text_column, archive, input_column
        self.python, self.program = python, program
        self._start()

    @property
    def own_classes(self) -> list[str] | None:
        """The classes as the model names them; None if it doesn't."""
        return self._process.classes

    def raw_answer(self, made_up: list[str]) -> Answer:
        """What the model says to texts that are nobody's.

        Raises:
            RuntimeError: it fails; the reason may quote a text.
        """
        return self._ask(made_up, made_up=True)

    def understand(self, mapping: Mapping) -> None:
        """Take the model's answers for what the mapping says."""
        self.mapping = mapping
        self.classes_ = np.array(sorted(mapping.labels), object)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_process", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    def classes_said(self, texts: npt.NDArray[np.object_]) -> list[str]:
        """The classes that the model answers, as it calls them.

        Raises:
            RuntimeError, ValueError: as `predict_proba`.
        """
        asked = texts.tolist()
        said: list[str] = []
        for answer in self._answers(asked):
            rows = min(ASKED_AT_ONCE, len(asked) - len(said))
            said += read(answer, rows, self.mapping)["labels"]
        return said

    def fit(self, texts: Any, labels: Any, advance: Any = None) -> AdoptedClassifier:
        """Raise TypeError: it was fitted elsewhere."""
        raise TypeError("a model that was made elsewhere can't be fitted here")

    def predict_proba(self, texts: Any) -> npt.NDArray[np.float64]:
        """(n, K) probabilities, rows sum to 1.

        Raises:
            RuntimeError: the model fails, or its process ends or hangs twice.
            ValueError: its answers are not what the mapping says.
        """
        if isinstance(texts, pd.DataFrame):
            texts = texts[self.text_column]
        values = texts.to_pylist() if hasattr(texts, "to_pylist") else list(texts)
        asked = ["" if value is None else str(value) for value in values]
        proba = np.zeros((len(asked), len(self.classes_)))
        for start, answer in zip(
            range(0, len(asked), ASKED_AT_ONCE), self._answers(asked), strict=True
        ):
            part = proba[start : start + ASKED_AT_ONCE]
            part[:] = probabilities(answer, len(part), self.mapping)
        return proba[:, np.argsort(np.array(self.mapping.labels, object))]

    def predict(self, texts: Any) -> npt.NDArray[np.object_]:
        """(n,) the most probable class of each text."""
        return np.asarray(self.classes_[self.predict_proba(texts).argmax(axis=1)])

    def predict_frame(self, texts: Any) -> pd.DataFrame:
        """Columns `prediction` (class) and `confidence` (its probability, 0 to 1)."""
        proba = self.predict_proba(texts)
        return pd.DataFrame(
            {"prediction": self.classes_[proba.argmax(axis=1)], "confidence": proba.max(axis=1)}
        )

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._process = self._new_process()

    def _new_process(self) -> Process:
        return Process(self.archive, self.input_column, self.python, self.program)

    def _answers(self, texts: list[str]) -> Iterator[Answer]:
        for start in range(0, len(texts), ASKED_AT_ONCE):
            with self._lock:
                answer = self._ask(texts[start : start + ASKED_AT_ONCE])
            yield answer

    def _ask(self, texts: list[str], made_up: bool = False) -> Answer:
        """Ask the process; a new one if it has ended or hangs, or belongs to the one that forked.

        Args:
            made_up: see `Process.ask`.
        """
        if self._process.owner != os.getpid():
            self._process = self._new_process()
        try:
            return self._process.ask(texts, made_up)
        except (BrokenPipeError, EOFError, TimeoutError):
            self._process = self._new_process()
        try:
            return self._process.ask(texts, made_up)
        except (BrokenPipeError, EOFError):
            raise RuntimeError("the process of the adopted model ends when it is asked") from None
        except TimeoutError as error:
            raise RuntimeError(f"the adopted model hangs: {error}") from None


def probabilities(answer: Answer, rows: int, mapping: Mapping) -> npt.NDArray[np.float64]:
    """(rows, K) what a model answers, as probabilities in its order of classes.

    Raises:
        ValueError: the answer is not what the mapping says.
    """
    answer = read(answer, rows, mapping)
    if "scores" in answer:
        return _of_scores(_finite(answer["scores"]), rows, mapping)
    names = mapping.labels
    at = places(answer["labels"], mapping)
    # More than an equal share, or the answer would not be the most probable class.
    least = 1 / len(names) + 1e-6
    sure = np.clip(_finite(answer.get("sure", [mapping.sureness] * rows)), least, 1.0)
    proba = np.repeat(((1 - sure) / (len(names) - 1))[:, None], len(names), axis=1)
    proba[np.arange(rows), at] = sure
    return proba


def read(answer: Answer, rows: int, mapping: Mapping) -> Answer:
    """An answer as `scores`, or as `labels` and, if the model says so, how `sure` it is of each.

    Raises:
        ValueError: it has other columns than the mapping says, or not a class for each row.
    """
    if "columns" in answer:
        answer = _of_columns(answer["columns"], mapping)
    if "labels" in answer and len(answer["labels"]) != rows:
        raise ValueError(f"the model answers {rows} texts with {len(answer['labels'])} classes")
    return answer


def _of_columns(columns: dict[str, list[Any]], mapping: Mapping) -> Answer:
    label, score, classes = mapping.label_column, mapping.score_column, mapping.class_columns
    if classes and set(classes) <= set(columns):
        return {"scores": np.column_stack([_figures(columns, name) for name in classes])}
    if label is None and len(columns) == 1:
        label = next(iter(columns))
    if label not in columns or (score is not None and score not in columns):
        raise ValueError(
            f"the model answers with the columns {', '.join(columns)}: say which one has the class "
            "(--label-column) and, if any, its probability (--score-column)"
        )
    found = {"labels": [str(value) for value in columns[label]]}
    return found | ({"sure": _figures(columns, score)} if score is not None else {})


def _figures(columns: dict[str, list[Any]], name: str) -> npt.NDArray[np.float64]:
    try:
        return np.array(columns[name], float)
    except (TypeError, ValueError):  # which quotes a cell
        raise ValueError(f"the model's column {name} holds no numbers") from None


def _finite(figures: Any) -> npt.NDArray[np.float64]:
    found = np.array(figures, float)
    if not np.isfinite(found).all():
        raise ValueError("the model answers with figures that are infinite or no numbers (NaN)")
    return found


def _of_scores(
    scores: npt.NDArray[np.float64], rows: int, mapping: Mapping
) -> npt.NDArray[np.float64]:
    width, classes = scores.shape[-1], len(mapping.labels)
    single = width == 1 and classes == 2
    if len(scores) != rows or not (single or width == classes):
        raise ValueError(
            f"the model answers {rows} texts with {len(scores)} x {width} figures, but there are "
            f"{classes} labels: say all of them in the model's order (--labels)"
        )
    if mapping.scores == "logits":
        scores = np.hstack([np.zeros_like(scores), scores]) if single else scores
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    scores = np.hstack([1 - scores, scores]) if single else scores
    sums = scores.sum(axis=1, keepdims=True)
    if not (scores.min() >= 0 and np.abs(sums - 1).max() <= SUM_TOLERANCE):
        raise ValueError(
            "the model's scores are not probabilities: if they are logits, say so (--scores logits)"
        )
    return np.asarray(scores / sums)


def places(said: Sequence[str], mapping: Mapping) -> list[int]:
    """The numbers of the classes that the model answers.

    Raises:
        ValueError: one is none of its classes.
    """
    place = _by_number if mapping.numbered else _by_name
    known = {label: at for label in {*said} if (at := place(label, mapping.labels)) is not None}
    if len(known) < len({*said}):
        raise ValueError(_UNKNOWN)
    return [known[label] for label in said]


def are_numbers(said: Collection[str], labels: Sequence[str]) -> bool:
    """Whether a model that has answered these classes answers with numbers, not with names.

    >>> are_numbers({"0", "1"}, ("1", "2", "3")), are_numbers({"1", "3"}, ("1", "2", "3"))
    (True, False)

    Raises:
        ValueError: some are neither, or nobody can tell.
    """
    names = [_by_name(label, labels) for label in said]
    numbers = [_by_number(label, labels) for label in said]
    if None in names and None in numbers:
        raise ValueError(_UNKNOWN)
    if None not in names and None not in numbers and names != numbers:
        raise ValueError(
            f"the classes that the model answers ({', '.join(sorted(said))}) may be names or "
            "numbers, which begin with 0: have it answer with names that are no such numbers"
        )
    return None in names


def _by_name(label: str, names: Sequence[str]) -> int | None:
    if label in names:
        return names.index(label)
    folded = [name.casefold() for name in names]
    return folded.index(label.casefold()) if folded.count(label.casefold()) == 1 else None


def _by_number(label: str, names: Sequence[str]) -> int | None:
    return int(label) if label.isdecimal() and int(label) < len(names) else None
