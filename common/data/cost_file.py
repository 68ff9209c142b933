"""A file of what mistakes cost: CSV with the columns truth, answer, cost."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.errors import InputError
from common.text import brief, listed, printable

COLUMNS = ("truth", "answer", "cost")
# What stands for any class, and for a person's look as an answer.
ANY, LOOK = "*", "@person"
MOST_BYTES = 1_000_000
SHOWN_CLASSES = 20


@dataclass(frozen=True)
class CostFile:
    """Costs as a file has them.

    Attributes:
        costs: by (true class, answer).
        rows: where each of them stands, from 1, the header counted.
    """

    path: Path
    costs: Mapping[tuple[str, str], float]
    rows: Mapping[tuple[str, str], int]

    def require_classes(self, known: Iterable[str]) -> None:
        """Refuse costs of a class that is not there, and looks whose cost is not there.

        Raises:
            InputError: names the file, the row, the class, and those that are.
        """
        names = sorted(set(known))
        taken = sorted({ANY, LOOK} & set(names))
        if taken:
            raise InputError(
                f"{printable(self.path)}: {taken[0]!r} is a class of the messages, but in a file "
                "of costs it means something else: call the class otherwise."
            )
        for pair, row in self.rows.items():
            unknown = [name for name in pair if name not in (*names, ANY, LOOK)]
            if unknown:
                rest = len(names) - SHOWN_CLASSES
                more = f" and {rest:,} more" if rest > 0 else ""
                raise InputError(
                    f"{printable(self.path)}, row {row}: {brief(unknown[0])!r} is no class of the "
                    f"messages: {listed([brief(name) for name in names[:SHOWN_CLASSES]])}{more}."
                )
        looks = {truth for truth, answer in self.costs if answer == LOOK}
        unpriced = [] if ANY in looks or not looks else [n for n in names if n not in looks]
        if unpriced:
            raise InputError(
                f"{printable(self.path)} says what a person's look costs for some classes, but not "
                f"for {brief(unpriced[0])!r}: add a row {ANY},{LOOK},COST for all others."
            )


def read_costs(path: Path) -> CostFile:
    """Read what mistakes cost.

    Raises:
        InputError: the file can't be read, or a row of it is no cost of an answer.
    """
    costs: dict[tuple[str, str], float] = {}
    rows: dict[tuple[str, str], int] = {}
    for number, cells in _rows(path):
        where = f"{printable(path)}, row {number}"
        if len(cells) != len(COLUMNS):
            raise InputError(f"{where}: {len(cells)} cells, not the three of truth,answer,cost.")
        truth, answer = cells[0].strip(), cells[1].strip()
        if not truth or not answer:
            raise InputError(f"{where}: truth and answer must be a class each, or {ANY} for any.")
        if truth == LOOK:
            raise InputError(f"{where}: {LOOK} is an answer, so it stands in the second column.")
        if (truth, answer) in costs:
            raise InputError(f"{where}: the pair of row {rows[truth, answer]} again.")
        costs[truth, answer] = _cost(cells[2], where)
        rows[truth, answer] = number
    if not costs:
        raise InputError(f"{printable(path)} has no row: write them as urgent,other,10.")
    return CostFile(path, costs, rows)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header, with their numbers; blank ones are left out."""
    lines = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    number = 0
    try:
        for number, cells in enumerate(lines, start=1):
            if number == 1:
                if tuple(cell.strip().lower() for cell in cells) != COLUMNS:
                    raise InputError(
                        f"{printable(path)}, row 1: the header must be truth,answer,cost."
                    )
            elif any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error as error:
        raise InputError(f"{printable(path)}, row {number + 1}: {error}.") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{printable(path)} is larger than {MOST_BYTES:,} bytes: no costs.")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {printable(path)}: {error.strerror}.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{printable(path)}, row {row}: not UTF-8.") from error


def _cost(cell: str, where: str) -> float:
    try:
        cost = float(cell)
    except ValueError:
        cost = math.nan
    if not math.isfinite(cost) or cost < 0:
        raise InputError(f"{where}: the cost must be a number from 0 on, not {brief(cell)!r}.")
    return cost
