"""Addresses of stores, and stores that answer wrongly, each end in one line."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers import ROOT

from common.errors import StoreError
from common.registry import store


def refusal(uri, root) -> str:
    with pytest.raises(StoreError) as caught:
        store.connect(uri, root, "triage", create=True)
    (line,) = str(caught.value).splitlines()
    return line


@contextmanager
def answering_all(status, body):
    """The address of a web server that gives the same answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "uri",
    [
        *("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///?timeout=5"),
        *("sqlite://x.db", "sqlite:///file:x.db?uri=true", "sqlite+pysqlite:///x.db"),
    ],
)
def test_an_address_of_sqlite_without_a_file_is_refused(tmp_path, uri):
    line = refusal(uri, tmp_path)
    assert uri in line
    assert "sqlite:///FILE.db" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("uri", ["sqlite:///x.db?timeout=5", "SQLite:///x.db"])
def test_a_database_is_found_whatever_follows_its_name(tmp_path, uri):
    store.connect(uri, tmp_path, "triage", create=True)
    assert {path.name for path in tmp_path.iterdir()} <= {"x.db", "x.db.lock"}
    registry = store.connect(uri, tmp_path, "triage")
    assert registry.uri.startswith(f"sqlite:///{tmp_path}/x.db")


@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_a_server_that_fails_is_told_from_one_that_is_silent(tmp_path, scheme):
    with answering_all(500, b"oops") as address:
        line = refusal(address.replace("http", scheme), tmp_path)
    assert f"{address} failed: it answers HTTP 500" in line


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("body", [b"{}", b"<html>hi</html>", b"[]", b'{"experiment": 1}'])
def test_a_web_server_other_than_mlflow_is_named_as_such(tmp_path, body, status):
    with answering_all(status, body) as address:
        assert f"{address} answers, but is not an MLflow server" in refusal(address, tmp_path)


def test_a_database_without_its_tables_fails_with_the_words_of_the_driver(tmp_path):
    store.connect("sqlite:///x.db", tmp_path, "triage", create=True)
    with sqlite3.connect(tmp_path / "x.db") as database:
        database.execute("drop table experiments")
    assert refusal("sqlite:///x.db", tmp_path).endswith("failed: no such table: experiments")


def test_a_server_is_known_whether_it_has_a_default_experiment_or_not(tmp_path):
    """It may be renamed, or deleted for good."""
    for status, body in (
        (200, b'{"experiment": {"experiment_id": "0", "name": "Default"}}'),
        (404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such experiment"}'),
    ):
        with answering_all(status, body) as address:
            assert store.connect(address, tmp_path, "triage").uri == address


def test_a_server_that_asks_for_a_password_is_no_stranger(tmp_path):
    with answering_all(401, b"You are not authenticated.") as address:
        line = refusal(address, tmp_path)
    assert "not an MLflow server" not in line
    assert "401" in line
    assert "You are not authenticated" in line


def test_no_password_of_an_address_is_shown(tmp_path):
    for uri in ("http://ann:se/cret@127.0.0.1:9", "ann:se/cret@host", "sqlite://ann:se/cret@x"):
        with pytest.raises(StoreError) as caught:
            store.connect(uri, tmp_path, "triage")
        assert "cret" not in str(caught.value)
    assert "cret" not in repr(store.Registry("http://ann:se/cret@host", "triage"))


def test_mlflow_is_quiet_and_silent_without_any_script(tmp_path):
    code = "import common.registry.versions, os; print(os.environ['MLFLOW_DISABLE_TELEMETRY'])"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    command = [sys.executable, "-c", code]
    for given, expected in (({}, "true"), ({"MLFLOW_DISABLE_TELEMETRY": "false"}, "false")):
        done = subprocess.run(
            command, cwd=ROOT, env=environment | given, capture_output=True, text=True
        )
        assert done.stdout == f"{expected}\n", done.stderr


def test_a_registry_may_be_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"sqlite:///{tmp_path}/registry.db")
    registry = store.Registry(f"sqlite:///{tmp_path}/runs.db", "triage")
    assert registry.client._registry_uri == f"sqlite:///{tmp_path}/registry.db"
