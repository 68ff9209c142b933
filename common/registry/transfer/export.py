"""A registry written into a folder, from where it can be imported into another store."""

from __future__ import annotations

import logging
import uuid
from pathlib import Path

import common
from common.data import atomic
from common.errors import InputError
from common.registry import history
from common.registry.store import Registry
from common.registry.transfer import folder as layout
from common.registry.transfer import reading, stored_files
from common.registry.transfer.reading import Found
from common.registry.transfer.records import (
    FORMAT,
    ExportRecord,
    ModelRecord,
    Moved,
    RegistryRecord,
    RunRecord,
)
from common.types import Progress

logger = logging.getLogger(__name__)


def export(registry: Registry, folder: Path, progress: Progress) -> Moved:
    """Write the registered model with all that belongs to it into a folder.

    What a killed export has written is used, unless it has changed in the store. Champion, history
    and versions are those of one moment; runs that are logged meanwhile may be missing.

    Raises:
        InputError: the folder holds something else, or can't be written.
        StoreError: there is no such model, or the store fails.
    """
    found = reading.find(registry)
    atomic.make_folder(folder)
    with layout.alone(folder):
        record = _begin(folder, found.registry)
        while True:
            experiments = _write_all(registry, folder, found, progress)
            before, found = found, reading.find(registry)
            if found.registry == before.registry:
                break
            logger.info("Champion or versions have changed meanwhile: exporting what is new.")
        whole = ExportRecord(
            FORMAT, record.id, record.release, record.at, found.registry, experiments
        )
        layout.write(folder / layout.EXPORT, whole)
        layout.seal(folder)
        return layout.summary(folder, found.registry)


def _begin(folder: Path, registry: RegistryRecord) -> ExportRecord:
    """Note whose export this is, or find it noted by the process that was killed.

    Raises:
        InputError: the folder holds something else.
    """
    path = folder / layout.EXPORT
    with layout.writing(folder):
        there = {item.name for item in folder.iterdir() if not item.name.endswith(layout.PART)}
    if path.name not in there:
        if there:
            raise InputError(f"{folder} is not empty: name a new folder.")
        begun = ExportRecord(
            FORMAT, uuid.uuid4().hex, common.__version__, history.now(), registry, {}
        )
        layout.write(path, begun)
        return begun
    begun = layout.read(path, ExportRecord)
    if layout.SUMS in there:
        raise InputError(
            f"{folder} holds an export already, of {begun.registry.model} from {begun.at}: name "
            "a new folder."
        )
    if (begun.registry.model, begun.registry.created) != (registry.model, registry.created):
        raise InputError(
            f"{folder} holds an unfinished export of another registry, of "
            f"{begun.registry.model} from {begun.at}: name a new folder."
        )
    logger.info("Going on with the export that was begun at %s.", begun.at)
    return begun


def _write_all(
    registry: Registry, folder: Path, found: Found, progress: Progress
) -> dict[str, dict[str, str]]:
    """Write runs and logged models, but what is there already; return their experiments' tags."""
    ids = {run.info.experiment_id for run in found.runs}
    ids |= {model.experiment_id for model in found.models}
    with registry.store_errors():
        experiments = {number: registry.client.get_experiment(number) for number in sorted(ids)}
    names = {number: experiment.name for number, experiment in experiments.items()}
    runs, models = folder / layout.RUNS, folder / layout.MODELS
    layout.keep(runs, {run.info.run_id for run in found.runs})
    layout.keep(models, {model.model_id for model in found.models})
    with progress("Exporting", "runs and models", len(found.runs) + len(found.models)) as advance:
        for run in found.runs:
            record = reading.run(registry, run, names[run.info.experiment_id])
            _write(registry, runs / record.run_id / layout.RUN, record, run.info.artifact_uri)
            advance(1)
        for model in found.models:
            made = reading.model(registry, model, names[model.experiment_id])
            _write(registry, models / made.model_id / layout.MODEL, made, model.artifact_location)
            advance(1)
    return {experiment.name: dict(experiment.tags) for experiment in experiments.values()}


def _write(registry: Registry, path: Path, record: RunRecord | ModelRecord, location: str) -> None:
    """Write a run or logged model with its artifacts, unless it is there as it is in the store."""
    if path.exists() and layout.read(path, type(record)) == record:
        return

    def fetch(target: Path) -> None:
        if record.files:
            stored_files.fetch(registry, location, target)

    layout.place(path, record, fetch)
