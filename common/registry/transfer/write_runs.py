"""Runs and logged models of an export, written into a store; what is there already stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.utils.mlflow_tags import MLFLOW_USER

from common.registry import history, run_files
from common.registry.runs import MOST_METRICS
from common.registry.transfer import folder as layout
from common.registry.transfer import reading, stored_files
from common.registry.transfer.mapping import Import
from common.registry.transfer.records import (
    CREATED,
    MOVED_AT,
    ModelRecord,
    RunRecord,
    UsedDataset,
    made_at,
)
from common.types import Progress

AT_ONCE = 100  # params and tags that MLflow takes at once
RUNNING = "RUNNING"
ENDED = (LoggedModelStatus.READY.value, LoggedModelStatus.FAILED.value)

Item = TypeVar("Item")


def write(moving: Import, progress: Progress) -> None:
    """Write all runs and logged models; `moving.ids` has their ids then.

    Raises:
        StoreError: the store fails, or gives other artifacts back than were sent.
    """
    runs, models = layout.runs(moving.folder), layout.models(moving.folder)
    with moving.registry.store_errors():
        made, logged = _runs_made(moving), _models_made(moving)
        # All ids first: a tag of one object may name another.
        for run in runs:
            if run.run_id not in made:
                made[run.run_id] = _create_run(moving, run)
            moving.ids[run.run_id] = made[run.run_id].info.run_id
        for model in models:
            if model.model_id not in logged:
                logged[model.model_id] = _create_model(moving, model)
            moving.ids[model.model_id] = logged[model.model_id].model_id
    with progress("Importing", "runs and models", len(runs) + len(models)) as advance:
        shared = _shared(moving, models, logged)
        for run in runs:
            _complete_run(moving, run, made[run.run_id], shared.get(run.run_id, []))
            advance(1)
        for model in models:
            _complete_model(moving, model, logged[model.model_id])
            advance(1)


def _runs_made(moving: Import) -> dict[str, Run]:
    """The runs that this import has made before it was killed, by the ids of the export."""
    found: dict[str, Run] = {}
    for run in run_files.every(moving.registry, sorted(moving.experiments.values())):
        if old := moving.old_id(run.data.tags):
            found[old] = run
    return found


def _models_made(moving: Import) -> dict[str, LoggedModel]:
    found: dict[str, LoggedModel] = {}
    for model in reading.logged_models(moving.registry, sorted(moving.experiments.values())):
        if old := moving.old_id(model.tags):
            found[old] = model
    return found


def _create_run(moving: Import, record: RunRecord) -> Run:
    user = {MLFLOW_USER: record.tags[MLFLOW_USER]} if MLFLOW_USER in record.tags else {}
    return moving.registry.client.create_run(
        moving.experiments[record.experiment],
        start_time=record.start_time,
        tags={**user, **moving.origin(record.run_id, record.tags)},
        run_name=record.name,
    )


def _create_model(moving: Import, record: ModelRecord) -> LoggedModel:
    return moving.registry.client.create_logged_model(
        moving.experiments[record.experiment],
        name=record.name,
        source_run_id=moving.new_id(record.run_id),
        tags=moving.origin(record.model_id, record.tags),
        params=dict(record.params),
        model_type=record.model_type,
    )


def _shared(
    moving: Import, models: Sequence[ModelRecord], logged: Mapping[str, LoggedModel]
) -> dict[str, list[Metric]]:
    """By run, the values of metrics that belong to a logged model too, which lacks them yet."""
    found: dict[str, list[Metric]] = {}
    for model in models:
        known = {reading.point(metric).identity for metric in logged[model.model_id].metrics or []}
        for shared in model.metrics:
            if shared.point.identity not in known:
                metric = Metric(
                    shared.point.key,
                    shared.point.value,
                    shared.point.timestamp,
                    shared.point.step,
                    model_id=moving.new_id(model.model_id),
                    dataset_name=shared.dataset_name,
                    dataset_digest=shared.dataset_digest,
                )
                found.setdefault(shared.run_id, []).append(metric)
    return found


def _complete_run(moving: Import, record: RunRecord, run: Run, shared: list[Metric]) -> None:
    """Write what a run lacks; its last tag says that it is whole.

    Args:
        shared: values of metrics that are logged models' too.
    """
    registry, client, run_id = moving.registry, moving.registry.client, run.info.run_id
    binned = run.info.lifecycle_stage == "deleted"
    if binned and not record.deleted:  # with a model that is imported again
        with registry.store_errors():
            client.restore_run(run_id)
    if MOVED_AT not in run.data.tags:
        there = reading.run(registry, run, record.experiment)
        _log(moving, record, there, run_id, shared)
        if record.files:
            stored_files.send(
                registry,
                moving.folder / layout.RUNS / record.run_id / layout.ARTIFACTS,
                run.info.artifact_uri,
                bool(there.files),
                lambda folder: client.log_artifacts(run_id, folder),
            )
        with registry.store_errors():
            if record.status != RUNNING:
                client.set_terminated(run_id, record.status, record.end_time)
            client.set_tag(run_id, MOVED_AT, history.now())
    if record.deleted and not binned:
        with registry.store_errors():
            client.delete_run(run_id)


def _log(
    moving: Import, record: RunRecord, there: RunRecord, run_id: str, shared: list[Metric]
) -> None:
    """Log what a run has and `there`, the run in the store, lacks; artifacts aside."""
    registry, client = moving.registry, moving.registry.client
    known = {point.identity for point in there.metrics}
    known |= {reading.point(metric).identity for metric in shared}
    metrics = shared + [
        Metric(point.key, point.value, point.timestamp, point.step)
        for point in record.metrics
        if point.identity not in known
    ]
    used = {(dataset.name, dataset.digest) for dataset in there.datasets}
    datasets = [
        _dataset(dataset)
        for dataset in record.datasets
        if (dataset.name, dataset.digest) not in used
    ]
    # MLflow would note the same input or output twice.
    inputs = [LoggedModelInput(moving.new_id(old)) for old in record.inputs]
    inputs = [model for model in inputs if model.model_id not in there.inputs]
    outputs = [LoggedModelOutput(moving.new_id(old.model_id), old.step) for old in record.outputs]
    made = {model.model_id for model in there.outputs}
    outputs = [model for model in outputs if model.model_id not in made]
    with registry.store_errors():
        for params in _parts(sorted(record.params.items()), AT_ONCE):
            client.log_batch(run_id, params=[Param(*param) for param in params])
        for part in _parts(metrics, MOST_METRICS):
            client.log_batch(run_id, metrics=part)
        if datasets:
            client.log_inputs(run_id, datasets)
        if inputs:
            client.log_inputs(run_id, models=inputs)
        if outputs:
            client.log_outputs(run_id, outputs)
        for tags in _parts(sorted(moving.tags(record.tags).items()), AT_ONCE):
            client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags])


def _complete_model(moving: Import, record: ModelRecord, model: LoggedModel) -> None:
    registry, client, model_id = moving.registry, moving.registry.client, model.model_id
    if MOVED_AT in model.tags:
        return
    if record.files:
        stored_files.send(
            registry,
            moving.folder / layout.MODELS / record.model_id / layout.ARTIFACTS,
            model.artifact_location,
            bool(reading.model(registry, model, record.experiment).files),
            lambda folder: client.log_model_artifacts(model_id, folder),
        )
    tags = {CREATED: made_at(record.created), **moving.tags(record.tags)}
    with registry.store_errors():
        if record.status in ENDED:
            client.finalize_logged_model(model_id, LoggedModelStatus(record.status))
        client.set_logged_model_tags(model_id, {**tags, MOVED_AT: history.now()})


def _dataset(used: UsedDataset) -> DatasetInput:
    dataset = Dataset(
        name=used.name,
        digest=used.digest,
        source_type=used.source_type,
        source=used.source,
        schema=used.schema,
        profile=used.profile,
    )
    return DatasetInput(dataset, [InputTag(key, value) for key, value in used.tags.items()])


def _parts(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]
