"""What the server refuses, and that it says so without repeating what was sent."""

import json
import signal
import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import requests
from serving_helpers import eventually, served

SECRET = "my card is 4111 1111 1111 1111"
LIMITS = (
    *("--serve-messages", 5, "--serve-characters", 100, "--serve-body-bytes", 2000),
    *("--serve-file-bytes", 5000, "--serve-seconds", 1),
)


@pytest.fixture(scope="module")
def limited(make_trained):
    with served(make_trained(), *LIMITS) as running:
        yield running


def problem(answer, status):
    """The detail of a problem, which must not repeat the message or name a file."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert "4111" not in answer.text
    assert "/" not in body["detail"].replace("/api/", "").replace("application/", "").replace(
        "text/csv", ""
    ).replace("multipart/form-data", "").replace("/openapi.json", "").replace("/v1/models", "")
    return body["detail"]


def exchange(server, sent, pause=0.0, wait=9.0):
    """What comes back until the server closes, and after how many seconds it did."""
    place = urlsplit(server.address)
    started = time.monotonic()
    found = b""
    with socket.create_connection((place.hostname, place.port), timeout=wait) as connection:
        with suppress(ConnectionError):  # it has closed before all was sent
            for part in sent:
                connection.sendall(part)
                time.sleep(pause)
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                found += part
    return found, time.monotonic() - started


def test_too_many_too_long_and_too_large(limited):
    assert "6 messages" in problem(limited.post("/predict", json={"inputs": [SECRET] * 6}), 422)
    assert "Message 2" in problem(
        limited.post("/predict", json={"inputs": ["ok", SECRET * 9]}), 422
    )
    assert "2,000 bytes" in problem(
        limited.post("/invocations", json={"inputs": [SECRET * 90]}), 413
    )
    big = b"text\n" + b"hello\n" * 2000
    head = {"Content-Type": "text/csv"}
    assert "5,000 bytes" in problem(limited.post("/api/batch", data=big, headers=head), 413)


def test_bytes_are_counted_where_no_length_is_declared(limited):
    parts = (json.dumps({"inputs": [SECRET] * 3}).encode() + b" " * 900 for _ in range(9))
    answer = limited.post("/invocations", data=parts, headers={"Content-Type": "application/json"})
    problem(answer, 413)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"inputs": {"a": SECRET}}),
        ("/predict", {"inputs": ["ok"], "parameters": {"top_k": 0}}),
        ("/predict", {"inputs": ["ok"], "parameters": {"function_to_apply": "sigmoid"}}),
        ("/invocations", {"rows": [SECRET]}),
        ("/invocations", {"dataframe_split": {"columns": [SECRET, "b"], "data": [["x", "y"]]}}),
        ("/invocations", [SECRET]),
        ("/v1/models/triage:predict", {"instances": [7]}),
        ("/v1/models/triage:predict", {}),
        ("/v2/models/triage/infer", {"inputs": [{"datatype": "FP32", "shape": [1]}]}),
        (
            "/v2/models/triage/infer",
            {"inputs": [{"datatype": "BYTES", "shape": [2], "data": [SECRET]}]},
        ),
        ("/api/classify", {"messages": []}),
        ("/api/classify", {SECRET: 1}),
        ("/api/feedback", {"text": SECRET, "label": "no such class"}),
        ("/api/feedback", {"text": SECRET}),
    ],
)
def test_content_that_cannot_be_used(limited, path, body):
    problem(limited.post(path, json=body), 422)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", b"id,text\n1,two,three\n"),
        ("text/csv", b"id,other\n1,2\n"),
        ("text/csv", b""),
        ("application/jsonlines", b'{"text": "fine"}\n{"text": '),
        ("application/jsonlines", b"[1]\n"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(limited, kind, body):
    problem(limited.post("/invocations", data=body, headers={"Content-Type": kind}), 422)


@pytest.mark.parametrize("path", ["/predict", "/invocations", "/api/classify", "/api/feedback"])
def test_what_is_no_json(limited, path):
    head = {"Content-Type": "application/json"}
    problem(limited.post(path, data=b"{" + SECRET.encode(), headers=head), 422)


def test_other_media_types_paths_methods_and_versions(limited):
    head = {"Content-Type": "image/png"}
    problem(limited.post("/invocations", data=SECRET.encode(), headers=head), 415)
    problem(limited.post("/api/batch", data=SECRET.encode(), headers=head), 415)
    problem(limited.get("/nothing"), 404)
    problem(limited.get("/predict"), 405)
    asked = {"messages": ["ok"], "model": "99"}
    problem(limited.post("/api/classify", json=asked), 404)


def test_a_lone_surrogate_is_answered_as_what_is_no_text(limited):
    answer = limited.post(
        "/predict", data=b'{"inputs": "\\ud800 hm"}', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200
    assert answer.json() == limited.post("/predict", json={"inputs": "\ufffd hm"}).json()


def test_a_head_that_drips_and_a_body_that_stops_are_not_waited_for(limited):
    found, seconds = exchange(limited, [b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX-A: "])
    assert (found, seconds < 3) == (b"", True)
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    found, seconds = exchange(limited, [head, b'Content-Length: 50\r\n\r\n{"inputs"'])
    assert found.startswith(b"HTTP/1.1 408")
    assert seconds < 3
    found, seconds = exchange(limited, [b""])
    assert (found, seconds < 3) == (b"", True)


def test_what_belongs_to_no_request_is_not_waited_for(limited):
    get = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    found, seconds = exchange(limited, [get, b"\r\n"], pause=0.3)
    assert (found.startswith(b"HTTP/1.1 200"), seconds < 3) == (True, True)
    head = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    found, seconds = exchange(limited, [head, b"x"], pause=0.3)
    assert (found.startswith(b"HTTP/1.1 413"), seconds < 3) == (True, True)


def test_a_head_without_end_and_what_is_no_request_are_problems(limited):
    start = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    many = [start, *(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(300))]
    for sent in (many, [b"GET / HTTP/1.1\r\nX: ", *[b"a" * 5000] * 60], [b"nonsense\r\n\r\n"]):
        found, _ = exchange(limited, sent)
        assert found.startswith(b"HTTP/1.1 400")
        assert b"application/problem+json" in found


def test_probes_may_ask_by_address_and_by_head(limited):
    for path in ("/health/live", "/health/ready", "/ping", "/v2/health/ready"):
        assert limited.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200
    for path in ("/health/live", "/health/ready", "/"):
        assert requests.head(limited.address + path, timeout=9).status_code == 200


def test_a_file_may_take_long_as_long_as_it_moves(limited):
    def slowly():
        yield b"text\n"
        for n in range(5):
            time.sleep(0.5)
            yield f"hello {n}\n".encode()

    answer = limited.post("/api/batch", data=slowly(), headers={"Content-Type": "text/csv"})
    assert answer.headers["X-Rows-Scored"] == "5"


def test_names_of_the_host_and_origins_of_pages(limited):
    problem(limited.get("/api/info", headers={"Host": "evil.example"}), 421)
    # What looks at each of several servers asks by address, which no page of another name can.
    for name in ("localhost:80", "127.0.0.1", "[::1]:8000", "LOCALHOST", "10.1.2.3:8000"):
        assert limited.get("/api/info", headers={"Host": name}).status_code == 200
    foreign = {"Origin": "https://evil.example"}
    problem(limited.post("/predict", json={"inputs": "ok"}, headers=foreign), 403)
    own = {"Origin": limited.address}
    assert limited.post("/predict", json={"inputs": "ok"}, headers=own).status_code == 200
    assert "access-control-allow-origin" not in limited.get("/health/live", headers=foreign).headers


def test_answers_are_safe_in_a_browser_and_carry_the_id_that_was_sent(limited):
    answer = limited.post("/predict", json={"inputs": "ok"}, headers={"X-Request-Id": "abc-1"})
    assert answer.headers["X-Request-Id"] == "abc-1"
    again = limited.post("/predict", json={"inputs": "ok"}, headers={"X-Request-Id": "abc-1"})
    assert again.headers["X-Triage-Id"] != answer.headers["X-Triage-Id"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    broken = limited.get("/health/live", headers={"X-Request-Id": "a b"})
    assert broken.headers["X-Request-Id"] != "a b"


def test_the_access_log_has_no_texts(limited):
    limited.post("/predict", json={"inputs": SECRET}, headers={"X-Request-Id": "logged-1"})
    log = limited.project.root / "logs" / "access.jsonl"
    eventually(lambda: "logged-1" in log.read_text())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (line,) = [line for line in lines if line["request_id"] == "logged-1"]
    assert (line["status"], line["messages"], line["model_version"]) == (200, 1, 1)
    assert "4111" not in log.read_text() + (limited.project.root / "serving.err").read_text()


def test_tokens_and_their_roles(make_trained, tmp_path):
    tokens = tmp_path / "tokens.txt"
    tokens.write_text(
        "# who may do what\n"
        "desk classify aaaaaaaaaaaaaaaaaaaa\n"
        "team classify,feedback bbbbbbbbbbbbbbbbbbbb\n"
    )
    given = {"text": "thank you", "label": "True"}
    with served(make_trained(), "--serve-tokens", tokens) as server:
        assert server.get("/health/ready").status_code == 200
        assert server.get("/").status_code == 200
        asked = {"json": {"inputs": "ok"}}
        problem(server.post("/predict", **asked), 401)
        problem(server.get("/metrics"), 401)
        for wrong in ("Bearer nonsense", "Basic aaaaaaaaaaaaaaaaaaaa", "Bearer ", "\xff"):
            head = {"Authorization": wrong.encode("latin-1")}
            problem(server.post("/predict", **asked, headers=head), 401)
        desk = {"Authorization": "Bearer aaaaaaaaaaaaaaaaaaaa"}
        assert server.post("/predict", **asked, headers=desk).status_code == 200
        problem(server.post("/api/feedback", json=given, headers=desk), 403)
        team = {"Authorization": "Bearer bbbbbbbbbbbbbbbbbbbb"}
        assert server.post("/api/feedback", json=given, headers=team).status_code == 201
        assert ",team,api," in (server.project.root / "labelled.csv").read_text()


def test_a_client_that_asks_too_often_waits(make_trained):
    with served(make_trained(), "--serve-rate", "2") as server:
        codes = [server.post("/predict", json={"inputs": "ok"}).status_code for _ in range(10)]
        assert codes[:4] == [200] * 4
        refused = server.post("/predict", json={"inputs": "ok"})
        problem(refused, 429)
        time.sleep(int(refused.headers["Retry-After"]))
        assert server.post("/predict", json={"inputs": "ok"}).status_code == 200


def test_what_waits_is_bounded(make_trained):
    from concurrent.futures import ThreadPoolExecutor

    with served(make_trained(), "--serve-waiting", "20") as server:
        messages = [f"message {n}" for n in range(1000)]
        with ThreadPoolExecutor(16) as threads:
            posts = [
                threads.submit(server.post, "/predict", json={"inputs": messages})
                for _ in range(64)
            ]
            answers = [post.result() for post in posts]
        codes = {answer.status_code for answer in answers}
        assert codes == {200, 429}
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["Retry-After"] == "1"


def test_sigterm_fails_readiness_first_and_then_drains(make_trained):
    with served(make_trained(), "--serve-drain", "6") as server:
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: server.get("/health/ready").status_code == 503, 5)
        assert server.get("/ping").status_code == 503
        assert server.post("/predict", json={"inputs": "ok"}).status_code == 200
        assert server.process.wait(20) == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--serve-host", "0.0.0.0"], "SERVE_TOKENS"),
        (["--serve-port", "99999"], "SERVE_PORT"),
        (["--serve-tokens", "missing.txt"], "cannot read"),
        (["--serve-capture", "all"], "SERVE_CAPTURE"),
        (["--serve-host", "203.0.113.1", "--open"], "cannot listen"),
    ],
)
def test_settings_that_cannot_be(trained, flags, words):
    done = trained.run("-m", "serving", *flags)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_without_its_packages_it_says_which_command_installs_them(trained):
    code = "import sys, runpy; sys.modules['uvloop'] = None; sys.argv = ['serving']; "
    code += "import importlib.util as u; found = u.find_spec; "
    code += "u.find_spec = lambda name: None if name == 'uvloop' else found(name); "
    done = trained.run("-c", code + "runpy.run_module('serving', run_name='__main__')")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "make serve" in done.stderr


def test_help_is_told_without_any_heavy_library(trained):
    code = "import sys, serving.__main__; print({'mlflow', 'fastapi', 'pandas'} & set(sys.modules))"
    assert trained.run("-c", code).stdout == "set()\n"


def test_without_a_champion_it_says_what_to_do(project):
    done = project.run("-m", "serving")
    assert done.returncode == 4
    assert "train.py" in done.stderr
    assert done.stderr.count("\n") == 1
