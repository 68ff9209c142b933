"""Files that appear whole or not at all, and tables written to them as a stream.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with atomic_path(Path(folder, "out.txt")) as temporary:
...         _ = temporary.write_text("complete")
...     Path(folder, "out.txt").read_text()
'complete'
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from common.errors import InputError


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Yield a temporary path beside `final`; flush it to disk and rename it when the block ends.

    When the block raises, the temporary file is removed and `final` is left as it was.
    A link is followed, so that what it points to is replaced and not the link.

    Raises:
        InputError: the folder can't be written, or `final` is no regular file (renaming over
            `/dev/null` as root would replace the device).
    """
    final = Path(os.path.realpath(final))
    if final.exists() and not final.is_file():
        raise InputError(f"{final} is not a regular file and will not be replaced: name a file.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent)
    except OSError as error:
        raise InputError(f"cannot write in {final.parent}: {error.strerror}.") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(_mode_for(final))
        temporary.replace(final)
        _sync_folder(final.parent)
    except OSError as error:
        if error.filename not in (None, name):
            raise
        raise InputError(f"cannot write {final}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _mode_for(final: Path) -> int:
    """Keep the mode of the file that is replaced; a new file gets the usual one (mkstemp: 600)."""
    if final.exists():
        return final.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class TableWriter(Protocol):
    """Takes the chunks of a table one after the other; all have the same columns."""

    def __call__(self, table: pa.Table) -> None: ...


def table_writer(
    path: Path, schema: pa.Schema, as_parquet: bool
) -> AbstractContextManager[TableWriter]:
    """Open `path` for a stream of tables with this schema, as Parquet or as CSV.

    CSV is always comma, UTF-8 and LF, whatever the input was; cells are quoted where they need it.
    """
    return _parquet_writer(path, schema) if as_parquet else _csv_writer(path, schema)


@contextmanager
def _parquet_writer(path: Path, schema: pa.Schema) -> Iterator[TableWriter]:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema) as writer:
        yield writer.write_table


@contextmanager
def _csv_writer(path: Path, schema: pa.Schema) -> Iterator[TableWriter]:
    with path.open("w", encoding="utf-8", newline="") as file:
        usual = csv.writer(file, lineterminator="\n")
        # Python before 3.11.9 leaves a cell with a bare carriage return unquoted, and the row
        # reads back as two; so a row that holds one is quoted whole.
        careful = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)

        def write(table: pa.Table) -> None:
            columns = [column.to_pylist() for column in table.columns]
            returns = any(
                "\r" in cell for column in columns for cell in column if isinstance(cell, str)
            )
            rows = zip(*columns, strict=True)
            if not returns:
                usual.writerows(rows)
                return
            for row in rows:
                held = any(isinstance(cell, str) and "\r" in cell for cell in row)
                (careful if held else usual).writerow(row)

        write(pa.table([pa.array([name]) for name in schema.names], names=schema.names))
        yield write
