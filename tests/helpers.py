"""A copy of the project to run scripts in, and servers as real processes."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from serving.settings import ServingSettings

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ("train.py", "predict.py", "monitor.py")


@dataclass(frozen=True)
class Project:
    """The project's files in a folder of their own; `env` is set for every command."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(
        self, *command: object, cwd: Path | None = None, timeout: float = 180, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `python <command>` in the project as a user would."""
        return subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=cwd or self.root,
            env=clean_environment() | self.env | env,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def log(self, script: str) -> str:
        return (self.root / "logs" / f"{script}.log").read_text()

    @property
    def sample(self) -> Path:
        return self.root / "data" / "synthetic_messages.csv"


def write_two_class_sample(project: Project, rows: int = 10_000) -> None:
    """The sample with the class `inbound`; train.py then takes it as the project's own."""
    flags = ("--class", "inbound", "--rows", rows, "--out", "data")
    made = project.run("-m", "common.data.synthetic", *flags)
    assert made.returncode == 0, made.stderr


def clean_environment() -> dict[str, str]:
    own = {name.upper() for name in ServingSettings.model_fields}
    return {k: v for k, v in os.environ.items() if k not in own and not k.startswith("MLFLOW_")}


def copy_project(target: Path) -> Project:
    ignored = shutil.ignore_patterns("__pycache__")
    for package in ("common", "serving"):
        shutil.copytree(ROOT / package, target / package, ignore=ignored)
    for name in (*SCRIPTS, ".env.example"):
        shutil.copy(ROOT / name, target / name)
    (target / "logs").mkdir()
    return Project(target)


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of its own with so much room; skips the test where none can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on the disk of a folder; removing the file that is returned makes room."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let this process write no file beyond `size` bytes, as a full disk would; needs no root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: list[str], address: str, log: Path, seconds: float = 120, **env: str
) -> Iterator[None]:
    """Run a server process until the block ends; the block starts when `address` answers."""
    # As in an activated environment: `mlflow models serve` looks for uvicorn in PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = clean_environment() | {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path} | env
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=log.parent,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            end = time.monotonic() + seconds
            while not _answers(address):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, f"{address} is silent: {log.read_text()}"
                time.sleep(0.2)
            yield
        finally:
            # The server's workers too.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def mlflow_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """A real MLflow server on loopback, with its database and artifacts in `folder`."""
    address = f"http://127.0.0.1:{port or free_port()}"
    command = [
        *("mlflow", "server", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]),
        *("--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/server.db"),
        *("--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"),
    ]
    # Its job runner would be a dozen processes that nothing here asks for.
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with serving(command, f"{address}/health", folder / "server.log", **quiet):
        yield address


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
