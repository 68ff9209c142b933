"""A real Prefect server for the tests of the flows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from filelock import FileLock
from flows_helpers import PREFECT, Prefect
from helpers import ROOT, free_port, serving


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    """A server of its own, with a database of its own, in the environment that `make` makes."""
    with FileLock(tmp_path_factory.getbasetemp().parent / "venv-flows.lock"):
        made = subprocess.run(
            ["make", f"PYTHON={sys.executable}", ".venv-flows/.flows"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
    assert made.returncode == 0, made.stderr
    folder = tmp_path_factory.mktemp("prefect")
    address = f"http://127.0.0.1:{free_port()}"
    env = {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_URL": f"{address}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_RUNNER_CANCELLATION_CHECK_QUERY_INTERVAL_SECONDS": "1",
    }
    command = ["prefect", "server", "start", "--host", "127.0.0.1", "--port"]
    command.append(address.rpartition(":")[2])
    log = folder / "server.log"
    with serving(command, f"{address}/api/health", log, python=PREFECT, **env):
        yield Prefect(f"{address}/api", env)
