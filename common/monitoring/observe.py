"""What a model answers to messages, and what the right answers are, summed up by window.

Messages come from a file with their classes, or from a file of predictions and one of labels that
came later.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common import parallel
from common.data import split
from common.data.labels import Labeller, canonical, spelt_alike
from common.data.reader import FIND_OUT, Chunk, MessageFile, Reading, as_text, parts
from common.evaluation import profile
from common.evaluation.profile import Profile
from common.monitoring import windows
from common.monitoring.windows import Length
from common.types import Floats, Labels

SMALL_BYTES = 4_000_000
PARTS_KEPT = 20

Moments = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Columns:
    """Where a file has what; None where it hasn't.

    `labeller` makes the classes from the texts instead of taking them from `label`. `prediction`
    and `confidence` are there where a model has answered already; `identifier` joins late labels.
    """

    text: str | None
    label: str | None = None
    labeller: Labeller | None = None
    time: str | None = None
    segment: str | None = None
    prediction: str | None = None
    confidence: str | None = None
    identifier: str | None = None

    @property
    def needed(self) -> dict[str, str]:
        """The columns, each with the setting or flag that names it."""
        named = {
            "TEXT_COLUMN": self.text,
            "TARGET_COLUMN": None if self.labeller else self.label,
            "TIME_COLUMN": self.time,
            "SEGMENT_COLUMN": self.segment,
            "--predictions": self.prediction,
            "--predictions (with predict.py)": self.confidence,
            "--on": self.identifier,
        }
        return {setting: column for setting, column in named.items() if column is not None}

    def require(self, path: Path, reading: Reading = FIND_OUT) -> None:
        """Refuse a file, or a folder of files, before slow work starts.

        Raises:
            InputError: a file can't be read, or lacks a column.
        """
        for part in parts(path):
            with MessageFile(part, reading=reading) as messages:
                for setting, column in self.needed.items():
                    messages.require(column, setting)


@dataclass(frozen=True)
class LateLabels:
    """Classes that came later, and when (NaT where that isn't known), by identifier.

    Of several for one identifier the last counts; `repeated` says how many were overruled.
    """

    index: Any
    labels: Labels
    moments: Moments
    repeated: int

    def of(self, identifiers: pa.Array) -> tuple[Labels, Moments]:
        """(n,) classes, "" where none has come, and when they came."""
        rows = self.index.get_indexer(identifiers.to_numpy(zero_copy_only=False))
        found = rows >= 0
        labels = (
            np.where(found, self.labels[rows], "") if len(self.labels) else np.full(len(rows), "")
        )
        moments = np.full(len(rows), profile.NEVER)
        moments[found] = self.moments[rows[found]]
        return labels.astype(object), moments


def late_labels(
    path: Path, identifier: str, label: str, moment: str | None, reading: Reading = FIND_OUT
) -> LateLabels:
    """Read a file, or a folder of files, of labels.

    Args:
        moment: column that says when a label came; None where there is none.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    import pandas as pd

    chosen = [identifier, label, *([moment] if moment else [])]
    pieces = [pa.table({name: pa.array([], pa.large_string()) for name in chosen})]
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            messages.require(identifier, "--on")
            messages.require(label, "TARGET_COLUMN")
            for chunk in messages.chunks(chosen):
                cells = [as_text(chunk.table.column(name), f"column {name!r}") for name in chosen]
                pieces.append(pa.table(cells, names=chosen))
    texts = [column.combine_chunks() for column in pa.concat_tables(pieces).columns]
    frame = pd.DataFrame(
        {
            "id": texts[0].to_numpy(zero_copy_only=False),
            "label": pc.utf8_trim_whitespace(texts[1]).to_numpy(zero_copy_only=False),
            "moment": windows.times(texts[2]) if moment else profile.NEVER,
        }
    )
    frame = frame[frame["label"] != ""]
    last = frame.drop_duplicates("id", keep="last")
    return LateLabels(
        pd.Index(last["id"]),
        last["label"].to_numpy(object),
        last["moment"].to_numpy("datetime64[s]"),
        len(frame) - len(last),
    )


@dataclass(frozen=True)
class _Answered:
    """Rows with a text and the model's answer; (n,) each, None where a file has no such thing.

    `came` is when labels came that are not in the file.
    """

    texts: pa.Array
    labels: Labels
    predicted: Labels
    confidence: Floats
    segments: Labels | None
    written: Moments | None
    came: Moments | None
    rivals: Labels | None

    def profile(self, rows: npt.NDArray[np.intp], seed: int) -> Profile:
        """Some of the rows summed up."""
        labels, predicted = self.labels[rows], self.predicted[rows]
        delays = None
        if self.written is not None and self.came is not None:
            delays = (self.came[rows] - self.written[rows]) / np.timedelta64(86_400, "s")
        seen = profile.of_rows(
            self.texts.take(pa.array(rows)),
            labels,
            predicted,
            self.confidence[rows],
            None if self.segments is None else self.segments[rows],
            delays,
            seed,
        )
        if self.rivals is not None:
            own, other = (side == labels for side in (predicted, self.rivals[rows]))
            seen = replace(seen, versus=(int((own & ~other).sum()), int((other & ~own).sum())))
        known, moments = labels != "", self.written if self.came is None else self.came
        if moments is not None and known.any():
            seen = replace(seen, newest_label=np.fmax.reduce(moments[rows][known]))
        return seen


@dataclass
class Observer:
    """Sums up one chunk; called in the worker processes.

    Attributes:
        classifier: answers where the file has no predictions; its classes give the spelling.
        length: of the windows.
        late: labels that are not in the file.
        holdout_percent: look only at the rows that a split with this percentage holds out.
        challenger: another model, whose answers are compared.
    """

    columns: Columns
    classifier: Any
    length: Length
    late: LateLabels | None = None
    holdout_percent: int = 100
    challenger: Any = None
    rows_before: int = 0

    def __call__(self, chunk: Chunk) -> tuple[dict[str, Profile], int]:
        """The windows that the chunk adds to, and how many bytes of the file are read."""
        answered, blank = self._answered(chunk.table)
        groups = self._windows(len(answered.texts), answered.written)
        seed = zlib.crc32(str(answered.texts[:3]).encode("utf-8", "replace")) + chunk.bytes_done
        found = {
            name: answered.profile(np.flatnonzero(groups == name), seed + number)
            for number, name in enumerate(sorted(set(groups.tolist())))
        }
        # Rows that can't be read have no time: they count where most of their neighbours are.
        unplaced = windows.UNDATED if self.columns.time else windows.WHOLE
        main = max(found, key=lambda name: found[name].read, default=unplaced)
        if found or chunk.rejects or blank:
            rest = found.get(main, Profile())
            found[main] = profile.with_unread(rest, len(chunk.rejects), blank)
        return found, chunk.bytes_done

    def _answered(self, table: pa.Table) -> tuple[_Answered, int]:
        """The rows with a text, or with an answer where the file has answers; and how many have
        none."""
        names = self.columns
        nothing = pa.array([""] * len(table), pa.large_string())
        texts = self._cells(table, names.text) if names.text else nothing
        asked = self._cells(table, names.prediction) if names.prediction else texts
        filled = pc.not_equal(pc.utf8_trim_whitespace(asked), "")
        blank = len(table) - filled.true_count
        if self.holdout_percent < 100:
            held = split.in_holdout(split.buckets(texts.to_pylist()), self.holdout_percent)
            filled, blank = pc.and_(filled, pa.array(held)), 0
        table, texts = table.filter(filled), texts.filter(filled)
        predicted, confidence = self._answers(table, texts)
        labels, came = self._labels(table, texts)
        written = windows.times(self._cells(table, names.time)) if names.time else None
        segments = self._cells(table, names.segment) if names.segment else None
        answered = _Answered(
            texts,
            labels,
            predicted,
            confidence,
            None if segments is None else segments.to_numpy(zero_copy_only=False),
            written,
            came if self.late else None,
            None if self.challenger is None else self._rivals(texts),
        )
        return answered, blank

    def _windows(self, rows: int, written: Moments | None) -> Labels:
        if self.length.days is not None and written is not None:
            return windows.names(written, self.length.days)
        if self.length.rows is not None:
            numbers = (np.arange(rows) + self.rows_before) // self.length.rows
            self.rows_before += rows
            return np.array([f"row {n * self.length.rows + 1:09}" for n in numbers], object)
        return np.full(rows, windows.WHOLE, object)

    def _answers(self, table: pa.Table, texts: pa.Array) -> tuple[Labels, Floats]:
        if self.columns.prediction is None:
            proba = self.classifier.predict_proba(texts)
            best = proba.argmax(axis=1)
            names = np.array([str(name) for name in self.classifier.classes_], object)
            return names[best], proba[np.arange(len(best)), best]
        predicted = self._cells(table, self.columns.prediction)
        confidence = np.full(len(table), np.nan)
        if self.columns.confidence:
            cells = self._cells(table, self.columns.confidence)
            confidence = np.array([float(cell or "nan") for cell in cells.to_pylist()], float)
        return self._spelt(predicted), confidence

    def _rivals(self, texts: pa.Array) -> Labels:
        best = self.challenger.predict_proba(texts).argmax(axis=1)
        names = spelt_alike(self.challenger.classes_, self.classifier.classes_)
        return np.array(names, object)[best]

    def _labels(self, table: pa.Table, texts: pa.Array) -> tuple[Labels, Moments]:
        """Classes, "" where there is none, and when they came."""
        if self.late:
            assert self.columns.identifier is not None
            labels, came = self.late.of(self._cells(table, self.columns.identifier))
            return self._spelt(pa.array(labels, pa.large_string())), came
        came = np.full(len(table), profile.NEVER)
        if self.columns.labeller:
            made = self.columns.labeller(texts.to_pylist())
            return np.array(made, object), came
        if self.columns.label is None:
            return np.full(len(table), "", object), came
        cells = pc.utf8_trim_whitespace(self._cells(table, self.columns.label))
        return self._spelt(cells), came

    def _spelt(self, cells: pa.Array) -> Labels:
        """Classes as the model spells them; each distinct one is looked at once."""
        like = {canonical(str(name)): str(name) for name in self.classifier.classes_}
        coded = pc.dictionary_encode(cells)
        names = [like.get(canonical(name), name) for name in coded.dictionary.to_pylist()]
        return np.array([*names, ""], object)[coded.indices.to_numpy()]

    def _cells(self, table: pa.Table, column: str) -> pa.Array:
        return as_text(table.column(column), f"column {column!r}")


def by_window(
    path: Path,
    observer: Observer,
    workers: int = 1,
    reading: Reading = FIND_OUT,
    advance: Callable[[int], None] = lambda units: None,
) -> dict[str, Profile]:
    """The windows of a file, or of a folder's files, oldest first.

    Args:
        advance: told how many bytes were just done.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    found: dict[str, list[Profile]] = {}
    columns = list(dict.fromkeys(observer.columns.needed.values()))
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            # Windows of rows are counted on from chunk to chunk.
            alone = messages.size < SMALL_BYTES or observer.length.rows is not None
            chunks = messages.chunks(columns)
            done = 0
            for seen, bytes_done in parallel.map_in_order(
                observer, chunks, 1 if alone else workers
            ):
                for name, profile_part in seen.items():
                    kept = found.setdefault(name, [])
                    kept.append(profile_part)
                    if len(kept) > PARTS_KEPT:
                        found[name] = [reduce(add, kept)]
                advance(bytes_done - done)
                done = bytes_done
    return {name: reduce(add, kept) for name, kept in sorted(found.items())}
