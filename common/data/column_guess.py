"""Which columns of a file hold the messages, their classes and their times, by name and content."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.data.files import parts
from common.data.labels import fold
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.times import TimeFormat
from common.errors import InputError

# The first of these that is in a column's name counts most.
TEXT_NAMES = ("text", "message", "body", "content", "description", "comment", "tweet", "question")
LABEL_NAMES = (
    *("label", "class", "sentiment", "category", "topic", "target", "intent", "queue", "mood"),
    "inbound",
)
_TIME_NAME = re.compile(r"time|date|creat|written|sent|received|stamp|epoch|(^|_)(at|on|ts)$")
LOOKED_AT = 2_000
# Of a column of texts: mean number of words; of classes: how many different ones, how long.
TEXT_WORDS, MOST_CLASSES, CLASS_CHARACTERS = 3, 50, 40
# Share of the filled cells that are times.
DATED = 0.9

Cells = Mapping[str, pa.LargeStringArray]


@dataclass(frozen=True)
class FoundColumns:
    """Columns of a file: what was written, its class, when; None where no column looks like it."""

    text: str
    label: str | None
    time: str | None


def guess_columns(
    path: Path,
    likely: FoundColumns,
    classes: Collection[str] = (),
    reading: Reading = FIND_OUT,
) -> FoundColumns:
    """Find the columns in the first rows of a file, or of a folder's last file.

    Args:
        likely: columns that are taken if they are there.
        classes: of the model; the column that holds them is that of the classes.

    Raises:
        InputError: the file can't be read, has no rows, or no column of texts.
    """
    part = parts(path)[-1]
    cells = _first_cells(part, reading)
    if not any(map(len, cells.values())):
        raise InputError(f"{part} has no rows: name a file with some days of messages.")
    time = likely.time if likely.time in cells else _time(cells)
    label = likely.label if likely.label in cells else None
    rest = {name: column for name, column in cells.items() if name not in (time, label)}
    text = likely.text if likely.text in rest else _text(rest)
    if text is None:
        raise InputError(
            f"{part} has no column that looks like messages; its columns are: {', '.join(cells)}. "
            "Name it (--text-column)."
        )
    del rest[text]
    return FoundColumns(text, label or _label(rest, classes), time)


def _first_cells(part: Path, reading: Reading) -> Cells:
    """The filled cells of each column of text; columns that hold something else are left out."""
    with MessageFile(part, LOOKED_AT, reading) as messages:
        columns = messages.columns
        chunk = next(iter(messages.chunks(columns)), None)
        found = {}
        for name in columns if chunk else ():
            try:
                cells = chunk.texts(name)[:LOOKED_AT]  # type: ignore[union-attr]
            except InputError:
                continue
            found[name] = cells.filter(pc.not_equal(pc.utf8_trim_whitespace(cells), ""))
    return found


def _time(cells: Cells) -> str | None:
    """A column of times; numbers are times only if the name says so, since ids are numbers."""
    dated = []
    for name, column in cells.items():
        named = _TIME_NAME.search(name.casefold()) is not None
        numbers = pc.match_substring_regex(column, r"^[\d.]+$")
        if not len(column) or (not named and pc.mean(numbers).as_py() > 1 - DATED):
            continue
        either = (TimeFormat(day_first=order).read(column) for order in (True, False))
        if max((~np.isnat(moments)).mean() for moments in either) >= DATED:
            dated.append((not named, name))
    return min(dated)[1] if dated else None


def _text(cells: Cells) -> str | None:
    words = {
        name: pc.mean(pc.add(pc.count_substring(pc.utf8_trim_whitespace(column), " "), 1)).as_py()
        for name, column in cells.items()
        if len(column)
    }
    long = [name for name, mean in words.items() if mean >= TEXT_WORDS]
    named = _named(long, TEXT_NAMES) or _named(words, TEXT_NAMES[:2])
    return named or max(long, key=lambda name: words[name], default=None)


def _label(cells: Cells, classes: Collection[str]) -> str | None:
    """The column that holds the model's classes; else one with few different cells and a name that
    says so."""
    known = set(map(fold, classes))
    few = {}
    for name, column in cells.items():
        names = pc.unique(pc.utf8_trim_whitespace(column)).to_pylist()
        if 2 <= len(names) <= MOST_CLASSES and max(map(len, names)) <= CLASS_CHARACTERS:
            few[name] = known & set(map(fold, names))
    if any(len(shared) >= 2 for shared in few.values()):
        return max(few, key=lambda name: len(few[name]))
    return _named(few, LABEL_NAMES)


def _named(columns: Iterable[str], names: Iterable[str]) -> str | None:
    """The column whose name is, or else holds, the first of these names."""
    folded = {column: column.casefold() for column in columns}
    for name in names:
        alike = [column for column, spelt in folded.items() if name in spelt]
        if alike:
            return min(alike, key=lambda column: len(column))
    return None
