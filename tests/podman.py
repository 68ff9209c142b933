"""Images, containers and compose files, run by podman as `images/containers.sh` sets it up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from helpers import ROOT

CONFIGURATION = Path(os.environ.get("WORK", "/var/tmp/triage-containers"), "containers.conf")
# Networks are made with iptables, which a user's PATH need not reach.
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
IMAGE = "localhost/triage-trio:test"
SCHEDULE = "localhost/triage-trio-schedule:test"
POSTGRES = "localhost/triage-postgres:test"
# No network, no capabilities, nothing to write to but /tmp and the volumes.
HARDENED = (
    *("--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"),
    *("--security-opt", "no-new-privileges", "--health-interval", "disable"),
)


def run(
    *command: object,
    timeout: float = 300,
    check: bool = True,
    cwd: Path | None = None,
    **env: str,
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | {"CONTAINERS_CONF": str(CONFIGURATION), "PATH": PATH} | env,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0 or not check, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def podman(*words: object, **how: object) -> subprocess.CompletedProcess[str]:
    return run("podman", *words, **how)  # type: ignore[arg-type]


def hardened(*words: object, **how: object) -> subprocess.CompletedProcess[str]:
    """Run a container that may do as little as the documentation says it needs."""
    return podman("run", *HARDENED, *words, **how)


def build(name: str = "Dockerfile", tag: str = IMAGE, **arguments: str) -> None:
    """Build an image of deploy/; parts that have not changed are taken from the cache."""
    file = ROOT / "deploy" / name
    given = [word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))]
    # chroot: needs no namespaces, and reaches the machine's network. docker: keeps HEALTHCHECK.
    run(
        *("buildah", "build", "--isolation", "chroot", "--pull-never", "--layers"),
        *("--format", "docker", "--ignorefile", f"{file}.dockerignore", "--file", file),
        # One time for all files, so that the same files give the same layers.
        *("--timestamp", 0, "--tag", tag, *given, ROOT),
        timeout=1200,
    )


def compose(
    *words: object, file: Path = ROOT / "deploy/compose.yaml", **how: object
) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("podman-compose")
    names = {"TRIAGE_IMAGE": IMAGE, "POSTGRES_IMAGE": POSTGRES, "SCHEDULE_IMAGE": SCHEDULE}
    return run(tool, "--no-ansi", "--file", file, *words, **(names | how))  # type: ignore[arg-type]


def wait_for(reached: Callable[[], bool], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(1)


def is_healthy(container: str) -> bool:
    """What the container's own health check says now."""
    return podman("healthcheck", "run", container, check=False).returncode == 0
