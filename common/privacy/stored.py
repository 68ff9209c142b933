"""What MLflow stores of a person's messages: the files of runs, and what models can't forget."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from common.privacy import documents
from common.privacy.local import Place
from common.privacy.person import Person
from common.registry import run_files
from common.registry.run_files import RunFile
from common.registry.store import Registry

_TERMS, _TERMS_FIGURE = "telling_terms.json", "figures/telling_terms.png"


def places(registry: Registry, person: Person) -> Iterator[Place]:
    """The files of all our runs that may hold messages."""
    for file in run_files.of_runs(registry, tuple(documents.EDITORS)):
        yield Place(str(file), partial(_edit, registry, file, person))


def known_outputs(registry: Registry) -> list[Path]:
    """Where runs of predict.py have written, as they say."""
    found = []
    for file in run_files.of_runs(registry, ("manifest.json",)):
        try:
            facts = json.loads(run_files.read(registry, file))
            start = facts.get("directory", "")
            found += [Path(start, one["output"]["path"]) for one in facts.get("files", [facts])]
        except (ValueError, KeyError, TypeError):
            continue  # not one of predict.py
    return found


def models_that_hold(registry: Registry, person: Person) -> list[int]:
    """Versions with a whole message among their files; of any family, ours keep single words."""
    return [
        version.number
        for version, folder in run_files.of_models(registry)
        if any(person.is_in(path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    ]


def _edit(registry: Registry, file: RunFile, person: Person, do_it: bool) -> int:
    edited = documents.edit(file.path, run_files.read(registry, file), person)
    if edited.places and do_it:
        with registry.lock():
            # Read again: the monitor may have written meanwhile.
            edited = documents.edit(file.path, run_files.read(registry, file), person)
            run_files.replace(registry, file, edited.content)
            if file.path == _TERMS:  # drawn, the same words can't be edited
                run_files.delete(registry, RunFile(file.run_id, _TERMS_FIGURE))
    return edited.places
