"""What a model answers to messages, and what the right answers are, summed up by window.

Messages come from a file with their classes, or from a file of predictions and one of labels that
came later.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common import parallel
from common.data import drawn, labelled, labels, split
from common.data.columns import MessageColumns, PredictionColumns
from common.data.drawn import DrawnRows
from common.data.label_file import FiledLabels
from common.data.reader import Chunk, MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.times import KNOWN_FORMS, Moments, TimeFormat
from common.evaluation import profile
from common.evaluation.costs import Costs
from common.evaluation.decisions import are_routed, decide
from common.evaluation.drawn_rows import DrawnAnswers, with_drawn
from common.evaluation.profile import Profile
from common.evaluation.routing import AUTO, Routing, count_automatic
from common.models.base import Classifier
from common.monitoring import windows
from common.monitoring.windows import Length
from common.types import Advance, Bools, Floats, Labels

SMALL_BYTES = 4_000_000
PARTS_KEPT = 20

Windows = dict[str, Profile]


@dataclass(frozen=True)
class _Answered:
    """Rows that a model has answered; (n,) each, None where a file has no such thing.

    Attributes:
        labels: true classes, "" where there is none.
        written, came: when messages were written, and when labels came that are not in the file.
        challenger: the answers of another model.
        automatic: whether nobody looks at an answer; None where no answer is routed.
        blank: how many rows beside these have no text or no answer.
        drawn: how they, or those with a class, were drawn; None where nothing says.
        chosen: the file holds no other rows than those that were drawn.
    """

    texts: pa.Array
    labels: Labels
    predicted: Labels
    confidence: Floats
    segments: Labels | None
    written: Moments | None
    came: Moments | None = None
    challenger: Labels | None = None
    automatic: Bools | None = None
    blank: int = 0
    drawn: DrawnRows | None = None
    chosen: bool = False

    def profile(self, rows: npt.NDArray[np.intp], seed: int) -> Profile:
        """Some of the rows summed up.

        What was chosen for being hard is not like other messages: it counts by its weight, in
        accuracy and that of automatic answers alone.
        """
        if self.drawn is None:
            return self._profile(rows, seed)
        hard = self.drawn.is_hard[rows]
        if self.chosen:
            found = self._profile(rows[~hard], seed)
        else:
            unlabelled = self.labels.copy()
            unlabelled[rows[hard]] = ""
            found = replace(self, labels=unlabelled)._profile(rows, seed)
        known = rows[self.labels[rows] != ""]
        answers = DrawnAnswers(
            self.drawn.strata[known],
            self.drawn.weight[known],
            self.labels[known] == self.predicted[known],
            self.predicted[known],
            None if self.automatic is None else self.automatic[known],
        )
        return with_drawn(found, answers, hard=int(hard.sum()) if self.chosen else 0)

    def _profile(self, rows: npt.NDArray[np.intp], seed: int) -> Profile:
        true, predicted = self.labels[rows], self.predicted[rows]
        delays = None
        if self.written is not None and self.came is not None:
            delays = (self.came[rows] - self.written[rows]) / np.timedelta64(86_400, "s")
        window = profile.of_rows(
            texts=self.texts.take(pa.array(rows)),
            labels=true,
            predicted=predicted,
            confidence=self.confidence[rows],
            segments=None if self.segments is None else self.segments[rows],
            delay_days=delays,
            seed=seed,
        )
        if self.automatic is not None:
            counted = count_automatic(predicted, self.automatic[rows], true)
            window = replace(window, automatic=counted)
        if self.challenger is not None:
            own, other = (side == true for side in (predicted, self.challenger[rows]))
            discordant = int((own & ~other).sum()), int((other & ~own).sum())
            window = replace(window, versus=discordant)
        known, moments = true != "", self.written if self.came is None else self.came
        if moments is not None and known.any():
            window = replace(window, newest_label=np.fmax.reduce(moments[rows][known]))
        return window


@dataclass(frozen=True)
class Observer:
    """Sums up a chunk; called in the worker processes, so nothing in it changes.

    Attributes:
        columns: of a file of messages, which `classifier` answers, or of predictions.
        classifier: its classes give the spelling.
        length: of the windows.
        times: how the column of times is read; windows are days of its zone.
        late: labels that are not in the file.
        holdout_percent: look only at the rows that a split with this percentage holds out.
        seen: keys of messages that are not held out, whatever their side.
        challenger: another model, whose answers are compared.
        version: look only at predictions that this version has made; None: at all.
        routing: who looks at which answers; None: nobody has chosen.
        costs, challengers_costs: what mistakes of each cost; None: answers are the likeliest
            classes.
    """

    columns: MessageColumns | PredictionColumns
    classifier: Classifier
    length: Length
    times: TimeFormat = KNOWN_FORMS
    late: FiledLabels | None = None
    holdout_percent: int = 100
    seen: split.Keys | None = None
    challenger: Classifier | None = None
    version: int | None = None
    routing: Routing | None = None
    costs: Costs | None = None
    challengers_costs: Costs | None = None

    def __call__(self, chunk: Chunk) -> tuple[Windows, int]:
        """The windows that the chunk adds to, and how many bytes of the file are read."""
        answered = self.answer(chunk)
        if self.length.days is not None and answered.written is not None:
            names = windows.names(answered.written, self.length.days, self.times.zone)
        else:
            names = np.full(len(answered.texts), windows.WHOLE, object)
        return self.sum_up(chunk, answered, names), chunk.bytes_done

    def answer(self, chunk: Chunk) -> _Answered:
        """The rows of a chunk that have an answer."""
        if isinstance(self.columns, PredictionColumns):
            return self._predictions(chunk, self.columns)
        return self._messages(chunk, self.columns)

    def sum_up(self, chunk: Chunk, answered: _Answered, names: Labels) -> Windows:
        """The answered rows by window, and the rows that can't be read or have no time.

        These count where most of their neighbours are; `undated` holds them if none has a time.

        Args:
            names: (n,) the window of each row.
        """
        seed = zlib.crc32(str(answered.texts[:3]).encode("utf-8", "replace")) + chunk.bytes_done
        found = {
            name: answered.profile(np.flatnonzero(names == name), seed + number)
            for number, name in enumerate(sorted(set(names.tolist()) - {windows.UNDATED}))
        }
        undated = int((names == windows.UNDATED).sum())
        unplaced = windows.UNDATED if self.columns.time else windows.WHOLE
        main = max(found, key=lambda name: found[name].read, default=unplaced)
        if found or chunk.rejects or answered.blank or undated:
            rest = found.get(main, Profile())
            found[main] = profile.with_unread(rest, len(chunk.rejects), answered.blank, undated)
        return found

    def _messages(self, chunk: Chunk, columns: MessageColumns) -> _Answered:
        rows = labelled.rows_of(chunk, columns, self.holdout_percent, self.seen)
        proba = self.classifier.predict_proba(rows.texts)
        names = np.array([str(name) for name in self.classifier.classes_], object)
        decided = decide(proba, names, self.costs, self.routing)
        return _Answered(
            texts=rows.texts,
            labels=self._spelled(rows.labels),
            predicted=names[decided.best],
            confidence=decided.confidence,
            segments=None if rows.segments is None else _objects(rows.segments),
            written=None if rows.times is None else self.times.read(rows.times),
            challenger=self._challenged(rows.texts),
            automatic=decided.automatic,
            blank=rows.blank,
            drawn=rows.drawn,
            chosen=columns.filed is None,
        )

    def _predictions(self, chunk: Chunk, columns: PredictionColumns) -> _Answered:
        asked = chunk.texts(columns.prediction)
        filled = pc.not_equal(pc.utf8_trim_whitespace(asked), "")
        blank = len(asked) - filled.true_count
        if self.version is not None and columns.version is not None:
            made_by = pc.utf8_trim_whitespace(chunk.texts(columns.version))
            filled = pc.and_(filled, pc.equal(made_by, str(self.version)))

        def cells(column: str) -> pa.LargeStringArray:
            return chunk.texts(column).filter(filled)

        predicted = asked.filter(filled)
        texts = cells(columns.text) if columns.text else pa.array([""] * len(predicted))
        true, came, how = np.full(len(predicted), "", object), None, None
        if self.late:
            how = self.late.drawn_of(cells(columns.identifier))
            found, came = self.late.find(cells(columns.identifier))
            true = self._spelled(pa.array(found, pa.large_string()))
        confidence = np.array(
            [float(cell or "nan") for cell in cells(columns.confidence).to_pylist()], float
        )
        answers = labels.spell(predicted, self.classifier.classes_)
        automatic = None
        if self.routing is not None and not are_routed(self.costs, None):
            # By the thresholds that hold now, which windows of before are compared by too.
            automatic = self.routing.automatic(answers, confidence)
        elif columns.route:
            # Whether a person's look costs less, the confidence alone does not say.
            routes = pc.utf8_trim_whitespace(cells(columns.route))
            if pc.any(pc.not_equal(routes, "")).as_py():
                automatic = pc.equal(routes, AUTO).to_numpy(zero_copy_only=False)
        texts = texts.cast(pa.large_string())
        segments = labelled.segments_of(texts, columns.segment, cells)
        return _Answered(
            texts=texts,
            labels=true,
            predicted=answers,
            confidence=confidence,
            segments=None if segments is None else _objects(segments),
            written=self.times.read(cells(columns.time)) if columns.time else None,
            came=came,
            automatic=automatic,
            blank=blank,
            drawn=how,
        )

    def _spelled(self, cells: pa.Array) -> Labels:
        """Labels as the model spells them, empty where they only say that there is none."""
        classes = self.classifier.classes_
        return labels.without_missing(labels.spell(cells, classes), classes)

    def _challenged(self, texts: pa.Array) -> Labels | None:
        if self.challenger is None:
            return None
        asked = self.challenger
        decided = decide(asked.predict_proba(texts), asked.classes_, self.challengers_costs)
        names = labels.match_spelling(self.challenger.classes_, self.classifier.classes_)
        return np.array(names, object)[decided.best]


def by_window(parts: Iterable[Windows]) -> Windows:
    """What several files, or parts of one, add to windows; oldest first."""
    found: dict[str, list[Profile]] = {}
    for part in parts:
        for name, window in part.items():
            kept = found.setdefault(name, [])
            kept.append(window)
            if len(kept) > PARTS_KEPT:
                found[name] = [reduce(add, kept)]
    return {name: reduce(add, kept) for name, kept in sorted(found.items())}


def by_file(
    paths: Sequence[Path],
    observer: Observer,
    workers: int = 1,
    reading: Reading = FIND_OUT,
    advance: Advance = lambda units: None,
) -> Iterator[Windows]:
    """The windows that each of some files adds to. Windows of rows go on from file to file.

    Args:
        advance: told how many bytes were just done.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    needed = list(dict.fromkeys(observer.columns.needed.values()))
    rows_before = 0
    for path in paths:
        with MessageFile(path, reading=reading) as messages:
            chunks = messages.chunks(_asked(observer, messages, needed))
            if observer.length.rows is not None:
                observed = _by_rows(observer, chunks, observer.length.rows, rows_before)
            else:
                few = 1 if messages.size < SMALL_BYTES else workers
                observed = parallel.map_in_order(observer, chunks, few)
            windows_of = by_window(_told(observed, advance))
        rows_before += sum(window.predicted.total() for window in windows_of.values())
        yield windows_of


def _asked(observer: Observer, messages: MessageFile, needed: Sequence[str]) -> list[str]:
    """The columns that are needed, and those that say how labelled rows were drawn."""
    if not isinstance(observer.columns, MessageColumns) or not observer.columns.is_labelled:
        return list(needed)
    return list(dict.fromkeys([*needed, *drawn.columns(messages.columns)]))


def _told(observed: Iterable[tuple[Windows, int]], advance: Advance) -> Iterator[Windows]:
    done = 0
    for summed, bytes_done in observed:
        yield summed
        advance(bytes_done - done)
        done = bytes_done


def _by_rows(
    observer: Observer, chunks: Iterable[Chunk], rows: int, rows_before: int
) -> Iterator[tuple[Windows, int]]:
    """Windows of `rows` rows, counted from chunk to chunk and from file to file, in this process.

    Args:
        rows_before: in the files before.
    """
    for chunk in chunks:
        answered = observer.answer(chunk)
        first = (np.arange(len(answered.texts)) + rows_before) // rows * rows + 1
        rows_before += len(answered.texts)
        names = np.array([f"row {number:09}" for number in first.tolist()], object)
        yield observer.sum_up(chunk, answered, names), chunk.bytes_done


def _objects(strings: pa.Array) -> Labels:
    return np.asarray(strings.to_numpy(zero_copy_only=False), object)
