"""What tests of the flows ask Prefect's server, and how they start them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import ROOT, Project, clean_environment

LOOKED_AT = "2026-03-05T06:00:00+00:00"
TERMINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
PREFECT = ROOT / ".venv-flows" / "bin" / "python"


@dataclass(frozen=True)
class Prefect:
    """A server, asked by its REST interface."""

    api: str
    env: dict[str, str]

    def ask(self, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.api}{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        for _ in range(50):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as error:
                if error.code != 503:  # its SQLite is at work, as it may be for anybody
                    raise
                time.sleep(0.2)
        raise AssertionError(f"{path} stays busy")

    def flow_runs(self, flow: str) -> list[dict[str, Any]]:
        """Newest last."""
        found = self.ask("/flow_runs/filter", flows={"name": {"any_": [flow]}})
        return sorted(found, key=lambda run: run["expected_start_time"])

    def task_runs(self, flow_run: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """By the name of the step."""
        found = self.ask("/task_runs/filter", flow_runs={"id": {"any_": [flow_run["id"]]}})
        return {run["name"].rpartition("-")[0]: run for run in found}

    def artifacts(self, flow_run: dict[str, Any]) -> dict[str, str]:
        """Their content, by key."""
        found = self.ask("/artifacts/filter", flow_runs={"id": {"any_": [flow_run["id"]]}})
        return {each["key"]: each["data"] for each in found}

    def logs(self, flow_run: dict[str, Any]) -> str:
        wanted = {"flow_run_id": {"any_": [flow_run["id"]]}}
        return "\n".join(each["message"] for each in self.ask("/logs/filter", logs=wanted))

    def deployment(self, flow: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.api}/deployments/name/{flow}/triage") as answer:
            return json.load(answer)

    def pause(self, flow: str) -> None:
        """No run of the flow is due from now on."""
        self.ask(f"/deployments/{self.deployment(flow)['id']}/pause_deployment")

    def wait(self, found: Callable[[], Any], what: str, seconds: float = 120) -> Any:
        """Until something is found."""
        deadline = time.monotonic() + seconds
        while not (thing := found()):
            assert time.monotonic() < deadline, f"{what} did not happen"
            time.sleep(0.3)
        return thing


def with_flows(project: Project) -> Project:
    """The project with its flows and its environment, as a checkout has them."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "flows", project.root / "flows", ignore=ignored)
    (project.root / ".venv").symlink_to(sys.prefix)
    return project


@contextmanager
def started(project: Project, prefect: Prefect, *command: str, **env: str) -> Iterator[Any]:
    """A command in Prefect's environment; at the end it is told to end, and must do so."""
    with (
        (project.root / "flows.log").open("ab") as log,
        subprocess.Popen(
            [PREFECT, *command],
            cwd=project.root,
            env=clean_environment() | prefect.env | project.env | env,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            finally:
                process.kill()


@contextmanager
def served(project: Project, prefect: Prefect, *flags: str, **env: str) -> Iterator[Any]:
    """`python -m flows`, from when it serves until the block ends."""
    log = project.root / "flows.log"
    before = log.stat().st_size if log.exists() else 0
    with started(project, prefect, "-m", "flows", *flags, **env) as process:
        prefect.wait(lambda: b"are being served" in log.read_bytes()[before:], "serving")
        yield process


def run_flow(project: Project, prefect: Prefect, flow: str, **parameters: Any) -> dict[str, Any]:
    """Run a flow to its end, in a process of its own; what the server knows of the run."""
    with started(project, prefect, "-c", flow_call(flow, **parameters)) as process:
        process.wait(300)
    (*_, run) = prefect.flow_runs(flow)
    assert run["state_type"] in TERMINAL, Path(project.root, "flows.log").read_text()
    return run


def flow_call(flow: str, **parameters: Any) -> str:
    return f"from flows import pipeline; pipeline.{flow}(**{parameters!r}, return_state=True)"


def printed_look(
    changes: list[tuple[str, str]], window: str | None = "2026-03-04", **incident: Any
) -> str:
    """What monitor.py prints, as far as it is read."""
    return json.dumps(
        {
            "status": "CRITICAL",
            "text": "CRITICAL: it fell.",
            "at": LOOKED_AT,
            "model": {"name": "triage", "version": 3, "run_id": "0"},
            "file": "labelled.csv",
            "floor": 0.8,
            "window": window,
            "windows": [{"accuracy": 0.7, "rows": 300}, {"accuracy": None, "rows": 0}],
            "incidents": [
                {
                    "finding": "accuracy",
                    "status": "CRITICAL",
                    "since": "2026-03-03T00:00:00+00:00",
                    "recovered": None,
                    "reason": "below the floor",
                    "changes": [{"change": change, "at": at} for change, at in changes],
                }
                | incident
            ],
        }
    )
