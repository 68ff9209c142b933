"""A stream as physical lines, and as stretches of whole rows of CSV with regular quotes.

Lines and rows have a limit: what is longer is never held in memory.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from common.data.reading import FIELD_CHARACTERS

BLOCK_BYTES, LONGEST_BLOCK = 1 << 20, 1 << 23
SMALL_WINDOW = 1 << 14
SHOWN_BYTES = 1000
# Bytes of broken rows that may be read again, beside four times of what was read: no real file
# comes near, and one in which each line leaves a quote open would be read for days.
READ_AGAIN = 1 << 26

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_LINE_END = re.compile(rb"\r\n?|\n")

Positions = npt.NDArray[np.int64]
_NONE: Positions = np.array([], np.int64)


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class RowTooLong(Exception):
    """A row, or a line of JSON, has more bytes than allowed."""


@dataclass(frozen=True)
class Stretch:
    """Whole rows with regular quotes.

    `ends` are positions after the rows' line ends, `line` is the first row's physical line.
    """

    data: bytes
    ends: Positions
    line: int


@dataclass(frozen=True)
class Position:
    """A place between two rows: bytes of the stream before it, and the next physical line."""

    offset: int = 0
    line: int = 1


@dataclass(frozen=True)
class ByteRange:
    """The rows that start from `start` on and before the offset `stop`, where one starts too."""

    start: Position
    stop: int


class Lines:
    """A stream of UTF-8 as physical lines with their numbers, and as blocks of whole rows.

    Lines are strings with their line ends; bytes that are not text are surrogates in them. What a
    broken row took can be given back, to be read again.

    Args:
        longest: most bytes of a row.
        within: the rows to give; the stream starts with the first of them, and goes on after the
            last: what follows a broken row decides how it is read.
    """

    def __init__(
        self,
        stream: Readable,
        longest: int = FIELD_CHARACTERS,
        within: ByteRange | None = None,
    ) -> None:
        start = within.start if within else Position()
        self.number = start.line
        self._stream = stream
        self._longest = longest
        self._within = within
        self._dropped = start.offset  # bytes of the file before the buffer
        self._ended = False
        self._buffer = b""
        self._row = 0  # offset of the current row in the buffer
        self._taken: list[int] = []  # ends of its lines, relative to that offset
        self._ends = _NONE  # ends of the rows that follow, relative to it too
        self._window = BLOCK_BYTES
        self._read = self._again = 0  # bytes of the stream, and of what was given back

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        """The next line up to LF, CR LF or a lone CR.

        Raises:
            RowTooLong: the row would have more bytes than allowed.
        """
        while True:
            start = self._row + self.length
            found = _LINE_END.search(self._buffer, start)
            # A return at the end of the buffer may be the first half of CR LF.
            if self._ended or (found and found.end() < len(self._buffer)):
                break
            held = len(self._buffer) - self._row
            if held > self._longest:
                raise RowTooLong(f"row longer than {self._longest:,} bytes")
            self._fill(min(max(2 * held, 1 << 16), self._longest + 1))
        stop = found.end() if found else len(self._buffer)
        if stop - self._row > self._longest:
            raise RowTooLong(f"row longer than {self._longest:,} bytes")
        if stop == start:
            raise StopIteration
        self._taken.append(stop - self._row)
        return _text(self._buffer[start:stop])

    def start_row(self) -> None:
        """What was taken belongs to the row before; `number` is the next row's first line."""
        self.number += len(self._taken)
        self._row += self.length
        self._taken.clear()

    def give_back(self, keep: int) -> None:
        """Read again, next, all lines of this row but the first `keep`.

        Raises:
            RuntimeError: too much was read again.
        """
        self._again += self.length
        del self._taken[keep:]
        self._again -= self.length
        if self._within:  # whoever cut the file has read all of it, within the limit
            return
        if self._again > READ_AGAIN + 4 * self._read:
            raise RuntimeError("too many of its rows leave a quote open")

    def skip_line(self) -> str:
        """Pass over the line that starts here, however long it is; return its beginning."""
        start = self._buffer[self._row : self._row + SHOWN_BYTES]
        while True:
            found = _LINE_END.search(self._buffer, self._row)
            half = found is not None and found.end() == len(self._buffer) and found[0] == b"\r"
            if self._ended or (found and not half):
                break
            self._row = len(self._buffer) - half
            self._fill(1 << 16)
        self._row = found.end() if found else len(self._buffer)
        self.number += 1
        return codecs.getincrementaldecoder("utf-8")("replace").decode(start)

    def raw(self) -> str:
        """The row as it stands in the file, without its last line end."""
        return _text(self._buffer[self._row : self._row + self.length]).rstrip("\r\n")

    def regular_rows(self, delimiter: str, most_rows: int, most_bytes: int) -> Stretch | None:
        """Whole rows with regular quotes from here on; None where there are none.

        Args:
            most_bytes: of each row.
        """
        self.start_row()
        if not len(self._ends):
            self._ends = self._look_ahead(delimiter, most_bytes)
        if not len(self._ends):
            return None
        ends, rest = self._ends[:most_rows], self._ends[most_rows:]
        data = self._buffer[self._row : self._row + ends[-1]]
        found = Stretch(data, ends, self.number)
        self._row, self._ends = self._row + len(data), rest - len(data)
        self.number += count_line_ends(data)
        return found

    @property
    def ended(self) -> bool:
        """Whether no row follows."""
        if self.at_stop:
            return True
        self._fill(1)
        return self._row == len(self._buffer)

    @property
    def at_stop(self) -> bool:
        """Whether the next row is not within the range that is read."""
        return self._within is not None and self._place >= self._within.stop

    @property
    def position(self) -> Position:
        """The place after the rows so far; what was taken of a row belongs to them."""
        self.start_row()
        return Position(self._place, self.number)

    @property
    def _place(self) -> int:
        """Bytes of the file before the current row."""
        return self._dropped + self._row

    @property
    def lines_taken(self) -> int:
        """How many whole lines of the row were taken."""
        return len(self._taken)

    @property
    def length(self) -> int:
        """Bytes of them."""
        return self._taken[-1] if self._taken else 0

    def _look_ahead(self, delimiter: str, most_bytes: int) -> Positions:
        """Ends of the regular rows from here on, as far as a window shows them, up to one that has
        more than `most_bytes`. The window is small after an irregular row: another may follow
        soon, and scanning past it would be wasted.
        """
        size = self._window
        while True:
            self._fill(size)
            window = self._buffer[self._row : self._row + size]
            final = self._ended and self._row + len(window) == len(self._buffer)
            ends = row_ends(window, delimiter, final)
            if ends is None or len(ends) or final or size >= LONGEST_BLOCK:
                break
            size *= 2
        if ends is not None:
            long = np.flatnonzero(np.diff(ends, prepend=0) > most_bytes)
            ends = ends[: long[0]] if len(long) else ends
            if self._within:
                ends = ends[ends <= self._within.stop - self._place]
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
            self._read += len(part)
        self._dropped += self._row
        self._buffer, self._row = b"".join(parts), 0


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
    opening, closing = quotes[0::2], quotes[1::2]
    # At the start and at the end a line end is as good as there.
    before = np.where(opening > 0, signs[opening - 1], _NEWLINE)
    around = [ord(delimiter), _NEWLINE, _QUOTE]
    irregular = [
        opening[~np.isin(before, around)],
        closing[~np.isin(_next(signs[:stop], closing), [*around, _RETURN])],
    ]
    if b"\r" in data:
        returns = np.flatnonzero(signs[:stop] == _RETURN)
        outside = returns[np.searchsorted(quotes, returns) % 2 == 0]
        irregular.append(outside[_next(signs[:stop], outside) != _NEWLINE])
    first = min((places[0] for places in irregular if len(places)), default=None)
    if first is None:
        return ends
    regular = ends[ends <= first]
    return regular if len(regular) else None


def count_line_ends(data: bytes) -> int:
    """LF, CR LF and lone CR; `bytes.count` takes ten times as long where there are many."""
    signs = np.frombuffer(data, np.uint8)
    newlines = int(np.count_nonzero(signs == _NEWLINE))
    if b"\r" not in data:
        return newlines
    returns = np.flatnonzero(signs == _RETURN)
    lone = int(np.count_nonzero(_next(signs, returns) != _NEWLINE))
    return newlines + lone + data.endswith(b"\r")


def _next(signs: npt.NDArray[np.uint8], places: Positions) -> npt.NDArray[np.integer]:
    """What follows at each place; a line end after the last one."""
    following = np.minimum(places + 1, len(signs) - 1)
    return np.where(places + 1 < len(signs), signs[following], _NEWLINE)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
