"""The form of an export on disk: which files it has, when it is whole, and what is damaged.

    export.json                the registered model, its versions, aliases and history
    runs/ID/run.json           a run, with its artifacts in runs/ID/artifacts/
    models/ID/model.json       a logged model, with its artifacts in models/ID/artifacts/
    SHA256SUMS                 the digests of all other files; written last, so without it the
                               export is not whole

A folder of a run or model has its name when all that is in it is on disk.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from common import disk
from common.data import atomic, files
from common.errors import InputError
from common.registry import artifact, history
from common.registry.transfer.records import (
    FORMAT,
    ExportRecord,
    ModelRecord,
    Moved,
    RegistryRecord,
    RunRecord,
    VersionRecord,
)
from common.registry.versions import CHAMPION, FILES, Version
from common.text import printable

EXPORT, SUMS = "export.json", "SHA256SUMS"
RUNS, MODELS, ARTIFACTS = "runs", "models", "artifacts"
RUN, MODEL = "run.json", "model.json"
PART = ".part"  # of what is being written

Record = TypeVar("Record", bound=ExportRecord | RunRecord | ModelRecord)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time work on an export.

    Raises:
        InputError: another one does.
    """
    with files.readable(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise InputError(f"another process is at work on {folder}: wait for it.") from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a failure to write into one line."""
    try:
        yield
    except OSError as error:
        full = disk.is_full(error)
        raise InputError(
            disk.explained(error, folder)
            if full
            else f"cannot write {error.filename or folder}: {error.strerror}."
        ) from error


def write(path: Path, record: Record) -> None:
    """Write a record as JSON, whole or not at all."""
    text = _adapter(type(record)).dump_json(record, indent=1)
    atomic.write_text(path, text.decode() + "\n")


def read(path: Path, kind: type[Record]) -> Record:
    """Read a record.

    Raises:
        InputError: it is not there, damaged, or of another format.
    """
    with files.readable(path):
        content = path.read_bytes()
    try:
        return _adapter(kind).validate_json(content)
    except ValidationError as error:
        places = [".".join(map(str, found["loc"])) for found in error.errors()]
        if places[0] == "format":
            raise InputError(
                f"{path} is not of format {FORMAT}, the one that this release reads: it was made "
                "by another release."
            ) from error
        raise InputError(f"{path} is damaged: see {places[0] or 'its beginning'}.") from error


def place(path: Path, record: RunRecord | ModelRecord, fetch: Callable[[Path], None]) -> None:
    """Add the folder of a run or a logged model, whole or not at all.

    Args:
        path: of the record in it. A folder that is there already is replaced.
        fetch: copies the artifacts into a new folder.
    """
    final, folder = path.parent, path.parent.parent
    part = folder / f".{final.name}{PART}"
    atomic.make_folder(folder)
    with writing(folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
    fetch(part / ARTIFACTS)
    write(part / path.name, record)
    with writing(folder):
        for written in [*part.rglob("*"), part]:
            _sync(written)
        shutil.rmtree(final, ignore_errors=True)
        part.rename(final)
        atomic.sync_folder(folder)


def keep(folder: Path, names: set[str]) -> None:
    """Remove the folders of other runs or models, and what a killed process was writing."""
    with writing(folder):
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name not in names:
                shutil.rmtree(path)


def seal(folder: Path) -> None:
    """Write the digests of all files: from now on the export is whole.

    Raises:
        InputError: a file has a name that no list can hold.
    """
    found = sorted(_paths(folder))
    for path in found:
        if "\n" in path or path != printable(path):
            raise InputError(f"an artifact can't be exported: its name is {path!r}. Rename it.")
    lines = [f"{files.sha256(folder / path)}  {path}\n" for path in found]
    atomic.write_text(folder / SUMS, "".join(lines))


def summary(folder: Path, registry: RegistryRecord) -> Moved:
    """What an export holds."""
    artifacts = [path for path in folder.glob(f"*/*/{ARTIFACTS}/**/*") if path.is_file()]
    return Moved(
        model=registry.model,
        versions=len(registry.versions),
        champion=registry.aliases.get(CHAMPION),
        history=sum(tag.startswith(history.PREFIX) for tag in registry.tags),
        runs=len(list(folder.glob(f"{RUNS}/*/{RUN}"))),
        models=len(list(folder.glob(f"{MODELS}/*/{MODEL}"))),
        files=len(artifacts),
        bytes=sum(path.stat().st_size for path in artifacts),
        unusable=tuple(
            version.number
            for version in registry.versions
            if not _is_as_registered(folder, registry.model, version)
        ),
    )


def _is_as_registered(folder: Path, model: str, version: VersionRecord) -> bool:
    """Whether the files of a version are those whose digests it has; early releases noted none."""
    if FILES not in version.tags:
        return True
    if version.model_id:
        files_of = folder / MODELS / version.model_id / ARTIFACTS
    else:
        files_of = folder / RUNS / (version.run_id or "") / ARTIFACTS / (version.path or "")
    registered = Version(model, version.number, version.run_id or "", version.tags)
    return artifact.digests(files_of) == registered.files


def refuse_damage(folder: Path) -> None:
    """Compare all files with their digests.

    Raises:
        InputError: it is no export, or not a whole one, or a file was changed, removed or added.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a folder, and so holds no export.")
    sums = folder / SUMS
    with files.readable(folder):
        names = {path.name for path in folder.iterdir()}
    if EXPORT not in names:
        raise InputError(f"{folder} holds no export.")
    if SUMS not in names:
        raise InputError(f"the export in {folder} is not finished: run the same export again.")
    with files.readable(sums):
        lines = sums.read_text("utf-8").removesuffix("\n").split("\n")
    expected: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        digest, separator, path = line.partition("  ")
        if not separator or len(digest) != 64:
            raise InputError(f"{sums} is damaged in line {number}: get a new copy of the export.")
        expected[path] = digest
    found = _paths(folder)
    for path in sorted({*expected, *found}):
        if path not in found:
            what = "is missing"
        elif path not in expected:
            what = "does not belong to it"
        elif files.sha256(folder / path) != expected[path]:
            what = "is damaged: it is not what was exported"
        else:
            continue
        raise InputError(
            f"{folder / path} {what}. Nothing was imported; get a new copy of the export."
        )


def runs(folder: Path) -> list[RunRecord]:
    """The runs of an export, the oldest first."""
    found = {path: read(path, RunRecord) for path in folder.glob(f"{RUNS}/*/{RUN}")}
    _refuse_others({path: record.run_id for path, record in found.items()})
    return sorted(found.values(), key=lambda record: (record.start_time, record.run_id))


def models(folder: Path) -> list[ModelRecord]:
    """The logged models of an export, the oldest first."""
    found = {path: read(path, ModelRecord) for path in folder.glob(f"{MODELS}/*/{MODEL}")}
    _refuse_others({path: record.model_id for path, record in found.items()})
    return sorted(found.values(), key=lambda record: (record.created, record.model_id))


def _refuse_others(ids: Mapping[Path, str]) -> None:
    """An id is the name of its folder: else it could lead to files outside of the export."""
    for path, found in ids.items():
        if found != path.parent.name:
            raise InputError(f"{path} is damaged: it is of another object, {found!r}.")


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _paths(folder: Path) -> set[str]:
    """The files of an export, but SUMS, by their paths in it."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {SUMS}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
