"""The unfinished output of a job, which the same command resumes after an interruption.

Until the output is whole, three files lie beside it: `.NAME.draft` (what is scored so far),
`.NAME.draft-rejects`, and `.NAME.draft-state`, which says what is being done and how much of the
other two is surely on disk. A run that resumes cuts off the rest first, so its output equals that
of an undisturbed run.
"""

from __future__ import annotations

import glob
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from common.data.atomic import publish, replaceable
from common.errors import InputError
from common.types import Json

SECONDS_BETWEEN_CHECKPOINTS = 0.5
PARTS = ("", "-rejects", "-state", "-state-new", "-parquet", "-manifest")

logger = logging.getLogger(__name__)


class Draft:
    """The files of one unfinished output. Made by `open_draft`; do not construct it directly.

    Attributes:
        payload: the payload of the interrupted run's last checkpoint; None in a new draft.
        content, rejects: binary streams to write to.
    """

    def __init__(self, output: Path, rejects: Path, identity: Mapping[str, Json]) -> None:
        self._output = replaceable(output)
        self._final_rejects = replaceable(rejects)
        self._identity = json.loads(json.dumps(identity))
        self._saved = time.monotonic()
        state = self._find_state()
        self.payload: dict[str, Any] | None = state["payload"] if state else None
        self.content = _open_at(self._beside(""), state["content_bytes"] if state else 0)
        self.rejects = _open_at(self._beside("-rejects"), state["rejects_bytes"] if state else 0)

    def checkpoint(self, payload: Mapping[str, Json]) -> None:
        """Put what was written on disk, and note how far that is; at most twice a second.

        Args:
            payload: what a resumed run needs to know, for JSON.
        """
        if time.monotonic() - self._saved < SECONDS_BETWEEN_CHECKPOINTS:
            return
        state = {
            "identity": self._identity,
            "content_bytes": _flush_to_disk(self.content),
            "rejects_bytes": _flush_to_disk(self.rejects),
            "payload": dict(payload),
        }
        written = self._write("-state-new", json.dumps(state))
        written.replace(self._beside("-state"))
        self._saved = time.monotonic()

    def finish(self) -> Path:
        """Put all that was written on disk; return the path of the content."""
        for stream in (self.content, self.rejects):
            _flush_to_disk(stream)
            stream.close()
        return self._beside("")

    def publish(
        self, whole: Path, has_rejects: bool, manifest: Path, facts: Mapping[str, Json]
    ) -> None:
        """Give the rejects, the output, and last the manifest their names.

        Args:
            whole: the content, or what it was converted to.
            facts: what the manifest holds, for JSON.
        """
        described = self._write("-manifest", json.dumps(facts, indent=2) + "\n")
        if has_rejects:
            publish(self._beside("-rejects"), self._final_rejects)
        else:
            self._final_rejects.unlink(missing_ok=True)
        publish(whole, self._output)
        publish(described, replaceable(manifest))
        self.discard()

    def discard(self) -> None:
        """Remove all files of the draft."""
        for part in PARTS:
            self._beside(part).unlink(missing_ok=True)

    def close(self) -> None:
        self.content.close()
        self.rejects.close()

    def _beside(self, part: str) -> Path:
        return _beside(self._output, part)

    def _write(self, part: str, text: str) -> Path:
        path = self._beside(part)
        with path.open("wb") as file:
            file.write(text.encode("utf-8"))
            _flush_to_disk(file)
        return path

    def _find_state(self) -> dict[str, Any] | None:
        """Return the state that an interrupted run left, if it did the same and left its files."""
        try:
            state = json.loads(self._beside("-state").read_text("utf-8"))
            changed = [
                key for key, value in self._identity.items() if state["identity"].get(key) != value
            ]
            whole = (
                self._beside("").stat().st_size >= state["content_bytes"]
                and self._beside("-rejects").stat().st_size >= state["rejects_bytes"]
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            changed, whole = ["state"], False
        if changed or not whole:
            what = f"another {', '.join(changed)}" if changed else "files that are gone"
            logger.warning("%s: an interrupted run had %s: starting over.", self._output.name, what)
            return None
        return dict(state)


@contextmanager
def open_draft(output: Path, rejects: Path, identity: Mapping[str, Json]) -> Iterator[Draft]:
    """Yield the draft of an output, locked against other processes; resume an interrupted one.

    If the block raises because of the input, the draft is removed; if it is interrupted, or the
    disk is full, the draft stays.

    Args:
        identity: what is done, for JSON: another input, model or setting is another identity.

    Raises:
        InputError: another run is writing this output, or the folder can't be written.
    """
    final = replaceable(output)
    if not final.parent.is_dir():  # the lock would create it
        raise InputError(f"cannot write in {final.parent}: there is no such folder.")
    lock = _lock(final)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{output} is being written by another run: wait for it, or set another -o."
        ) from error
    except OSError as error:
        raise InputError(f"cannot write in {final.parent}: {error.strerror}.") from error
    with ExitStack() as ends:
        ends.callback(_release, lock)
        try:
            draft = Draft(output, rejects, identity)
        except OSError as error:
            raise InputError(f"cannot write in {final.parent}: {error.strerror}.") from error
        ends.callback(draft.close)
        try:
            yield draft
        except OSError as error:
            # What was written up to the last checkpoint is used when there is room again.
            reason = error.strerror or str(error)
            raise InputError(
                f"cannot write {output}: {reason}. The same command resumes from here."
            ) from error
        except Exception:
            draft.discard()
            raise


def clean_up(output: Path) -> None:
    """Remove what a run left that was killed after its last step, unless one is running."""
    final = replaceable(output)
    if not list(final.parent.glob(f"{glob.escape(f'.{final.name}.draft')}*")):
        return
    lock = _lock(final)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return
    for part in PARTS:
        _beside(final, part).unlink(missing_ok=True)
    _release(lock)


def remove_stale(folder: Path, days: float) -> list[str]:
    """Remove drafts in a folder that were left for `days`; return the names of their outputs."""
    oldest = time.time() - days * 86_400
    removed = []
    for content in sorted(folder.glob(".*.draft")):
        files = [path for part in (*PARTS, "-lock") if (path := Path(f"{content}{part}")).exists()]
        if max(path.stat().st_mtime for path in files) < oldest:
            for path in files:
                path.unlink(missing_ok=True)
            removed.append(content.name[1:].removesuffix(".draft"))
    return removed


def _open_at(path: Path, size: int) -> BinaryIO:
    """Open a file to write after its first `size` bytes, cutting off the rest."""
    stream = path.open("r+b" if size else "wb")
    stream.truncate(size)
    stream.seek(size)
    return stream


def _flush_to_disk(stream: BinaryIO) -> int:
    """Return how many bytes of the file are on disk."""
    stream.flush()
    os.fsync(stream.fileno())
    return stream.tell()


def _beside(output: Path, part: str) -> Path:
    return output.with_name(f".{output.name}.draft{part}")


def _lock(output: Path) -> FileLock:
    return FileLock(_beside(output, "-lock"), timeout=0)


def _release(lock: FileLock) -> None:
    # Removed while it is held: a process waiting for the removed file notices and makes a new one.
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
