"""JSON lines: one object a line, its values as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from common.data import csv_reader
from common.data.csv_reader import Reject, Rows
from common.data.lines import Lines, RowTooLong
from common.data.reading import MOST_COLUMNS
from common.errors import InputError

ENDINGS = (".jsonl", ".ndjson", ".json")
NOT_ENDINGS = (".csv", ".tsv", ".txt")

# A chunk has no more cells than these: each row has one for each key that any row has.
CHUNK_CELLS = 2_000_000

_JSON = json.JSONDecoder()
_BEFORE_KEY = re.compile(r"\s*[{,]\s*")
_BEFORE_VALUE = re.compile(r"\s*:\s*")


class _Unreadable(Exception):
    """A line is not a row; says why."""


def named(path: Path) -> bool:
    """Whether a file's name says that it holds JSON lines, also where it is compressed."""
    endings = [suffix.lower() for suffix in path.suffixes[-2:]]
    return any(ending in ENDINGS for ending in endings) and endings[-1] not in NOT_ENDINGS


def keys(lines: Lines, path: Path) -> list[str]:
    """All keys of all objects: some may appear late, and no value must be lost.

    Raises:
        InputError: there is no object, there are too many keys, or the file is a JSON array; it is
            called `path`.
    """
    found: dict[str, None] = {}
    for line in each(lines):
        if isinstance(line, Reject):
            continue
        if not found and line.lstrip().startswith("["):
            raise InputError(
                f"{path} holds a JSON array; JSON lines has one object on each line "
                "(jq -c '.[]' converts it)."
            )
        with suppress(_Unreadable):
            found.update(dict.fromkeys(_object(line)))
        if len(found) > MOST_COLUMNS:
            raise InputError(
                f"{path} has more than {MOST_COLUMNS:,} different keys, each of which would be a "
                "column: are they names or ids, which belong in values?"
            )
    if not found:
        raise InputError(f"{path} holds no JSON object.")
    return list(found)


def rows_of(
    lines: Lines, columns: Sequence[str], most_rows: int, most_characters: int
) -> Iterator[Rows]:
    """All rows in parts; a line that is not an object is set aside, a blank one is skipped."""
    most_rows = max(1, min(most_rows, CHUNK_CELLS // max(1, len(columns))))
    rows: list[dict[str, str]] = []
    rejects: list[Reject] = []
    characters = 0
    for line in each(lines):
        if isinstance(line, Reject):
            rejects.append(line)
            continue
        try:
            rows.append(_cells(line))
        except _Unreadable as error:
            if line.strip():
                raw = csv_reader.cleaned(line.rstrip("\r\n"))
                rejects.append(Reject(lines.number, str(error), raw))
        characters += len(line)
        if len(rows) + len(rejects) >= most_rows or characters > most_characters:
            yield _as_rows(rows, columns, rejects)
            rows, rejects, characters = [], [], 0
    if rows or rejects:
        yield _as_rows(rows, columns, rejects)


def each(lines: Lines) -> Iterator[str | Reject]:
    """Each line, `lines.number` being its number; one that is too long is set aside."""
    while True:
        lines.start_row()
        if lines.at_stop:
            return
        try:
            yield next(lines)
        except StopIteration:
            return
        except RowTooLong as error:
            yield csv_reader.give_up_line(lines, str(error))


def _object(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise _Unreadable("not a JSON object")
    if len(record) > MOST_COLUMNS:
        raise _Unreadable(f"more than {MOST_COLUMNS:,} keys")
    return record


def _cells(line: str) -> dict[str, str]:
    """The object as text: strings as they are, null empty, all else as the line spells it.

    1.10 must not become 1.1, nor 1e5 in a list 100000.0.
    """
    record = _object(line)
    if all(isinstance(value, str) for value in record.values()):
        return record
    del record  # its lists and objects are large, and made again one by one
    cells, end = {}, 0
    while before := _BEFORE_KEY.match(line, end):
        key, end = _JSON.raw_decode(line, before.end())
        start = _BEFORE_VALUE.match(line, end).end()  # type: ignore[union-attr]
        value, end = _JSON.raw_decode(line, start)
        spelt = "" if value is None else line[start:end]
        cells[key] = value if isinstance(value, str) else spelt
    return cells


def _as_rows(rows: list[dict[str, str]], columns: Sequence[str], rejects: list[Reject]) -> Rows:
    replaced = 0
    arrays = []
    for name in columns:
        cells = [row.get(name, "") for row in rows]
        try:
            arrays.append(pa.array(cells, pa.large_string()))
        except UnicodeEncodeError:  # bytes that are not text, or half a character
            clean = [csv_reader.cleaned(cell) for cell in cells]
            replaced += sum(map(str.__ne__, cells, clean))
            arrays.append(pa.array(clean, pa.large_string()))
    return Rows(pa.table(arrays, names=list(columns)), None, rejects, replaced)
