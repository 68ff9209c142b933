"""Prefect's server: the one that is set, or one on this machine that lives as long as the flows.

Prefect starts a server by itself where none is set, but that one runs no schedule.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

HOST, PORT = "127.0.0.1", 4200
LOCAL = f"http://{HOST}:{PORT}/api"
# The first start makes its database, which took 18 s on two busy cores.
SECONDS_TO_START = 120.0


class NoServer(Exception):
    """There is no server, and none could be started."""


@contextmanager
def running(address: str) -> Iterator[None]:
    """A server answers at the address until the block ends; LOCAL is started if nobody has.

    Raises:
        NoServer: it does not answer, or could not be started.
    """
    if _health(address) is not None:
        yield
    elif address != LOCAL:
        raise NoServer("the server of PREFECT_API_URL does not answer: is the address right?")
    else:
        with _own_server():
            yield


@contextmanager
def _own_server() -> Iterator[None]:
    command = [sys.executable, "-m", "prefect", "server", "start"]
    command += ["--host", HOST, "--port", str(PORT), "--log-level", "WARNING"]
    # Ctrl-C is for the flows, which still have something to tell the server.
    # Prefect lets pages of every site ask its server, which runs what it is asked to.
    env = os.environ | {"PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{HOST}:{PORT}"}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, start_new_session=True, env=env
    ) as server:
        try:
            deadline = time.monotonic() + SECONDS_TO_START
            while _health(LOCAL) != 200:
                if server.poll() is not None:
                    raise NoServer(f"Prefect's server ended with exit code {server.returncode}.")
                if time.monotonic() > deadline:
                    raise NoServer(f"Prefect's server does not answer at {LOCAL}.")
                time.sleep(0.2)
            yield
        finally:
            server.terminate()


def _health(address: str) -> int | None:
    """The status that is answered, whatever it is; None if nobody answers."""
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:  # such as one that wants a key
        return error.code
    except OSError:
        return None
