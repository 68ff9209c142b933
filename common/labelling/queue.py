"""A queue drawn from a file that predict.py wrote, of any size, in three passes over it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from common.data import drawn, files, split
from common.data.labelled_file import named_by_text
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.errors import InputError
from common.labelling import draw
from common.labelling.draw import Draw, Drawn, Keys
from common.labelling.form import QueuedMessage
from common.labelling.known import KnownLabels
from common.labelling.novelty import NovelWords
from common.types import Bools, Floats

ORDER_SEED = 1_000_003
CERTAIN = 1 - 1e-6


@dataclass(frozen=True)
class ScoredColumns:
    """The columns of a file that predict.py wrote; None where it has no such column.

    Attributes:
        carried: further ones that the queue has too.
    """

    text: str
    prediction: str
    confidence: str
    version: str | None = None
    id: str | None = None
    time: str | None = None
    carried: tuple[str, ...] = ()

    @property
    def all(self) -> list[str]:
        found = (self.text, self.prediction, self.confidence, self.version, self.id, self.time)
        return list(dict.fromkeys([*(name for name in found if name), *self.carried]))


@dataclass(frozen=True)
class Asked:
    """What a queue is to hold.

    Attributes:
        random, hard: how many messages are drawn at random, and how many because they are hard.
        seed: of the draw; a message has the same number in every file.
    """

    random: int
    hard: int
    seed: int


@dataclass(frozen=True)
class Queue:
    """What was drawn, in the order in which people are asked.

    Attributes:
        read: rows of the file; of these `rejected` could not be read and `blank` have no text or
            no answer.
        labelled: messages that have a label already, and are not in the queue.
        id_taken: messages with the id of another one that is labelled: they can't be asked for.
    """

    messages: Sequence[QueuedMessage]
    read: int
    rejected: int
    blank: int
    labelled: int
    id_taken: int

    def count(self, why: str) -> int:
        return sum(message.why == why for message in self.messages)

    @property
    def filled(self) -> int:
        """Those whose text has a label already."""
        return sum(message.label != "" for message in self.messages)


def draw_queue(
    path: Path,
    columns: ScoredColumns,
    asked: Asked,
    known: KnownLabels,
    words: NovelWords | None = None,
    reading: Reading = FIND_OUT,
) -> Queue:
    """Draw from a file, or a folder of files, what people should label.

    Each text, with what differs from it by case, blanks, mentions or links alone, is asked for
    once. Texts that were labelled because they are hard are left out. One that is labelled for
    another reason is not taken for hard, and has that class already where it is drawn at random:
    messages like it must count in what is estimated of this file. So do those of its messages that
    were drawn at random before, from whatever file, with the same seed: both draws are one. A
    message has the greater one of both chances: its number is the same, and is below the higher
    threshold or isn't. Messages with the id of another one that is labelled, as those that their
    authors have edited since, are not drawn from: `absorb` would refuse them.

    Args:
        words: what is new to a model; None: nobody knows.

    Raises:
        InputError: a file can't be read, or lacks a column; most messages have the id of another
            one that is labelled.
    """
    rows = _Rows(path, columns, asked.seed, reading, known)
    done = _look_ahead(rows, known, words)
    found = _drawn(rows, asked, known, done, words)
    queue = _collected(rows, found, known, done.left_out)
    if 2 * queue.id_taken > queue.read - queue.rejected - queue.blank:
        raise InputError(
            f"{path}: {queue.id_taken:,} messages, more than half, have the id of another message "
            "in the file of labels. Let ID_COLUMN name a column whose ids never come again; if "
            "there is none, one that is not there: messages are then named by their texts."
        )
    return queue


@dataclass(frozen=True)
class _Piece:
    """Messages with an answer: cells by column, what names each, keys of the texts, and a number
    that is drawn for each name."""

    cells: Mapping[str, list[str]]
    ids: list[str]
    keys: Keys
    numbers: Floats
    rejected: int
    blank: int
    id_taken: int

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class _Rows:
    """Rows of a file with an answer that may be labelled, as often as they are asked for."""

    path: Path
    columns: ScoredColumns
    seed: int
    reading: Reading
    known: KnownLabels

    def pieces(self, names: Sequence[str | None]) -> Iterator[_Piece]:
        """The rows with these of their columns, and id, text and prediction."""
        needed = (self.columns.text, self.columns.prediction)
        wanted = (self.columns.id, *names)
        asked = list(dict.fromkeys([*needed, *(name for name in wanted if name)]))
        for part in files.parts(self.path):
            with MessageFile(part, reading=self.reading) as messages:
                for column in asked:
                    is_text = column == self.columns.text
                    messages.require(column, "TEXT_COLUMN" if is_text else "it in every file")
                for chunk in messages.chunks(asked):
                    every = {name: chunk.texts(name).to_pylist() for name in asked}
                    ids = self._ids(every)
                    filled = [
                        row for row in range(len(ids)) if all(every[n][row].strip() for n in needed)
                    ]
                    texts = every[self.columns.text]
                    chosen = [r for r in filled if not self.known.has_other(ids[r], texts[r])]
                    cells = {n: [every[n][row] for row in chosen] for n in asked}
                    ids = [ids[row] for row in chosen]
                    yield _Piece(
                        cells,
                        ids,
                        split.keys(cells[self.columns.text]),
                        draw.uniform(draw.digests(ids), self.seed),
                        rejected=len(chunk.rejects),
                        blank=len(texts) - len(filled),
                        id_taken=len(filled) - len(chosen),
                    )

    def _ids(self, cells: Mapping[str, list[str]]) -> list[str]:
        """(n,) what names each message."""
        texts = cells[self.columns.text]
        own = cells[self.columns.id] if self.columns.id else [""] * len(texts)
        pairs = zip(map(str.strip, own), texts, strict=True)
        return [id or named_by_text(text) for id, text in pairs]


@dataclass(frozen=True)
class _Done:
    """Texts of this very file that are labelled already.

    Attributes:
        left_out: they were hard, and messages stand for them already: they are not drawn from.
        random: they were drawn at random.
        others: nobody knows how they came to be labelled; these need no label, but they count.
    """

    left_out: Keys
    random: frozenset[int]
    others: frozenset[int]


def _look_ahead(rows: _Rows, known: KnownLabels, words: NovelWords | None) -> _Done:
    """What is done; the words of all messages are learnt."""
    hard: set[int] = set()
    random: set[int] = set()
    others: set[int] = set()
    if known.by_id or words is not None:
        for piece in rows.pieces([]):
            texts = piece.cells[rows.columns.text]
            for id, text, key in zip(piece.ids, texts, piece.keys.tolist(), strict=True):
                there = known.find(id, text)
                if there is not None:
                    is_random = there.why == drawn.RANDOM
                    (random if is_random else hard if there.is_hard else others).add(key)
            if words is not None:
                words.learn(texts)
    left_out = np.array(sorted(hard - random), np.uint64)
    return _Done(left_out, frozenset(random), frozenset(others))


def _drawn(
    rows: _Rows, asked: Asked, known: KnownLabels, done: _Done, words: NovelWords | None
) -> Drawn:
    drawing = Draw(asked.random, asked.hard, done.random)
    labelled = np.array(sorted({*known.by_text, *done.others}), np.uint64)
    before = np.array(sorted(done.random), np.uint64)
    for piece in rows.pieces([rows.columns.confidence]):
        asked_for = ~np.isin(piece.keys, done.left_out)
        confidence = _confidences(piece.cells[rows.columns.confidence])
        novelty = np.zeros(len(piece))
        if words is not None:
            novelty = words.scores(piece.cells[rows.columns.text])
        needs_none = np.isin(piece.keys, labelled) & ~np.isin(piece.keys, before)
        confidence[needs_none] = novelty[needs_none] = np.nan
        drawing.offer(
            piece.keys[asked_for],
            piece.numbers[asked_for],
            confidence[asked_for],
            novelty[asked_for],
        )
    return drawing.result()


def _confidences(cells: Sequence[str]) -> Floats:
    found = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        try:
            found[row] = drawn.number(cell)
        except ValueError:  # what a model from elsewhere may write
            continue
    return found


@dataclass
class _Met:
    """A text that was drawn, and what the file has of it.

    Attributes:
        number: the lowest one of its messages: `message` has it.
        copies: messages with this text.
        numbers: different ones of these, as far as they matter.
        before: messages that are labelled, by id.
    """

    message: QueuedMessage
    number: float
    copies: int = 0
    numbers: set[float] = field(default_factory=set)
    before: dict[str, QueuedMessage] = field(default_factory=dict)


def _collected(rows: _Rows, found: Drawn, known: KnownLabels, labelled: Keys) -> Queue:
    """The drawn texts as messages, in mixed order, with what was counted on the way."""
    met: dict[int, _Met] = {}
    read = rejected = blank = taken = skipped = others = 0
    wanted = found.keys
    for piece in rows.pieces(rows.columns.all):
        rejected, blank = rejected + piece.rejected, blank + piece.blank
        taken += piece.id_taken
        read += len(piece) + piece.rejected + piece.blank + piece.id_taken
        done: Bools = np.isin(piece.keys, labelled)
        skipped += int(done.sum())
        others += len(piece) - int(done.sum())
        for row in np.flatnonzero(np.isin(piece.keys, wanted)).tolist():
            _meet(met, rows.columns, piece, row, found, known)
    of_hard = sum(met[key].copies for key in found.hard)
    chances = _chances(found, met, known, others - of_hard)
    order = np.array(sorted(met), np.uint64)
    mixed = order[np.argsort(draw.uniform(order, rows.seed + ORDER_SEED), kind="stable")]
    messages = [
        replace(
            message,
            why=_why(found, key),
            probability=chances.get(key, 1.0),
            copies=copies,
            label=label,
            label_now=label,
        )
        for key in mixed.tolist()
        for message, copies in _asked_for(met[key])
        for label in [message.label or known.by_text.get(key, "")]
    ]
    return Queue(_named_apart(messages), read, rejected, blank, skipped, taken)


def _meet(
    met: dict[int, _Met],
    columns: ScoredColumns,
    piece: _Piece,
    row: int,
    found: Drawn,
    known: KnownLabels,
) -> None:
    key, number, id = int(piece.keys[row]), float(piece.numbers[row]), piece.ids[row]
    if key not in met:
        met[key] = _Met(_message(columns, piece, row), number)
    text = met[key]
    if number < text.number:
        text.message, text.number = _message(columns, piece, row), number
    text.copies += 1
    # More of them change nothing: the text is drawn for certain.
    if found.probability(len(text.numbers)) < CERTAIN:
        text.numbers.add(number)
    there = known.find(id, piece.cells[columns.text][row])
    if there is not None:
        text.before[id] = replace(_message(columns, piece, row), label=there.label)


def _asked_for(text: _Met) -> list[tuple[QueuedMessage, int]]:
    """The message that stands for a text with its copies; if several were labelled, they share
    these, so that none of them counts as it did before."""
    several = list(text.before.values()) or [text.message]
    each, more = divmod(text.copies, len(several))
    return [(message, each + (place < more)) for place, message in enumerate(several)]


def _chances(
    found: Drawn, met: Mapping[int, _Met], known: KnownLabels, messages: int
) -> dict[int, float]:
    """By key of the texts that were drawn at random from so many messages."""
    if not found.random:
        return {}
    texts = [met[key] for key in found.random]
    now = np.array([found.probability(len(text.numbers)) for text in texts])
    missed = [math.prod(1 - known.by_id[id].chance for id in text.before) for text in texts]
    chances = np.maximum(now, 1 - np.array(missed))
    copies = np.array([text.copies for text in texts], float)
    return dict(zip(found.random, draw.calibrated(chances, copies, messages).tolist(), strict=True))


def _why(found: Drawn, key: int) -> str:
    if key in found.novel:
        return drawn.NOVEL
    return drawn.UNCERTAIN if key in found.hard else drawn.RANDOM


def _message(columns: ScoredColumns, piece: _Piece, row: int) -> QueuedMessage:
    def cell(column: str | None) -> str:
        return piece.cells[column][row] if column else ""

    return QueuedMessage(
        id=piece.ids[row],
        text=cell(columns.text),
        why="",
        prediction=cell(columns.prediction),
        confidence=cell(columns.confidence),
        version=cell(columns.version),
        written_at=cell(columns.time),
        carried={name: cell(name) for name in columns.carried},
    )


def _named_apart(messages: Sequence[QueuedMessage]) -> list[QueuedMessage]:
    """The messages, those whose id another one has named by their texts."""
    taken: set[str] = set()
    named = []
    for message in messages:
        if message.id in taken:
            message = replace(message, id=named_by_text(message.text))
        taken.add(message.id)
        named.append(message)
    return named
