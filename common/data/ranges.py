"""A large file cut into ranges that can be read alone, and that together give what the file gives.

A CSV can't be cut at just any line end: line breaks stand within quotes, and a broken quote changes
what follows. So the reader itself goes over the file, without keeping what it reads, and notes
places where it stood between two rows: a reader that starts there finds the same rows, with the
same numbers of lines. It may look past the end of its range, as a broken quote makes it, but gives
only rows that start within.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from common.data import jsonl_reader
from common.data.csv_reader import Dialect, rows_of
from common.data.lines import ByteRange, Lines


@dataclass(frozen=True)
class RowGroups:
    """Row groups of a Parquet file, from `start` up to but without `stop`."""

    start: int
    stop: int


Range = ByteRange | RowGroups


def cut_csv(lines: Lines, dialect: Dialect, size: int) -> list[ByteRange]:
    """Ranges of whole rows, each of about `size` bytes.

    Args:
        lines: of the whole file, after its header.

    Raises:
        RuntimeError: as `Lines.give_back`.
    """
    no_limit = sys.maxsize
    return _between(lines, size, rows_of(lines, dialect, no_limit))


def cut_lines(lines: Lines, size: int) -> list[ByteRange]:
    """Ranges of whole lines, each of about `size` bytes."""
    return _between(lines, size, jsonl_reader.each(lines))


def _between(lines: Lines, size: int, steps: Iterable[object]) -> list[ByteRange]:
    """Ranges between places where `lines` stood after some of the steps, `size` bytes apart."""
    places = [lines.position]
    for _ in steps:
        if lines.position.offset >= places[-1].offset + size:
            places.append(lines.position)
    if lines.position.offset > places[-1].offset:
        places.append(lines.position)
    return [ByteRange(start, stop.offset) for start, stop in pairwise(places)]


def cut_row_groups(group_bytes: Sequence[int], size: int) -> list[RowGroups]:
    """Ranges of row groups, each of about `size` bytes.

    Args:
        group_bytes: bytes of each group in the file.

    >>> cut_row_groups([5, 5, 20, 1], 10)
    [RowGroups(start=0, stop=2), RowGroups(start=2, stop=3), RowGroups(start=3, stop=4)]
    """
    places, held = [0], 0
    for stop, length in enumerate(group_bytes, 1):
        held += length
        if held >= size or stop == len(group_bytes):
            places.append(stop)
            held = 0
    return [RowGroups(start, stop) for start, stop in pairwise(places)]
