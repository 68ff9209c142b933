"""JSON lines: one object a line, its values as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from common.data import csv_reader
from common.data.csv_reader import Reject, Rows
from common.errors import InputError

ENDINGS = (".jsonl", ".ndjson", ".json")
NOT_ENDINGS = (".csv", ".tsv", ".txt")

_JSON = json.JSONDecoder()
_KEY = re.compile(r'\s*[{,]\s*("(?:[^"\\]|\\.)*")\s*:\s*')


def named(path: Path) -> bool:
    """Whether a file's name says that it holds JSON lines, also where it is compressed."""
    endings = [suffix.lower() for suffix in path.suffixes[-2:]]
    return any(ending in ENDINGS for ending in endings) and endings[-1] not in NOT_ENDINGS


def keys(lines: Iterable[str], path: Path) -> list[str]:
    """All keys of all objects: some may appear late, and no value must be lost.

    Raises:
        InputError: there is no object, or the file is a JSON array; it is called `path`.
    """
    found: dict[str, None] = {}
    for line in lines:
        if not found and line.lstrip().startswith("["):
            raise InputError(
                f"{path} holds a JSON array; JSON lines has one object on each line "
                "(jq -c '.[]' converts it)."
            )
        found.update(dict.fromkeys(_object(line) or ()))
    if not found:
        raise InputError(f"{path} holds no JSON object.")
    return list(found)


def rows_of(
    lines: Iterable[str], columns: Sequence[str], most_rows: int, most_characters: int
) -> Iterator[Rows]:
    """All rows in parts; a line that is not an object is set aside, a blank one is skipped."""
    rows: list[list[str]] = []
    rejects: list[Reject] = []
    characters = 0
    for number, line in enumerate(lines, start=1):
        record = _object(line)
        if record is not None:
            cells = _cells(line, record)
            rows.append([cells.get(column, "") for column in columns])
        elif line.strip():
            raw = csv_reader.cleaned(line.rstrip("\r\n"))
            rejects.append(Reject(number, "not a JSON object", raw))
        characters += len(line)
        if len(rows) + len(rejects) >= most_rows or characters > most_characters:
            yield _as_rows(rows, columns, rejects)
            rows, rejects, characters = [], [], 0
    if rows or rejects:
        yield _as_rows(rows, columns, rejects)


def _object(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _cells(line: str, record: dict[str, Any]) -> dict[str, str]:
    """The record as text: strings as they are, null empty, all else as the line spells it.

    1.10 must not become 1.1, nor 1e5 in a list 100000.0.
    """
    if all(isinstance(value, str) for value in record.values()):
        return record
    cells, end = {}, 0
    while key := _KEY.match(line, end):
        value, end = _JSON.raw_decode(line, key.end())
        spelt = "" if value is None else line[key.end() : end]
        cells[json.loads(key[1])] = value if isinstance(value, str) else spelt
    return cells


def _as_rows(rows: list[list[str]], columns: Sequence[str], rejects: list[Reject]) -> Rows:
    clean = [[csv_reader.cleaned(cell) for cell in row] for row in rows]
    replaced = sum(
        map(str.__ne__, (c for row in rows for c in row), (c for row in clean for c in row))
    )
    cells = list(zip(*clean, strict=True)) or [()] * len(columns)
    arrays = [pa.array(column, pa.large_string()) for column in cells]
    return Rows(pa.table(arrays, names=list(columns)), None, rejects, replaced)
