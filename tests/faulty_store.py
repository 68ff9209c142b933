"""A real HTTP server in the place of MLflow's that does not answer as it should."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROBED = "/experiments/get-by-name"
KINDS = (
    *("busy", "too many", "drips", "drips headers", "silent", "endless"),
    *("redirects", "redirects slowly"),
)


@dataclass
class FaultyStore:
    """Its address, and when (`time.monotonic`) it was asked what."""

    address: str = ""
    asked: list[tuple[float, str]] = field(default_factory=list)


@contextmanager
def faulty_store(kind: str, after_probe: bool = False) -> Iterator[FaultyStore]:
    """Serve on loopback until the block ends.

    Args:
        kind: one of KINDS.
        after_probe: answer the first question, whether it is an MLflow server, as one.
    """
    store, stopped = FaultyStore(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with suppress(OSError, ValueError):
                super().handle_one_request()

        def do_GET(self) -> None:
            store.asked.append((time.monotonic(), self.path))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if after_probe and PROBED in self.path:
                found = {"experiment_id": "0", "name": "Default", "lifecycle_stage": "active"}
                self.answer(200, json.dumps({"experiment": found}).encode())
            elif kind in ("busy", "too many"):
                status = 503 if kind == "busy" else 429
                self.answer(status, b"come back later", {"Retry-After": "3600"})
            elif kind.startswith("redirects"):
                slow = {"Retry-After": "3600"} if "slowly" in kind else {}
                self.answer(302, b"", {"Location": self.path, **slow})
            elif kind == "silent":
                stopped.wait()
            elif kind == "drips headers":
                self.drip(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 1000)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(10**12))
                self.end_headers()
                if kind == "drips":
                    self.drip(b"{" * 1000)
                while not stopped.is_set():
                    self.wfile.write(b"{" * 100_000)

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

        def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def drip(self, content: bytes) -> None:
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if stopped.wait(1):
                    return

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        store.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield store
        finally:
            stopped.set()
            server.shutdown()
            thread.join()
