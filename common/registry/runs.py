"""Runs: what a training or a look of the monitor leaves behind in MLflow."""

from __future__ import annotations

import importlib.metadata
import math
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.data.meta_dataset import MetaDataset
from mlflow.data.sources import LocalArtifactDatasetSource
from mlflow.entities import (
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    RunTag,
)
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from common.evaluation.profile import Profile
from common.models.base import TrainableClassifier
from common.registry import artifact
from common.registry.store import Registry
from common.text import printable
from common.types import Json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MONITOR_TAG = "triage.monitors"
SCORING_TAG = "triage.scoring"
REFERENCE = "reference.parquet"
HOST_TAG, PROCESS_TAG = "triage.host", "triage.process"
MODEL_TAG, VERSION_TAG, DATA_TAG = "triage.model", "triage.version", "triage.data"
REPORT = "report.html"
CONTEST = "contest.html"  # of a version's run
# What MLflow takes at once.
MOST_METRICS = 1000


@dataclass(frozen=True)
class TrainingRecord:
    """What a training leaves in its run.

    Attributes:
        figures: by file name without ending.
        documents: kept as JSON, by file name.
        tables: columns by name, shown as tables, by file name.
        texts: kept as they are, by file name.
    """

    params: Mapping[str, str]
    metrics: Mapping[str, float]
    figures: Mapping[str, Figure]
    documents: Mapping[str, Mapping[str, object]]
    tables: Mapping[str, Mapping[str, list[str] | list[float]]]
    texts: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def training_run(
    registry: Registry, experiment: str, tags: Mapping[str, str], data: str
) -> Iterator[str]:
    """Start a run and yield its id; it ends as FAILED when the block raises.

    Args:
        data: what the file of messages is called.
    """
    process = {HOST_TAG: socket.gethostname(), PROCESS_TAG: str(os.getpid())}
    subject = {MODEL_TAG: registry.model_name, DATA_TAG: data}
    client = registry.client
    with registry.store_errors():
        run = client.create_run(
            registry.experiment_id(experiment),
            tags=resolve_tags({**tags, **process, **subject}),
            run_name=f"train {registry.model_name} {data}",
        )
    run_id = str(run.info.run_id)
    try:
        yield run_id
    except BaseException:
        with registry.tidying():
            client.set_terminated(run_id, "FAILED")
        raise
    with registry.store_errors():
        client.set_terminated(run_id)


def name_version(registry: Registry, run_id: str, number: int, data: str) -> None:
    """Have a training's run name the version that it led to."""
    with registry.store_errors():
        registry.client.set_tag(run_id, VERSION_TAG, str(number))
        registry.client.update_run(run_id, name=f"train {registry.model_name} v{number} {data}")


def log_training(registry: Registry, run_id: str, record: TrainingRecord) -> None:
    """Log what was trained, together with the versions of all installed packages."""
    client = registry.client
    metrics = {name: value for name, value in record.metrics.items() if not math.isnan(value)}
    with registry.store_errors():
        client.log_batch(
            run_id,
            _metrics(metrics),
            [Param(name, value) for name, value in record.params.items()],
        )
        for name, figure in record.figures.items():
            client.log_figure(run_id, figure, f"figures/{name}.png")
        for name, document in record.documents.items():
            client.log_dict(run_id, dict(document), name)
        for name, columns in record.tables.items():
            client.log_table(run_id, dict(columns), name)
        for name, text in {**record.texts, "environment.txt": _installed()}.items():
            client.log_text(run_id, text, name)


def log_pages(registry: Registry, run_id: str, pages: Mapping[str, str]) -> None:
    """Add texts to a run, by file name; the run may have ended."""
    with registry.store_errors():
        for name, text in pages.items():
            registry.client.log_text(run_id, text, name)


def params(registry: Registry, run_id: str) -> dict[str, str]:
    """The parameters of a run."""
    with registry.store_errors():
        return dict(registry.client.get_run(run_id).data.params)


def end_abandoned(registry: Registry, experiment: str) -> int:
    """Close the runs of trainings that were killed on this machine; return how many.

    MLflow would show them as running for ever.
    """
    client = registry.client
    closed = 0
    with registry.store_errors():
        running = client.search_runs(
            [registry.experiment_id(experiment)],
            f"attributes.status = 'RUNNING' and tags.`{HOST_TAG}` = '{socket.gethostname()}'",
        )
        for run in running:
            if not _is_alive(int(run.data.tags.get(PROCESS_TAG, 0))):
                client.set_terminated(run.info.run_id, "KILLED")
                closed += 1
    return closed


def log_dataset(registry: Registry, run_id: str, path: Path, sha256: str) -> None:
    """Record the file a run was fitted on, by the digest of all its bytes."""
    # MLflow's digests have at most 36 characters.
    dataset = MetaDataset(LocalArtifactDatasetSource(str(path)), path.name, sha256[:32])
    context = InputTag(MLFLOW_DATASET_CONTEXT, "training")
    with registry.store_errors():
        registry.client.log_inputs(run_id, [DatasetInput(dataset._to_mlflow_entity(), [context])])


def log_reference(registry: Registry, run_id: str, reference: Profile) -> None:
    """Store what the monitor compares later messages with."""
    with registry.store_errors(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, REFERENCE)
        reference.save(path)
        registry.client.log_artifact(run_id, str(path))


def reference(registry: Registry, run_id: str) -> Profile | None:
    """What a model was promoted on; None for a run that has not stored it."""
    client = registry.client
    with tempfile.TemporaryDirectory() as folder, registry.store_errors():
        stored = [item.path for item in client.list_artifacts(run_id)]
        if REFERENCE not in stored:
            return None
        return Profile.load(Path(client.download_artifacts(run_id, REFERENCE, folder)))


def log_model(
    registry: Registry, run_id: str, classifier: TrainableClassifier, requirements: Sequence[str]
) -> str:
    """Store the fitted classifier with its run; return its address.

    What `mlflow.models.Model.log` does, which works on MLflow's global address alone.

    Args:
        requirements: packages that the classifier needs.
    """
    client = registry.client
    with registry.store_errors():
        run = client.get_run(run_id)
        logged = client.create_logged_model(
            run.info.experiment_id,
            name="model",
            source_run_id=run_id,
            tags=resolve_tags(),
            params=run.data.params,
        )
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        client.log_batch(run_id, _metrics(run.data.metrics, logged.model_id))
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = str(Path(folder, "model"))
                described = artifact.describe(logged, run_id)
                artifact.save_model(path, classifier, requirements, described)
                client.log_model_artifacts(logged.model_id, path)
        except BaseException:
            with registry.tidying():
                client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
            raise
        client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    return f"models:/{logged.model_id}"


@dataclass(frozen=True)
class ScoringRun:
    """What a run of predict.py leaves behind, for charts of volume, shares and confidence.

    Attributes:
        version, data: the version that scored, and what.
        document: all that was done, as JSON; an artifact of the run.
    """

    version: int
    data: str
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    document: Json


@dataclass(frozen=True)
class MonitorSteps:
    """What a monitoring run adds to the charts.

    Attributes:
        steps: metrics of each window that was judged, oldest first.
        version, data: which version was looked at, and on what.
        status, window: of the newest one.
        document: all that was found, as JSON; the run has that of the last time.
        report: the same as a page of HTML.
    """

    steps: Sequence[Mapping[str, float]]
    version: int
    data: str
    status: str
    window: str | None
    document: Json
    report: str


def log_monitoring(registry: Registry, experiment: str, found: MonitorSteps) -> None:
    """Add steps to the model's single long-lived monitoring run, whose charts show time."""
    client, model_name = registry.client, registry.model_name
    with registry.lock(), registry.store_errors():
        run_id = monitoring_run(registry, experiment)
        if run_id is None:
            run = client.create_run(
                registry.experiment_id(experiment),
                tags={MONITOR_TAG: model_name},
                run_name=f"monitor {model_name}",
            )
            run_id = run.info.run_id
        now = int(time.time() * 1000)
        first = len(client.get_metric_history(run_id, "rows"))
        entries = [
            Metric(name, value, now, step)
            for step, metrics in enumerate(found.steps, start=first)
            for name, value in metrics.items()
        ]
        for start in range(0, len(entries), MOST_METRICS):
            client.log_batch(run_id, entries[start : start + MOST_METRICS])
        tags = {MODEL_TAG: model_name, VERSION_TAG: str(found.version), DATA_TAG: found.data}
        tags |= {"status": found.status, "window": str(found.window)}
        client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
        client.log_dict(run_id, found.document, "monitor.json")
        client.log_text(run_id, found.report, REPORT)
        client.set_terminated(run_id)  # until the next look: MLflow would show it as running


def monitoring_run(registry: Registry, experiment: str) -> str | None:
    """The id of the model's monitoring run; None if there is none yet."""
    with registry.store_errors():
        found = registry.client.search_runs(
            [registry.experiment_id(experiment)],
            f"tags.`{MONITOR_TAG}` = '{registry.model_name}'",
            max_results=1,
        )
    return found[0].info.run_id if found else None


def log_scoring(registry: Registry, experiment: str, scored: ScoringRun) -> None:
    """Log what was scored as a run of its own."""
    client, model, data = registry.client, registry.model_name, printable(scored.data)
    tags = {MODEL_TAG: model, VERSION_TAG: str(scored.version), DATA_TAG: data}
    with registry.store_errors():
        run = client.create_run(
            registry.experiment_id(experiment),
            tags={SCORING_TAG: model, **tags},
            run_name=f"predict {model} v{scored.version} {data}",
        )
        run_id = run.info.run_id
        params = [Param(name, value) for name, value in scored.params.items()]
        client.log_batch(run_id, _metrics(scored.metrics), params)
        client.log_dict(run_id, scored.document, "manifest.json")
        client.set_terminated(run_id)


def _metrics(values: Mapping[str, float], model_id: str | None = None) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, 0, model_id=model_id) for name, value in values.items()]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return process > 0


def _installed() -> str:
    # Each look at `metadata` parses its file.
    about = [found.metadata for found in importlib.metadata.distributions()]
    found = {(each["Name"], each["Version"]) for each in about}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found))
