"""A line of JSON for each request: what was asked and how it went, never what was written."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from starlette.types import Scope

logger = logging.getLogger(__name__)
STDOUT = Path("-")
MOST_BYTES = 100_000_000
# Lines go out together: after each write the scoring thread would have its turn first.
SECONDS = 0.2


class AccessLog:
    """Notes requests; used in the thread of the event loop. Lines are in the file SECONDS later.

    Args:
        path: `-` for standard output; a file that reaches 100 MB becomes NAME.1.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []
        self._failed = False

    def write(self, scope: Scope, status: int, seconds: float) -> None:
        """Note one request."""
        state = scope["state"]
        line = json.dumps(
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "id": state["request_id"],
                "request_id": state["told_id"],
                "method": scope["method"],
                "path": scope["path"][:200],
                "status": status,
                "ms": round(1000 * seconds, 2),
                "caller": state.get("caller"),
                "client": (scope.get("client") or [None])[0],
                "messages": state.get("messages"),
                "model_version": state.get("model_version"),
            }
        )
        if not self._lines:
            asyncio.get_running_loop().call_later(SECONDS, self.flush)
        self._lines.append(line + "\n")

    def flush(self) -> None:
        """Write what was noted."""
        text, self._lines = "".join(self._lines), []
        try:
            self._append(text)
        except OSError as error:
            if not self._failed:
                logger.error("The access log %s can't be written: %s.", self._path, error.strerror)
            self._failed = True
        else:
            self._failed = False

    def _append(self, text: str) -> None:
        if self._path == STDOUT:
            sys.stdout.write(text)
            sys.stdout.flush()
        elif text:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
                size = file.tell()
            if size > MOST_BYTES:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
