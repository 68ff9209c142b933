"""What became of the rows: of one input in the manifest beside its part, of a run in their sum.

`to_json` gives the keys of the files, which `docs/schemas/` describes.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

from common import MADE_WITH, __version__
from common.commit import git_commit
from common.data.files import LEFT_OUT, sha256
from common.preparation.recipe import Recipe
from common.scoring.jobs import Job
from common.scoring.manifest import InputFile, OutputFile
from common.types import Json

# Part of what identifies a part: raise it when the same inputs give another output.
OUTPUT_VERSION = 1
LIBRARIES = ("numpy", "pyarrow", "nltk")


@dataclass(frozen=True)
class Identity:
    """What makes the same part, all of it by value.

    Attributes:
        inputs: SHA-256 of all inputs of the run, in order: a row is a duplicate by what is before.
        number: which of them the part is made of.
        settings: as JSON holds them.
    """

    inputs: tuple[str, ...]
    number: int
    settings: Mapping[str, Json]

    @classmethod
    def of(cls, job: Job, number: int, recipe: Recipe, inputs: Sequence[str]) -> Identity:
        settings = {
            **asdict(job.settings),
            "recipe": recipe.to_json(),
            "output_version": OUTPUT_VERSION,
        }
        return cls(tuple(inputs), number, json.loads(json.dumps(settings)))

    def to_json(self) -> dict[str, Json]:
        return {"inputs": self.inputs, "number": self.number, "settings": dict(self.settings)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Identity:
        return cls(tuple(data["inputs"]), data["number"], data["settings"])


@dataclass(frozen=True)
class Outcomes:
    """What became of the rows: `read` = `written` + `blank` + `duplicates` + `rejected`.

    Attributes:
        blank: without a text.
        duplicates: with the text of an earlier row.
        rejected: could not be read.
        of_other_inputs: duplicates of a row in an earlier input.
        contradicting: duplicates with another label than the row that stays.
    """

    read: int
    written: int
    blank: int
    duplicates: int
    rejected: int
    of_other_inputs: int
    contradicting: int

    def __add__(self, other: Outcomes) -> Outcomes:
        theirs = asdict(other)
        return Outcomes(**{name: count + theirs[name] for name, count in asdict(self).items()})


@dataclass(frozen=True)
class Code:
    """What prepared the rows: release and commit of the project, versions of Python and others."""

    version: str
    commit: str
    libraries: Mapping[str, str]

    @classmethod
    def present(cls) -> Code:
        libraries = {name: version(name) for name in LIBRARIES}
        python = {"python": platform.python_version()}
        return cls(__version__, git_commit(MADE_WITH), python | libraries)


@dataclass(frozen=True)
class PartManifest:
    """What was made of one input. Keys: docs/schemas/prepare.schema.json.

    Attributes:
        left_out: the file that lists rows without a text and duplicates; None: there are none.
        class_column: the column whose classes are counted; None: there is none.
        classes: written rows by class; rows without a class are not counted.
        done_already: an earlier run did the same.
    """

    identity: Identity
    code: Code
    input: InputFile
    output: OutputFile
    left_out: str | None
    rows: Outcomes
    replaced_cells: int
    class_column: str | None
    classes: Mapping[str, int]
    seconds: float
    done_already: bool = False

    def to_json(self) -> dict[str, Json]:
        data: dict[str, Json] = {
            "identity": self.identity.to_json(),
            "code": asdict(self.code),
            "input": asdict(self.input),
            "output": asdict(self.output),
            "left_out": self.left_out,
            "rows": asdict(self.rows),
            "replaced_cells": self.replaced_cells,
            "class_column": self.class_column,
            "classes": dict(self.classes),
            "seconds": self.seconds,
        }
        return data | {"done_already": True} if self.done_already else data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PartManifest:
        return cls(
            identity=Identity.from_json(data["identity"]),
            code=Code(**data["code"]),
            input=InputFile.from_json(data["input"]),
            output=OutputFile.from_json(data["output"]),
            left_out=data["left_out"],
            rows=Outcomes(**data["rows"]),
            replaced_cells=data["replaced_cells"],
            class_column=data["class_column"],
            classes=data["classes"],
            seconds=data["seconds"],
        )


@dataclass(frozen=True)
class FileTotal:
    """One input of a run: the file, its part, what became of its rows."""

    input: InputFile
    output: OutputFile
    left_out: str | None
    rows: Outcomes


@dataclass(frozen=True)
class Total:
    """Sums over the inputs of one run. Keys: docs/schemas/prepare.schema.json.

    Attributes:
        folder: of the run.
        done_already: inputs of which an earlier run did the same.
    """

    folder: str
    code: Code
    recipe: Recipe
    inputs: int
    done_already: int
    rows: Outcomes
    replaced_cells: int
    class_column: str | None
    classes: Mapping[str, int]
    seconds: float
    files: tuple[FileTotal, ...]

    def to_json(self) -> dict[str, Json]:
        files: list[Json] = [asdict(file) for file in self.files]
        return {**asdict(self), "recipe": dict(self.recipe.to_json()), "files": files}


def total_of(
    manifests: Sequence[PartManifest], folder: str, recipe: Recipe, seconds: float
) -> Total:
    """Add up the manifests of one run, of which there is at least one.

    Args:
        seconds: that this run took.
    """
    first, *others = manifests
    rows, classes = first.rows, Counter(first.classes)
    for manifest in others:
        rows += manifest.rows
        classes.update(manifest.classes)
    return Total(
        folder=folder,
        code=first.code,
        recipe=recipe,
        inputs=len(manifests),
        done_already=sum(manifest.done_already for manifest in manifests),
        rows=rows,
        replaced_cells=sum(manifest.replaced_cells for manifest in manifests),
        class_column=next((m.class_column for m in manifests if m.class_column), None),
        classes=dict(classes.most_common()),
        seconds=round(seconds, 3),
        files=tuple(FileTotal(m.input, m.output, m.left_out, m.rows) for m in manifests),
    )


def find_done(job: Job, identity: Identity) -> PartManifest | None:
    """Return what an earlier run that did the same has noted, if its files are as it left them."""
    try:
        found = PartManifest.from_json(json.loads(job.manifest.read_text("utf-8")))
        same = (
            found.identity == identity
            and job.output.stat().st_size == found.output.size
            and sha256(job.output) == found.output.sha256
            and job.rejects.exists() == bool(found.rows.rejected)
            and job.beside(LEFT_OUT).exists() == bool(found.left_out)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return replace(found, done_already=True) if same else None
