"""Rows of CSV that read back as they were."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import IO


def row_writer(file: IO[str], delimiter: str = ",") -> Callable[[Sequence[object]], None]:
    """What writes a row as a line, cells quoted where they need it; None is an empty cell.

    Python before 3.11.9 leaves a cell with a bare carriage return unquoted, and the row reads back
    as two; so a row that holds one is quoted whole.

    Args:
        file: opened with `newline=""`.
    """
    usual = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    careful = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write(row: Sequence[object]) -> None:
        held = any(isinstance(cell, str) and "\r" in cell for cell in row)
        (careful if held else usual).writerow(row)

    return write


def write(file: IO[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> None:
    """Write rows as `row_writer` does.

    >>> import sys
    >>> write(sys.stdout, [(1, "say 'hi', please"), (2, None)])
    1,"say 'hi', please"
    2,
    """
    write_row = row_writer(file, delimiter)
    for row in rows:
        write_row(row)
