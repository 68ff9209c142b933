"""MLflow's own pages: direct links to what was made, and a server for those of an embedded store.

MLflow 3 opens on its view of chats and agents, which shows nothing of a training; these links lead
past it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import quote

from common.registry import moving, runs
from common.registry.store import Registry
from common.registry.versions import Version
from common.text import without_password


@dataclass(frozen=True)
class Links:
    """Where MLflow shows the runs of an experiment, and the registered model."""

    runs: str
    model: str


def links(registry: Registry, experiment: str, address: str | None = None) -> Links | None:
    """Links to the runs and the model; None for an embedded store, which nobody serves yet.

    Args:
        address: of the server; None: that of the store.
    """
    if address is None:
        if not registry.uri.startswith(("http://", "https://")):
            return None
        address = without_password(registry.uri)
    number, name = registry.experiment_id(experiment), quote(registry.model_name)
    start = f"{address.rstrip('/')}/#"
    return Links(
        f"{start}/experiments/{number}?workflowType=machine_learning", f"{start}/models/{name}"
    )


@dataclass(frozen=True)
class Documents:
    """Where two pages of HTML are: addresses if a server shows them, else paths of files.

    Attributes:
        contest: of a version; None if it has none.
        report: of the newest look of the monitor; None if there was none yet.
    """

    contest: str | None
    report: str | None


def documents(registry: Registry, version: Version, experiment: str) -> Documents:
    """The contest page of a version, and the monitor's report."""
    watching = runs.monitoring_run(registry, experiment)
    return Documents(
        contest=_place(registry, version.run_id, runs.CONTEST),
        report=_place(registry, watching, runs.REPORT) if watching else None,
    )


def _place(registry: Registry, run_id: str, name: str) -> str | None:
    """Where MLflow shows a file of a run, or where it lies; None if the run has none."""
    client = registry.client
    with registry.store_errors():
        if name not in {item.path for item in client.list_artifacts(run_id)}:
            return None
        run = client.get_run(run_id).info
    if registry.uri.startswith(("http://", "https://")):
        start = without_password(registry.uri).rstrip("/")
        return f"{start}/#/experiments/{run.experiment_id}/runs/{run_id}/artifacts/{name}"
    address = f"{run.artifact_uri}/{name}"
    path = moving.local_path(address)
    return str(path) if path else address


def serve(registry: Registry, port: int) -> int:
    """Serve MLflow's pages of an embedded store on this machine until interrupted; its exit code.

    Whoever reaches the port can change the registry, so it is open to this machine alone.
    """
    # Not a flag: an address may hold a password, and everybody sees flags.
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": registry.uri,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nobody asks for its jobs
    }
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    server = subprocess.Popen(command, env=environment)
    try:
        return server.wait()
    finally:
        server.terminate()
        server.wait()
