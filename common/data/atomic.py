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
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from common.data import csv_rows
from common.errors import InputError


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
        remove(temporary)


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
        csv_rows.write(file, chain([header], rows))


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


def create(path: Path) -> BinaryIO:
    """Open a new file for reading and writing, in place of the file or link that has the name.

    A link is never followed: whoever may write in the folder could have laid it there, so that
    another file of ours is overwritten.

    Raises:
        OSError: it can't be made; a folder has the name.
    """
    path.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o666), "w+b")


def open_own(path: Path) -> BinaryIO:
    """Open for reading and writing what `create` made; see `is_own`."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "r+b")


def is_own(path: Path) -> bool:
    """Whether a regular file has the name, which has no other one and belongs to this user.

    Raises:
        FileNotFoundError: nothing has the name.
    """
    found = path.lstat()
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_nlink == 1
        and (found.st_uid == os.geteuid() or found.st_uid == _owner_of_new_files(path.parent))
    )


def remove(path: Path) -> None:
    """Remove a temporary file if that can be done: what failed before matters more."""
    with suppress(OSError):
        path.unlink()


def publish(whole: Path, final: Path) -> None:
    """Give a file, which is on disk, its final name.

    Raises:
        InputError: it is not a file of ours any more.
    """
    if not is_own(whole):
        raise InputError(f"cannot write {final}: another program has replaced {whole.name}.")
    whole.chmod(_mode_for(final))
    whole.replace(final)
    sync_folder(final.parent)


def _mode_for(final: Path) -> int:
    """Keep the mode of the file that is replaced; a new file gets the usual one (mkstemp: 600)."""
    if final.exists():
        return final.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # it may be written, but not read
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _owner_of_new_files(folder: Path) -> int:
    """Not always this user: some network file systems show one owner for all files."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        return os.fstat(probe.fileno()).st_uid
