"""Forget a person: remove their messages from everything that the project wrote."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common.errors import InputError, TriageError
from common.logs import FILE_ONLY
from common.privacy import local, outputs, person, stored
from common.privacy.local import Place
from common.privacy.person import Person
from common.registry.store import Registry

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """Whose messages to forget.

    Attributes:
        text_files: files of messages.
        authors: who wrote them, as `author_column` says in `data` and in outputs of predict.py.
        data: files and folders of messages to look authors up in.
        paths: further files and folders with outputs and reports.
    """

    text_files: tuple[Path, ...] = ()
    authors: frozenset[str] = frozenset()
    author_column: str = "author_id"
    text_column: str = "text"
    data: tuple[Path, ...] = ()
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Found:
    """In how many places of a file or run messages were found."""

    name: str
    places: int


@dataclass(frozen=True)
class Forgotten:
    """What was found, and removed if that was asked for; never what it says.

    Attributes:
        messages: how many different ones were looked for.
        models: versions that hold a whole message, which can't be removed from them.
        failed: why something could not be removed, one line each.
    """

    messages: int
    found: tuple[Found, ...]
    models: tuple[int, ...]
    failed: tuple[str, ...]


def forget(
    asked: Asked, registry: Registry | None, root: Path, state: Path, do_it: bool
) -> Forgotten:
    """Look for a person's messages everywhere, and remove them if `do_it`.

    Args:
        registry: None if there is no store yet.
        root: of the project.
        state: the monitor's database.

    Raises:
        InputError: what was given can't be read, or names nobody.
        StoreError: MLflow is out of reach.
    """
    known = stored.known_outputs(registry) if registry else []
    written = local.output_files(root, asked.paths, known)
    who = _person(asked, written)
    places = [*local.places(root, asked.paths, written, state, who)]
    if registry:
        places += stored.places(registry, who)
    found, failed = _go_through(places, do_it)
    models = stored.models_that_hold(registry, who) if registry else []
    return Forgotten(len(who.texts), tuple(found), tuple(models), tuple(failed))


def _person(asked: Asked, written: Sequence[outputs.Output]) -> Person:
    texts = {text for path in asked.text_files for text in person.texts_in(path, asked.text_column)}
    for path in asked.data if asked.authors else ():
        texts |= set(person.texts_by(path, asked.authors, asked.author_column, asked.text_column))
    who = Person(frozenset(texts), asked.authors, asked.author_column)
    if asked.authors:
        texts |= {text for output in written for text in outputs.texts_by(output, who)}
    who = replace(who, texts=frozenset(text for text in texts if text.strip()))
    if not who.texts:
        where = ", ".join(map(str, asked.data)) or "no file of messages (--data)"
        raise InputError(
            f"no message by {', '.join(sorted(asked.authors))} was found in {where}, column "
            f"{asked.author_column!r}: name the file or the column, or give the messages "
            "(--text-file)."
        )
    return who


def _go_through(places: Iterable[Place], do_it: bool) -> tuple[list[Found], list[str]]:
    """One place that can't be read or is in use keeps no other from being done."""
    found, failed = [], []
    for place in places:
        try:
            count = place.remove(do_it)
        except (TriageError, OSError) as error:
            failed.append(f"{place.name}: {error}")
            continue
        if count:
            found.append(Found(place.name, count))
            if do_it:  # also if something stops us before the end
                logger.info("%s: %d places removed", place.name, count, extra=FILE_ONLY)
    return found, failed
