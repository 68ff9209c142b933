"""The server as a process of its own, as users start it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from helpers import Project, clean_environment, warm_python

SECONDS = 60


@dataclass(frozen=True)
class Served:
    """A server that answers at `address`."""

    address: str
    process: subprocess.Popen[bytes]
    project: Project

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.address + path, timeout=SECONDS, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        return requests.post(self.address + path, timeout=SECONDS, **more)

    def labels(self, texts: list[str], **more: Any) -> list[str | None]:
        """The classes that the page would show."""
        answer = self.post("/api/classify", json={"messages": texts}, **more)
        assert answer.status_code == 200, answer.text
        return [each["label"] for each in answer.json()["answers"]]


@contextmanager
def served(project: Project, *flags: object, warm: bool = True, **env: str) -> Iterator[Served]:
    """Run the server of a project until the block ends.

    Args:
        warm: as a fork of a warm interpreter; `process` is then not the server, but ends with it.
    """
    python = warm_python() if warm else [sys.executable]
    command = [*python, "-m", "serving", "--serve-port", "0", "--serve-drain", "0", "--json"]
    log = project.root / "serving.err"
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [*command, *map(str, flags)],
            cwd=project.root,
            env=clean_environment() | project.env | env,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        try:
            assert process.stdout
            ready, _, _ = select.select([process.stdout], [], [], SECONDS)
            line = process.stdout.readline() if ready else b""
            assert line, log.read_text()
            yield Served(json.loads(line)["address"], process, project)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def eventually(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def memory_mb(process: subprocess.Popen[bytes]) -> float:
    """Resident memory of a process."""
    pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6
