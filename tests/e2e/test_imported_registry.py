"""The scripts and the server go on with a registry that was imported."""

import json
import shutil

import pytest
from helpers import copy_project
from serving_helpers import served

ANY_GAIN = ("--champion-threshold", "-1", "--promote-rules", "accuracy")
MESSAGES = ["where is my order?", "Hi, please send us a DM with your order number"]


def run(project, *command, expected=(0,)):
    done = project.run(*command)
    assert done.returncode in expected, done.stderr
    return done


def history(project):
    return json.loads(run(project, "-m", "common.registry", "history", "--json").stdout)


@pytest.fixture(scope="module")
def first(make_trained):
    """A project with champions 1 and 2, which has scored, and looked at its messages."""
    project = make_trained()
    run(project, "train.py", "--seed", "2", *ANY_GAIN)
    run(project, "predict.py", project.sample, "-o", "scored.csv")
    run(project, "monitor.py")
    return project


@pytest.fixture(scope="module")
def second(first, tmp_path_factory):
    """Another project, with the first one's data and an import of its registry."""
    folder = tmp_path_factory.mktemp("imported")
    project = copy_project(folder / "project")
    shutil.copytree(first.root / "data", project.root / "data")
    run(first, "-m", "common.registry", "export", folder / "export")
    run(project, "-m", "common.registry", "import", folder / "export")
    return project


def test_predictions_are_the_same_bytes(first, second):
    done = run(second, "predict.py", second.sample, "-o", "scored.csv")
    assert "version 2" in done.stdout
    for name in ("scored.csv", "scored.csv.rejects.csv"):
        there = first.root / name
        assert not there.exists() or (second.root / name).read_bytes() == there.read_bytes()


def test_the_history_is_the_same_but_for_the_ids_of_runs(first, second):
    before, now = history(first), history(second)
    for entry, other in zip(before, now, strict=True):
        assert entry["run_id"] != other["run_id"]
        assert json.dumps(entry).replace(entry["run_id"], other["run_id"]) == json.dumps(other)


def test_the_monitor_goes_on_with_its_run(second):
    run(second, "monitor.py")
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{second.root}/mlflow.db")
    experiment = client.get_experiment_by_name("triage").experiment_id
    (looks,) = client.search_runs([experiment], "tags.`triage.monitors` = 'triage'")
    points = client.get_metric_history(looks.info.run_id, "accuracy")
    assert [point.step for point in points] == [0, 1]
    assert points[0].value == points[1].value


def test_the_server_answers_with_the_imported_champion(second):
    with served(second) as server:
        assert server.labels(MESSAGES) == ["True", "False"]
        assert server.get("/health/ready").status_code == 200


def test_rollback_training_and_contest_go_on(second):
    shown = json.loads(run(second, "-m", "common.registry", "show", "1", "--json").stdout)
    done = run(second, "-m", "common.registry", "rollback")
    assert "Version 1 of triage is the champion now, instead of version 2" in done.stdout
    assert history(second)[-1]["run_id"] == shown["run_id"]
    done = run(second, "train.py", "--seed", "3")
    assert "Registered as triage version 3" in done.stdout
    assert "shared holdout rows" in done.stdout  # the contest with version 1
    done = run(second, "-m", "common.registry", "promote", "2", "--reason", "again")
    assert "instead of version 1" in done.stdout
