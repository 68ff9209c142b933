"""Files of the project on this machine that may hold a person's messages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from common.data import atomic
from common.data.files import MANIFEST, REJECTS, lock_of
from common.data.labelled_file import COPIES, PROBABILITY, WHY
from common.errors import InputError
from common.monitoring.incidents import book as incident_book
from common.privacy import documents, outputs
from common.privacy.person import Person
from common.scoring import staging

# What a page and a result of monitor.py have, of whatever release.
_PAGE = b'<meta http-equiv="Content-Security-Policy" content="default-src \'none\''
# Columns that nobody else's tables have together: labels, kept messages, queues to label.
_OUR_TABLES = (
    {"labelled_by", "source", "request_id"},
    {WHY, PROBABILITY, COPIES},
    {"prediction", "challenger_version", "challenger_prediction"},
)
_RESULT = {"status", "exit_code", "findings", "examples"}


@dataclass(frozen=True)
class Place:
    """Something that may hold messages.

    Attributes:
        name: for people.
        remove: takes the messages out if it is told True; returns in how many places they are.
    """

    name: str
    remove: Callable[[bool], int]


def output_files(root: Path, named: Sequence[Path], known: Sequence[Path]) -> list[outputs.Output]:
    """The outputs of predict.py and prepare: in the project's folder, and in what is `named`.

    Args:
        known: where runs in MLflow say that they have written.
    """
    manifests = set(root.glob(f"*{MANIFEST}"))
    for path in named:
        manifests |= set(path.rglob(f"*{MANIFEST}") if path.is_dir() else _beside(path))
    for path in known:
        manifests |= set(_beside(root / path))
    return [found for path in sorted(manifests) if (found := outputs.find(path))]


def places(
    root: Path,
    named: Sequence[Path],
    found: Sequence[outputs.Output],
    state: Path,
    person: Person,
) -> Iterator[Place]:
    """All that may hold messages.

    Args:
        named: further files and folders to look in.
        found: outputs of predict.py and prepare.
        state: of the monitor.
    """
    for output in found:
        yield Place(str(output.path), partial(outputs.remove_rows, output, person))
        if output.rejects.exists():
            yield Place(str(output.rejects), partial(outputs.remove_rejects, output, person))
        if output.flips.exists():
            yield Place(str(output.flips), partial(_edit_document, output.flips, person))
    folders = {root, *(output.path.parent for output in found)}
    drafts = {path for folder in folders for path in folder.glob(".*.draft")}
    drafts |= {path for folder in named if folder.is_dir() for path in folder.rglob(".*.draft")}
    for path in sorted(drafts):
        yield Place(str(path), partial(outputs.remove_draft, path, person))
    for path in _copies():
        yield Place(str(path), partial(_remove_copies, path, person))
    for path in sorted(_documents(root, named)):
        yield Place(str(path), partial(_edit_document, path, person))
    for path in sorted(_our_tables(root, named)):
        yield Place(str(path), partial(_edit_table, path, person))
    for path in sorted({*(root / "logs").glob("*.log*"), *(root / "logs").glob("*.jsonl")}):
        yield Place(str(path), partial(_overwrite, path, person))
    if state.exists():
        yield Place(str(state), partial(_edit_state, state, person))


def _beside(path: Path) -> list[Path]:
    names = (f"{path.name}{MANIFEST}", f"_{path.name}{MANIFEST}")
    return [manifest for name in names if (manifest := path.with_name(name)).exists()]


def _documents(root: Path, named: Sequence[Path]) -> set[Path]:
    """Pages and results of the monitor; other people's files are left alone."""
    candidates = {path for ending in ("html", "json") for path in root.glob(f"*.{ending}")}
    for path in named:
        found = path.rglob("*") if path.is_dir() else [path]
        candidates |= {file for file in found if file.suffix in (".html", ".json")}
    return {path for path in candidates if path.is_file() and _is_ours(path)}


def _is_ours(path: Path) -> bool:
    if path.name.endswith((MANIFEST, REJECTS)):
        return False
    content = path.read_bytes()
    if path.suffix == ".html":
        return _PAGE in content[:2000]
    try:
        facts = json.loads(content)
    except ValueError:
        return False
    return isinstance(facts, dict) and set(facts) >= _RESULT


def _our_tables(root: Path, named: Sequence[Path]) -> set[Path]:
    """Labels that people gave, queues of messages to label, and messages that the server kept: told
    by their columns."""
    found = {*root.glob("*.csv"), *root.glob("captured/*.csv")}
    for path in named:
        found |= set(path.rglob("*.csv") if path.is_dir() else {path})
    return {path for path in found if path.is_file() and _is_our_table(path)}


def _is_our_table(path: Path) -> bool:
    with path.open("rb") as file:
        columns = set(file.readline(10_000).decode("utf-8", "replace").strip().split(","))
    return path.suffix == ".csv" and any(own <= columns for own in _OUR_TABLES)


def _edit_document(path: Path, person: Person, do_it: bool) -> int:
    edited = documents.edit(path.name, path.read_bytes(), person)
    if edited.places and do_it:
        with atomic.atomic_path(path) as temporary:
            temporary.write_bytes(edited.content)
    return edited.places


def _edit_table(path: Path, person: Person, do_it: bool) -> int:
    """A server that runs would go on writing to the file that is replaced."""
    lock = lock_of(path)
    try:
        with FileLock(lock, timeout=0) if lock.exists() else nullcontext():
            return _edit_document(path, person, do_it)
    except Timeout as error:
        raise InputError(f"{path} is in use by a server: stop it first.") from error


def _overwrite(path: Path, person: Person, do_it: bool) -> int:
    """A running script may be writing to a log, so it stays the same file of the same length."""
    content = path.read_bytes()
    scrubbed, found = person.scrub_bytes(content)
    if found and do_it:
        with path.open("r+b") as file:
            file.write(scrubbed)
    return found


def _edit_state(path: Path, person: Person, do_it: bool) -> int:
    with incident_book.open_book(path) as book:
        return book.rewrite(lambda text: documents.edit_text_or_json(text, person), commit=do_it)


def _copies() -> list[Path]:
    """Copies of remote files that interrupted runs have left."""
    return sorted(staging.folders())


def _remove_copies(folder: Path, person: Person, do_it: bool) -> int:
    found = sum(person.is_in(path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    if found and do_it:
        try:
            with FileLock(folder.with_suffix(".lock"), timeout=0):
                shutil.rmtree(folder)
        except Timeout as error:
            raise InputError(f"{folder} is in use by another run: wait for its end.") from error
    return found
