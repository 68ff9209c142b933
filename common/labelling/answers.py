"""What people filled in: read from a queue and checked, all that is wrong at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from common.data import drawn, labels, split
from common.data.drawn import COPIES, PROBABILITY, WHY
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.errors import InputError
from common.labelling.form import (
    CONFIDENCE,
    LABEL_NOW,
    PREDICTION,
    VERSION,
    QueueColumns,
    is_untouched,
)
from common.labelling.stored import StoredLabels, is_correction
from common.text import brief, printable

# So many of the things that are wrong are told.
SHOWN = 20
# What a spreadsheet makes of a long number; without the sign it may be hexadecimal.
_ROUNDED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """A row that somebody filled in.

    Attributes:
        row: its number, as a spreadsheet counts: the header is row 1.
        key: what tells its text from others.
        label: spelled as the classes that are known; "" if nobody has given it one.
        typed: somebody filled it in; else the message had this class already.
        prefilled: it had a class when the queue was drawn, so that nobody had to be asked.
        probability, copies: as the queue has them; None: nobody knows.
        cells: all of the row's, by column.
    """

    row: int
    id: str
    text: str
    key: int
    label: str
    typed: bool
    prefilled: bool
    why: str
    probability: float | None
    copies: int | None
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Answers:
    """All of a queue.

    Attributes:
        blank: rows without a class.
    """

    given: Sequence[Answer]
    blank: Sequence[Answer]


def read(
    path: Path,
    columns: QueueColumns,
    classes: Collection[str],
    stored: StoredLabels,
    new_classes: bool = False,
    reading: Reading = FIND_OUT,
) -> Answers:
    """Read a queue that people filled in.

    Args:
        classes: that are known, beside those that the queue says were predicted.
        stored: classes that messages have by now; these count where nobody has typed one.
        new_classes: others are fine too.

    Raises:
        InputError: the file can't be read, or something is wrong: it says what in which row.
    """
    rows, problems = _rows(path, columns, reading)
    known = [*classes, *_predicted(rows, classes)]
    keys = split.keys([row[columns.text] for row in rows]).tolist()
    for row, key in zip(rows, keys, strict=True):
        row.setdefault(LABEL_NOW, _label_of_others(row, columns, stored, key))
    filled = [
        _typed(row, columns) or _label_by_now(row, columns, stored, key)
        for row, key in zip(rows, keys, strict=True)
    ]
    spelled = labels.spell(pa.array(filled, pa.large_string()), known)
    spelled = labels.without_missing(spelled, known)
    every: list[Answer] = []
    for number, (row, label, key) in enumerate(zip(rows, spelled, keys, strict=True), 2):
        try:
            every.append(_answer(number, row, columns, key, label))
        except ValueError as error:
            problems.append(f"row {number}: {error}")
    given = [answer for answer in every if answer.label]
    blank = [answer for answer in every if not answer.label]
    problems += _of_classes(given, [] if new_classes else known)
    problems += _of_names(given)
    problems += _of_conflicts(given)
    refuse(path, problems)
    return Answers(given, blank)


def refuse(path: Path, problems: Sequence[str]) -> None:
    """Raise InputError if anything is wrong."""
    if problems:
        shown = "; ".join(problems[:SHOWN])
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InputError(f"{printable(path.name)} has {count}, nothing was written: {shown}{more}.")


def own_columns(columns: QueueColumns) -> set[str]:
    """The columns of a queue that mean something; others were carried along."""
    time = {columns.time} if columns.time else set()
    named = {columns.id, columns.text, columns.label}
    return {*named, *time, LABEL_NOW, PREDICTION, CONFIDENCE, VERSION, WHY, PROBABILITY, COPIES}


def _rows(
    path: Path, columns: QueueColumns, reading: Reading
) -> tuple[list[dict[str, str]], list[str]]:
    """All rows, by column; and what could not be read."""
    rows: list[dict[str, str]] = []
    problems: list[str] = []
    with MessageFile(path, reading=reading) as messages:
        wanted = (columns.id, columns.text, columns.label, WHY, PROBABILITY, COPIES)
        missing = [name for name in wanted if name not in messages.columns]
        if missing:
            lacking = ", ".join(map(repr, missing))
            there = ", ".join(map(brief, messages.columns[:30]))
            raise InputError(
                f"{path} has no column {lacking}; its columns are: {there}. Is it a queue, and are "
                "TARGET_COLUMN, TEXT_COLUMN and ID_COLUMN as when it was made?"
            )
        names = messages.columns
        for chunk in messages:
            cells = [chunk.texts(name).to_pylist() for name in names]
            rows += [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]
            problems += [f"line {reject.line}: {reject.reason}" for reject in chunk.rejects]
            if chunk.replaced:
                problems.append("it is not UTF-8: save it as such, or say what it is (--encoding)")
    return rows, list(dict.fromkeys(problems))


def _label_of_others(
    row: Mapping[str, str], columns: QueueColumns, stored: StoredLabels, key: int
) -> str:
    """The class that a queue of an earlier release, which doesn't tell, most likely came with.

    It is one that the text has under another id. Where that was corrected, it is what the queue
    has, so that the correction counts.
    """
    own = row[columns.id].strip()
    others = [each for each in stored.by_key.get(key, []) if each[columns.id].strip() != own]
    cell = row[columns.label].strip() if any(map(is_correction, others)) else ""
    return cell or next(filter(None, map(stored.label, others)), "")


def _typed(row: Mapping[str, str], columns: QueueColumns) -> str:
    """What somebody has filled in; "" if nothing."""
    cell = row[columns.label].strip()
    return "" if is_untouched(cell, row[LABEL_NOW], row[WHY].strip()) else cell


def _label_by_now(
    row: Mapping[str, str], columns: QueueColumns, stored: StoredLabels, key: int
) -> str:
    """The class of a message of which nobody has typed one; "" if it has none, or it was erased.

    It may have changed since the queue was drawn, and that of the queue may be of another file.
    """
    cell = row[columns.label].strip()
    there = stored.label_of(row[columns.id].strip(), row[columns.text])
    return there or (cell and (stored.label_of_text(key) or cell))


def _answer(
    number: int, row: Mapping[str, str], columns: QueueColumns, key: int, label: str
) -> Answer:
    """Raise ValueError where a cell should be a number."""
    return Answer(
        row=number,
        id=row[columns.id].strip(),
        text=row[columns.text],
        key=key,
        label=label,
        typed=_typed(row, columns) != "",
        prefilled=row[LABEL_NOW].strip() != "",
        why=row[WHY].strip(),
        probability=_probability(row),
        copies=_copies(row),
        cells=row,
    )


def _predicted(rows: Sequence[Mapping[str, str]], classes: Collection[str]) -> list[str]:
    """Classes that the queue itself names."""
    named = {row.get(name, "").strip() for row in rows for name in (PREDICTION, LABEL_NOW)}
    known = {labels.normalise(name) for name in classes}
    return sorted(name for name in named - {""} if labels.normalise(name) not in known)


def _probability(row: Mapping[str, str]) -> float | None:
    cell = row[PROBABILITY].strip()
    try:
        value = drawn.number(cell)
    except ValueError:
        value = 0.0
    if cell and not 0 < value <= 1:
        wrong = f"{PROBABILITY} should be a number between 0 and 1, and is {brief(cell)!r}"
        raise ValueError(wrong)
    return value if cell else None


def _copies(row: Mapping[str, str]) -> int | None:
    cell = row[COPIES].strip()
    try:
        return int(drawn.whole(cell)) if cell else None
    except ValueError:
        wrong = f"{COPIES} should be {drawn.WHOLE}, and is {brief(cell)!r}"
        raise ValueError(wrong) from None


def _of_classes(given: Sequence[Answer], known: Collection[str]) -> Iterator[str]:
    if not known:
        return
    names = sorted(set(known))
    listed = ", ".join(map(brief, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
    for answer in given:
        if answer.label not in known:
            yield (
                f"row {answer.row}: {brief(answer.label)!r} is not one of the classes {listed} "
                "(--new-classes allows it)"
            )


def _of_names(given: Sequence[Answer]) -> Iterator[str]:
    met: dict[str, Answer] = {}
    for answer in given:
        if not answer.text.strip():
            yield f"row {answer.row}: it has a class and no text"
        if not answer.id:
            yield f"row {answer.row}: it has a class and no id"
        elif _ROUNDED.fullmatch(answer.id):
            yield (
                f"row {answer.row}: a spreadsheet has rounded the id: fill in a copy that was "
                "opened with all columns as text"
            )
        elif met.setdefault(answer.id, answer).key != answer.key:
            yield f"row {answer.row}: row {met[answer.id].row} has the same id and another text"


def _of_conflicts(given: Sequence[Answer]) -> Iterator[str]:
    met: dict[int, Answer] = {}
    for answer in given:
        first = met.setdefault(answer.key, answer)
        if first.label != answer.label and (first.typed or answer.typed):
            yield (
                f"row {answer.row}: {brief(answer.label)!r}, and the same text is "
                f"{brief(first.label)!r} in row {first.row}"
            )


def response_rates(answers: Answers) -> dict[tuple[str, bool], float]:
    """Share of the rows that have a class, by what they were drawn for and whether they had one
    already: nobody had to be asked for those.

    The queue is mixed, so those that were answered before somebody stopped are an even draw of each
    group (response homogeneity groups: Särndal, Swensson & Wretman, Model Assisted Survey Sampling,
    1992, 15.6).
    """
    done, left = (
        Counter((each.why, each.prefilled) for each in some if each.probability is not None)
        for some in (answers.given, answers.blank)
    )
    return {group: done[group] / (done[group] + left[group]) for group in done}
