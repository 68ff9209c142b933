"""Score one chunk of messages; this is what runs in the worker processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.data.csv_reader import Reject
from common.data.reader import Chunk, as_text
from common.evaluation.decisions import as_likeliest
from common.evaluation.routing import AUTO, PERSON
from common.scoring import shadow
from common.scoring.formats import Cells, Format
from common.scoring.jobs import Job
from common.scoring.model import LoadedModel
from common.scoring.shadow import Shadow
from common.types import Bools, Floats


@dataclass(frozen=True)
class Answers:
    """What a model says of n texts, of which m are not blank.

    Attributes:
        texts: (m,) those that are not blank.
        best: (m,) the predicted classes, as indices.
        confidence: (m,) their probabilities.
        automatic: (m,) whether nobody has to look at an answer; None: that was never chosen.
        cells: what is added to the n rows.
    """

    texts: pa.Array
    best: npt.NDArray[np.int64]
    confidence: Floats
    automatic: Bools | None
    cells: Cells


def answer(
    texts: pa.LargeStringArray,
    model: LoadedModel,
    with_proba: bool,
    with_reasons: bool,
    with_route: bool = False,
) -> Answers:
    """Ask a model about texts; the columns are those of `added_columns`."""
    filled = pc.invert(pc.equal(pc.utf8_trim_whitespace(texts), ""))
    asked = texts.filter(filled)
    classifier = model.classifier
    proba = classifier.predict_proba(asked)
    decided = model.decide(proba)
    best, confidence, automatic = decided.best, decided.confidence, decided.automatic
    classes = pa.array(classifier.classes_, pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(best), classes),
        pa.array(confidence.round(6)),
        pa.array(np.full(len(best), model.identity.version)),
    ]
    if with_route or model.is_routed:
        columns.append(_routes(automatic, len(best)))
    if with_proba:
        columns += [pa.array(column.round(6)) for column in proba.T]
    if with_reasons:
        reasons = model.require_explanations().explain(asked, as_likeliest(best, proba))
        columns.append(pa.array(map(reason, reasons), pa.string()))
    return Answers(asked, best, confidence, automatic, Cells(filled, columns))


def _routes(automatic: Bools | None, rows: int) -> pa.DictionaryArray:
    names = pa.array([PERSON, AUTO])
    if automatic is None:
        return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int64()), names)
    return pa.DictionaryArray.from_arrays(pa.array(automatic.astype(np.int64)), names)


def added_columns(
    model: LoadedModel,
    prefix: str = "",
    with_proba: bool = False,
    with_reasons: bool = False,
    with_route: bool = False,
) -> pa.Schema:
    """Names and types of the columns that are added, in order.

    Where there are several targets, their names say which: `prediction_topic`, `proba_topic_angry`.

    Args:
        with_route: add the route though none was ever chosen: it is empty then.
    """
    of_target = f"_{model.target}" if model.target else ""
    columns = [
        (f"prediction{of_target}", pa.string()),
        (f"confidence{of_target}", pa.float64()),
        (f"model_version{of_target}", pa.int64()),
    ]
    if with_route or model.is_routed:
        columns.append((f"route{of_target}", pa.string()))
    if with_proba:
        columns += [
            (f"proba{of_target}_{name}", pa.float64()) for name in model.classifier.classes_
        ]
    if with_reasons:
        columns.append((f"because{of_target}", pa.string()))
    return pa.schema([(prefix + name, kind) for name, kind in columns])


def reason(words: Sequence[tuple[str, float]]) -> str:
    """Put words and their weights into one cell.

    >>> reason([("refund", 0.824), ("!", 0.1)])
    'refund (+0.82), ! (+0.10)'
    """
    return ", ".join(f"{word} ({weight:+.2f})" for word, weight in words)


@dataclass(frozen=True)
class Counts:
    """Scored rows by predicted class, the sum of their confidence, and who looks at how many."""

    classes: Counter[str]
    confidence: float
    routes: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.classes + other.classes,
            self.confidence + other.confidence,
            self.routes + other.routes,
        )


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
        beside: what the models of other targets have answered.
        routes: scored rows by who looks at them; empty where that was never chosen.
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
    beside: tuple[Counts, ...] = ()
    routes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class ChunkScorer:
    """Scores chunks of one input; called in the worker processes."""

    job: Job
    model: LoadedModel
    format: Format
    challenger: LoadedModel | None = None

    def __call__(self, chunk: Chunk) -> ScoredChunk:
        """Score a chunk; the added cells of a row without a text are empty."""
        settings = self.job.settings
        where = f"{self.job.source}, column {settings.text_column!r},"
        texts = as_text(chunk.table.column(settings.text_column), where)
        found = [
            answer(texts, model, settings.with_proba, settings.with_reasons, settings.with_route)
            for model in self.model.all
        ]
        answers, filled = found[0], found[0].cells.filled
        cells = Cells(filled, [column for each in found for column in each.cells.columns])
        counts, *beside = map(_counts, found, self.model.all)
        return ScoredChunk(
            content=self._content(chunk, cells, answers.automatic),
            scored=len(answers.best),
            blank=len(texts) - len(answers.best),
            classes=counts.classes,
            rejects=chunk.rejects,
            replaced=chunk.replaced,
            bytes_done=chunk.bytes_done,
            shadow=self._compare(answers),
            confidence=counts.confidence,
            beside=tuple(beside),
            routes=counts.routes,
        )

    def _content(self, chunk: Chunk, cells: Cells, automatic: Bools | None) -> bytes:
        """The rows that are wanted; those without an answer go to a person."""
        if self.job.settings.only is None:
            return self.format.chunk(chunk, cells)
        filled = cells.filled.to_numpy(zero_copy_only=False)
        wanted = np.zeros(len(filled), bool)
        if automatic is not None:
            wanted[filled] = automatic
        if self.job.settings.only == PERSON:
            wanted = ~wanted
        kept = pa.array(wanted[filled])
        rows = pa.array(wanted)
        return self.format.chunk(
            chunk.where(rows),
            Cells(cells.filled.filter(rows), [column.filter(kept) for column in cells.columns]),
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
            challenger=self.challenger,
            automatic=answers.automatic,
        )


def _counts(answers: Answers, model: LoadedModel) -> Counts:
    classes = model.classifier.classes_
    rows = np.bincount(answers.best, minlength=len(classes)).tolist()
    routes: Counter[str] = Counter()
    if answers.automatic is not None:
        auto = int(answers.automatic.sum())
        routes = Counter({AUTO: auto, PERSON: len(answers.best) - auto})
    return Counts(
        Counter(dict(zip(classes, rows, strict=True))), float(answers.confidence.sum()), routes
    )
