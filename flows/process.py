"""Run a command as a child: its stderr line by line as it comes, its stdout at the end.

A child is the leader of a process group. Whatever ends the wait (the time is up, the run was
cancelled), the whole group is told to end, and killed if it does not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# The scripts tidy up within 3 s of SIGTERM; Prefect kills a flow 30 s after it.
SECONDS_TO_END = 10.0


class TimeIsUp(Exception):
    """A command took longer than it may."""


@dataclass(frozen=True)
class Finished:
    """How a command ended.

    Attributes:
        code: its exit code; minus the signal's number if one has killed it.
        stdout: all of it.
        last_line: of stderr, which says why it failed; empty if it said nothing.
    """

    code: int
    stdout: str
    last_line: str


def run(
    command: Sequence[str], folder: Path, tell: Callable[[str], None], seconds: float
) -> Finished:
    """Run a command without a shell in a folder.

    Args:
        tell: called with each line of stderr.
        seconds: it may take.

    Raises:
        TimeIsUp: it took longer, and was ended.
        OSError: there is no such program.
    """
    is_late = threading.Event()
    # A file, so that nobody has to read two pipes at once.
    with tempfile.TemporaryFile() as stdout:
        child = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        )

        def end_late() -> None:
            is_late.set()
            _end(child)

        timer = threading.Timer(seconds, end_late)
        timer.daemon = True
        timer.start()
        try:
            last_line = _told(child, tell)
            code = child.wait()
        except BaseException:  # Prefect raises one of its own where a run is cancelled
            _end(child)
            raise
        finally:
            timer.cancel()
        if is_late.is_set():
            raise TimeIsUp(f"{Path(command[0]).name} was ended: it took more than {seconds:,.0f} s")
        stdout.seek(0)
        return Finished(code, stdout.read().decode(errors="backslashreplace"), last_line)


def _told(child: subprocess.Popen[str], tell: Callable[[str], None]) -> str:
    """Pass stderr on until it is closed; the last line."""
    last_line = ""
    assert child.stderr
    with child.stderr:
        for line in filter(None, map(str.rstrip, child.stderr)):
            tell(line)
            last_line = line
    return last_line


def _end(child: subprocess.Popen[str]) -> None:
    """Tell the child and all that it has started to end; kill what is left after a while."""
    deadline = time.monotonic() + SECONDS_TO_END
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            child.poll()  # or the group would have it as a zombie
            os.killpg(child.pid, 0)
            time.sleep(0.05)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
