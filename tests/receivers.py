"""Real receivers on loopback: web servers well and ill, and a mail server."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# A notice as `common.monitoring.alerts.formats` describes it.
NOTICE = {
    "incident": "accuracy-20260301-3f2a",
    "finding": "accuracy",
    "change": "opened",
    "status": "CRITICAL",
    "since": "2026-03-01T06:00:00+00:00",
    "at": "2026-03-02T06:00:00+00:00",
    "window": "2026-03-01",
    "reason": "accuracy 0.8100 (95 % bounds 0.7700 to 0.8447) on 300 rows is below the floor 0.85",
    "detail": {},
    "model": "triage",
    "text": "CRITICAL: triage version 3",
    "next_steps": ["python monitor.py --data 'a b.csv'", "python -m common.registry rollback"],
}


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Web:
    """Answers with `statuses` one by one, then with the last; keeps what it was asked."""

    statuses: list[int]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    body_bytes_sent: int = 0


@contextmanager
def web(
    *statuses: int,
    body: bytes = b"",
    times: int = 1,
    before: Callable[[], object] = lambda: None,
    **headers: str,
) -> Iterator[Web]:
    """A server that answers `times` times `body` to every POST."""
    receiver = Web(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append(Request(self.path, dict(self.headers), content))
            before()
            left = receiver.statuses
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body) * times))
            self.end_headers()
            with suppress(OSError):  # who has hung up needs no more
                for _ in range(times):
                    receiver.body_bytes_sent += self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, _served(server):
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        yield receiver


@contextmanager
def dripping(first: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Slow: ") -> Iterator[int]:
    """The port of a server whose answer goes on for a minute, a byte every tenth of a second."""
    closing = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.sendall(first)
                while not closing.wait(0.1):
                    self.request.sendall(b".")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server, _served(server):
        try:
            yield server.server_address[1]
        finally:
            closing.set()


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@dataclass
class Mail:
    """A mail server: what it was told, and what it took."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)


@contextmanager
def mail(
    replies: dict[str, list[str]] | None = None,
    tls: ssl.SSLContext | None = None,
    tls_first: bool = False,
) -> Iterator[Mail]:
    """Speaks as much SMTP as smtplib needs.

    Args:
        replies: what to say, one after the other, to a verb (or to END, the end of the data) before
            the usual reply; an empty one hangs up.
        tls: for STARTTLS, or with `tls_first` from the start.
    """
    taken, planned = Mail(), replies or {}

    class Handler(socketserver.StreamRequestHandler):
        sender, recipients, secure = "", (), False

        def handle(self) -> None:
            with suppress(OSError, ssl.SSLError):
                if tls_first:
                    self.secured()
                self.say("220 ready")
                while (told := self.rfile.readline()) and self.obey(told.decode().strip()):
                    pass

        def say(self, reply: str) -> None:
            self.wfile.write(f"{reply}\r\n".encode())

        def secured(self) -> None:
            assert tls is not None
            self.request = tls.wrap_socket(self.request, server_side=True)
            self.setup()
            self.secure = True

        def obey(self, command: str) -> bool:
            verb = command.split(" ")[0].upper()
            taken.commands.append(verb)
            if planned.get(verb):
                reply = planned[verb].pop(0)
                if reply:
                    self.say(reply)
                return bool(reply)
            match verb:
                case "EHLO":
                    offers = ["localhost", "8BITMIME", "AUTH PLAIN"]
                    if tls and not self.secure:
                        offers.append("STARTTLS")
                    self.say("\r\n".join([f"250-{offer}" for offer in offers] + ["250 HELP"]))
                case "STARTTLS":
                    self.say("220 go")
                    self.secured()
                case "AUTH":
                    self.say("235 welcome")
                case "MAIL":
                    self.sender, self.recipients = command, ()
                    self.say("250 ok")
                case "RCPT":
                    self.recipients = (*self.recipients, command)
                    self.say("250 ok")
                case "DATA":
                    self.say("354 go on")
                    self.take()
                case "QUIT":
                    self.say("221 bye")
                    return False
                case _:
                    self.say("250 ok")
            return True

        def take(self) -> None:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if planned.get("END"):
                self.say(planned["END"].pop(0))
                return
            taken.envelopes.append((self.sender, list(self.recipients)))
            taken.messages.append(message_from_bytes(b"".join(lines), policy=default))
            self.say("250 taken")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server, _served(server):
        taken.port = server.server_address[1]
        yield taken


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    server.daemon_threads = True  # type: ignore[attr-defined]
    server.block_on_close = False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
