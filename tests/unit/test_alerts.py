import json
import logging
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import ROOT, free_port

from common import alerts

TOKEN = "t0ken-of-the-hook"
PATH = f"/hook/{TOKEN}?key={TOKEN}"
ALERT = {"status": "CRITICAL", "text": "größe 👍\nfell", "metrics": {"accuracy": 0.5}, "rows": 3}


@dataclass
class Receiver:
    """An HTTP server on loopback; answers with `statuses` one by one, then with the last."""

    statuses: list[int]
    headers: dict[str, str]
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def receiving(*statuses, before=lambda: None, **headers):
    receiver = Receiver(list(statuses), headers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append((self.path, self.headers["Content-Type"], body))
            before()
            left = receiver.statuses
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            for name, value in receiver.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def dripping():
    """A server whose answer would be complete after a minute; the address of it."""
    closing = threading.Event()

    def drip():
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Slow: ")
                for _ in range(600):
                    if closing.wait(0.1):
                        return
                    connection.sendall(b".")
                connection.sendall(b"\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)  # on a busy machine a client may give up before it comes
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            closing.set()
            thread.join()


@pytest.fixture(autouse=True)
def _direct(monkeypatch, caplog):
    monkeypatch.setenv("no_proxy", "*")
    caplog.set_level(logging.DEBUG)


def test_the_alert_arrives_as_json():
    with receiving(200) as receiver:
        assert alerts.send([receiver.url + PATH], ALERT) == 1
    ((path, kind, body),) = receiver.requests
    assert path == PATH
    assert kind == "application/json"
    assert json.loads(body) == ALERT


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_counts_as_delivered(status):
    with receiving(status) as receiver:
        assert alerts.send([receiver.url], ALERT) == 1


def test_without_addresses_nothing_is_delivered():
    assert alerts.send([], ALERT) == 0


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_receiver_that_is_out_of_sorts_is_asked_again(status):
    with receiving(status, 200) as receiver:
        assert alerts.send([receiver.url], ALERT) == 1
    assert len(receiver.requests) == 2


def test_a_receiver_cannot_make_the_script_wait_for_an_hour():
    with receiving(503, 200, Retry_After="3600") as receiver:
        assert alerts.send([receiver.url], ALERT, deadline=5.0) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_refusal_is_final(status, caplog):
    with receiving(status) as receiver:
        assert alerts.send([receiver.url], ALERT) == 0
    assert len(receiver.requests) == 1
    assert f"HTTP {status}" in caplog.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_not_delivered(status, caplog):
    with receiving(200) as elsewhere, receiving(status, Location=elsewhere.url) as receiver:
        assert alerts.send([receiver.url], ALERT) == 0
    assert not elsewhere.requests
    assert f"HTTP {status}" in caplog.text


@pytest.mark.parametrize("status", [300, 302, 304])
def test_a_redirect_to_nowhere_is_not_delivered(status):
    with receiving(status) as receiver:
        assert alerts.send([receiver.url], ALERT) == 0


def test_what_is_never_delivered_is_logged_by_position_and_host_alone(caplog):
    with receiving(200) as well, receiving(500) as ill:
        closed = f"http://ann:{TOKEN}@127.0.0.1:{free_port()}"
        assert alerts.send([well.url + PATH, ill.url + PATH, closed + PATH], ALERT) == 1
    assert len(ill.requests) == 1 + alerts.RETRIES
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert len(errors) == 2
    for position, message in zip((2, 3), errors, strict=True):
        assert f"address {position} of ALERT_URLS (127.0.0.1)" in message
    assert TOKEN not in caplog.text


def test_the_address_of_a_delivered_alert_is_not_logged_either(caplog):
    with receiving(200) as receiver:
        alerts.send([receiver.url + PATH], ALERT)
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("address", ["http://[::1", "http://a..b", "http://127.0.0.1:99999"])
def test_an_address_that_cannot_be_one_fails_alone(address, caplog, capsys):
    with receiving(200) as receiver:
        assert alerts.send([address + PATH, receiver.url], ALERT) == 1
    assert "address 1 of ALERT_URLS" in caplog.text
    assert TOKEN not in caplog.text + capsys.readouterr().err


def test_a_receiver_that_drips_is_given_up_at_the_deadline(caplog):
    with dripping() as slow, receiving(200) as receiver:
        assert alerts.send([slow + PATH, receiver.url], ALERT, deadline=1.0) == 1
    assert "address 1 of ALERT_URLS (127.0.0.1): no answer within 1 s." in caplog.text


def test_a_receiver_that_drips_does_not_keep_the_script_from_ending():
    script = "import sys; from common.alerts import send; send(sys.argv[1:], {}, deadline=0.2)"
    with dripping() as slow:
        subprocess.run([sys.executable, "-c", script, slow], cwd=ROOT, check=True, timeout=30)


def test_all_addresses_are_told_at_once():
    together = threading.Barrier(3)
    with receiving(200, before=lambda: together.wait(timeout=10)) as receiver:
        addresses = [f"{receiver.url}/{k}" for k in range(3)]
        assert alerts.send(addresses, ALERT) == 3
    assert {path for path, _, _ in receiver.requests} == {"/0", "/1", "/2"}
