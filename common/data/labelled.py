"""Messages with their classes, for training and monitoring, and what had to be left out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.data import drawn, labels, split
from common.data.columns import MessageColumns, require_in, with_corrections
from common.data.csv_reader import Reject
from common.data.drawn import DrawnRows
from common.data.files import parts
from common.data.languages import LANGUAGE, languages
from common.data.reader import Chunk, MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.times import KNOWN_FORMS, TimeFormat, find_format
from common.errors import InputError

Days = npt.NDArray[np.datetime64]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RowCounts:
    """Rows of a file: `read` is the sum of all others but `replaced`.

    `training` counts rows that the model was fitted on, where only the holdout is looked at;
    `older` those written before what is asked for, or nobody knows when; `replaced` cells with
    bytes that are not text, of rows that are used all the same.
    """

    used: int = 0
    rejected: int = 0
    blank: int = 0
    unlabelled: int = 0
    replaced: int = 0
    first_reject: Reject | None = None
    training: int = 0
    older: int = 0

    @property
    def read(self) -> int:
        left_out = self.rejected + self.blank + self.unlabelled + self.training + self.older
        return self.used + left_out

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.used + other.used,
            self.rejected + other.rejected,
            self.blank + other.blank,
            self.unlabelled + other.unlabelled,
            self.replaced + other.replaced,
            self.first_reject or other.first_reject,
            self.training + other.training,
            self.older + other.older,
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
                (self.older, "too old, or of no known time"),
                (self.replaced, "cells with bytes that are not text, replaced"),
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
class MessageRows:
    """Rows with a text: Arrow strings, (n,) each.

    Attributes:
        labels: classes as the file or a labeller spells them, "" where there is none.
        segments, times: None if nobody asks.
        blank: how many rows beside these have no text.
        drawn: how they were drawn, or the messages that labels of a file of their own are of; None
            where nothing says.
    """

    texts: pa.LargeStringArray
    labels: pa.LargeStringArray
    segments: pa.LargeStringArray | None
    times: pa.LargeStringArray | None
    blank: int
    drawn: DrawnRows | None = None


@dataclass(frozen=True)
class Batch:
    """Some messages with their classes, segments and days, equally long (`segments` and `days` are
    empty where none are asked for), and the rows they come from."""

    texts: list[str]
    labels: list[str]
    segments: list[str]
    days: Days
    counts: RowCounts
    bytes_done: int


@dataclass(frozen=True)
class Split:
    """Messages of one side of the split: texts, classes, the texts' buckets and, where asked for,
    the segments that the rows belong to and the days they were written on; (n,) each."""

    texts: npt.NDArray[np.object_]
    labels: npt.NDArray[np.object_]
    buckets: npt.NDArray[np.uint8]
    segments: npt.NDArray[np.object_] | None = None
    days: Days | None = None

    def __len__(self) -> int:
        return len(self.texts)


def rows_of(
    chunk: Chunk,
    columns: MessageColumns,
    holdout_percent: int = 100,
    seen: split.Keys | None = None,
) -> MessageRows:
    """The rows of a chunk that have a text, with their classes and what else is asked for.

    Training and monitoring both read through this, so that they agree on what is blank, what is
    labelled and which group a message belongs to.

    Args:
        holdout_percent: only the rows that a split with this percentage holds out; 100: all.
        seen: keys of messages that are not held out, whatever their side; None: none.

    Raises:
        InputError: a column holds values that are not text.
    """
    texts = chunk.texts(columns.text)
    filled = pc.not_equal(pc.utf8_trim_whitespace(texts), "")
    blank = len(texts) - filled.true_count
    if holdout_percent < 100:
        held = split.held_out(split.keys(texts.to_pylist()), holdout_percent, seen)
        # Blank rows have no side.
        filled, blank = pc.and_(filled, pa.array(held)), 0
    chosen = texts.filter(filled)

    def cells(column: str) -> pa.LargeStringArray:
        return chunk.texts(column).filter(filled)

    how = drawn.read(chunk.table.column_names, cells, str(chunk.path))
    if columns.labeller:
        classes = pa.array(columns.labeller(chosen.to_pylist()), pa.large_string())
    elif columns.filed and columns.identifier:
        found, _ = columns.filed.find(cells(columns.identifier))
        how = columns.filed.drawn_of(cells(columns.identifier))
        classes = labels.named(pa.array(found, pa.large_string()))
    elif columns.label is not None:
        classes = labels.named(cells(columns.label))
        if columns.corrected:
            classes = columns.corrected.applied(chosen, classes)
    else:
        classes = pa.array([""] * len(chosen), pa.large_string())
    return MessageRows(
        texts=chosen,
        labels=classes,
        segments=segments_of(chosen, columns.segment, cells),
        times=cells(columns.time) if columns.time else None,
        blank=blank,
        drawn=how,
    )


def segments_of(
    texts: pa.LargeStringArray,
    segment: str | None,
    cells: Callable[[str], pa.LargeStringArray],
) -> pa.LargeStringArray | None:
    """The group of each of n texts: its language, or what a column says; None if nobody asks.

    Args:
        segment: as of `MessageColumns`.
        cells: gives the n cells of a column.
    """
    if segment == LANGUAGE:
        return languages(texts)
    return labels.named(cells(segment)) if segment else None


def batches(
    path: Path,
    columns: MessageColumns,
    reading: Reading = FIND_OUT,
    since: date | None = None,
) -> Iterator[Batch]:
    """Stream the messages of a file, or of a folder's files, that have a text and a class.

    Args:
        since: only those written on this day (UTC) or later; `columns.time` says when.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    done = 0
    times = KNOWN_FORMS
    columns = with_corrections(path, columns, reading)
    if columns.time is not None:
        times = find_format(path, columns.time, times, reading)
    for part in parts(path):
        for batch in _batches_of(part, columns, reading, times, since):
            yield replace(batch, bytes_done=done + batch.bytes_done)
        done += part.stat().st_size


def _batches_of(
    path: Path,
    columns: MessageColumns,
    reading: Reading,
    times: TimeFormat,
    since: date | None,
) -> Iterator[Batch]:
    with MessageFile(path, reading=reading) as messages:
        require_in(messages, columns)
        for chunk in messages.chunks(list(dict.fromkeys(columns.needed.values()))):
            rows = rows_of(chunk, columns)
            labelled = pc.not_equal(rows.labels, "")
            unlabelled = len(rows.texts) - labelled.true_count
            days = np.empty(0, "datetime64[D]")
            if rows.times is not None:
                days = times.read(rows.times).astype("datetime64[D]")
            if since is not None:
                labelled = pc.and_(labelled, pa.array(days >= np.datetime64(since)))
            used = labelled.true_count
            segments = [] if rows.segments is None else rows.segments.filter(labelled).to_pylist()
            yield Batch(
                texts=rows.texts.filter(labelled).to_pylist(),
                labels=rows.labels.filter(labelled).to_pylist(),
                segments=segments,
                days=days if rows.times is None else days[np.asarray(labelled)],
                counts=RowCounts(
                    used=used,
                    rejected=len(chunk.rejects),
                    blank=rows.blank,
                    unlabelled=unlabelled,
                    older=len(rows.texts) - unlabelled - used,
                    replaced=chunk.replaced,
                    first_reject=chunk.rejects[0] if chunk.rejects else None,
                ),
                bytes_done=chunk.bytes_done,
            )


def read_split(
    path: Path,
    columns: MessageColumns,
    holdout_percent: int,
    reading: Reading = FIND_OUT,
    since: date | None = None,
) -> tuple[Split, Split, RowCounts]:
    """Read a whole file: what to fit on, what to keep for the contest, and the rows' counts.

    Args:
        since: as in `batches`.

    Spellings of a class that mean the same (`true`, `True`) become the most frequent one, and with
    `columns.fold_labels` those that differ only by case or blanks.

    Raises:
        InputError: also where there are too few rows or classes to fit and test a model.
    """
    texts: list[str] = []
    classes: list[str] = []
    segments: list[str] = []
    days: list[Days] = [np.empty(0, "datetime64[D]")]
    counts = RowCounts()
    # Languages are told of the holdout alone: that takes longer than all else.
    read = replace(columns, segment=None) if columns.segment == LANGUAGE else columns
    for batch in batches(path, read, reading, since):
        texts += batch.texts
        classes += batch.labels
        segments += batch.segments
        days.append(batch.days)
        counts += batch.counts
    form = labels.fold if columns.fold_labels else labels.normalise
    names = labels.preferred_spelling(classes, form)
    buckets = split.buckets(texts)
    held = split.in_holdout(buckets, holdout_percent)
    fitted = ~held
    if split.by_conversation(texts):
        # What another conversation has in the same words would be no test.
        keys = split.keys(texts)
        copies = held & split.copies(keys, keys[fitted])
        held &= ~copies
        logger.info("%s rows of the holdout are copies of others: left out.", f"{copies.sum():,}")
    all_texts = np.array(texts, object)
    all_labels = np.array([names[form(label)] for label in classes], object)
    groups = np.array(segments, object) if columns.segment else None
    if columns.segment == LANGUAGE:
        groups = np.full(len(texts), "", object)
        groups[held] = languages(pa.array(all_texts[held], pa.large_string())).to_pylist()
    written = np.concatenate(days) if columns.time else None
    train, holdout = (
        Split(
            all_texts[side],
            all_labels[side],
            buckets[side],
            None if groups is None else groups[side],
            None if written is None else written[side],
        )
        for side in (fitted, held)
    )
    _refuse_too_little(train, holdout, path, columns, counts)
    return train, holdout, counts


def majority(classes: npt.NDArray[np.object_]) -> str:
    """The most frequent class; ties: the first in the alphabet."""
    counts = Counter(classes)
    return str(min(counts, key=lambda name: (-counts[name], name)))


def _refuse_too_little(
    train: Split, holdout: Split, path: Path, columns: MessageColumns, counts: RowCounts
) -> None:
    found = sorted(set(train.labels) | set(holdout.labels))
    if not found:
        hint = ""
        if columns.filed and counts.unlabelled and not counts.older:
            hint = (
                f" No label of {columns.filed.path} is of one of these messages: are LABELS_PATH "
                "and ID_COLUMN right?"
            )
        raise InputError(f"{path} has no row to learn from: {counts.sentence()}.{hint}")
    if len(set(train.labels)) < 2:
        hint = "Is TARGET_COLUMN right?"
        if columns.filed:
            hint = "Are LABELS_PATH, ID_COLUMN and TARGET_COLUMN right?"
        elif columns.labeller:
            hint = f"Take more messages, or another rule than LABEL_WITH={columns.label_with}."
        raise InputError(
            f"{path} has too few classes to learn from: at least two are needed on the training "
            f"side, the whole file has {', '.join(map(repr, found))}. {hint}"
        )
    labels.refuse_many(path, len(found))
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
