"""What the version before has left is used by this one: nothing is lost, nothing is told twice."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from before import BEFORE, project_of, upgrade
from helpers import clean_environment, mlflow_server
from receivers import web

from common.data.synthetic.origin import BRANDS

pytestmark = pytest.mark.slow

CRITICAL, OK = 2, 0
ANY_GAIN = ("--champion-threshold", "-1")


def run(project, *command, expect=0, **env):
    done = project.run(*command, **env)
    assert done.returncode == expect, f"{done.stdout}\n{done.stderr}"
    return done


def facts(project, *command, **how):
    return json.loads(run(project, *command, "--json", **how).stdout)


def days(project, wrong):
    """Two days of 600 messages; on wrong ones the classes are turned round."""
    lines = project.sample.read_text().splitlines(keepends=True)
    turned = {"True": "False", "False": "True"}
    folder = project.root / "days"
    folder.mkdir(exist_ok=True)
    rows = [line for line in lines[1:] if line.count(",") == 6 and '"' not in line]
    for day in (1, 2):
        at = 1200 * wrong + 600 * day
        cells = [row.split(",") for row in rows[at : at + 600]]
        for number, cell in enumerate(cells):
            cell[2] = turned[cell[2]] if wrong and number % 2 else cell[2]
            # Wrong days come first.
            cell[3] = f"2026-03-{day if wrong else day + 2:02}T10:00:00Z"
        text = lines[0] + "".join(",".join(cell) for cell in cells)
        (folder / f"{day}.csv").write_text(text)
    return folder


def monitor(project, folder, url, expect):
    flags = ("--window", "1d", "--label-days", "9999", "--model", "1", "--remind-hours", "9999")
    run(project, "monitor.py", "--data", folder, *flags, expect=expect, ALERT_URLS=url)


def interrupt(project, *command):
    """Kill predict.py at its first checkpoint."""
    process = subprocess.Popen(
        [sys.executable, "predict.py", *command],
        cwd=project.root,
        env=clean_environment() | project.env,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while not list(project.root.glob(".*.draft-state")):
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def told(receiver):
    return [(request.json["finding"], request.json["change"]) for request in receiver.requests]


@pytest.fixture(scope="module")
def receiver():
    with web(200) as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "server"])
def upgraded(request, tmp_path_factory, receiver):
    """Two versions, a rollback, an open incident and an interrupted run; then upgraded."""
    folder = tmp_path_factory.mktemp("upgrade")
    project = project_of(BEFORE, folder / "project")
    if request.param == "server":
        with mlflow_server(folder) as address:
            project.env["MLFLOW_TRACKING_URI"] = address
            yield prepared(project, receiver)
    else:
        yield prepared(project, receiver)


def prepared(project, receiver):
    first = project.root / "first.csv"
    run(project, "-m", "common.sample", "--rows", "4000", "--out", "data")
    rows = "".join(project.sample.read_text().splitlines(keepends=True)[:2500])
    # Of other authors, so that this version doesn't take it for a part of the sample.
    ours = "|".join(BRANDS)
    first.write_text(re.sub(rf"^(\d+),({ours}),", r"\1,my\2,", rows, flags=re.MULTILINE))
    run(project, "train.py", "--data", first)
    run(project, "train.py", *ANY_GAIN)
    run(project, "-m", "common.registry", "rollback")
    for version in ("1", "2"):
        run(project, "predict.py", first, "--model", version, "-o", f"before-{version}.csv")
    many = project.root / "many.csv"
    many.write_text("id,text\n" + "".join(f"{k},where is order {k}?\n" for k in range(150_000)))
    run(project, "predict.py", "many.csv", "-o", "whole.csv", "--chunk-size", "500")
    interrupt(project, "many.csv", "-o", "broken.csv", "--chunk-size", "500", "--workers", "1")
    receiver.requests.clear()
    monitor(project, days(project, wrong=True), receiver.url, expect=CRITICAL)
    assert ("accuracy", "opened") in told(receiver)
    upgrade(project)
    return project


def test_versions_of_before_give_the_same_bytes(upgraded):
    for version in ("1", "2"):
        run(upgraded, "predict.py", "first.csv", "--model", version, "-o", f"after-{version}.csv")
        before, after = (upgraded.root / f"{when}-{version}.csv" for when in ("before", "after"))
        assert after.read_bytes() == before.read_bytes()


def test_what_the_version_before_scored_is_not_scored_again(upgraded):
    done = facts(upgraded, "predict.py", "first.csv", "--model", "1", "-o", "before-1.csv")
    assert done["total"]["done_already"] == 1


def test_an_interrupted_run_of_before_is_resumed_to_the_same_bytes(upgraded):
    done = run(upgraded, "predict.py", "many.csv", "-o", "broken.csv", "--chunk-size", "500")
    assert "interrupted run" in done.stderr
    broken, whole = (upgraded.root / f"{name}.csv" for name in ("broken", "whole"))
    assert broken.read_bytes() == whole.read_bytes()
    assert not list(upgraded.root.glob(".*.draft*"))


def test_an_incident_of_before_recovers_once_and_nothing_is_told_twice(upgraded, receiver):
    before = told(receiver)
    monitor(upgraded, upgraded.root / "days", receiver.url, expect=CRITICAL)
    # What this version finds usual is over; all else is known already.
    assert set(told(receiver)[len(before) :]) <= {("drift", "recovered")}
    for _ in range(2):
        monitor(upgraded, days(upgraded, wrong=False), receiver.url, expect=OK)
    after = told(receiver)
    assert sorted(after[len(before) :]) == sorted((subject, "recovered") for subject, _ in before)
    incidents = {request.json["incident"] for request in receiver.requests}
    assert len(incidents) == len(before)


def test_the_history_of_before_shows_and_goes_on(upgraded):
    history = facts(upgraded, "-m", "common.registry", "history")
    assert [entry["kind"] for entry in history] == ["contest", "contest", "rollback"]
    assert [entry["version"] for entry in history] == [1, 2, 1]
    run(upgraded, "-m", "common.registry", "promote", "2", "--reason", "it is the better one")
    run(upgraded, "-m", "common.registry", "rollback")
    history = facts(upgraded, "-m", "common.registry", "history")
    assert [entry["version"] for entry in history] == [1, 2, 1, 2, 1]


def test_the_contest_is_held_against_the_champion_of_before(upgraded):
    found = facts(upgraded, "train.py", "--data", "first.csv")
    assert found["champion"] == 1
    assert found["verdict"] == "rejected"
    accuracy = {rule["metric"]: rule for rule in found["rules"]}["accuracy"]
    assert accuracy["champion"] == accuracy["challenger"]


def test_a_version_of_before_can_be_fitted_again(upgraded):
    found = facts(upgraded, "train.py", "--reproduce", "1", "--data", "first.csv")
    assert found["identical"]


def test_threads_get_right_answers_of_a_version_of_before(upgraded):
    """In a process of its own, as a server would load it."""
    code = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from common import ROOT
from common.registry import store, versions
registry = store.connect(sys.argv[1] or None, ROOT, "triage")
classifier = versions.load(registry, versions.find(registry, "1"))
calls = [[f"word{call}x{k} where is order {call * k}" for k in range(20)] for call in range(400)]
alone = [classifier.predict_proba(texts).tobytes() for texts in calls]
with ThreadPoolExecutor(8) as pool:
    together = [proba.tobytes() for proba in pool.map(classifier.predict_proba, calls)]
print("the same" if alone == together else "others")
"""
    uri = upgraded.env.get("MLFLOW_TRACKING_URI", "")
    done = run(upgraded, "-c", code, uri, PYTHONPATH=str(upgraded.root))
    assert done.stdout == "the same\n"
