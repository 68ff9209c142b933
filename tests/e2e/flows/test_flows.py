"""Flows on a real Prefect server: what is due runs, what may pass is tried again, links work."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from browsing import BROWSER, browser
from flows_helpers import (
    LOOKED_AT,
    PREFECT,
    TERMINAL,
    Prefect,
    flow_call,
    printed_look,
    run_flow,
    served,
    started,
    with_flows,
)
from helpers import ROOT, clean_environment, copy_project, free_port, mlflow_server

pytestmark = pytest.mark.slow


def write_wrong_labels(project, path):
    """Messages of which a third has the other class."""
    messages = pd.read_csv(project.sample, dtype=str, keep_default_na=False).head(3000)
    other = messages["inbound"].map({"True": "False", "False": "True"})
    messages["inbound"] = messages["inbound"].where(messages.index % 3 != 0, other)
    messages["text"] += " anew"
    messages.to_csv(path, index=False)
    return messages


def ended(prefect, flow, **wanted):
    runs = [run for run in prefect.flow_runs(flow) if run["state_type"] in TERMINAL]
    return [run for run in runs if all(run[name] == value for name, value in wanted.items())]


def test_what_is_due_runs_and_what_it_finds_starts_the_retraining(trained, prefect):
    project = with_flows(trained)
    messages = write_wrong_labels(project, project.root / "wrong.csv")
    flags = ["--daily", "* * * * * */10", "--monitor", "--data wrong.csv", "--retrain", "none"]
    flags += ["--train", "--data wrong.csv --target-column inbound"]
    with served(project, prefect, *flags):
        look = prefect.wait(lambda: ended(prefect, "daily"), "a scheduled run")[0]
        # One is enough: each that is due meanwhile would have its turn before the retraining.
        prefect.pause("daily")
        assert look["auto_scheduled"]
        # The alert is what the run came to, no failure, and nobody has tried it again.
        assert (look["state_type"], look["state_name"]) == ("COMPLETED", "CRITICAL")
        assert prefect.task_runs(look)["monitor"]["run_count"] == 1
        again = prefect.wait(lambda: ended(prefect, "retrain"), "the retraining", 180)[0]
    assert again["created_by"]["type"] == "AUTOMATION"
    assert again["parameters"]["contest_since"] is None  # the window is the file
    assert again["state_type"] == "COMPLETED"
    # The incident is told of once, so one training follows from it.
    assert len(prefect.flow_runs("retrain")) == 1
    shown = prefect.artifacts(look) | prefect.artifacts(again)
    assert set(shown) == {"look", "training"}
    assert "# CRITICAL" in shown["look"]
    report = re.search(r"Report: `(.+)` on the machine", shown["look"])[1]
    assert "wrong.csv" in Path(report).read_text()
    kept = "\n".join(shown.values()) + prefect.logs(look) + prefect.logs(again)
    assert "Fitting on" in kept
    assert not [text for text in messages["text"] if len(text) > 30 and text in kept]
    assert prefect.deployment("retrain")["paused"]  # nobody would run it now


def test_a_run_that_is_cancelled_takes_its_child_along(trained, prefect):
    project = with_flows(trained)
    pid_file = project.root / "pid"
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    never = ["--daily", "none", "--retrain", "none"]
    with served(project, prefect, *never) as process:
        # Where it was served before, it is not at rest any more.
        deployment = prefect.deployment("pipeline")
        assert not deployment["paused"]
        asked = {"fetch": [sys.executable, "-c", code]}
        run = prefect.ask(f"/deployments/{deployment['id']}/create_flow_run", parameters=asked)
        pid = int(prefect.wait(lambda: pid_file.exists() and pid_file.read_text(), "the child"))
        state = {"type": "CANCELLING", "name": "Cancelling"}
        prefect.ask(f"/flow_runs/{run['id']}/set_state", state=state)
        prefect.wait(lambda: ended(prefect, "pipeline", state_type="CANCELLED"), "the end", 60)
        prefect.wait(lambda: not alive(pid), "the end of the child", 20)
        assert process.poll() is None


def deployed(prefect, flow):
    with suppress(OSError):
        return prefect.deployment(flow)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_bad_input_is_read_once_and_a_step_that_fails_keeps_no_other_from_running(trained, prefect):
    project, missing = with_flows(trained), ["not_there.csv"]
    data = ["--data", *missing]
    run = run_flow(project, prefect, "pipeline", train=data, predict=missing, monitor=data)
    steps = prefect.task_runs(run)
    assert run["state_type"] == "FAILED"
    assert {
        name: (step["state_type"], step["run_count"]) for name, step in steps.items()
    } == dict.fromkeys(("train", "predict", "monitor"), ("FAILED", 1))
    said = "predict.py ended with exit code 3: predict: error: not_there.csv does not exist."
    assert said in steps["predict"]["state"]["message"]


def test_a_step_that_takes_too_long_is_ended(trained, prefect):
    run = run_flow(with_flows(trained), prefect, "retrain", minutes=0)
    step = prefect.task_runs(run)["train"]
    assert step["run_count"] == 1
    assert "was ended: it took more than 0 s" in step["state"]["message"]


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def with_server(tmp_path_factory, port, prefect):
    """A project whose store is a server, with a champion that the flow `retrain` has made."""
    folder = tmp_path_factory.mktemp("with_server")
    project = copy_project(folder / "project")
    project.env["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{port}"
    flags = ("--class", "inbound", "--rows", 3000, "--out", "data")
    assert project.run("-m", "common.data.synthetic", *flags).returncode == 0
    with mlflow_server(folder, port):
        run = run_flow(with_flows(project), prefect, "retrain")
    assert run["state_name"] == "promoted"
    return project, run


def waiting(prefect, flow, step, known):
    """A new run of a flow that waits to try a step again."""

    def found():
        for run in prefect.flow_runs(flow):
            steps = prefect.task_runs(run) if run["id"] not in known else {}
            if step in steps and steps[step]["state_name"] == "AwaitingRetry":
                return run

    return prefect.wait(found, f"waiting to {step} again")


def test_a_store_that_is_away_is_asked_again_until_it_is_back(with_server, port, prefect):
    project, _ = with_server
    known = {run["id"] for run in prefect.flow_runs("daily")}
    call = flow_call("daily", predict=["data/synthetic_messages.csv", "-o", "scored.csv"])
    with started(project, prefect, "-c", call) as process:
        run = waiting(prefect, "daily", "predict", known)
        with mlflow_server(project.root.parent, port):
            process.wait(180)
    (run,) = [each for each in prefect.flow_runs("daily") if each["id"] == run["id"]]
    assert (run["state_type"], run["state_name"]) == ("COMPLETED", "OK")
    assert prefect.task_runs(run)["predict"]["run_count"] > 1
    assert "does not answer" in prefect.logs(run)
    assert (project.root / "scored.csv").exists()


def test_the_monitor_waits_for_the_store_too(with_server, port, prefect):
    """Its exit code 3 says any failure; the registry is asked whether this one may pass."""
    project, _ = with_server
    known = {run["id"] for run in prefect.flow_runs("daily")}
    with started(project, prefect, "-c", flow_call("daily")):
        assert waiting(prefect, "daily", "monitor", known)


def test_links_lead_to_the_pages(with_server, port, prefect, tmp_path):
    project, trained = with_server
    with mlflow_server(project.root.parent, port):
        looked = run_flow(project, prefect, "daily")
        shown = prefect.artifacts(trained) | prefect.artifacts(looked)
        pages = {
            "contest": ("contest.html", "Contest page", "training"),
            "report": ("report.html", "Report", "look"),
        }
        for key, (name, title, summary) in pages.items():
            address = re.search(r"\]\((http.+)\)|^(http\S+)$", shown[key])
            address = address[1] or address[2]
            assert f"[{title}]({address})" in shown[summary]
            run_id = re.search(r"/#/experiments/\d+/runs/(\w+)/artifacts/" + name, address)[1]
            # What MLflow's page loads of the run.
            file = f"http://127.0.0.1:{port}/get-artifact?path={name}&run_uuid={run_id}"
            with urllib.request.urlopen(file, timeout=10) as answer:
                assert b"<title>" in answer.read()
            if BROWSER:
                assert_shows(address)


def assert_shows(address):
    """MLflow's page shows the page of HTML in a frame."""
    with browser() as running:
        page = running.new_page()
        page.goto(address)
        frame = page.frame_locator("iframe").first
        frame.locator("h1").first.wait_for(timeout=60_000)


def test_a_server_is_started_where_none_is_set_and_ends_with_the_flows(trained, prefect, tmp_path):
    project, own = with_flows(trained), Prefect("http://127.0.0.1:4200/api", prefect.env)
    if deployed(own, "daily"):
        pytest.skip("somebody has a Prefect server on port 4200")
    env = {"PREFECT_HOME": str(tmp_path / "home"), "PREFECT_API_URL": ""}
    with served(project, own, **env) as process:
        with urllib.request.urlopen(f"{own.api}/admin/settings", timeout=30) as answer:
            assert json.load(answer)["server"]["analytics_enabled"] is False
        crons = {flow: own.deployment(flow)["schedules"] for flow in ("daily", "retrain")}
        process.terminate()
        process.wait(60)
    assert crons["daily"][0]["schedule"]["cron"] == "0 6 * * *"
    assert crons["retrain"][0]["schedule"]["timezone"] == "UTC"
    assert process.returncode == 0, (project.root / "flows.log").read_text()
    own.wait(lambda: not deployed(own, "daily"), "the end of the server", 30)
    assert "Traceback" not in (project.root / "flows.log").read_text()


@pytest.mark.parametrize(
    ("flags", "env", "said"),
    [
        (["--daily", "61 * * * *"], {}, "'61 * * * *' in 'UTC' is no schedule"),
        (["--time-zone", "Mars"], {}, "in 'Mars' is no schedule"),
        ([], {"PREFECT_API_URL": "http://127.0.0.1:9/api"}, "PREFECT_API_URL does not answer"),
    ],
)
def test_what_can_not_be_is_said_in_one_line(flags, env, said, prefect, project):
    with_flows(project)
    done = subprocess.run(
        [PREFECT, "-m", "flows", *flags],
        cwd=project.root,
        env=clean_environment() | prefect.env | env,
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert re.fullmatch(r"flows: error: .*\n", done.stderr), done.stderr
    assert said in done.stderr


def test_the_commands_of_the_page_start_runs(trained, prefect):
    project = with_flows(trained)
    page = (ROOT / "docs" / "orchestration.md").read_text()
    commands = re.findall(r"^\.venv-flows/bin/prefect (deployment run .*)$", page, re.MULTILINE)
    assert len(commands) == 2
    with served(project, prefect, "--daily", "none", "--retrain", "none"):
        for command in commands:
            started_one = subprocess.run(
                [PREFECT.with_name("prefect"), *shlex.split(command)],
                env=clean_environment() | prefect.env,
                capture_output=True,
                text=True,
            )
            assert started_one.returncode == 0, started_one.stdout + started_one.stderr
    (*_, run) = prefect.flow_runs("pipeline")
    assert run["parameters"]["monitor"] == ["--data", "labelled.csv"]
    (*_, run) = prefect.flow_runs("retrain")
    assert run["parameters"]["contest_since"] == "2026-03-01"


def test_the_messages_since_the_fall_decide_the_contest_of_one_retraining(trained, prefect):
    """Served twice, there is still one automation; what the event says reaches the training."""
    project, never = with_flows(trained), ["--daily", "none", "--retrain", "none"]
    known = {run["id"] for run in prefect.flow_runs("retrain")}
    code = (
        "import sys; from flows import tasks, results; "
        "tasks._emit(results.read_judged(sys.stdin.read())); "
        "from prefect.events.worker import EventsWorker; EventsWorker.drain_all()"
    )
    for _ in range(2):
        with served(project, prefect, *never):
            pass
    with served(project, prefect, *never):
        told = subprocess.run(
            [PREFECT, "-c", code],
            cwd=project.root,
            env=clean_environment() | prefect.env,
            input=printed_look([("opened", LOOKED_AT)]),
            capture_output=True,
            text=True,
        )
        assert told.returncode == 0, told.stderr

        def new():
            return [run for run in prefect.flow_runs("retrain") if run["id"] not in known]

        prefect.wait(new, "the retraining", 60)
        time.sleep(5)
    (run,) = new()
    assert run["created_by"]["type"] == "AUTOMATION"
    assert run["parameters"]["contest_since"] == "2026-03-03"


def test_a_training_without_a_contest_fails_at_once_and_shows_ways_out(with_server, port, prefect):
    """The champion's files are gone: each later training would come to the same."""
    project, _ = with_server
    shutil.rmtree(project.root.parent / "artifacts")
    with mlflow_server(project.root.parent, port):
        run = run_flow(project, prefect, "retrain")
    step = prefect.task_runs(run)["train"]
    assert (step["state_type"], step["state_name"], step["run_count"]) == (
        "FAILED",
        "no contest",
        1,
    )
    assert "Ways out:" in prefect.artifacts(run)["training"]
    assert run["state_type"] == "FAILED"
