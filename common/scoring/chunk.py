"""Score one chunk of messages; this is what runs in the worker processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.data.csv_reader import Reject
from common.data.reader import Chunk, as_text
from common.models.base import Classifier
from common.scoring import shadow
from common.scoring.formats import Cells, Format
from common.scoring.jobs import Job
from common.scoring.model import LoadedModel
from common.scoring.shadow import Shadow
from common.types import Floats


@dataclass(frozen=True)
class Answers:
    """What a model says of n texts, of which m are not blank.

    Attributes:
        texts: (m,) those that are not blank.
        best: (m,) the predicted classes, as indices.
        confidence: (m,) their probabilities.
        cells: what is added to the n rows.
    """

    texts: pa.Array
    best: npt.NDArray[np.int64]
    confidence: Floats
    cells: Cells


def answer(
    texts: pa.LargeStringArray, model: LoadedModel, with_proba: bool, with_reasons: bool
) -> Answers:
    """Ask a model about texts; the columns are those of `added_columns`."""
    filled = pc.invert(pc.equal(pc.utf8_trim_whitespace(texts), ""))
    asked = texts.filter(filled)
    classifier = model.classifier
    proba = classifier.predict_proba(asked)
    best = proba.argmax(axis=1)
    confidence = proba[np.arange(len(best)), best]
    classes = pa.array(classifier.classes_, pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(best), classes),
        pa.array(confidence.round(6)),
        pa.array(np.full(len(best), model.identity.version)),
    ]
    if with_proba:
        columns += [pa.array(column.round(6)) for column in proba.T]
    if with_reasons:
        reasons = model.require_explanations().explain(asked, proba)
        columns.append(pa.array(map(reason, reasons), pa.string()))
    return Answers(asked, best, confidence, Cells(filled, columns))


def added_columns(
    classifier: Classifier, prefix: str = "", with_proba: bool = False, with_reasons: bool = False
) -> pa.Schema:
    """Names and types of the columns that are added, in order."""
    columns = [
        ("prediction", pa.string()),
        ("confidence", pa.float64()),
        ("model_version", pa.int64()),
    ]
    if with_proba:
        columns += [(f"proba_{name}", pa.float64()) for name in classifier.classes_]
    if with_reasons:
        columns.append(("because", pa.string()))
    return pa.schema([(prefix + name, kind) for name, kind in columns])


def reason(words: Sequence[tuple[str, float]]) -> str:
    """Put words and their weights into one cell.

    >>> reason([("refund", 0.824), ("!", 0.1)])
    'refund (+0.82), ! (+0.10)'
    """
    return ", ".join(f"{word} ({weight:+.2f})" for word, weight in words)


@dataclass(frozen=True)
class ScoredChunk:
    """A chunk with its predictions, as bytes of the output's format, and what became of it.

    Attributes:
        scored, blank: rows with a prediction, and rows without a text.
        classes: scored rows by predicted class.
        replaced: cells in which bytes that are not text became U+FFFD.
        bytes_done: how far the input is read.
        shadow: how the challenger's answers compare, if there is one.
        confidence: sum over the scored rows.
    """

    content: bytes
    scored: int
    blank: int
    classes: Counter[str]
    rejects: list[Reject]
    replaced: int
    bytes_done: int
    shadow: Shadow
    confidence: float


@dataclass(frozen=True)
class ChunkScorer:
    """Scores chunks of one input; called in the worker processes."""

    job: Job
    model: LoadedModel
    format: Format
    challenger: LoadedModel | None = None

    def __call__(self, chunk: Chunk) -> ScoredChunk:
        """Score a chunk; the added cells of a row without a text are empty."""
        settings, classes = self.job.settings, self.model.classifier.classes_
        where = f"{self.job.source}, column {settings.text_column!r},"
        texts = as_text(chunk.table.column(settings.text_column), where)
        answers = answer(texts, self.model, settings.with_proba, settings.with_reasons)
        counts = np.bincount(answers.best, minlength=len(classes))
        return ScoredChunk(
            content=self.format.chunk(chunk, answers.cells),
            scored=len(answers.best),
            blank=len(texts) - len(answers.best),
            classes=Counter(dict(zip(classes, counts.tolist(), strict=True))),
            rejects=chunk.rejects,
            replaced=chunk.replaced,
            bytes_done=chunk.bytes_done,
            shadow=self._compare(answers),
            confidence=float(answers.confidence.sum()),
        )

    def _compare(self, answers: Answers) -> Shadow:
        if self.challenger is None:
            return Shadow()
        classes = self.model.classifier.classes_
        return shadow.compare(
            answers=classes[answers.best],
            classes=classes,
            texts=answers.texts,
            filled=answers.cells.filled.to_numpy(zero_copy_only=False),
            challenger=self.challenger.classifier,
        )
