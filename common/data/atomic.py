"""Files that appear whole or not at all, written as a stream.

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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from common.errors import InputError

ROW_GROUP = 100_000


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Yield a temporary path beside `final`; flush it to disk and rename it when the block ends.

    When the block raises, the temporary file is removed and `final` is left as it was.

    Raises:
        InputError: the folder can't be written, or `final` is not a regular file.
    """
    final = replaceable(final)
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
        publish(temporary, final)
    except OSError as error:
        if error.filename not in (None, name):
            raise
        raise InputError(f"cannot write {final}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(final: Path, text: str) -> None:
    """Write a whole text file.

    Raises:
        InputError: it can't be written.
    """
    with atomic_path(final) as temporary:
        temporary.write_text(text, "utf-8", errors="replace")


def write_csv(final: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows as they come, whole or not at all.

    Raises:
        InputError: as `atomic_path`.
    """
    with atomic_path(final) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, if need be.

    Raises:
        InputError: it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}.") from error


def replaceable(final: Path) -> Path:
    """Where a file really is: a link is followed, so that its target is replaced and not the link.

    Raises:
        InputError: it is not a regular file (renaming over `/dev/null` as root would replace the
            device).
    """
    final = Path(os.path.realpath(final))
    if final.exists() and not final.is_file():
        raise InputError(f"{final} is not a regular file and will not be replaced: name a file.")
    return final


def publish(whole: Path, final: Path) -> None:
    """Give a file, which is on disk, its final name."""
    whole.chmod(_mode_for(final))
    whole.replace(final)
    _sync_folder(final.parent)


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


def to_parquet(stream: Path) -> Path:
    """Convert a file of what `as_stream` has made, one after the other, to Parquet beside it.

    Row groups have ROW_GROUP rows, however many there were in the parts.
    """
    import pyarrow.parquet as pq

    target = stream.with_name(stream.name + "-parquet")
    with ExitStack() as files:
        source = files.enter_context(pa.OSFile(str(stream)))
        rest = pa.ipc.open_stream(source).read_all()
        writer = files.enter_context(pq.ParquetWriter(target, rest.schema))
        while len(rest) or source.tell() < source.size():
            parts, rows = [rest], len(rest)
            while rows < ROW_GROUP and source.tell() < source.size():
                parts.append(pa.ipc.open_stream(source).read_all())
                rows += len(parts[-1])
            table = pa.concat_tables(parts).unify_dictionaries()
            if len(table):
                writer.write_table(table.slice(0, ROW_GROUP).combine_chunks())
            rest = table.slice(ROW_GROUP)
    with target.open("rb+") as written:
        os.fsync(written.fileno())
    return target


def as_stream(table: pa.Table) -> bytes:
    """A table in Arrow's stream format, schema first."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
