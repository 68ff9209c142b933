"""Excel files: recognised by their content, and a sheet of them turned into CSV to be read on."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.data.compression import MAX_EXPANSION, UNCHECKED_BYTES
from common.errors import InputError
from common.text import one_line

ENDINGS = (".xlsx", ".xlsm", ".xls")
AS_CSV = "save the sheet as CSV (in Excel: CSV UTF-8)"
# A sheet of a million rows with five columns of tweets takes 600 MB.
MEMORY_BYTES = 1_000_000_000

_LIBRARY = "python_calamine"
_PROGRAM = Path(__file__).with_name("excel_sheet.py")
# Of the container of old Office files, and of new ones that are protected with a password.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_excel(raw: io.BufferedReader, path: Path) -> bool:
    """Whether a file is an .xlsx file, whatever it is called.

    Args:
        path: what messages call the file.

    Raises:
        InputError: it is an Excel file of another kind.
        zipfile.BadZipFile: it is an archive, and damaged.
    """
    head = raw.peek(len(_OLE))
    if head.startswith(_OLE):
        raise InputError(
            f"{path} is an old Excel file (.xls), or one protected with a password: save it "
            f"as .xlsx without a password, or {AS_CSV}."
        )
    if not head.startswith(b"PK\x03\x04"):
        return False
    with zipfile.ZipFile(raw) as archive:
        names = set(archive.namelist())
        unpacked = sum(member.file_size for member in archive.infolist())
    if "xl/workbook.bin" in names:
        raise InputError(f"{path} is a binary Excel file: save it as .xlsx, or {AS_CSV}.")
    if "xl/workbook.xml" not in names:
        return False
    if unpacked > UNCHECKED_BYTES + MAX_EXPANSION * path.stat().st_size:
        raise InputError(
            f"{path} swells to more than {MAX_EXPANSION} times its size, as bombs do: {AS_CSV}."
        )
    return True


@contextmanager
def as_csv(path: Path, sheet: str | None = None, named: bool = True) -> Iterator[Path]:
    """A sheet as a file of CSV, UTF-8 with commas, which goes when the block ends.

    Cells are as Excel shows them: 3 and not 3.0, TRUE, 2026-03-01T09:30:00; empty ones, and those
    that hold an error, are empty. Blank rows are left out.

    Args:
        sheet: its name; None: the first one.
        named: the first row that isn't blank has the columns' names.

    Raises:
        InputError: what reads it isn't installed; there is no such sheet; it is blank, too large or
            damaged.
    """
    if importlib.util.find_spec(_LIBRARY) is None:
        raise InputError(
            f"{path} is an Excel file: run make excel (or pip install python-calamine) so that it "
            f"can be read, or {AS_CSV}."
        )
    with tempfile.TemporaryDirectory() as folder:  # only this user may read it
        target = Path(folder, "sheet.csv")
        _convert(path, target, sheet, named)
        if not target.stat().st_size:
            raise InputError(f"{path}: the sheet is blank. Name another one with --sheet.")
        yield target


def _convert(path: Path, target: Path, sheet: str | None, named: bool) -> None:
    asked = json.dumps({"sheet": sheet, "named": named, "memory": MEMORY_BYTES})
    done = subprocess.run(
        [sys.executable, "-P", str(_PROGRAM), str(path), str(target), asked],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise InputError(
            f"{path}: the sheet is damaged, or too large to be read as Excel: {AS_CSV}."
        )
    found = json.loads(done.stdout)
    if "sheets" in found:
        names = ", ".join(map(repr, found["sheets"][:20]))
        raise InputError(f"{path} has no sheet {sheet!r}; its sheets are: {names}. Set SHEET.")
    if "error" in found:
        raise InputError(f"{path} can't be read as Excel ({one_line(found['error'])}): {AS_CSV}.")
