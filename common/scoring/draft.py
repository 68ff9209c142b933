"""The unfinished output of a job, from which the same command goes on after an interruption.

Until the output is whole, there lie beside it `.NAME.draft` (what is scored so far),
`.NAME.draft-rejects`, and `.NAME.draft-state`: what is being done, and how much of the two files is
surely on disk. A run that goes on cuts off the rest first, so its output equals an undisturbed one.
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

SECONDS_BETWEEN_CHECKPOINTS = 0.5
PARTS = ("", "-rejects", "-state", "-state-new", "-parquet", "-manifest")

logger = logging.getLogger(__name__)


class Draft:
    """Open by `opened`.

    Attributes:
        payload: what the last checkpoint of an interrupted run was told; None in a new draft.
        content, rejects: binary streams to write to.
    """

    def __init__(self, output: Path, rejects: Path, identity: Mapping[str, Any]) -> None:
        self._output = replaceable(output)
        self._final_rejects = replaceable(rejects)
        self._identity = json.loads(json.dumps(identity))
        self._saved = time.monotonic()
        state = self._found()
        self.payload: dict[str, Any] | None = state["payload"] if state else None
        self.content = _continued(self._beside(""), state["content_bytes"] if state else 0)
        self.rejects = _continued(self._beside("-rejects"), state["rejects_bytes"] if state else 0)

    def checkpoint(self, payload: Mapping[str, Any]) -> None:
        """Now and then, put on disk what was written, and how far that is.

        Args:
            payload: what a resumed run needs to know, for JSON.
        """
        if time.monotonic() - self._saved < SECONDS_BETWEEN_CHECKPOINTS:
            return
        state = {
            "identity": self._identity,
            "content_bytes": _on_disk(self.content),
            "rejects_bytes": _on_disk(self.rejects),
            "payload": dict(payload),
        }
        written = self._written("-state-new", json.dumps(state))
        written.replace(self._beside("-state"))
        self._saved = time.monotonic()

    def finish(self) -> Path:
        """All is written: put it on disk and say where the content is."""
        for stream in (self.content, self.rejects):
            _on_disk(stream)
            stream.close()
        return self._beside("")

    def publish(self, whole: Path, has_rejects: bool, manifest: Path, facts: Any) -> None:
        """Give the rejects, the output, and last the manifest their names.

        Args:
            whole: the content, or what it was converted to.
            facts: what the manifest holds, for JSON.
        """
        described = self._written("-manifest", json.dumps(facts, indent=2) + "\n")
        if has_rejects:
            publish(self._beside("-rejects"), self._final_rejects)
        else:
            self._final_rejects.unlink(missing_ok=True)
        publish(whole, self._output)
        publish(described, replaceable(manifest))
        self.discard()

    def discard(self) -> None:
        """Forget what was written."""
        for part in PARTS:
            self._beside(part).unlink(missing_ok=True)

    def close(self) -> None:
        self.content.close()
        self.rejects.close()

    def _beside(self, part: str) -> Path:
        return _beside(self._output, part)

    def _written(self, part: str, text: str) -> Path:
        path = self._beside(part)
        with path.open("wb") as file:
            file.write(text.encode("utf-8"))
            _on_disk(file)
        return path

    def _found(self) -> dict[str, Any] | None:
        """The state that an interrupted run left, if it did the same and its files are there."""
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
def opened(output: Path, rejects: Path, identity: Mapping[str, Any]) -> Iterator[Draft]:
    """The draft of an output, for this process alone; what an interrupted run left is gone on with.

    When the block raises because of the input, the draft goes; when it is interrupted, or the disk
    is full, it stays.

    Args:
        identity: what is done, for JSON: another input, model or setting is another identity.

    Raises:
        InputError: another run is writing this output, or the folder can't be written.
    """
    final = replaceable(output)
    if not final.parent.is_dir():  # the lock would make it
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
            # Whatever was written up to the last checkpoint is used again, when there is room.
            reason = error.strerror or str(error)
            raise InputError(
                f"cannot write {output}: {reason}. The same command goes on from here."
            ) from error
        except Exception:
            draft.discard()
            raise


def tidied(output: Path) -> None:
    """Remove what a run that was killed after its last step has left, unless one is running."""
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
    """Remove drafts in a folder that nothing was written to for `days`; name their outputs."""
    oldest = time.time() - days * 86_400
    removed = []
    for content in sorted(folder.glob(".*.draft")):
        files = [path for part in (*PARTS, "-lock") if (path := Path(f"{content}{part}")).exists()]
        if max(path.stat().st_mtime for path in files) < oldest:
            for path in files:
                path.unlink(missing_ok=True)
            removed.append(content.name[1:].removesuffix(".draft"))
    return removed


def _continued(path: Path, size: int) -> BinaryIO:
    """The file to write on after its first `size` bytes."""
    stream = path.open("r+b" if size else "wb")
    stream.truncate(size)
    stream.seek(size)
    return stream


def _on_disk(stream: BinaryIO) -> int:
    stream.flush()
    os.fsync(stream.fileno())
    return stream.tell()


def _beside(output: Path, part: str) -> Path:
    return output.with_name(f".{output.name}.draft{part}")


def _lock(output: Path) -> FileLock:
    return FileLock(_beside(output, "-lock"), timeout=0)


def _release(lock: FileLock) -> None:
    # Removed while it is held: who waits for the removed file finds out and makes a new one.
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
