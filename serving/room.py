"""Room on disk for files that are sent, which leaves nothing behind, even where it is killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = f"triage-serving-{os.getuid()}-"
_LOCK = "lock"


class Room:
    """A folder of this process, in the folder for temporary files.

    What servers have left that were killed is removed when it is made.
    """

    def __init__(self) -> None:
        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            _remove_if_left(left)
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = FileLock(self._folder / _LOCK, thread_local=False)
        self._lock.acquire(blocking=False)

    def folder(self) -> Path:
        """A new folder in it."""
        return Path(tempfile.mkdtemp(dir=self._folder))

    def close(self) -> None:
        """Remove it."""
        self._lock.release()
        shutil.rmtree(self._folder, ignore_errors=True)


def _remove_if_left(folder: Path) -> None:
    try:
        with FileLock(folder / _LOCK, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
    except (Timeout, OSError):  # its server is at work, or it is somebody else's
        return
