"""A job whose input or output is remote, done on copies in a folder of this machine.

The folder has the same name each time, so that an interrupted run can resume there.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from common.data import remote
from common.errors import InputError
from common.scoring.jobs import Job

_ROOT = f"triage-trio-{os.getuid()}"

logger = logging.getLogger(__name__)


@contextmanager
def stage(job: Job) -> Iterator[Job]:
    """Yield the job on local files; upload what it wrote when the block ends, the manifest last.

    What an earlier run uploaded is fetched first, so that a job that was done is recognised.

    Raises:
        InputError: the input does not exist, or a store can't be reached.
    """
    if not (remote.is_remote(job.source) or remote.is_remote(job.output)):
        yield job
        return
    with _folder(f"{job.source} {job.output}") as folder:
        yield from _on_copies(job, folder)


def _on_copies(job: Job, folder: Path) -> Iterator[Job]:
    source, output = job.source, job.output
    if remote.is_remote(source):
        source = folder / "input" / remote.file_name(source)
    if remote.is_remote(output):
        output = folder / remote.file_name(output)
    copied = replace(
        job,
        source=source,
        output=output,
        shown_source=remote.without_secrets(job.source),
        shown_output=remote.without_secrets(job.output),
    )
    try:
        if remote.is_remote(job.source):
            logger.info("Fetching %s.", copied.shown_source)
            if not remote.fetch(job.source, source):
                raise InputError(f"{copied.shown_source} does not exist.")
            copied.check()
        before = _fetch_outputs(job, copied) if remote.is_remote(job.output) else None
        yield copied
    except InputError as error:
        text = str(error).replace(str(source), remote.without_secrets(job.source))
        raise InputError(text.replace(str(output), remote.without_secrets(job.output))) from error
    if remote.is_remote(job.output) and copied.manifest.read_bytes() != before:
        logger.info("Uploading %s.", copied.shown_output)
        remote.put(copied.output, job.output)
        for ending in job.companions:
            if copied.beside(ending).exists():
                remote.put(copied.beside(ending), job.beside(ending))
            else:
                remote.remove(job.beside(ending))
        remote.put(copied.manifest, job.manifest)


def folders() -> list[Path]:
    """Working folders that are in use, or that interrupted runs have left."""
    root = Path(tempfile.gettempdir(), _ROOT)
    return list(filter(Path.is_dir, _root().iterdir())) if root.is_dir() else []


def remove_stale(days: float) -> list[str]:
    """Remove the copies that were left for `days`; return the names of their folders."""
    oldest = time.time() - days * 86_400
    removed = []
    for folder in filter(Path.is_dir, _root().iterdir()):
        if max(path.stat().st_mtime for path in [folder, *folder.rglob("*")]) < oldest:
            shutil.rmtree(folder)
            removed.append(folder.name)
    return removed


def _fetch_outputs(job: Job, copied: Job) -> bytes | None:
    """Fetch what was uploaded before; return its manifest, or None if there is none.

    Nothing is fetched if an interrupted run left a draft here, which is newer.
    """
    if list(copied.output.parent.glob(".*.draft*")) or not remote.fetch(
        job.manifest, copied.manifest
    ):
        return None
    remote.fetch(job.output, copied.output)
    for ending in job.companions:
        remote.fetch(job.beside(ending), copied.beside(ending))
    return copied.manifest.read_bytes()


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    """Yield the job's working folder, locked against other processes."""
    folder = _root() / hashlib.sha256(name.encode()).hexdigest()[:16]
    try:
        with FileLock(folder.with_suffix(".lock"), timeout=0):
            (folder / "input").mkdir(parents=True, exist_ok=True)
            try:
                yield folder
            finally:
                if not list(folder.glob(".*.draft*")):  # nothing to resume
                    shutil.rmtree(folder, ignore_errors=True)
    except Timeout as error:
        raise InputError(f"{name.replace(' ', ' to ')}: another run is doing this.") from error


def _root() -> Path:
    """Private to this user: nobody else may read messages or plant files here."""
    root = Path(tempfile.gettempdir(), _ROOT)
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or root.is_symlink():
        raise InputError(f"{root} is open to other users: remove it, or set TMPDIR.")
    return root
