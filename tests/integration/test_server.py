"""The scripts against a real MLflow server process on loopback, and against one that is gone."""

import time

import pytest
from helpers import copy_project, free_port, mlflow_server, write_two_class_sample

SECONDS_TO_GIVE_UP = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(folder):
    with mlflow_server(folder) as address:
        yield address


@pytest.fixture(scope="module")
def remote(folder, server):
    """A project that was trained once on the server."""
    project = copy_project(folder / "project")
    project.env["MLFLOW_TRACKING_URI"] = server
    write_two_class_sample(project)
    done = project.run("train.py")
    assert done.returncode == 0, done.stderr
    assert "first champion" in done.stdout
    return project


def test_nothing_is_left_on_disk_but_data_and_logs(remote):
    assert not list(remote.root.glob("mlflow.db*"))
    assert not (remote.root / "mlartifacts").exists()


def test_second_training_contests_and_the_champion_stays(remote):
    done = remote.run("train.py")
    assert done.returncode == 0, done.stderr
    assert "champion stays" in done.stdout


def test_predict_scores_with_the_servers_champion(remote):
    done = remote.run("predict.py", remote.sample, "-o", remote.root / "scored.parquet")
    assert done.returncode == 0, done.stderr
    assert "10,000 scored with version 1" in done.stdout


def test_monitor_logs_each_look_as_a_step_of_one_run(remote, server):
    import mlflow

    for _ in range(2):
        done = remote.run("monitor.py")
        assert done.returncode == 0, done.stderr
    client = mlflow.MlflowClient(server)
    experiment = client.get_experiment_by_name("triage")
    runs = client.search_runs([experiment.experiment_id], "tags.`triage.monitors` = 'triage'")
    assert len(runs) == 1
    history = client.get_metric_history(runs[0].info.run_id, "accuracy")
    assert [point.step for point in history] == [0, 1]


def test_the_version_carries_verdict_figures_and_origin(remote, server):
    import mlflow

    tags = mlflow.MlflowClient(server).get_model_version("triage", "1").tags
    assert tags["verdict"] == "promoted"
    assert "first champion" in tags["reason"]
    assert {"promoted_at", "promoted_by", "data_sha256", "git_commit", "holdout_rows"} <= set(tags)
    assert 0.85 < float(tags["holdout_accuracy"]) < 0.97


@pytest.mark.parametrize(
    ("command", "code"),
    [(["train.py"], 4), (["predict.py", "data/synthetic_messages.csv"], 4), (["monitor.py"], 3)],
)
def test_a_stopped_server_ends_each_script_soon_with_one_line(remote, command, code):
    address = f"http://ann:s3cret-word@127.0.0.1:{free_port()}"
    started = time.monotonic()
    done = remote.run(*command, MLFLOW_TRACKING_URI=address)
    assert time.monotonic() - started < SECONDS_TO_GIVE_UP
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert "does not answer" in line
    assert not done.stdout
    log = remote.log(command[0].removesuffix(".py"))
    assert "s3cret-word" not in line + log
