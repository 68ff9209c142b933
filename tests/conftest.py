"""A copy of the project to run scripts in, with its own store, data and logs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SETTINGS = ("MLFLOW_", "DATA_PATH", "MONITOR_DATA_PATH", "MODEL_NAME", "ALERT_URLS", "SEED")


@dataclass(frozen=True)
class Project:
    """The project's files in a folder of their own."""

    root: Path

    def run(
        self, *command: object, cwd: Path | None = None, timeout: float = 180, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `python <command>` in the project as a user would."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
        return subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=cwd or self.root,
            env=clean | env,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def log(self, script: str) -> str:
        return (self.root / "logs" / f"{script}.log").read_text()


def copy_project(target: Path) -> Project:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "common", target / "common", ignore=ignored)
    for name in ("train.py", "predict.py", "monitor.py", ".env.example"):
        shutil.copy(ROOT / name, target / name)
    (target / "logs").mkdir()
    return Project(target)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh project: nothing trained, no store."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def make_trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Gives copies of a project in which the sample was trained once.

    An embedded store holds absolute addresses of artifacts, so a copy reads the models of the
    first, which nobody changes.
    """
    first = copy_project(tmp_path_factory.mktemp("trained") / "project")
    done = first.run("train.py")
    assert done.returncode == 0, done.stderr

    def make() -> Project:
        target = tmp_path_factory.mktemp("copy") / "project"
        shutil.copytree(first.root, target, ignore=shutil.ignore_patterns("mlartifacts"))
        return Project(target)

    return make


@pytest.fixture
def trained(make_trained: Callable[[], Project]) -> Project:
    """A project with a champion, version 1, fitted on the sample."""
    return make_trained()
