"""What a store holds of a registered model, as records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlflow.entities import DatasetInput, FileInfo, LoggedModel, Metric, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.models_artifact_repo import REGISTERED_MODEL_META_FILE_NAME
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from common.errors import StoreError
from common.registry import history, lock, run_files
from common.registry.register import Entry
from common.registry.runs import MODEL_TAG, MONITOR_TAG, SCORING_TAG, VERSION_TAG
from common.registry.store import Registry, is_missing
from common.registry.transfer.records import (
    EXPORT,
    MOVED_AT,
    ModelPoint,
    ModelRecord,
    Output,
    Point,
    RegistryRecord,
    RunRecord,
    UsedDataset,
    VersionRecord,
)
from common.text import without_password

MODELS_AT_ONCE = 100
_LOGGED = "models:/m-"


@dataclass(frozen=True)
class Found:
    """A registered model with all that belongs to it.

    Attributes:
        runs: as MLflow has them, without the history of their metrics.
        models: the logged models of these runs and of the versions.
    """

    registry: RegistryRecord
    runs: tuple[Run, ...]
    models: tuple[LoggedModel, ...]


def find(registry: Registry) -> Found:
    """The registered model with its runs and logged models.

    Champion, history and versions are those of one moment: its lock is held while they are read.

    Raises:
        ModelUnavailable: there is no such model.
        StoreError: a version's files are in a place that can't be moved.
    """
    client, name = registry.client, registry.model_name
    with lock.hold(registry):
        register = history.read(registry)
        with registry.store_errors():
            model = client.get_registered_model(name)
            versions = list(client.search_model_versions(f"name = '{name}'"))
    with registry.store_errors():
        runs = _runs(registry, {version.run_id for version in versions if version.run_id})
        records = [_version(registry, version) for version in versions]
        used = {record.model_id for record in records if record.model_id}
        models = _models(registry, runs, used)
    numbers = [record.number for record in records]
    numbers += [number for entry in register.entries for number in _numbers(entry)]
    numbers += [int(found) for run in runs if (found := run.data.tags.get(VERSION_TAG))]
    record = RegistryRecord(
        model=name,
        created=model.creation_timestamp,
        description=model.description or "",
        tags=own_tags(model.tags),
        aliases={alias: int(number) for alias, number in sorted(model.aliases.items())},
        last_number=max(numbers, default=0),
        versions=tuple(sorted(records, key=lambda record: record.number)),
    )
    return Found(record, tuple(runs), tuple(models))


def run(registry: Registry, found: Run, experiment: str) -> RunRecord:
    """A run with the whole history of its metrics and a list of its artifacts.

    Args:
        experiment: the name of its experiment.
    """
    client, info, data = registry.client, found.info, found.data
    with registry.store_errors():
        points = [
            point(metric)
            for key in sorted(data.metrics)
            for metric in client.get_metric_history(info.run_id, key)
        ]
        files = _sizes(lambda path: client.list_artifacts(info.run_id, path))
    inputs, outputs = found.inputs, found.outputs
    return RunRecord(
        run_id=info.run_id,
        experiment=experiment,
        name=info.run_name or "",
        status=info.status,
        start_time=info.start_time,
        end_time=info.end_time,
        deleted=info.lifecycle_stage == "deleted",
        tags=own_tags(data.tags),
        params=dict(data.params),
        metrics=tuple(points),
        datasets=tuple(map(_dataset, inputs.dataset_inputs if inputs else [])),
        inputs=tuple(sorted(used.model_id for used in (inputs.model_inputs if inputs else []))),
        outputs=tuple(
            Output(made.model_id, made.step) for made in (outputs.model_outputs if outputs else [])
        ),
        files=files,
    )


def model(registry: Registry, found: LoggedModel, experiment: str) -> ModelRecord:
    """A logged model with a list of its artifacts."""
    client = registry.client
    with registry.store_errors():
        files = _sizes(lambda path: client.list_logged_model_artifacts(found.model_id, path))
    files.pop(REGISTERED_MODEL_META_FILE_NAME, None)  # added by a download
    return ModelRecord(
        model_id=found.model_id,
        experiment=experiment,
        name=found.name,
        run_id=found.source_run_id or None,
        model_type=found.model_type or None,
        status=str(found.status),
        created=found.creation_timestamp,
        tags=own_tags(found.tags),
        params=dict(found.params or {}),
        metrics=tuple(
            ModelPoint(
                metric.run_id,
                point(metric),
                metric.dataset_name or None,
                metric.dataset_digest or None,
            )
            for metric in found.metrics or []
        ),
        files=files,
    )


def point(metric: Metric) -> Point:
    """A value of a metric."""
    return Point(metric.key, float(metric.value), metric.timestamp, metric.step)


def own_tags(tags: dict[str, str]) -> dict[str, str]:
    """The tags of an object without those of the import that brought it here."""
    return {key: tags[key] for key in sorted(tags) if key not in (EXPORT, MOVED_AT)}


def logged_models(registry: Registry, experiments: list[str]) -> Iterator[LoggedModel]:
    """All logged models of experiments, which are named by their ids."""
    token = None
    while experiments:
        page = registry.client.search_logged_models(
            experiments, max_results=MODELS_AT_ONCE, page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def _numbers(entry: Entry) -> list[int]:
    return [number for number in (entry.version, entry.replaced) if number is not None]


def _runs(registry: Registry, wanted: set[str]) -> list[Run]:
    """Our runs of this model, those of its versions, and their parents; the oldest first.

    Args:
        wanted: ids of the runs of its versions.
    """
    found = {
        run.info.run_id: run
        for run in run_files.ours(registry)
        if run.info.run_id in wanted or _belongs(run, registry.model_name)
    }
    waiting = sorted(wanted - set(found))
    waiting += [run.data.tags.get(MLFLOW_PARENT_RUN_ID, "") for run in found.values()]
    while waiting:
        run_id = waiting.pop()
        if run_id and run_id not in found and (run := _run(registry, run_id)):
            found[run_id] = run
            waiting.append(run.data.tags.get(MLFLOW_PARENT_RUN_ID, ""))
    return sorted(found.values(), key=lambda run: (run.info.start_time, run.info.run_id))


def _belongs(run: Run, model: str) -> bool:
    """Whether a run is of this model; trainings of early releases do not say of which."""
    tags = run.data.tags
    named = {tags[tag] for tag in (MODEL_TAG, MONITOR_TAG, SCORING_TAG) if tag in tags}
    return model in named or not named


def _run(registry: Registry, run_id: str) -> Run | None:
    try:
        return registry.client.get_run(run_id)
    except MlflowException as error:
        if is_missing(error):  # deleted for good, by `mlflow gc`
            return None
        raise


def _models(registry: Registry, runs: list[Run], used: set[str]) -> list[LoggedModel]:
    known = {run.info.run_id for run in runs}
    experiments = sorted({run.info.experiment_id for run in runs})
    found = {
        model.model_id: model
        for model in logged_models(registry, experiments)
        if model.source_run_id in known or model.model_id in used
    }
    for model_id in sorted(used - set(found)):
        try:
            found[model_id] = registry.client.get_logged_model(model_id)
        except MlflowException as error:
            if not is_missing(error):
                raise
            raise StoreError(
                f"the stored model {model_id} of a version of {registry.model_name} was deleted: "
                "delete the version too, or restore the model."
            ) from error
    return sorted(found.values(), key=lambda model: (model.creation_timestamp, model.model_id))


def _version(registry: Registry, found: ModelVersion) -> VersionRecord:
    source, run_id = str(found.source), found.run_id or None
    model_id = source.removeprefix("models:/") if source.startswith(_LOGGED) else None
    path = None
    if model_id is None:
        run = _run(registry, run_id) if run_id else None
        roots = (f"{run.info.artifact_uri}/", f"runs:/{run_id}/") if run else ()
        path = next((source.removeprefix(root) for root in roots if source.startswith(root)), None)
        if path is None:
            raise StoreError(
                f"version {found.version} of {found.name} can't be moved: its files are at "
                f"{without_password(source)}, which is neither a logged model nor among the "
                "artifacts of its run. Register them again, and delete that version."
            )
    return VersionRecord(
        number=int(found.version),
        created=found.creation_timestamp,
        description=found.description or "",
        run_id=run_id,
        model_id=model_id,
        path=path,
        tags=own_tags(found.tags),
    )


def _dataset(used: DatasetInput) -> UsedDataset:
    dataset = used.dataset
    return UsedDataset(
        name=dataset.name,
        digest=dataset.digest,
        source_type=dataset.source_type,
        source=dataset.source,
        schema=dataset.schema or None,
        profile=dataset.profile or None,
        tags={tag.key: tag.value for tag in used.tags},
    )


def _sizes(
    look: Callable[[str | None], list[FileInfo]], folder: str | None = None
) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in look(folder):
        if item.is_dir:
            found |= _sizes(look, item.path)
        else:
            found[item.path] = int(item.file_size or 0)
    return dict(sorted(found.items()))
