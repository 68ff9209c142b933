"""What is moved, as plain values: a registered model, its versions, runs and logged models.

They are what the JSON files of an export hold, field by field. Ids are those of the store that was
exported; times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict

FORMAT: Final = 1
# Tags that say what became of an object: the export that brought it, its ids in the stores before
# (the last one first), when it was whole, and when it was made, which MLflow doesn't let us set.
EXPORT, MOVED_FROM, MOVED_AT = "triage.export", "triage.moved_from", "triage.moved_at"
CREATED = "created_at"


def made_at(milliseconds: int) -> str:
    """The value of the tag CREATED.

    >>> made_at(1795982442324)
    '2026-11-29T20:00:42.324+00:00'
    """
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Point:
    """A value of a metric."""

    # JSON has no NaN: it is written as a string, which is read as a number again.
    __pydantic_config__: ClassVar[ConfigDict] = {"ser_json_inf_nan": "strings"}

    key: str
    value: float
    timestamp: int
    step: int

    @property
    def identity(self) -> tuple[str, str, int, int]:
        """What tells it from others of its run; NaN equals itself here."""
        return self.key, repr(self.value), self.timestamp, self.step


@dataclass(frozen=True)
class ModelPoint:
    """A value of a metric of a run that belongs to a logged model too."""

    run_id: str
    point: Point
    dataset_name: str | None
    dataset_digest: str | None


@dataclass(frozen=True)
class UsedDataset:
    """A dataset that a run has used; `tags` say for what."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None
    profile: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Output:
    """A logged model that a run has made."""

    model_id: str
    step: int


@dataclass(frozen=True)
class RunRecord:
    """A run.

    Attributes:
        experiment: its name.
        deleted: it is in MLflow's bin.
        metrics: all their values, oldest first.
        inputs: ids of the logged models that it has used.
        files: bytes of each of its artifacts, by path.
    """

    run_id: str
    experiment: str
    name: str
    status: str
    start_time: int
    end_time: int | None
    deleted: bool
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: tuple[Point, ...]
    datasets: tuple[UsedDataset, ...]
    inputs: tuple[str, ...]
    outputs: tuple[Output, ...]
    files: Mapping[str, int]


@dataclass(frozen=True)
class ModelRecord:
    """A logged model; `files` as of a run."""

    model_id: str
    experiment: str
    name: str
    run_id: str | None
    model_type: str | None
    status: str
    created: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: tuple[ModelPoint, ...]
    files: Mapping[str, int]


@dataclass(frozen=True)
class VersionRecord:
    """A version of the registered model.

    Attributes:
        model_id: of the logged model that it was made of.
        path: where it is among the artifacts of its run, if it was not made of a logged model.
    """

    number: int
    created: int
    description: str
    run_id: str | None
    model_id: str | None
    path: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class RegistryRecord:
    """The registered model with its versions.

    Attributes:
        tags: with the history of champions.
        aliases: the number that each one names.
        last_number: the highest number that was ever given, as far as is known: the version may
            be deleted.
    """

    model: str
    created: int
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    last_number: int
    versions: tuple[VersionRecord, ...]


@dataclass(frozen=True)
class ExportRecord:
    """An export as a whole.

    Attributes:
        id: made up once for each export.
        release: of this program.
        at: when it was begun, UTC in ISO 8601.
        experiments: the tags of each one that has runs here, by its name.
    """

    format: Literal[1]
    id: str
    release: str
    at: str
    registry: RegistryRecord
    experiments: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Moved:
    """What was moved.

    Attributes:
        bytes: of all files.
        unusable: numbers of versions whose files are gone or are not those that were registered;
            they are moved as they are, and can't be loaded in either store.
        already: a run before this one had done it; nothing was changed.
    """

    model: str
    versions: int
    champion: int | None
    history: int
    runs: int
    models: int
    files: int
    bytes: int
    unusable: tuple[int, ...] = ()
    already: bool = False
