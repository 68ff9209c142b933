"""The process that runs a model made elsewhere, and how it is asked; see `adopted`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

Answer = dict[str, Any]
SECONDS_TO_END = 10
# Loading a model may take minutes, and so may a text; but nobody waits for ever.
PATIENCE_SECONDS, SECONDS_A_TEXT = 600.0, 2.0


class Process:
    """The process that runs the model, in a group with those that it starts.

    Attributes:
        owner: id of the process that started it and alone may ask it.
        classes: as the model names them; None if it doesn't.

    Raises:
        RuntimeError: the model can't be loaded.
    """

    def __init__(
        self, archive: bytes, column: str | None, python: str | None, program: str
    ) -> None:
        self.owner = os.getpid()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [python or sys.executable, "-I", "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                process_group=0,
            )
        except OSError as error:
            raise RuntimeError(f"{python} can't be run ({error.strerror})") from error
        header = json.dumps({"bytes": len(archive), "column": column}).encode()
        try:
            found = self._exchange(header + b"\n" + archive, PATIENCE_SECONDS)
        except (BrokenPipeError, EOFError):
            raise RuntimeError(f"its process ends at once: {self._last_words()}") from None
        except TimeoutError as error:
            raise RuntimeError(str(error)) from None
        if "error" in found:
            raise RuntimeError(f"{found['error']}: {found['detail']}")
        self.classes: list[str] | None = found["classes"]

    def ask(self, texts: list[str], made_up: bool = False) -> Answer:
        """What the model says.

        Args:
            made_up: the texts are nobody's, so that an error may quote them.

        Raises:
            RuntimeError: it fails.
            BrokenPipeError, EOFError: the process has ended.
            TimeoutError: it did not answer, and was killed.
        """
        seconds = PATIENCE_SECONDS + SECONDS_A_TEXT * len(texts)
        answer = self._exchange(json.dumps(texts).encode() + b"\n", seconds)
        if "error" in answer:
            detail = f": {answer['detail']}" if made_up else ""
            raise RuntimeError(f"the adopted model fails ({answer['error']}{detail})")
        return answer

    def _exchange(self, question: bytes, seconds: float) -> Answer:
        assert self._process.stdin and self._process.stdout
        late = threading.Event()

        def end() -> None:
            late.set()
            # Those that it has started hold its pipes open.
            os.killpg(self._process.pid, signal.SIGKILL)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(question)
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            if not late.is_set():
                raise
            line = b""
        finally:
            timer.cancel()
        if not line.endswith(b"\n"):
            raise TimeoutError(f"no answer within {seconds:.0f} s") if late.is_set() else EOFError
        found: Answer = json.loads(line)
        return found

    def _last_words(self) -> str:
        self._process.wait()
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.returncode}"

    def __del__(self) -> None:
        process = getattr(self, "_process", None)
        if process is None or self.owner != os.getpid():
            return
        with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
            process.communicate(b"null\n", timeout=SECONDS_TO_END)
        process.kill()
        process.wait()
