"""MLflow's pages: where they show what was made, and a server for those of an embedded store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from common.errors import SettingsError, StoreError
from common.registry.store import Registry

HOST = "127.0.0.1"
START_SECONDS = 120


@dataclass(frozen=True)
class Links:
    """Addresses of MLflow's pages, which start in another view without them.

    Attributes:
        base: of the server, without user and password; None if no server shows the store, as
            `make ui` would.
        experiment_id: None if there is no such experiment yet.
    """

    base: str | None
    experiment_id: str | None
    model_name: str

    @property
    def model(self) -> str:
        """The registered model: its champion, its history, its versions."""
        return f"{self.base or ''}/#/models/{quote(self.model_name, safe='')}"

    @property
    def runs(self) -> str | None:
        """The runs of the experiment."""
        if self.experiment_id is None:
            return None
        # Without this word MLflow 3 shows traces, of which there are none.
        view = "workflowType=machine_learning"
        return f"{self.base or ''}/#/experiments/{self.experiment_id}/runs?{view}"

    def text(self) -> str:
        """For a terminal: a line each, or how to see them."""
        if self.base is None:
            return "To see it in MLflow: make ui"
        runs = [f"  runs   {self.runs}"] if self.runs else []
        return "\n".join(["In MLflow:", f"  model  {self.model}", *runs])

    def to_json(self) -> dict[str, str | None]:
        """The addresses; None where no server shows the store."""
        return {
            "model": self.model if self.base else None,
            "runs": self.runs if self.base else None,
        }


def links(registry: Registry, experiment: str) -> Links:
    """Where MLflow shows a model and the runs of an experiment."""
    with registry.store_errors():
        found = registry.client.get_experiment_by_name(experiment)
    identity = None if found is None else str(found.experiment_id)
    return Links(public_address(registry.uri), identity, registry.model_name)


def serve(registry: Registry, port: int) -> subprocess.Popen[bytes]:
    """Start MLflow's server for an embedded store, on loopback; return once it answers.

    Raises:
        SettingsError: the port is taken.
        StoreError: the server ends, or doesn't answer in two minutes.
    """
    _require_free(port)
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--uvicorn-opts", "--log-level warning"]
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": registry.uri,  # a flag would show its password to all users
        "PYTHONWARNINGS": "ignore",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # a dozen processes that do nothing here
    }
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(server, f"http://{HOST}:{port}/health")
    except BaseException:
        stop(server)
        raise
    return server


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and its worker."""
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def public_address(uri: str) -> str | None:
    """The address of a server without user, password and query; None for a database.

    >>> public_address("http://ann:se/cret@mlflow:5000/")
    'http://mlflow:5000'
    """
    scheme, _, rest = uri.partition("://")
    if scheme not in ("http", "https"):
        return None
    # A password may hold what ends it elsewhere, such as a slash.
    parts = urlsplit(f"{scheme}://{rest.rpartition('@')[2]}")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise SettingsError(
                f"port {port} can't be used, perhaps by another server: give --port, or "
                "`make ui PORT=5001`."
            ) from error


def _wait_until_it_answers(server: subprocess.Popen[bytes], address: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise StoreError(f"MLflow's server ended at once, with exit code {server.returncode}.")
        with suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.2)
    raise StoreError(f"MLflow's server did not answer within {START_SECONDS} s.")
