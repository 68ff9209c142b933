"""Beside an output: the messages whose class the challenger would change, and why.

While an input is scored, only the numbers of their rows are kept. When it is done, these rows are
read and answered once more: so the file is the same for any number of workers and after an
interruption, and drafts hold no further message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from common.data.reader import MessageFile, as_text
from common.evaluation.decisions import as_likeliest
from common.evaluation.routing import AUTO, PERSON
from common.models.base import Explains
from common.scoring.chunk import reason
from common.scoring.formats import harmless
from common.scoring.jobs import JobSettings
from common.scoring.model import LoadedModel
from common.scoring.shadow import Shadow

# The most frequent ones: where there are many classes, hardly a pair is like another.
MOST_PAIRS = 50
FIGURES = ("row", "from", "to", "confidence", "confidence_to", "route", "route_to")
MESSAGE = ("because", "because_to", "message")


@dataclass(frozen=True)
class Flip:
    """A row (number from 1), the model's class and the challenger's."""

    row: int
    own: str
    other: str


@dataclass(frozen=True)
class Answer:
    """What a model says of one message, as cells: who looks at it is "" if that was never chosen,
    the words that decide are "" if the model can't tell."""

    confidence: str
    route: str
    because: str


@dataclass(frozen=True)
class Table:
    """The file: names of its columns, and rows of cells."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


def table(
    shadow: Shadow,
    messages: MessageFile,
    columns: Sequence[str],
    settings: JobSettings,
    model: LoadedModel,
    challenger: LoadedModel,
) -> Table | None:
    """The first rows of each pair of classes that differ, the most frequent pair first; None if
    there are none, or if not all are known because a release before this one began the output.

    Messages and their words are left out where the output does not keep the messages.

    Args:
        shadow: what was found in the whole input.
        messages: the input.
        columns: those that it was scored with: what can't be read depends on them.
    """
    flips = _wanted(shadow)
    if not flips:
        return None
    found = _texts(messages, columns, settings.text_column, {flip.row for flip in flips})
    texts = [found[flip.row] for flip in flips]
    own, other = _answers(model, texts), _answers(challenger, texts)
    figures = [
        (
            str(flip.row),
            flip.own,
            flip.other,
            mine.confidence,
            theirs.confidence,
            mine.route,
            theirs.route,
        )
        for flip, mine, theirs in zip(flips, own, other, strict=True)
    ]
    if settings.keep is not None and settings.text_column not in settings.keep:
        return Table(FIGURES, _safe(figures, settings))
    rows = [
        (*row, mine.because, theirs.because, text)
        for row, mine, theirs, text in zip(figures, own, other, texts, strict=True)
    ]
    return Table((*FIGURES, *MESSAGE), _safe(rows, settings))


def _wanted(shadow: Shadow) -> list[Flip]:
    first = shadow.first or {}
    frequent = [pair for pair, _ in shadow.pairs.most_common() if pair in first][:MOST_PAIRS]
    return [Flip(row, *pair) for pair in frequent for row in first[pair]]


def _texts(
    messages: MessageFile, columns: Sequence[str], text_column: str, wanted: set[int]
) -> dict[int, str]:
    """Messages by the numbers of their rows; the input is read as far as the last one."""
    found: dict[int, str] = {}
    before = 0
    for chunk in messages.chunks(columns):
        rows = len(chunk.table)
        here = sorted(row for row in wanted if before < row <= before + rows)
        if here:
            where = f"{messages.path}, column {text_column!r},"
            texts = as_text(chunk.table.column(text_column), where)
            found |= {row: str(texts[row - before - 1]) for row in here}
            if len(found) == len(wanted):
                break
        before += rows
    return found


def _answers(model: LoadedModel, texts: Sequence[str]) -> list[Answer]:
    asked = pa.array(texts, pa.large_string())
    proba = model.classifier.predict_proba(asked)
    decided = model.decide(proba)
    reasons = [""] * len(texts)
    if isinstance(model.classifier, Explains):
        explained = model.classifier.explain(asked, as_likeliest(decided.best, proba))
        reasons = [reason(words) for words in explained]
    routes = [""] * len(texts)
    if decided.automatic is not None:
        routes = [AUTO if automatic else PERSON for automatic in decided.automatic]
    figures = map(str, decided.confidence.round(6).tolist())
    return [Answer(*cells) for cells in zip(figures, routes, reasons, strict=True)]


def _safe(rows: Sequence[tuple[str, ...]], settings: JobSettings) -> list[tuple[str, ...]]:
    """The rows, as a spreadsheet may open them if that is asked for."""
    if not settings.spreadsheet_safe:
        return list(rows)
    columns = (
        harmless(pa.chunked_array([column], pa.large_string())).to_pylist()
        for column in zip(*rows, strict=True)
    )
    return list(zip(*columns, strict=True))
