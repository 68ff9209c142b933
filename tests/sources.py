"""Real sources of messages on this machine: archives of Info-ZIP, a PostgreSQL, an HTTP API."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import free_port

from common.data.files import parts

PASSWORD = "hush/hush"  # with a character that ends a password elsewhere


def fetched(folder: Path) -> list[dict[str, str | None]]:
    """All rows of a folder, in its order."""
    files = [path for path in parts(folder) if path.suffix == ".parquet"]
    return pa.concat_tables([pq.read_table(path) for path in files]).to_pylist()


def zip_split(folder: Path, size: str, *files: str, flags: tuple[str, ...] = ()) -> Path:
    """Split an archive of files of the folder as `zip -s` does; returns its last part."""
    if not shutil.which("zip"):
        pytest.skip("needs Info-ZIP's zip (apt-get install zip)")
    command = ["zip", "-q", "-s", size, *flags, "twcs.zip", *files]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    return folder / "twcs.zip"


@contextmanager
def postgresql() -> Iterator[str]:
    """The address, with user and password, of a real PostgreSQL with an empty database."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb") or (places and shutil.which("initdb", path=str(places[-1])))
    if not found:
        pytest.skip("needs PostgreSQL (apt-get install postgresql)")
    tools = Path(found).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="postgresql"))
    # It refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    if user:
        shutil.chown(secret, user)
    port = free_port()
    subprocess.run(
        [
            *(tools / "initdb", "-D", folder / "data", "-U", "me", "-A", "scram-sha-256"),
            *("-E", "UTF8", "--no-sync", f"--pwfile={secret}"),
        ],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    server = subprocess.Popen(
        [tools / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    try:
        _wait_for_port(port)
        yield f"postgresql+psycopg://me:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


def _wait_for_port(port: int, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            time.sleep(0.2)  # it answers a moment before it lets anybody in
            return
        assert time.monotonic() < end
        time.sleep(0.05)


@dataclass
class Reply:
    """An answer of the API: `content` is sent as JSON, bytes as they are."""

    content: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # the connection ends before the answer does
    chunked: bool = False  # each line is sent in a chunk of its own
    drips: bool = False  # a byte comes each 50 ms


@dataclass
class Asked:
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    at: float


@dataclass
class ApiServer:
    """Answers what `answer` says; `hiccups` come first, one for each request."""

    url: str
    asked: list[Asked]
    hiccups: list[Reply]


@contextmanager
def http_api(answer: Callable[[Asked], Reply]) -> Iterator[ApiServer]:
    server_: ApiServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts_ = urlsplit(self.path)
            parameters = {k: v[0] for k, v in parse_qs(parts_.query).items()}
            asked = Asked(parts_.path, parameters, dict(self.headers), time.monotonic())
            server_.asked.append(asked)
            reply = server_.hiccups.pop(0) if server_.hiccups else answer(asked)
            content = reply.content
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.chunked:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for line in [*body.splitlines(keepends=True), b""]:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                return
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if reply.drips:
                for at in range(len(body)):
                    self.wfile.write(body[at : at + 1])
                    time.sleep(0.05)
                return
            self.wfile.write(body[: len(body) // 2] if reply.cut else body)
            if reply.cut:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who was killed
        server_ = ApiServer(f"http://127.0.0.1:{server.server_port}", [], [])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server_
        finally:
            server.shutdown()
            thread.join()


def basic(user: str, password: str) -> str:
    """The header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
