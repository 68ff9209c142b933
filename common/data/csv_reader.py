"""Rows of CSV in bulk: whole blocks where quotes are regular, row by row where they aren't.

A block is about a megabyte of whole rows. Where each quote opens or closes a field, rows end at the
line ends outside of quotes, which numpy finds and Arrow parses many times faster than the csv
module. Everything else goes through the csv module, whose strict mode decides what is a row.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from common.data.csv_rows import row_writer
from common.data.lines import BLOCK_BYTES, Lines, Positions, RowTooLong
from common.data.reading import FIELD_CHARACTERS

ROWS_ONE_BY_ONE = 100
DELIMITERS = ",;\t"
REPLACEMENT = "\ufffd"

_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Reject:
    """A row that could not be read: its first physical line (from 1), why, and its raw text."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Rows:
    """Parsed rows: the wanted columns; of CSV also each row as it stands in the file, without its
    line end. `replaced` counts cells in which bytes that are not text became U+FFFD."""

    table: pa.Table
    raw: pa.LargeStringArray | None = None
    rejects: list[Reject] = field(default_factory=list)
    replaced: int = 0

    def parse(self) -> Rows:
        return self


@dataclass(frozen=True)
class Dialect:
    """How a file writes its rows, and which of its columns are wanted.

    `transcoded`: it isn't UTF-8, so that bytes that are not text are U+FFFD already.
    `field_characters`: a longer field can't be read.
    """

    delimiter: str
    columns: tuple[str, ...]
    wanted: tuple[str, ...]
    transcoded: bool = False
    field_characters: int = FIELD_CHARACTERS

    def places(self) -> list[int]:
        """Where in a row the wanted columns are."""
        places = {name: at for at, name in enumerate(self.columns)}
        return [places[name] for name in self.wanted]


@dataclass(frozen=True)
class Block:
    """Whole rows with regular quotes, not parsed yet.

    `ends` are positions after the rows' line ends, `line` is the first row's physical line.
    """

    data: bytes
    ends: Positions
    line: int
    dialect: Dialect

    def parse(self) -> Rows:
        """The rows; one by one where fields are missing or too many, or bytes are not text."""
        if self.dialect.transcoded and REPLACEMENT.encode() in self.data:
            return self._one_by_one()
        try:
            raw = _slices(self.data, self.ends)
            raw.validate(full=True)
            table = _arrow_table(self.data, self.dialect)
        except pa.ArrowInvalid:
            return self._one_by_one()
        raw = pc.ascii_rtrim(raw, characters="\r\n")
        if len(raw) != len(table):
            raw = raw.filter(pc.not_equal(raw, ""))  # a blank line is not a row
        return Rows(table, raw)

    def _one_by_one(self) -> Rows:
        lines = Lines(io.BytesIO(self.data), len(self.data))
        lines.number = self.line
        return take_rows(lines, self.dialect)


def take_header(
    lines: Lines, delimiters: str = DELIMITERS, field_characters: int = FIELD_CHARACTERS
) -> tuple[str, list[str]]:
    """The delimiter, and the names in the header: read with each delimiter, the one that stands
    most often outside of quotes is right; where quotes don't tell, the one that finds most names.

    Raises:
        csv.Error: the header is broken with every delimiter.
        RowTooLong: the header has more bytes than a row may have.
    """
    csv.field_size_limit(field_characters)
    found: dict[str, tuple[int, int]] = {}
    problem: csv.Error | None = None
    for delimiter in delimiters:
        lines.give_back(keep=0)
        try:
            names = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
        except csv.Error as error:  # a quoted name ends before another delimiter
            problem = problem or error
        else:
            outside = _QUOTED.sub("", lines.raw())
            found[delimiter] = (outside.count(delimiter), len(names))
    if problem and max((names for _, names in found.values()), default=0) < 2:
        raise problem
    best = max(found, key=lambda delimiter: found[delimiter])
    lines.give_back(keep=0)
    return best, next(csv.reader(lines, delimiter=best, strict=True), [])


def take_rows(lines: Lines, dialect: Dialect, most_rows: int | None = None) -> Rows:
    """Read rows one by one, to the end or until there are `most_rows`."""
    csv.field_size_limit(dialect.field_characters)
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    width = len(dialect.columns)
    rows: list[list[str]] = []
    raw: list[str] = []
    rejects: list[Reject] = []
    size = 0
    while most_rows is None or (len(rows) + len(rejects) < most_rows and size < BLOCK_BYTES):
        lines.start_row()
        if lines.at_stop:
            break
        try:
            row = next(reader)
        except StopIteration:
            break
        except (csv.Error, RowTooLong) as error:
            rejects.append(give_up_line(lines, str(error)))
            continue
        size += lines.length
        if len(row) == width:
            rows.append(row)
            raw.append(lines.raw())
        elif row:
            reason = f"expected {width} fields, found {len(row)}"
            rejects.append(Reject(lines.number, reason, cleaned(lines.raw())))
    lines.start_row()
    replaced = 0
    if dialect.transcoded:
        replaced = sum(REPLACEMENT in cell for row in rows for cell in row)
    elif any(not line.isascii() and cleaned(line) != line for line in raw):
        clean = [[cleaned(cell) for cell in row] for row in rows]
        replaced = sum(
            map(str.__ne__, (c for row in rows for c in row), (c for r in clean for c in r))
        )
        rows, raw = clean, [cleaned(line) for line in raw]
    chosen = dialect.places()
    arrays = [pa.array([row[at] for row in rows], pa.large_string()) for at in chosen]
    table = pa.table(arrays, names=list(dialect.wanted))
    return Rows(table, pa.array(raw, pa.large_string()), rejects, replaced)


def give_up_line(lines: Lines, reason: str) -> Reject:
    """Set aside the first line of a row that can't be read, and no more: an open quote swallows
    all that follows. Of a line that is too long by itself only the beginning is kept."""
    number = lines.number
    if not lines.lines_taken:
        return Reject(number, f"{reason}; raw holds only its beginning", lines.skip_line())
    lines.give_back(keep=1)
    return Reject(number, reason, cleaned(lines.raw()))


def cleaned(text: str) -> str:
    """Bytes that were no text, kept as surrogates, become U+FFFD as decoding would have made it."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # a lone surrogate that a JSON escape wrote
        return cleaned(re.sub(r"[\ud800-\udc7f\udd00-\udfff]", REPLACEMENT, text))


def _slices(data: bytes, ends: Positions) -> pa.LargeStringArray:
    offsets = np.concatenate([[0], ends])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeStringArray.from_buffers(len(ends), *buffers[1:])


def _arrow_table(data: bytes, dialect: Dialect) -> pa.Table:
    places = [str(at) for at in range(len(dialect.columns))]
    wanted = [str(at) for at in dialect.places()]
    if data.startswith(codecs.BOM_UTF8):
        # Arrow takes the first one away; here it is within the file, where two were joined.
        data = codecs.BOM_UTF8 + data
    table = pyarrow.csv.read_csv(
        pa.py_buffer(data),
        read_options=pyarrow.csv.ReadOptions(
            column_names=places, use_threads=False, block_size=len(data) + 1
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=True, ignore_empty_lines=True
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.large_string()),
            strings_can_be_null=False,
        ),
    )
    return table.rename_columns(list(dialect.wanted))


def rows_of(lines: Lines, dialect: Dialect, most_rows: int) -> Iterator[Block | Rows]:
    """All rows from here on, in parts of at most `most_rows`."""
    while not lines.ended:
        found = lines.regular_rows(dialect.delimiter, most_rows, dialect.field_characters)
        if found:
            yield Block(found.data, found.ends, found.line, dialect)
        else:
            yield take_rows(lines, dialect, min(most_rows, ROWS_ONE_BY_ONE))


def written(columns: Sequence[pa.Array], delimiter: str = ",") -> pa.LargeStringArray:
    """Rows of CSV without line ends, cells quoted where they need it; None is an empty cell."""
    buffer = io.StringIO()
    write_row = row_writer(buffer, delimiter)
    rows = []
    for row in zip(*(column.to_pylist() for column in columns), strict=True):
        write_row(row)
        rows.append(buffer.getvalue()[:-1])
        buffer.seek(0)
        buffer.truncate()
    return pa.array(rows, pa.large_string())
