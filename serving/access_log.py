"""A line of JSON for each request: what was asked and how it went, never what was written."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from starlette.types import Scope

STDOUT = Path("-")
MOST_BYTES = 100_000_000


class AccessLog:
    """Writes a line at once; several threads may write.

    Args:
        path: `-` for standard output; a file that reaches 100 MB becomes NAME.1.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._lock = threading.Lock()

    def write(self, scope: Scope, status: int, seconds: float) -> None:
        """Note one request."""
        state = scope["state"]
        line = json.dumps(
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "request_id": state["request_id"],
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
        with self._lock:
            file = self._opened()
            file.write(line + "\n")
            file.flush()

    def close(self) -> None:
        """Give back the file."""
        with self._lock:
            if self._file is not None and self._path != STDOUT:
                self._file.close()
            self._file = None

    def _opened(self) -> IO[str]:
        if self._path == STDOUT:
            self._file = sys.stdout
        elif self._file is None or self._file.tell() > MOST_BYTES:
            if self._file is not None:
                self._file.close()
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
        return self._file
