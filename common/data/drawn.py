"""How labelled rows were drawn, as columns of a file say it: for what, with which probability."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.data.labelled_file import COPIES as COPIES
from common.data.labelled_file import PROBABILITY as PROBABILITY
from common.data.labelled_file import WHY as WHY
from common.data.labels import named
from common.errors import InputError
from common.types import Bools, Floats, Labels

# Values of WHY. Other ones are of people's own designs.
RANDOM, UNCERTAIN, NOVEL, LABEL_ISSUE = "random", "uncertain", "novel", "label_issue"
KNOWN = (RANDOM, UNCERTAIN, NOVEL)
OTHER = "other"
WHOLE = "a whole number of messages, written without separators"

Cells = Callable[[str], pa.LargeStringArray]


@dataclass(frozen=True)
class DrawnRows:
    """How n rows were drawn.

    Attributes:
        why: (n,) "" where nothing says.
        weight: (n,) how many messages a row stands for, 1 or more: its copies by the probability
            that it is among the rows; nan where that is not known.
    """

    why: Labels
    weight: Floats

    @property
    def strata(self) -> Labels:
        """(n,) what rows were drawn for; other people's words for it are one."""
        known = np.isin(self.why, ("", *KNOWN))
        return np.where(known, self.why, OTHER).astype(object)

    def take(self, rows: Bools | npt.NDArray[np.intp]) -> DrawnRows:
        return DrawnRows(self.why[rows], self.weight[rows])

    @property
    def is_hard(self) -> Bools:
        """(n,) chosen for another reason than chance."""
        return np.asarray((self.why != "") & (self.why != RANDOM))

    @property
    def has_probability(self) -> Bools:
        return ~np.isnan(self.weight)


def columns(there: Collection[str]) -> list[str]:
    """Which columns of a file say how its rows were drawn; none if it doesn't say.

    >>> columns(["text", "why", "inclusion_probability"]), columns(["text", "why"])
    (['why', 'inclusion_probability'], [])
    """
    if WHY not in there or PROBABILITY not in there:
        return []
    return [WHY, PROBABILITY, *([COPIES] if COPIES in there else [])]


def read(there: Collection[str], cells: Cells, where: str) -> DrawnRows | None:
    """How rows were drawn, by the cells of these columns; None if the file doesn't say.

    Args:
        there: columns that can be asked for.
        where: names the file, for messages.

    Raises:
        InputError: a cell holds something else.
    """
    found = columns(there)
    if not found:
        return None
    probability = _numbers(cells(PROBABILITY), number, 1.0, PROBABILITY, where)
    copies = np.ones(len(probability))
    if COPIES in found:
        copies = np.nan_to_num(_numbers(cells(COPIES), whole, np.inf, COPIES, where), nan=1.0)
    why = np.asarray(named(cells(WHY)).to_numpy(zero_copy_only=False), object)
    return DrawnRows(why, np.maximum(copies / probability, 1.0))


def unknown(n: int) -> DrawnRows:
    """Of n rows nobody knows how they were drawn."""
    return DrawnRows(np.full(n, "", object), np.full(n, np.nan))


def join(pieces: Sequence[DrawnRows]) -> DrawnRows:
    """One after the other."""
    every = [unknown(0), *pieces]
    return DrawnRows(
        np.concatenate([piece.why for piece in every]),
        np.concatenate([piece.weight for piece in every]),
    )


def number(cell: str) -> float:
    """A cell as a number, nan where it is empty; a comma may be the decimal mark.

    Raises:
        ValueError: it is something else.
    """
    return float(cell.strip().replace(",", ".") or "nan")


def whole(cell: str) -> float:
    """A cell as a whole number, 1 or more, nan where it is empty; `1,000` may be 1 or a thousand.

    Raises:
        ValueError: it is something else.

    >>> whole("12"), whole("12.0"), whole("1.2e+06")
    (12.0, 12.0, 1200000.0)
    """
    found = cell.strip()
    if not found:
        return float("nan")
    # pandas writes 12.0 where other rows are empty; earlier releases wrote large ones as 1.2e+06.
    if not re.fullmatch(r"\d+(\.0)?|\d(\.\d+)?e\+\d+", found) or not 1 <= float(found) < np.inf:
        raise ValueError("no whole number")
    return float(found)


def _numbers(
    cells: pa.LargeStringArray,
    number_of: Callable[[str], float],
    most: float,
    column: str,
    where: str,
) -> Floats:
    """(n,) numbers, nan where a cell is empty."""
    found: Floats = np.empty(len(cells))
    for row, cell in enumerate(cells.to_pylist()):
        try:
            found[row] = number_of(cell)
        except ValueError:
            found[row] = np.inf
        if cell.strip() and not (0 < found[row] <= most and np.isfinite(found[row])):
            kind = "a number between 0 and 1" if column == PROBABILITY else WHOLE
            raise InputError(
                f"{where}: column {column!r} should hold {kind}, and holds {cell.strip()[:40]!r}."
            )
    return found
