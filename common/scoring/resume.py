"""The unfinished output of a job, which the same command resumes after an interruption.

Until the output is whole, three files lie beside it: `.NAME.draft` (what is scored so far),
`.NAME.draft-rejects`, and `.NAME.draft-state`, which says what is being done and how much of the
other two is surely on disk. A run that resumes cuts off the rest first, so its output equals that
of an undisturbed run. The state is written first and removed last, and its content tells our
drafts from other files that have such names.
"""

from __future__ import annotations

import glob
import io
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from common.data import atomic, csv_rows
from common.data.atomic import publish, replaceable
from common.errors import InputError
from common.types import Json

SECONDS_BETWEEN_CHECKPOINTS = 0.5
PARTS = ("", "-rejects", "-table", "-state-new", "-parquet", "-manifest", "-state")

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
        if not state:
            self._write_state(0, 0, None)
        self.content = _open_at(self._beside(""), state["content_bytes"] if state else 0)
        self.rejects = _open_at(self._beside("-rejects"), state["rejects_bytes"] if state else 0)

    def checkpoint(self, payload: Mapping[str, Json], now: bool = False) -> None:
        """Put what was written on disk, and note how far that is; at most twice a second.

        Args:
            payload: what a resumed run needs to know, for JSON.
            now: however soon after the last time.
        """
        if time.monotonic() - self._saved < SECONDS_BETWEEN_CHECKPOINTS and not now:
            return
        done = _flush_to_disk(self.content), _flush_to_disk(self.rejects)
        self._write_state(*done, dict(payload))
        self._saved = time.monotonic()

    def finish(self) -> Path:
        """Put all that was written on disk; return the path of the content."""
        for stream in (self.content, self.rejects):
            _flush_to_disk(stream)
            stream.close()
        return self._beside("")

    def write_table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
        """Put one more file, of CSV, on disk, which `publish` gives its name; return its path."""
        path = self._beside("-table")
        with atomic.create(path) as file:
            text = io.TextIOWrapper(file, "utf-8", newline="")
            csv_rows.write(text, chain([header], rows))
            text.flush()
            os.fsync(file.fileno())
        return path

    def publish(
        self,
        whole: Path,
        has_rejects: bool,
        manifest: Path,
        facts: Mapping[str, Json],
        others: Mapping[Path, Path | None] = MappingProxyType({}),
    ) -> None:
        """Give the rejects, the output, and last the manifest their names.

        Args:
            whole: the content, or what it was converted to.
            facts: what the manifest holds, for JSON.
            others: by its name, what `write_table` has written; None: there must be no such file.
        """
        described = self._write("-manifest", json.dumps(facts, indent=2) + "\n")
        if has_rejects:
            publish(self._beside("-rejects"), self._final_rejects)
        else:
            self._final_rejects.unlink(missing_ok=True)
        for final, written in others.items():
            if written:
                publish(written, replaceable(final))
            else:
                replaceable(final).unlink(missing_ok=True)
        publish(whole, self._output)
        publish(described, replaceable(manifest))
        self.discard()

    def discard(self) -> None:
        """Remove all files of the draft."""
        for part in PARTS:
            atomic.remove(self._beside(part))

    def close(self) -> None:
        """Close the files; what is still to be written fails as before, and is cut off anyway."""
        for stream in (self.content, self.rejects):
            with suppress(OSError):
                stream.close()

    def _beside(self, part: str) -> Path:
        return _beside(self._output, part)

    def _write_state(
        self, content_bytes: int, rejects_bytes: int, payload: dict[str, Any] | None
    ) -> None:
        state = {
            "identity": self._identity,
            "content_bytes": content_bytes,
            "rejects_bytes": rejects_bytes,
            "payload": payload,
        }
        written = self._write("-state-new", json.dumps(state))
        written.replace(self._beside("-state"))

    def _write(self, part: str, text: str) -> Path:
        path = self._beside(part)
        try:
            with atomic.create(path) as file:
                file.write(text.encode("utf-8"))
                _flush_to_disk(file)
        except BaseException:
            atomic.remove(path)
            raise
        return path

    def _find_state(self) -> dict[str, Any] | None:
        """Return the state that an interrupted run left, if it did the same and left its files."""
        files = [self._beside(part) for part in ("-state", "", "-rejects")]
        try:
            if not all(map(atomic.is_own, files)):
                logger.warning("%s: its draft is not ours: starting over.", self._output.name)
                return None
            state = _read_state(files[0])
            sizes = [path.stat().st_size for path in files[1:]]
        except FileNotFoundError:
            return None
        what = ""
        if state is None:
            what = "another state"
        elif changed := [k for k, v in self._identity.items() if state["identity"].get(k) != v]:
            what = f"another {', '.join(changed)}"
        elif sizes[0] < state["content_bytes"] or sizes[1] < state["rejects_bytes"]:
            what = "files that are gone"
        if what:
            logger.warning("%s: an interrupted run had %s: starting over.", self._output.name, what)
            return None
        return state


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
            f"{output} is being written by another run: wait for it, or name another output."
        ) from error
    except OSError as error:
        laid = Path(lock.lock_file)  # by others: a link or a folder
        where = laid if os.path.lexists(laid) else f"in {final.parent}"
        raise InputError(f"cannot write {where}: {error.strerror}.") from error
    with ExitStack() as ends:
        ends.callback(_release, lock)
        try:
            draft = Draft(output, rejects, identity)
        except OSError as error:
            where = error.filename or f"in {final.parent}"
            raise InputError(f"cannot write {where}: {error.strerror}.") from error
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


def has_progress(output: Path, identity: Mapping[str, Json]) -> bool:
    """Whether an interrupted run, which did the same, has left some of this output."""
    try:
        state = _read_state(_beside(replaceable(output), "-state"))
    except OSError:
        return False
    as_read_back = json.loads(json.dumps(identity))
    return bool(state and state["payload"] and state["identity"] == as_read_back)


def piece(output: Path, number: int) -> Path:
    """What the draft of one piece of an output is a draft of; nothing ever gets this name.

    >>> piece(Path("out.csv"), 3).name
    'out.csv.range-00003'
    """
    final = replaceable(output)
    return final.with_name(f"{final.name}.range-{number:05}")


def remove_pieces(output: Path) -> None:
    """Remove the drafts of all pieces of an output, but of those that are being written."""
    final = replaceable(output)
    found = final.parent.glob(f".{glob.escape(final.name)}.range-*.draft*")
    for name in {path.name[1:].rpartition(".draft")[0] for path in found}:
        clean_up(final.with_name(name))


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
        atomic.remove(_beside(final, part))
    _release(lock)


def remove_stale(folder: Path, days: float) -> list[str]:
    """Remove drafts in a folder that were left for `days`; return the names of their outputs.

    A draft is known by what it holds: others name files `.NAME.draft` too.
    """
    oldest = time.time() - days * 86_400
    found = {path.name.removesuffix("-state") for path in folder.glob(".*.draft-state")}
    found |= {path.name for path in folder.glob(".*.draft")}
    removed = []
    for output in (folder / name[1:].removesuffix(".draft") for name in sorted(found)):
        files = [path for part in PARTS if (path := _beside(output, part)).is_file()]
        try:
            if max(path.lstat().st_mtime for path in files) >= oldest or not _is_draft(output):
                continue
            lock = _lock(output)
            lock.acquire()
        except (OSError, ValueError, Timeout):  # a folder, somebody else's, or in use again
            continue
        for path in files:
            atomic.remove(path)
        _release(lock)
        removed.append(output.name)
    return removed


def _is_draft(output: Path) -> bool:
    """Whether what lies beside an output is a draft of ours, by its content.

    The release before this one wrote no state until the first checkpoint: then there are only
    content, with a column that we add in its head, and rejects.
    """
    state, content, rejects = (_beside(output, part) for part in ("-state", "", "-rejects"))
    if state.exists():
        return atomic.is_own(state) and _read_state(state) is not None
    if not (atomic.is_own(content) and atomic.is_own(rejects)):
        return False
    with content.open("rb") as file:
        head = file.read(64_000)
    return not head or b"model_version" in head


def _read_state(path: Path) -> dict[str, Any] | None:
    """Return what a draft's state holds; None if it is not one."""
    try:
        state = json.loads(path.read_text("utf-8"))
    except ValueError:
        return None
    match state:
        case {
            "identity": dict(),
            "content_bytes": int(),
            "rejects_bytes": int(),
            "payload": payload,
        }:
            return state if payload is None or isinstance(payload, dict) else None
    return None


def _open_at(path: Path, size: int) -> BinaryIO:
    """Open a file to write after its first `size` bytes, cutting off the rest."""
    stream = atomic.open_own(path) if size else atomic.create(path)
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
    atomic.remove(Path(lock.lock_file))
    lock.release()
