"""Registries as they are in a store: made without a training, and read with MLflow's own client."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    ViewType,
)

from common.registry.register import Entry
from common.registry.store import Registry, connect
from common.registry.transfer.records import CREATED, EXPORT, MOVED_AT, MOVED_FROM, made_at

MODEL = "triage"
VERSIONS = "mlflow.modelVersions"  # written by servers alone
ADDED = (EXPORT, MOVED_AT, MOVED_FROM, CREATED)
Facts = dict[str, Any]


def make_registry(uri: str, folder: Path) -> Registry:
    """A registry as trainings and looks leave it, but with files that are no models.

    Versions 1 and 3; number 2 was deleted, and so was number 4, which only a run still names. The
    files of version 3 are among those of its run, as those of early releases of MLflow were.
    """
    registry = connect(uri, folder, MODEL, create=True)
    client = registry.client
    experiment = registry.experiment_id("triage")
    client.set_experiment_tag(experiment, "mlflow.note.content", "our experiment")
    client.create_registered_model(MODEL)
    runs = []
    for number in (1, 2, 3):
        run_id = _training(registry, experiment, number)
        runs.append(run_id)
    client.delete_model_version(MODEL, "2")
    _look(registry, experiment)
    child = {"mlflow.parentRunId": runs[0], "triage.scoring": MODEL, "triage.version": "4"}
    binned = client.create_run(experiment, tags=child, run_name="in the bin", start_time=5)
    client.log_text(binned.info.run_id, "still here", "binned.txt")
    client.set_terminated(binned.info.run_id, "FAILED", 7)
    client.delete_run(binned.info.run_id)
    client.create_run(experiment, tags={"whose": "somebody else's"})
    entry = Entry(1, 1, None, "contest", "2026-01-01", f"train.py, run {runs[0]}", "won", runs[0])
    client.set_registered_model_tag(MODEL, "history.000001", json.dumps(asdict(entry)))
    client.update_registered_model(MODEL, f"Champion: of run {runs[0]}")
    client.set_registered_model_alias(MODEL, "champion", "1")
    client.set_registered_model_alias(MODEL, "challenger", "3")
    return registry


def _training(registry: Registry, experiment: str, number: int) -> str:
    client = registry.client
    tags = {"mlflow.user": "ann", "triage.model": MODEL, "triage.host": "h", "data_sha256": "0"}
    run = client.create_run(experiment, start_time=1000 + number, tags=tags, run_name=f"t {number}")
    run_id = run.info.run_id
    client.log_batch(run_id, [Metric("accuracy", 0.1 + 0.2, 11, 0)])
    client.log_param(run_id, "seed", number)
    dataset = Dataset("tickets.csv", "0123", "local", '{"uri": "/tickets.csv"}')
    context = InputTag("mlflow.data.context", "training")
    client.log_inputs(run_id, [DatasetInput(dataset, [context])])
    client.log_text(run_id, f"of run {run_id}", "pages/card.md")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "deep").mkdir()
        Path(folder, "deep", "weights.bin").write_bytes(bytes(range(256)) * number)
        Path(folder, "MLmodel").write_text(f"run_id: {run_id}\n")
        if number == 3:
            client.log_artifacts(run_id, folder, "model")
            source, model_id = f"{run.info.artifact_uri}/model", None
        else:
            model_id = _logged(registry, experiment, run_id, folder)
            source = f"models:/{model_id}"
        digests = _digests(Path(folder))
    tags = {"files_sha256": json.dumps(digests), "promoted_by": f"train.py, run {run_id}"}
    words = f"Made by run {run_id}."
    with registry.global_address():
        client.create_model_version(
            MODEL, source, run_id, tags, description=words, model_id=model_id
        )
    client.set_terminated(run_id, end_time=2000 + number)
    return run_id


def _logged(registry: Registry, experiment: str, run_id: str, folder: str) -> str:
    client = registry.client
    logged = client.create_logged_model(
        experiment, "model", run_id, {"colour": "blue", "of": f"run {run_id}"}, {"seed": "5"}
    )
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.log_batch(run_id, [Metric("accuracy", 0.1 + 0.2, 12, 0, model_id=logged.model_id)])
    client.log_model_artifacts(logged.model_id, folder)
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    return str(logged.model_id)


def _look(registry: Registry, experiment: str) -> None:
    """A monitoring run with more values than MLflow takes at once, and with one that is none."""
    client = registry.client
    run = client.create_run(experiment, tags={"triage.monitors": MODEL}, run_name="monitor")
    values = [Metric("rows", step / 7, step, step) for step in range(1200)]
    client.log_batch(run.info.run_id, values[:1000])
    client.log_batch(run.info.run_id, [*values[1000:], Metric("drift", float("nan"), 3, 3)])
    client.log_dict(run.info.run_id, {"status": "OK"}, "monitor.json")
    client.set_terminated(run.info.run_id)


def contents(uri: str, model: str = MODEL) -> Facts:
    """All that a store has of a registered model, and every run and logged model but somebody's.

    Ids are replaced by those that the objects had in the first store, and the times of creation by
    those that were noted, so that the same registry gives the same facts in every store.
    """
    client = MlflowClient(uri, uri)
    mlflow.set_tracking_uri(uri)
    registered = client.get_registered_model(model)
    ids: dict[str, str] = {}
    places: dict[str, str] = {}
    facts: Facts = {
        "description": registered.description,
        "created": _created(registered),
        "tags": _own(registered.tags),
        "aliases": {alias: int(number) for alias, number in registered.aliases.items()},
        "versions": {
            int(version.version): {
                "run": version.run_id,
                "source": version.source,
                "description": version.description,
                "created": _created(version),
                "tags": _own(version.tags),
            }
            for version in client.search_model_versions(f"name = '{model}'")
        },
    }
    for experiment in client.search_experiments(ViewType.ALL):
        number = experiment.experiment_id
        runs = client.search_runs([number], run_view_type=ViewType.ALL)
        facts[f"experiment {experiment.name}"] = dict(experiment.tags)
        for run in runs:
            if "whose" in run.data.tags:
                continue
            ids[run.info.run_id] = _first_id(run.info.run_id, run.data.tags)
            facts[f"run {run.info.run_id}"] = _run(client, run)
            places[run.info.artifact_uri] = f"artifacts of {run.info.run_id}"
        for logged in client.search_logged_models([number]):
            versions = json.loads(logged.tags.pop(VERSIONS, "[]"))
            assert {found["name"] for found in versions} <= {model}
            assert {found["version"] for found in versions} <= set(facts["versions"])
            ids[logged.model_id] = _first_id(logged.model_id, logged.tags)
            facts[f"model {logged.model_id}"] = _model(client, logged)
    assert len(set(ids.values())) == len(ids), "something is there twice"
    text = json.dumps(facts, sort_keys=True)
    for place, words in places.items():
        text = text.replace(place, words)
    return json.loads(re.sub(r"[\w-]+", lambda found: ids.get(found[0], found[0]), text))


def _run(client: MlflowClient, run: Any) -> Facts:
    run_id, info = run.info.run_id, run.info
    return {
        "name": info.run_name,
        "info": [info.status, info.start_time, info.end_time, info.lifecycle_stage, info.user_id],
        "tags": _own(run.data.tags),
        "params": run.data.params,
        "latest": {key: repr(value) for key, value in run.data.metrics.items()},
        "metrics": {
            key: _points(client.get_metric_history(run_id, key)) for key in run.data.metrics
        },
        "datasets": [str(used) for used in run.inputs.dataset_inputs],
        "inputs": [str(used) for used in run.inputs.model_inputs],
        "outputs": [str(made) for made in run.outputs.model_outputs],
        "files": _files(lambda path: client.list_artifacts(run_id, path), info.artifact_uri),
    }


def _model(client: MlflowClient, logged: Any) -> Facts:
    found = _files(
        lambda path: client.list_logged_model_artifacts(logged.model_id, path),
        logged.artifact_location,
    )
    found.pop("registered_model_meta", None)  # added by a download
    return {
        "name": logged.name,
        "run": logged.source_run_id,
        "status": str(logged.status),
        "created": _created(logged),
        "tags": _own(logged.tags),
        "params": logged.params,
        "metrics": [[m.key, *_points([m]), m.run_id, m.dataset_name] for m in logged.metrics],
        "files": found,
    }


def _points(metrics: list[Any]) -> list[list[Any]]:
    return sorted([m.timestamp, m.step, repr(m.value)] for m in metrics)


def _files(look: Callable[[str | None], Any], location: str) -> dict[str, str]:
    if not look(None):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(mlflow.artifacts.download_artifacts(location, dst_path=folder))
        return _digests(copied)


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key not in ADDED}


def _created(thing: Any) -> str:
    return thing.tags.get(CREATED) or made_at(thing.creation_timestamp)


def _first_id(now: str, tags: Mapping[str, str]) -> str:
    return tags.get(MOVED_FROM, now).split()[-1]
