"""Projects to run scripts in, and a receiver of alerts."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import migrated
import pytest
from helpers import Project, copy_project, warm_executable, write_two_class_sample
from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """What a test, or what it calls, loads into the environment does not reach the next one."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(autouse=True)
def _stores() -> None:
    """What the files imported decides whether this process has stores."""
    if "mlflow.store.tracking.sqlalchemy_store" in sys.modules:
        migrated.copied_from_now_on()


@pytest.fixture(scope="module")
def warm_clean_process() -> Iterator[None]:
    """Trainings in this process have their models answer in forks of a warm interpreter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(warm_executable()))
        yield


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh project: nothing trained, no store."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def make_trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Gives copies of a project in which the sample of two classes was trained once.

    An embedded store holds absolute addresses of artifacts, so a copy reads the models of the
    first, which nobody changes.
    """
    first = copy_project(tmp_path_factory.mktemp("trained") / "project")
    write_two_class_sample(first)
    done = first.run("train.py")
    assert done.returncode == 0, done.stderr

    def make() -> Project:
        target = tmp_path_factory.mktemp("copy") / "project"
        shutil.copytree(first.root, target, ignore=shutil.ignore_patterns("mlartifacts"))
        return Project(target)

    return make


@pytest.fixture
def trained(make_trained: Callable[[], Project]) -> Project:
    """A project with a champion, version 1, fitted on the sample of two classes."""
    return make_trained()


@dataclass(frozen=True)
class Receiver:
    """An HTTP server on loopback that keeps what is POSTed to it."""

    url: str
    bodies: list[Any]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    bodies: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Receiver(f"http://127.0.0.1:{server.server_port}", bodies)
        server.shutdown()
        thread.join()
