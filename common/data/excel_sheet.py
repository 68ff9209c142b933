"""A sheet of an Excel file written as CSV, in a process of its own.

A file of a few kilobytes can name a cell so far away that the library asks for terabytes, which
ends its process. So `excel_reader` runs this one, under a limit of memory. Imports nothing of ours.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import json
import resource
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

# Whole numbers from here on would be a hundred zeros.
LARGEST_WHOLE = 1e21


def as_text(cell: Any) -> str:
    """A cell as Excel shows it, dates and times in ISO's form; an empty one is "".

    >>> as_text(3.0), as_text(0.1 + 0.2), as_text(True), as_text(datetime.timedelta(hours=30))
    ('3', '0.3', 'TRUE', '30:00:00')
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        shown = f"{cell:.15g}"  # Excel has 15 digits
        whole = cell.is_integer() and abs(cell) < LARGEST_WHOLE
        return format(decimal.Decimal(shown), "f") if whole else shown
    if isinstance(cell, datetime.timedelta):
        seconds = int(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)


def letter(column: int) -> str:
    """What Excel calls a column, counted from 0.

    >>> letter(0), letter(25), letter(26), letter(701), letter(702)
    ('A', 'Z', 'AA', 'ZZ', 'AAA')
    """
    name = ""
    while column >= 0:
        name = chr(ord("A") + column % 26) + name
        column = column // 26 - 1
    return name


def write(rows: Iterable[list[Any]], first_column: int, named: bool, target: Path) -> None:
    """Write the rows as CSV, without blank ones.

    Args:
        first_column: what the rows start with: the first of the sheet that holds anything.
        named: the first row has the columns' names; one without a name is called by its letter.
    """
    with target.open("w", encoding="utf-8", newline="") as file:
        usual = csv.writer(file, lineterminator="\n")
        # Python before 3.11.9 leaves a cell with a bare carriage return unquoted.
        careful = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for row in rows:
            cells = [as_text(cell) for cell in row]
            if not any(cells):
                continue
            if named:
                cells = [cell or letter(first_column + at) for at, cell in enumerate(cells)]
                named = False
            (careful if any("\r" in cell for cell in cells) else usual).writerow(cells)


def choose(workbook: CalamineWorkbook, wanted: str | None) -> CalamineSheet | None:
    """The wanted sheet; else the first that people see; None if it isn't there."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    ]
    name = wanted if wanted is not None else next(iter(sheets or workbook.sheet_names), "")
    return workbook.get_sheet_by_name(name) if name in workbook.sheet_names else None


def main(source: str, target: str, asked: str) -> int:
    """Write a sheet of `source` as CSV to `target`; print what it can't do as JSON.

    Args:
        asked: JSON: `sheet`, a name or null; `named`, as for `write`; `memory`, in bytes.
    """
    request = json.loads(asked)
    with suppress(OSError, ValueError):  # a system may not know such limits
        resource.setrlimit(resource.RLIMIT_AS, (request["memory"], request["memory"]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import python_calamine

    try:
        with open(source, "rb") as file:  # noqa: PTH123
            workbook = python_calamine.load_workbook(file)
        sheet = choose(workbook, request["sheet"])
        if sheet is None:
            print(json.dumps({"sheets": workbook.sheet_names}))  # noqa: T201
            return 0
        first_column = sheet.start[1] if sheet.start else 0
        write(sheet.iter_rows(), first_column, request["named"], Path(target))
    except (python_calamine.CalamineError, OSError) as error:
        print(json.dumps({"error": str(error)}))  # noqa: T201
        return 0
    print("{}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
