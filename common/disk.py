"""A disk without room: recognised whoever reports it, and said in one line."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Nothing left, nothing left of a quota, a file that may not grow further.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What SQLite, Python's tempfile and those who wrap others' errors say.
_WORDS = (
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "database or disk is full",
    "No usable temporary directory",
)
_LITTLE = 100_000  # bytes


def is_full(error: BaseException) -> bool:
    """Whether an error, or what it wraps, is that there is no room on a disk."""
    return any(
        (isinstance(cause, OSError) and cause.errno in FULL) or says_full(str(cause))
        for cause in _causes(error)
    )


def says_full(text: str) -> bool:
    """Whether a text says that there is no room on a disk."""
    return any(words in text for words in _WORDS)


def explained(error: BaseException, *suspects: object) -> str:
    """Say where there is no room: the file, if the error knows it, else a full disk.

    Args:
        suspects: files or folders that were perhaps written, beside the temporary folder.
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in FULL:
            named = cause.filename2 or cause.filename
            if named:
                return f"cannot write {named}: {cause.strerror}."
    candidates = [*map(str, suspects), _temporary()]
    crammed = [place for place in candidates if _free(Path(place)) < _LITTLE]
    where = " or ".join(dict.fromkeys(crammed or candidates))
    return f"cannot write {where}: no space left on the disk."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # an error may be raised from itself
        yield error
        seen.append(error)
        error = error.__cause__ or error.__context__


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return "/tmp"


def _free(place: Path) -> int:
    try:
        return shutil.disk_usage(place if place.exists() else place.parent).free
    except OSError:
        return _LITTLE
