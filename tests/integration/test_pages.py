"""MLflow's pages on what was made: links that lead there, a server that goes with its command."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from helpers import clean_environment, copy_project, free_port, serving

from common.registry import pages, store


def test_links_of_a_server_show_no_password_and_an_embedded_store_has_none(tmp_path):
    registry = store.connect(None, tmp_path, "my model", create=True)
    assert pages.links(registry, "triage") is None
    links = pages.links(registry, "triage", "http://127.0.0.1:5000/")
    assert links.runs == "http://127.0.0.1:5000/#/experiments/1?workflowType=machine_learning"
    assert links.model == "http://127.0.0.1:5000/#/models/my%20model"


def test_places_of_pages_are_files_of_an_embedded_store_and_addresses_of_a_server(
    trained, tmp_path
):
    def asked(*more, **env):
        done = trained.run("-m", "common.registry", "links", *more, "--json", **env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    found = asked()
    assert (found["runs"], found["model"], found["report"]) == (None, None, None)
    assert "<title>" in Path(found["contest"]).read_text()
    assert trained.run("monitor.py").returncode == 0
    assert "<title>" in Path(asked("1")["report"]).read_text()
    store = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{trained.root}/mlflow.db"}
    address = f"http://127.0.0.1:{free_port()}"
    command = ["mlflow", "server", "--port", address.rpartition(":")[2], "--workers", "1"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with serving(command, f"{address}/health", tmp_path / "log", **store, **quiet):
        served = asked(MLFLOW_TRACKING_URI=address)
    page = re.escape(address) + r"/#/experiments/1/runs/\w{32}/artifacts/"
    assert re.fullmatch(page + "contest.html", served["contest"])
    assert re.fullmatch(page + "report.html", served["report"])
    assert served["model"] == f"{address}/#/models/triage"


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_the_pages_are_served_until_the_command_ends(tmp_path):
    project = copy_project(tmp_path / "project")
    trained = project.run("train.py", "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["links"] is None
    port = str(free_port())
    with subprocess.Popen(
        [sys.executable, "-m", "common.registry", "ui", "--port", port],
        cwd=project.root,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        try:
            deadline = time.monotonic() + 120
            while not answers(f"http://127.0.0.1:{port}/") and time.monotonic() < deadline:
                time.sleep(0.5)
            assert answers(f"http://127.0.0.1:{port}/health")
        finally:
            os.kill(command.pid, signal.SIGTERM)
            shown, _ = command.communicate(timeout=60)
    assert f"http://127.0.0.1:{port}/#/experiments/1?workflowType=machine_learning" in shown
    assert command.returncode == 128 + signal.SIGTERM
    for _ in range(20):
        if not answers(f"http://127.0.0.1:{port}/health"):
            return
        time.sleep(0.5)
    pytest.fail("the server outlived its command")
