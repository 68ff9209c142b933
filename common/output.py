"""Files that appear whole or not at all, written as a stream.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with atomic_path(Path(folder, "out.txt")) as temporary:
...         _ = temporary.write_text("complete")
...     Path(folder, "out.txt").read_text()
'complete'
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Open `path` for a stream of tables with this schema."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema) as writer:
        yield writer.write_table


@contextmanager
def csv_writer(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Open `path` for a stream of lines."""
    with path.open("wb") as file:

        def write(lines: bytes) -> None:
            file.write(lines)

        yield write
