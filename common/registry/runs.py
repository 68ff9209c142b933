"""Runs: what a training or a look of the monitor leaves behind in MLflow."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow.entities import Metric, Param

from common.evaluation.profile import Profile
from common.registry import artifact, store
from common.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MONITOR_TAG = "triage.monitors"
SCORING_TAG = "triage.scoring"
REFERENCE = "reference.parquet"
HOST_TAG, PROCESS_TAG = "triage.host", "triage.process"


@contextmanager
def training_run(experiment: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Start a run and yield its id; it ends as FAILED when the block raises."""
    process = {HOST_TAG: socket.gethostname(), PROCESS_TAG: str(os.getpid())}
    with store.answering():
        run = mlflow.start_run(
            experiment_id=store.experiment_id(experiment), tags={**tags, **process}
        )
    try:
        yield str(run.info.run_id)
    except BaseException:
        with store.answering():
            mlflow.end_run("FAILED")
        raise
    with store.answering():
        mlflow.end_run()


def log_training(
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    figures: Mapping[str, Figure],
    documents: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, list[Any]]],
) -> None:
    """Log to the active run, together with the versions of all installed packages.

    Args:
        documents: kept as JSON, by file name.
        tables: columns by name, shown as tables, by file name.
    """
    with store.answering():
        mlflow.log_params(dict(params))
        mlflow.log_metrics({name: value for name, value in metrics.items() if value == value})
        for name, figure in figures.items():
            mlflow.log_figure(figure, f"figures/{name}.png")
        for name, document in documents.items():
            mlflow.log_dict(document, name)
        for name, columns in tables.items():
            mlflow.log_table(dict(columns), name)
        mlflow.log_text(_installed(), "environment.txt")


def log_pages(run_id: str, pages: Mapping[str, str]) -> None:
    """Add texts to a run, by file name; the run may have ended."""
    client = mlflow.MlflowClient()
    with store.answering():
        for name, text in pages.items():
            client.log_text(run_id, text, name)


def params(run_id: str) -> dict[str, str]:
    """The parameters of a run."""
    with store.answering():
        return dict(mlflow.MlflowClient().get_run(run_id).data.params)


def end_abandoned(experiment: str) -> int:
    """Close the runs of trainings that were killed on this machine; return how many.

    MLflow would show them as running for ever.
    """
    client = mlflow.MlflowClient()
    closed = 0
    with store.answering():
        running = client.search_runs(
            [store.experiment_id(experiment)],
            f"attributes.status = 'RUNNING' and tags.`{HOST_TAG}` = '{socket.gethostname()}'",
        )
        for run in running:
            if not _is_alive(int(run.data.tags.get(PROCESS_TAG, 0))):
                client.set_terminated(run.info.run_id, "KILLED")
                closed += 1
    return closed


def log_dataset(path: Path, sha256: str) -> None:
    """Record the file a run was fitted on, by the digest of all its bytes."""
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.sources import LocalArtifactDatasetSource

    with store.answering():
        source = LocalArtifactDatasetSource(str(path))
        # MLflow's digests have at most 36 characters.
        mlflow.log_input(MetaDataset(source, path.name, sha256[:32]), context="training")


def log_reference(save: Callable[[Path], None]) -> None:
    """Store with the active run what the monitor compares later messages with.

    Args:
        save: writes it to a path.
    """
    with store.answering(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, REFERENCE)
        save(path)
        mlflow.log_artifact(str(path))


def reference(run_id: str) -> Profile | None:
    """What a model was promoted on; None for a run that has not stored it."""
    with tempfile.TemporaryDirectory() as folder, store.answering():
        stored = [item.path for item in mlflow.MlflowClient().list_artifacts(run_id)]
        if REFERENCE not in stored:
            return None
        path = mlflow.artifacts.download_artifacts(
            run_id=run_id, artifact_path=REFERENCE, dst_path=folder
        )
        return Profile.load(Path(path))


def log_model(classifier: Any) -> str:
    """Store the fitted classifier with the active run; return its address."""
    with store.answering():
        from mlflow.models import Model

        logged = Model.log(artifact_path=None, name="model", flavor=artifact, classifier=classifier)
        return str(logged.model_uri)


def log_monitoring(
    experiment: str,
    model_name: str,
    looks: Sequence[Mapping[str, float]],
    facts: Mapping[str, Any],
) -> None:
    """Add steps to the model's single long-lived monitoring run, whose charts show time.

    Args:
        looks: metrics of each window that was judged, oldest first.
        facts: as `monitor_facts.of` gives them; the run has those of the last look.
    """
    with store.lock(), store.answering():
        client = mlflow.MlflowClient()
        experiment_id = store.experiment_id(experiment)
        found = client.search_runs(
            [experiment_id], f"tags.`{MONITOR_TAG}` = '{model_name}'", max_results=1
        )
        run = (
            found[0]
            if found
            else client.create_run(
                experiment_id, tags={MONITOR_TAG: model_name}, run_name=f"monitor {model_name}"
            )
        )
        run_id, now = run.info.run_id, int(time.time() * 1000)
        first = len(client.get_metric_history(run_id, "rows"))
        for step, metrics in enumerate(looks, start=first):
            entries = [Metric(name, value, now, step) for name, value in metrics.items()]
            client.log_batch(run_id, entries)
        for name in ("status", "window"):
            client.set_tag(run_id, name, str(facts[name]))
        client.log_dict(run_id, dict(facts), "monitor.json")


def log_scoring(experiment: str, total: Mapping[str, Any]) -> None:
    """Log what was scored, so that volume, shares of the classes and confidence are charts; what
    was done already is not logged again.

    Args:
        total: as `totals.of` gives it; it is an artifact of the run.
    """
    if total["done_already"] == total["inputs"]:
        return
    client = mlflow.MlflowClient()
    model, rows = total["model"], total["rows"]
    metrics = {f"rows_{name}": count for name, count in rows.items()}
    metrics |= {
        f"share_{number}": count / max(rows["scored"], 1)
        for number, count in enumerate(total["classes"].values())
    }
    metrics |= {
        name: total[name]
        for name in ("mean_confidence", "rows_per_second", "seconds", "inputs")
        if total[name] is not None
    }
    params = {
        "model_version": model["version"],
        "input_sha256": total["files"][0]["input"]["sha256"],
        "classes": json.dumps(list(total["classes"]))[:6000],
    }
    if "shadow" in total:
        params["shadow_version"] = total["shadow"]["model"]["version"]
        metrics["shadow_agreement"] = total["shadow"]["agreement"] or 0.0
    with store.answering():
        run = client.create_run(
            store.experiment_id(experiment),
            tags={SCORING_TAG: model["name"]},
            run_name=printable(f"predict {Path(total['files'][0]['input']['path']).name}"),
        )
        run_id, now = run.info.run_id, int(time.time() * 1000)
        client.log_batch(
            run_id,
            [Metric(name, float(value), now, 0) for name, value in metrics.items()],
            [Param(name, str(value)) for name, value in params.items()],
        )
        client.log_dict(run_id, dict(total), "manifest.json")
        client.set_terminated(run_id)


def lock_sha256(root: Path) -> str:
    """Digest of the lock file that names what is installed; "unknown" without one."""
    lock = root / "requirements.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else "unknown"


def git_commit(root: Path) -> str:
    """The commit the project is at, with `-dirty` where files differ from it; "unknown" outside
    of a git checkout."""
    try:
        described = subprocess.run(
            ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return described.stdout.strip() if described.returncode == 0 else "unknown"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return process > 0


def _installed() -> str:
    found = {(d.name, d.version) for d in importlib.metadata.distributions()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found))
