"""Files as they lie on disk: those of a folder, their size, their digest, why one can't be read."""

from __future__ import annotations

import hashlib
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pyarrow as pa

from common.data import runs
from common.errors import InputError
from common.text import one_line

# What lies beside a file of predictions.
REJECTS, MANIFEST = ".rejects.csv", ".manifest.json"
# With --shadow: messages whose class would be another.
FLIPS = ".flips.csv"
# What lies beside a part that was prepared: which rows it does not have, and why.
LEFT_OUT = ".left-out.csv"

_DAMAGED = (
    EOFError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pa.ArrowException,
)


def parts(path: Path) -> list[Path]:
    """The files of a folder, as Spark or predict.py writes it, sorted; a file alone.

    Left out are files that are hidden, marks (`_SUCCESS`), what lies beside predictions, what Excel
    leaves beside a file that is open (`~$`), and runs (`run_date=.../run_id=...`) without a mark.

    Raises:
        InputError: the folder is empty, or has no run that is complete.
    """
    if not path.is_dir():
        return [path]
    files = [file for file in path.rglob("*") if file.is_file()]
    found = sorted(
        file
        for file in files
        if not file.name.endswith((REJECTS, MANIFEST, FLIPS))
        and not any(part.startswith((".", "_", "~$")) for part in file.relative_to(path).parts)
    )
    if not found:
        raise InputError(f"{path} is a folder without files of messages.")
    return _of_complete_runs(path, files, found)


def _of_complete_runs(path: Path, files: list[Path], found: list[Path]) -> list[Path]:
    here = path.absolute()
    if runs.run_of(PurePosixPath(here, "file")):
        above = [here / runs.SUCCESS, *(folder / runs.SUCCESS for folder in here.parents)]
        files = [*files, *filter(Path.is_file, above)]
    unfinished = runs.unfinished(PurePosixPath(file.absolute()) for file in files)
    if not unfinished:
        return found
    complete = [f for f in found if runs.run_of(PurePosixPath(f.absolute())) not in unfinished]
    if not complete:
        runs.refuse_unfinished(path)
    for run in sorted(unfinished):
        runs.say_skipped(run)
    return complete


def lock_of(path: Path) -> Path:
    """What a process locks that adds to a file, as a server does to the labels that people give."""
    return path.with_name(f".{path.name}.lock")


def size(path: Path) -> int:
    """Bytes of a file, or of a folder's files."""
    return sum(part.stat().st_size for part in parts(path))


def sha256(path: Path) -> str:
    """Hexadecimal digest of a whole file; of a folder, that of its files' names and digests."""
    if path.is_dir():
        files = "".join(f"{sha256(part)} {part.relative_to(path)}\n" for part in parts(path))
        return hashlib.sha256(files.encode("utf-8", "surrogateescape")).hexdigest()
    with readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever reading can raise into one InputError that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a directory: name a file.") from error
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied.") from error
    except _DAMAGED as error:
        raise InputError(
            f"{path} is damaged or cut short ({one_line(error)}): get a new copy."
        ) from error
    except (OSError, RuntimeError, NotImplementedError, UnicodeError) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}.") from error
