"""Messages with their classes, for training and monitoring, and what had to be left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.data import labels, split
from common.data.csv_reader import Reject
from common.data.reader import FIND_OUT, Chunk, MessageFile, Reading, as_text, parts
from common.errors import InputError


@dataclass(frozen=True)
class RowCounts:
    """Rows of a file: `read` = `used` + `rejected` + `blank` + `unlabelled` + `training`.

    `training` counts rows that the model was fitted on, where only the holdout is looked at;
    `replaced` counts cells with bytes that are no text, of rows that are used all the same.
    """

    used: int = 0
    rejected: int = 0
    blank: int = 0
    unlabelled: int = 0
    replaced: int = 0
    first_reject: Reject | None = None
    training: int = 0

    @property
    def read(self) -> int:
        return self.used + self.rejected + self.blank + self.unlabelled + self.training

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.used + other.used,
            self.rejected + other.rejected,
            self.blank + other.blank,
            self.unlabelled + other.unlabelled,
            self.replaced + other.replaced,
            self.first_reject or other.first_reject,
            self.training + other.training,
        )

    def metrics(self) -> dict[str, float]:
        """For a run's metrics."""
        names = ("read", "used", "rejected", "blank", "unlabelled")
        return {f"rows_{name}": float(getattr(self, name)) for name in names}

    def sentence(self) -> str:
        """What was read and, in words, all that was left out.

        >>> RowCounts(used=8, blank=2).sentence()
        '8 of 10 rows used (2 without text)'
        """
        left_out = [
            f"{count:,} {what}"
            for count, what in (
                (self.rejected, "unreadable"),
                (self.blank, "without text"),
                (self.unlabelled, "without class"),
                (self.training, "of the training side"),
                (self.replaced, "cells with bytes that are no text, replaced"),
            )
            if count
        ]
        first = self.first_reject
        if first:
            left_out.append(f"first unreadable: line {first.line}, {first.reason}")
        return f"{self.used:,} of {self.read:,} rows used" + (
            f" ({'; '.join(left_out)})" if left_out else ""
        )


@dataclass(frozen=True)
class Batch:
    """Some messages with their classes and segments, equally long (`segments` is empty where
    none are asked for), and the rows they come from."""

    texts: list[str]
    labels: list[str]
    segments: list[str]
    counts: RowCounts
    bytes_done: int


@dataclass(frozen=True)
class Split:
    """Messages of one side of the split: texts, classes, the texts' buckets and, where asked for,
    the segments that the rows belong to; (n,) each."""

    texts: npt.NDArray[np.object_]
    labels: npt.NDArray[np.object_]
    buckets: npt.NDArray[np.uint8]
    segments: npt.NDArray[np.object_] | None = None

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Columns:
    """Where a file has its messages and their classes.

    `labeller` makes the classes from the texts; without one they are in the column `target`. The
    column `segment`, if any, has groups of rows that are looked at one by one. `reading` is what is
    known of the file's form.
    """

    text: str
    target: str
    labeller: labels.Labeller | None = None
    segment: str | None = None
    reading: Reading = FIND_OUT

    def require(self, path: Path) -> None:
        """Refuse a file, or a folder of files, before slow work starts.

        Raises:
            InputError: a file can't be read, or lacks a column.
        """
        for part in parts(path):
            with MessageFile(part, reading=self.reading) as messages:
                self.require_of(messages)

    def require_of(self, messages: MessageFile) -> None:
        """As `require`, for a file that is open."""
        messages.require(self.text, "TEXT_COLUMN")
        if self.labeller is None:
            messages.require(self.target, "TARGET_COLUMN")
        if self.segment is not None:
            messages.require(self.segment, "SEGMENT_COLUMN")


def columns(
    text_column: str,
    target_column: str,
    label_with: str = "column",
    critical_keywords: Sequence[str] = (),
    segment_column: str | None = None,
    **form: Any,
) -> Columns:
    """Where a file has its messages and classes, as the settings say it.

    Args:
        form: of `Reading`.
    """
    labeller = labels.labeller(label_with, critical_keywords)
    return Columns(text_column, target_column, labeller, segment_column, Reading(**form))


def batches(path: Path, columns: Columns) -> Iterator[Batch]:
    """Stream the messages of a file, or of a folder's files, that have a text and a class.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    done = 0
    for part in parts(path):
        for batch in _batches_of(part, columns):
            yield replace(batch, bytes_done=done + batch.bytes_done)
        done += part.stat().st_size


def _batches_of(path: Path, columns: Columns) -> Iterator[Batch]:
    with MessageFile(path, reading=columns.reading) as messages:
        columns.require_of(messages)
        wanted = [columns.text, None if columns.labeller else columns.target, columns.segment]
        for chunk in messages.chunks(list(dict.fromkeys(filter(None, wanted)))):
            texts = as_text(chunk.table.column(columns.text), f"{path}, column {columns.text!r},")
            filled = pc.not_equal(pc.utf8_trim_whitespace(texts), "")
            named = texts.filter(filled).to_pylist()
            if columns.labeller:
                classes = columns.labeller(named)
            else:
                classes = _cells(path, chunk, columns.target, filled)
            groups = _cells(path, chunk, columns.segment, filled) if columns.segment else []
            rows = [number for number, name in enumerate(classes) if name]
            counts = RowCounts(
                used=len(rows),
                rejected=len(chunk.rejects),
                blank=len(texts) - len(named),
                unlabelled=len(named) - len(rows),
                replaced=chunk.replaced,
                first_reject=chunk.rejects[0] if chunk.rejects else None,
            )
            yield Batch(
                [named[row] for row in rows],
                [classes[row] for row in rows],
                [groups[row] for row in rows] if groups else [],
                counts,
                chunk.bytes_done,
            )


def read_split(
    path: Path, columns: Columns, holdout_percent: int
) -> tuple[Split, Split, RowCounts]:
    """Read a whole file: what to fit on, what to keep for the contest, and the rows' counts.

    Spellings of a class that mean the same (`true`, `True`) become the most frequent one.

    Raises:
        InputError: also where there are too few rows or classes to fit and test a model.
    """
    texts: list[str] = []
    classes: list[str] = []
    segments: list[str] = []
    counts = RowCounts()
    for batch in batches(path, columns):
        texts += batch.texts
        classes += batch.labels
        segments += batch.segments
        counts += batch.counts
    names = labels.spelling(classes)
    buckets = split.buckets(texts)
    held = split.in_holdout(buckets, holdout_percent)
    all_texts = np.array(texts, object)
    all_labels = np.array([names[labels.canonical(label)] for label in classes], object)
    groups = np.array(segments, object) if columns.segment else None
    train, holdout = (
        Split(
            all_texts[side],
            all_labels[side],
            buckets[side],
            None if groups is None else groups[side],
        )
        for side in (~held, held)
    )
    _refuse_too_little(train, holdout, path, counts)
    return train, holdout, counts


def _cells(path: Path, chunk: Chunk, column: str, rows: pa.BooleanArray) -> list[str]:
    cells = as_text(chunk.table.column(column), f"{path}, column {column!r},")
    return list(pc.utf8_trim_whitespace(cells.filter(rows)).to_pylist())


def majority(classes: npt.NDArray[np.object_]) -> str:
    """The most frequent class; ties: the first in the alphabet."""
    counts = Counter(classes)
    return str(min(counts, key=lambda name: (-counts[name], name)))


def _refuse_too_little(train: Split, holdout: Split, path: Path, counts: RowCounts) -> None:
    found = sorted(set(train.labels) | set(holdout.labels))
    if not found:
        raise InputError(f"{path} has no row to learn from: {counts.sentence()}.")
    if len(set(train.labels)) < 2:
        raise InputError(
            f"{path} has too few classes to learn from: at least two are needed on the training "
            f"side, the whole file has {', '.join(map(repr, found))}. Is TARGET_COLUMN right?"
        )
    if len(set(train.labels)) > max(2, len(train) // 2):
        raise InputError(
            f"{path} has {len(set(train.labels)):,} classes in {len(train):,} training rows: "
            "TARGET_COLUMN seems to name a column of texts or ids."
        )
    if len(train) == len(set(train.labels)) or len(set(train.texts)) < 2:
        raise InputError(
            f"{path} has too few rows to learn from: {len(train):,} on the training side, with "
            f"{len(set(train.texts)):,} different texts."
        )
    if not len(holdout):
        raise InputError(
            f"{path} has too few rows: none of {counts.used:,} fell into the holdout; "
            "add rows or raise HOLDOUT_PERCENT."
        )
