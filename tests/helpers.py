"""A copy of the project to run scripts in, and servers as real processes."""

from __future__ import annotations

import atexit
import os
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from common.registry import MLFLOW_DEFAULTS
from serving.settings import ServingSettings

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ("train.py", "predict.py", "monitor.py")
WARM = ROOT / "tests" / "warm.py"
# No library looks at these when it is imported.
OWN_SETTINGS = {name.upper() for name in ServingSettings.model_fields}
READ_LATE = OWN_SETTINGS | {"JAVA_HOME", "SPARK_LOCAL_IP", "TMPDIR"}


@dataclass(frozen=True)
class Project:
    """The project's files in a folder of their own; `env` is set for every command."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(
        self, *command: object, cwd: Path | None = None, timeout: float = 180, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `python <command>` in the project as a user would."""
        chosen = self.env | env
        return subprocess.run(
            [*_interpreter(command, chosen), *map(str, command)],
            cwd=cwd or self.root,
            env=clean_environment() | chosen,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def log(self, script: str) -> str:
        return (self.root / "logs" / f"{script}.log").read_text()

    @property
    def sample(self) -> Path:
        return self.root / "data" / "synthetic_messages.csv"


def _interpreter(command: tuple[object, ...], env: dict[str, str]) -> list[str]:
    """What runs a command: a fork of a warm interpreter, or a new one if that may matter."""
    is_ours = command[0] == "-m" or Path(str(command[0])).name in SCRIPTS
    late = all(name in READ_LATE or name.startswith("AWS_") for name in env)
    return warm_python() if is_ours and late else [sys.executable]


@cache
def warm_python() -> list[str]:
    """What to put before a command so that it runs as a fork of a warm interpreter."""
    folder = tempfile.mkdtemp(prefix="warm")
    address = Path(folder, "socket")
    warm = [sys.executable, "-I", "-S", str(WARM), "run", str(address)]
    write_python(address.with_name("python"), warm)
    server = subprocess.Popen(
        [sys.executable, WARM, "serve", address],
        env=clean_environment() | MLFLOW_DEFAULTS,
        stdin=subprocess.PIPE,
    )

    def end() -> None:
        with server:
            server.kill()
        shutil.rmtree(folder)

    atexit.register(end)
    while not address.exists():
        assert server.poll() is None
        time.sleep(0.01)
    return warm


def warm_executable() -> Path:
    """A program that does what `python` does, but starts warm where it can."""
    return Path(warm_python()[-1]).with_name("python")


# Scripts, modules, and what asks for a clean process run as forks of a warm interpreter.
PYTHON = """#!/bin/sh
case $1 in
    -m | *.py | -I) exec {warm} "$@" ;;
    *) exec {cold} "$@" ;;
esac
"""


def write_python(path: Path, warm: list[str]) -> None:
    """Make a program that does what `python` does, but starts warm where it can."""
    path.write_text(PYTHON.format(cold=shlex.quote(sys.executable), warm=shlex.join(warm)))
    path.chmod(0o755)


def link_environment(project: Project) -> None:
    """Make `.venv/bin` of the project that of these tests, with a python that starts warm."""
    folder = project.root / ".venv" / "bin"
    folder.mkdir(parents=True)
    for path in Path(sys.prefix, "bin").iterdir():
        (folder / path.name).symlink_to(path)
    python = folder / "python"
    python.unlink()
    write_python(python, warm_python())


def write_two_class_sample(project: Project, rows: int = 10_000) -> None:
    """The sample with the class `inbound`; train.py then takes it as the project's own."""
    flags = ("--class", "inbound", "--rows", rows, "--out", "data")
    made = project.run("-m", "common.data.synthetic", *flags)
    assert made.returncode == 0, made.stderr


def clean_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in OWN_SETTINGS and not name.startswith("MLFLOW_")
    }


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
    command: list[str],
    address: str,
    log: Path,
    seconds: float = 120,
    python: Path | str = sys.executable,
    warm: bool = False,
    **env: str,
) -> Iterator[None]:
    """Run a server process until the block ends; the block starts when `address` answers."""
    # As in an activated environment: `mlflow models serve` looks for uvicorn in PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = clean_environment() | {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path} | env
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*(warm_python() if warm else [python]), "-m", *command],
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
def postgres() -> Iterator[str]:
    """A real PostgreSQL on loopback with an empty database; skips the test where none is installed.

    Yields its address, as MLflow takes it.
    """
    installed = [*Path("/usr/lib/postgresql").glob("*/bin/postgres"), shutil.which("postgres")]
    program = next((Path(path).resolve() for path in installed if path), None)
    if program is None:
        pytest.skip("PostgreSQL is not installed")
    # It refuses to run as root, and who else it is must reach its files.
    who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if not os.geteuid() else {}
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if who:
            shutil.chown(folder, "nobody", "nogroup")
        data = str(Path(folder, "data"))
        made = [program.with_name("initdb"), "-D", data, "-U", "mlflow", "-A", "trust", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **who)
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        flags = [flag for setting in settings for flag in ("-c", setting)]
        with subprocess.Popen(
            [program, "-D", data, "-p", str(port), *flags],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **who,
        ) as process:
            try:
                ready = [program.with_name("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
                end = time.monotonic() + 60
                while subprocess.run(ready).returncode:
                    assert process.poll() is None, "PostgreSQL does not start"
                    assert time.monotonic() < end, "PostgreSQL does not answer"
                    time.sleep(0.1)
                yield f"postgresql://mlflow@127.0.0.1:{port}/postgres"
            finally:
                process.send_signal(signal.SIGINT)  # clients are cut off, files are left in order


@contextmanager
def mlflow_server(
    folder: Path, port: int | None = None, database: str | None = None
) -> Iterator[str]:
    """A real MLflow server on loopback, with its artifacts in `folder`.

    Args:
        database: its address; None for one in `folder`.
    """
    address = f"http://127.0.0.1:{port or free_port()}"
    command = [
        *("mlflow", "server", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]),
        *("--workers", "1"),
        *("--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"),
    ]
    # Its job runner would be a dozen processes that nothing here asks for.
    env = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Not a flag: it may hold a password.
        "MLFLOW_BACKEND_STORE_URI": database or f"sqlite:///{folder}/server.db",
    }
    with serving(command, f"{address}/health", folder / "server.log", warm=True, **env):
        yield address


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
