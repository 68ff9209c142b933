"""The files of our runs and models, for those who must read or replace them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run, ViewType

from common.errors import ModelUnavailable
from common.registry import artifact, versions
from common.registry.runs import HOST_TAG, MONITOR_TAG, SCORING_TAG
from common.registry.store import Registry

# A run is ours if it has one of these; the last one is in trainings of all releases.
OURS = (MONITOR_TAG, SCORING_TAG, HOST_TAG, "data_sha256")
RUNS_AT_ONCE = 1000


@dataclass(frozen=True)
class RunFile:
    """A file of a run: `path` is its place among the run's artifacts."""

    run_id: str
    path: str

    def __str__(self) -> str:
        return f"run {self.run_id}, {self.path}"


def every(registry: Registry, experiments: list[str]) -> list[Run]:
    """All runs of experiments, which are named by their ids; deleted ones too."""
    token, runs = None, []
    with registry.store_errors():
        while experiments:
            page = registry.client.search_runs(
                experiments,
                run_view_type=ViewType.ALL,
                max_results=RUNS_AT_ONCE,
                page_token=token,
            )
            runs += page
            token = page.token
            if not token:
                break
    return runs


def ours(registry: Registry) -> list[Run]:
    """All our runs, of every model and experiment; deleted ones too."""
    with registry.store_errors():
        experiments = registry.client.search_experiments(ViewType.ALL)
    runs = every(registry, [found.experiment_id for found in experiments])
    return [run for run in runs if set(OURS) & set(run.data.tags)]


def of_runs(registry: Registry, endings: tuple[str, ...]) -> Iterator[RunFile]:
    """The files of all our runs, deleted ones too, whose names end so."""
    runs = [run.info.run_id for run in ours(registry)]
    with registry.store_errors():
        for run_id in runs:
            for path in _paths(registry, run_id):
                if path.endswith(endings):
                    yield RunFile(run_id, path)


def read(registry: Registry, file: RunFile) -> bytes:
    """What a file of a run holds."""
    with registry.store_errors(), tempfile.TemporaryDirectory() as folder:
        return Path(registry.client.download_artifacts(file.run_id, file.path, folder)).read_bytes()


def read_if_there(registry: Registry, file: RunFile) -> bytes | None:
    """What a file of a run holds; None if the run has no such file."""
    folder, _, _ = file.path.rpartition("/")
    with registry.store_errors():
        there = registry.client.list_artifacts(file.run_id, folder or None)
    return read(registry, file) if file.path in {item.path for item in there} else None


def replace(registry: Registry, file: RunFile, content: bytes) -> None:
    """Put other content in the place of a file."""
    folder, _, name = file.path.rpartition("/")
    with registry.store_errors(), tempfile.TemporaryDirectory() as local:
        path = Path(local, name)
        path.write_bytes(content)
        registry.client.log_artifact(file.run_id, str(path), folder or None)


def delete(registry: Registry, file: RunFile) -> None:
    """Delete a file of a run, if it is there."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with registry.store_errors():
        if file.path in _paths(registry, file.run_id):
            root = registry.client.get_run(file.run_id).info.artifact_uri
            get_artifact_repository(root, tracking_uri=registry.uri).delete_artifacts(file.path)


def of_models(registry: Registry) -> Iterator[tuple[versions.Version, Path]]:
    """A copy of each version's model folder, which goes when the next is asked for."""
    for version in versions.list_versions(registry):
        try:
            location = versions.location(registry, version)
            with artifact.fetch(registry.uri, location, version.uri) as folder:
                yield version, folder
        except ModelUnavailable:
            continue  # its files are gone already


def _paths(registry: Registry, run_id: str, folder: str | None = None) -> Iterator[str]:
    for item in registry.client.list_artifacts(run_id, folder):
        if item.is_dir:
            yield from _paths(registry, run_id, item.path)
        else:
            yield item.path
