"""The champion changes under load: no request fails, no answer mixes versions."""

import shutil
import threading
import time

import pytest
import requests
from helpers import Project, free_port, mlflow_server
from serving_helpers import eventually, memory_mb, served

MESSAGES = [f"my parcel {n} is late, refund me please" for n in range(5)]


def train_another(project, seed):
    """A version with other answers, which loses or wins as it may."""
    done = project.run("train.py", "--seed", str(seed), "--holdout-percent", "40")
    assert done.returncode == 0, done.stderr


def promote(project, number):
    done = project.run(
        "-m", "common.registry", "promote", str(number), "--reason", "try it", "--yes"
    )
    assert done.returncode == 0, done.stderr


def answers_of(server, model):
    found = server.post("/api/classify", json={"messages": MESSAGES, "model": model}).json()
    return [(each["label"], each["confidence"]) for each in found["answers"]]


@pytest.fixture(scope="module")
def first_two_versions(make_trained):
    project = make_trained()
    train_another(project, 7)
    return project


@pytest.fixture
def two_versions(first_two_versions, tmp_path):
    """A copy; its first model is read from elsewhere, its second one is its own."""
    return Project(shutil.copytree(first_two_versions.root, tmp_path / "two"))


def test_under_load_each_answer_is_that_of_the_version_it_names(two_versions):
    problems, seen, stop = [], set(), threading.Event()

    def ask(address, expected):
        session = requests.Session()
        while not stop.is_set():
            answer = session.post(f"{address}/api/classify", json={"messages": MESSAGES}, timeout=9)
            if answer.status_code != 200:
                problems.append(answer.text)
                continue
            body = answer.json()
            number = body["model"]["version"]
            found = [(each["label"], each["confidence"]) for each in body["answers"]]
            if answer.headers["X-Model-Version"] != str(number) or found != expected[number]:
                problems.append((number, found))
            seen.add(number)

    with served(two_versions, "--serve-poll", "0.2") as server:
        expected = {1: answers_of(server, "champion"), 2: answers_of(server, "challenger")}
        assert expected[1] != expected[2]
        threads = [threading.Thread(target=ask, args=(server.address, expected)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for number in (2, 1) * 2:
            promote(two_versions, number)
            eventually(
                lambda number=number: server.get("/health/ready").json()["version"] == number, 5
            )
        stop.set()
        for thread in threads:
            thread.join()
        swaps = [line for line in server.get("/metrics").text.splitlines() if "swaps_total" in line]
        assert swaps[-1].endswith(" 4.0")
    assert problems == []
    assert seen == {1, 2}


def test_a_version_that_was_tampered_with_is_refused_and_the_old_one_goes_on(two_versions):
    (pickled,) = two_versions.root.glob("mlartifacts/**/classifier.pkl")
    with served(two_versions, "--serve-poll", "0.2") as server:
        before = server.labels(MESSAGES)
    pickled.write_bytes(pickled.read_bytes() + b" ")
    with served(two_versions, "--serve-poll", "0.2") as server:
        ready = server.get("/health/ready").json()
        assert (ready["version"], ready["refused"], ready["ready"]) == (1, [2], True)
        assert "triage_versions_refused 1.0" in server.get("/metrics").text
        assert server.labels(MESSAGES) == before
        asked = {"messages": MESSAGES, "model": "challenger"}
        assert server.post("/api/classify", json=asked).status_code == 404


def test_a_version_that_answers_otherwise_than_when_registered_is_refused(two_versions):
    from common.registry import known_answers, store

    registry = store.connect(None, two_versions.root, "triage")
    registry.client.set_model_version_tag("triage", "2", known_answers.TAG, "[[0, 0.123]]")
    with served(two_versions) as server:
        assert server.get("/health/ready").json()["refused"] == [2]
        assert server.get("/api/info").json()["refused"] == [2]
    assert "answers otherwise" in (two_versions.root / "serving.err").read_text()


def test_a_version_whose_notes_are_broken_is_refused_and_the_next_one_is_served(two_versions):
    from common.registry import known_answers, store

    registry = store.connect(None, two_versions.root, "triage")
    registry.client.set_model_version_tag("triage", "2", known_answers.TAG, "not json")
    with served(two_versions, "--serve-poll", "0.2") as server:
        ready = server.get("/health/ready").json()
        assert (ready["version"], ready["refused"], ready["registry_reachable"]) == (1, [2], True)


def test_a_store_that_is_gone_is_no_reason_to_stop_and_is_followed_again(tmp_path, project):
    made = project.run("-m", "common.data.synthetic", "--rows", "1500", "--out", "data")
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "store"
    folder.mkdir()
    port = free_port()
    with mlflow_server(folder, port) as uri:
        env = {"MLFLOW_TRACKING_URI": uri}
        first = project.run("train.py", **env)
        assert first.returncode == 0, first.stderr
        running = served(project, "--serve-poll", "0.3", **env)
        server = running.__enter__()
    try:
        eventually(lambda: not server.get("/health/ready").json()["registry_reachable"], 60)
        assert server.get("/health/ready").status_code == 200
        assert len(server.labels(MESSAGES)) == len(MESSAGES)
        with mlflow_server(folder, port):
            eventually(lambda: server.get("/health/ready").json()["registry_reachable"], 60)
            done = project.run("train.py", "--seed", "9", "--holdout-percent", "40", **env)
            assert done.returncode == 0, done.stderr
            again = project.run(
                "-m", "common.registry", "promote", "2", "--reason", "x", "--yes", **env
            )
            if "is the champion already" not in again.stderr:
                assert again.returncode == 0, again.stderr
            eventually(lambda: server.get("/health/ready").json()["version"] == 2, 60)
    finally:
        running.__exit__(None, None, None)


def test_the_shadow_answers_too_and_differences_are_counted(two_versions):
    with served(two_versions, "--serve-shadow", "challenger") as server:
        server.labels([f"{text} {n}" for n, text in enumerate(MESSAGES * 20)])
        eventually(
            lambda: 'triage_shadow_total{same="yes",version="2"}' in server.get("/metrics").text
        )
        lines = server.get("/metrics").text.splitlines()
        counted = sum(float(line.split()[-1]) for line in lines if "triage_shadow_total{" in line)
        assert counted == 100


@pytest.mark.slow
def test_memory_stays_flat_over_many_requests_and_swaps(two_versions):
    with served(two_versions, "--serve-poll", "0.1", warm=False) as server:
        session = requests.Session()

        def ask(times):
            for n in range(times):
                texts = [f"{text} {n} {time.monotonic_ns()}" for text in MESSAGES]
                answer = session.post(f"{server.address}/predict", json={"inputs": texts})
                assert answer.status_code == 200

        ask(3000)
        before = memory_mb(server.process)
        for number in (2, 1) * 5:
            promote(two_versions, number)
            ask(1700)
        assert server.get("/health/ready").json()["version"] == 1
        assert memory_mb(server.process) < before + 60
