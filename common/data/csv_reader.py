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
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from common.data.reading import FIELD_CHARACTERS

BLOCK_BYTES, LONGEST_BLOCK = 1 << 20, 1 << 23
SMALL_WINDOW = 1 << 14
ROWS_ONE_BY_ONE = 100
DELIMITERS = ",;\t"
REPLACEMENT = "\ufffd"

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_QUOTED = re.compile(r'"[^"]*"')
_LINE_END = re.compile(rb"\r\n?|\n")

Positions = npt.NDArray[np.int64]
_NONE: Positions = np.array([], np.int64)


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


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
        lines = Lines(io.BytesIO(self.data))
        lines.number = self.line
        return take_rows(lines, self.dialect)


class Lines:
    """A stream of UTF-8 as physical lines with their numbers, and as blocks of whole rows.

    Lines are strings with their line ends; bytes that are not text are surrogates in them. What a
    broken row took can be given back, to be read again.
    """

    def __init__(self, stream: Readable) -> None:
        self.number = 1
        self._stream = stream
        self._ended = False
        self._buffer = b""
        self._row = 0  # offset of the current row in the buffer
        self._taken: list[int] = []  # ends of its lines, relative to that offset
        self._ends = _NONE  # ends of the rows that follow, relative to it too
        self._window = BLOCK_BYTES

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        """The next line up to LF, CR LF or a lone CR."""
        while True:
            start = self._row + self._length
            found = _LINE_END.search(self._buffer, start)
            # A return at the end of the buffer may be the first half of CR LF.
            if self._ended or (found and found.end() < len(self._buffer)):
                break
            self._fill(max(2 * (len(self._buffer) - self._row), 1 << 16))
        stop = found.end() if found else len(self._buffer)
        if stop == start:
            raise StopIteration
        self._taken.append(stop - self._row)
        return _text(self._buffer[start:stop])

    def start_row(self) -> None:
        """What was taken belongs to the row before; `number` is the next row's first line."""
        self.number += len(self._taken)
        self._row += self._length
        self._taken.clear()

    def give_back(self, keep: int) -> None:
        """Read again, next, all lines of this row but the first `keep`."""
        del self._taken[keep:]

    def raw(self) -> str:
        """The row as it stands in the file, without its last line end."""
        return _text(self._buffer[self._row : self._row + self._length]).rstrip("\r\n")

    def block(self, dialect: Dialect, most_rows: int) -> Block | None:
        """Whole rows with regular quotes from here on; None where there are none."""
        self.start_row()
        if not len(self._ends):
            self._ends = self._look_ahead(dialect)
        if not len(self._ends):
            return None
        ends, rest = self._ends[:most_rows], self._ends[most_rows:]
        data = self._buffer[self._row : self._row + ends[-1]]
        block = Block(data, ends, self.number, dialect)
        self._row, self._ends = self._row + len(data), rest - len(data)
        lone_returns = data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else 0
        self.number += data.count(b"\n") + lone_returns
        return block

    @property
    def ended(self) -> bool:
        """Whether no row follows."""
        self._fill(1)
        return self._row == len(self._buffer)

    @property
    def _length(self) -> int:
        return self._taken[-1] if self._taken else 0

    def _look_ahead(self, dialect: Dialect) -> Positions:
        """Ends of the regular rows from here on, as far as a window shows them, up to one that may
        hold too long a field. The window is small after an irregular row: another may follow
        soon, and scanning past it would be wasted.
        """
        size = self._window
        while True:
            self._fill(size)
            window = self._buffer[self._row : self._row + size]
            final = self._ended and self._row + len(window) == len(self._buffer)
            ends = row_ends(window, dialect.delimiter, final)
            if ends is None or len(ends) or final or size >= LONGEST_BLOCK:
                break
            size *= 2
        if ends is not None:
            long = np.flatnonzero(np.diff(ends, prepend=0) > dialect.field_characters)
            ends = ends[: long[0]] if len(long) else ends
        if ends is None or not len(ends):
            self._window = SMALL_WINDOW
            return _NONE
        self._window = min(2 * self._window, BLOCK_BYTES)
        return ends

    def _fill(self, size: int) -> None:
        """Hold `size` bytes from the start of the row, or all there are."""
        length = len(self._buffer) - self._row
        if length >= size or self._ended:
            return
        parts = [self._buffer[self._row :]]
        while length < size and not self._ended:
            part = self._stream.read(max(size - length, 1 << 16))
            self._ended = not part
            parts.append(part)
            length += len(part)
        self._buffer, self._row = b"".join(parts), 0


def take_header(
    lines: Lines, delimiters: str = DELIMITERS, field_characters: int = FIELD_CHARACTERS
) -> tuple[str, list[str]]:
    """The delimiter, and the names in the header: read with each delimiter, the one that stands
    most often outside of quotes is right; where quotes don't tell, the one that finds most names.

    Raises:
        csv.Error: the header is broken with every delimiter.
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
    while most_rows is None or len(rows) + len(rejects) < most_rows:
        lines.start_row()
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            # An open quote swallows all that follows: give up its first line only.
            lines.give_back(keep=1)
            rejects.append(Reject(lines.number, str(error), cleaned(lines.raw())))
            continue
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
    chosen = [dialect.columns.index(name) for name in dialect.wanted]
    arrays = [pa.array([row[at] for row in rows], pa.large_string()) for at in chosen]
    table = pa.table(arrays, names=list(dialect.wanted))
    return Rows(table, pa.array(raw, pa.large_string()), rejects, replaced)


def row_ends(data: bytes, delimiter: str, final: bool) -> Positions | None:
    """Positions after the line end of each whole row, up to the first irregular quote or return;
    None if that is in the first row.

    A quote is regular if it opens a field (after a delimiter, a line end, or at the start), closes
    one (before a delimiter or a line end) or is one of two within. A return is, if LF follows it.

    Args:
        data: starts with a row.
        final: nothing follows, so that the last row needs no line end.

    >>> row_ends(b'1,"a\\n"\\n2,b\\n3,"', ",", final=True).tolist()
    [7, 11]
    """
    signs = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(signs == _NEWLINE)
    quotes = np.flatnonzero(signs == _QUOTE)
    ends = newlines + 1
    if len(quotes):
        ends = ends[np.searchsorted(quotes, newlines) % 2 == 0]
    if final and len(quotes) % 2 == 0 and len(data) > (ends[-1] if len(ends) else 0):
        ends = np.append(ends, len(data))
    stop = ends[-1] if len(ends) else len(data)
    quotes = quotes[: np.searchsorted(quotes, stop)]
    padded = np.concatenate([[_NEWLINE], signs[:stop], [_NEWLINE]])
    around = [ord(delimiter), _NEWLINE, _QUOTE]
    opening, closing = quotes[0::2], quotes[1::2]
    irregular = [
        opening[~np.isin(padded[opening], around)],
        closing[~np.isin(padded[closing + 2], [*around, _RETURN])],
    ]
    if b"\r" in data:
        returns = np.flatnonzero(signs[:stop] == _RETURN)
        outside = returns[np.searchsorted(quotes, returns) % 2 == 0]
        irregular.append(outside[padded[outside + 2] != _NEWLINE])
    first = min((places[0] for places in irregular if len(places)), default=None)
    if first is None:
        return ends
    before = ends[ends <= first]
    return before if len(before) else None


def cleaned(text: str) -> str:
    """Bytes that were no text, kept as surrogates, become U+FFFD as decoding would have made it."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # a lone surrogate that a JSON escape wrote
        return cleaned(re.sub(r"[\ud800-\udc7f\udd00-\udfff]", REPLACEMENT, text))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _slices(data: bytes, ends: Positions) -> pa.LargeStringArray:
    offsets = np.concatenate([[0], ends])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeStringArray.from_buffers(len(ends), *buffers[1:])


def _arrow_table(data: bytes, dialect: Dialect) -> pa.Table:
    places = [str(at) for at in range(len(dialect.columns))]
    wanted = [str(dialect.columns.index(name)) for name in dialect.wanted]
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
        yield lines.block(dialect, most_rows) or take_rows(
            lines, dialect, min(most_rows, ROWS_ONE_BY_ONE)
        )


def written(columns: Sequence[pa.Array], delimiter: str = ",") -> pa.LargeStringArray:
    """Rows of CSV without line ends, cells quoted where they need it; None is an empty cell."""
    buffer = io.StringIO()
    usual = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    # Python before 3.11.9 leaves a cell with a bare carriage return unquoted, and the row reads
    # back as two; so a row that holds one is quoted whole.
    careful = csv.writer(buffer, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows = []
    for row in zip(*(column.to_pylist() for column in columns), strict=True):
        held = any(isinstance(cell, str) and "\r" in cell for cell in row)
        (careful if held else usual).writerow(row)
        rows.append(buffer.getvalue()[:-1])
        buffer.seek(0)
        buffer.truncate()
    return pa.array(rows, pa.large_string())
