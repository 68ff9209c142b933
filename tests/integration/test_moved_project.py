"""A project's folder is moved, and copied: scripts and MLflow's own servers find what is there."""

import json
import shutil
import urllib.request

import pytest
from helpers import Project, copy_project, free_port, serving

ANY_GAIN = ("--champion-threshold", "-1", "--promote-rules", "accuracy")
DATA = "data/synthetic_messages.csv"


def run(project, *command, expected=(0,)):
    done = project.run(*command)
    assert done.returncode in expected, done.stderr
    return done


def watch(project):
    """Look at the rows that the champion was fitted on, of which it may be too sure: a warning."""
    return run(project, "monitor.py", "--data", DATA, expected=(0, 1))


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """A project with champions 1 and 2, which lay somewhere else when they were trained."""
    folder = tmp_path_factory.mktemp("moved")
    before = copy_project(folder / "before")
    run(before, "-m", "common.data.synthetic", "--rows", "700", "--out", "data")
    for seed in ("1", "2"):
        run(before, "train.py", "--data", DATA, "--seed", seed, *ANY_GAIN)
    run(before, "predict.py", DATA, "-o", "before.csv")
    before.root.rename(folder / "after, elsewhere")
    return Project(folder / "after, elsewhere")


def test_all_goes_on_where_the_folder_is_now(moved):
    done = run(moved, "predict.py", DATA, "-o", "after.csv")
    assert "mlflow.db was moved or copied" in done.stderr
    assert (moved.root / "after.csv").read_bytes() == (moved.root / "before.csv").read_bytes()
    done = watch(moved)
    assert "moved or copied" not in done.stderr
    run(moved, "-m", "common.registry", "rollback")
    run(moved, "train.py", "--data", DATA, "--seed", "3", *ANY_GAIN)
    assert not (moved.root.parent / "before").exists()


def test_a_copy_lives_on_its_own(moved):
    def state():
        return {
            path: path.read_bytes()
            for path in moved.root.rglob("*")
            if path.is_file() and "logs" not in path.parts and path.suffix != ".pyc"
        }

    run(moved, "-m", "common.registry", "list")
    before = state()
    copy = Project(moved.root.with_name("copy"))
    shutil.copytree(moved.root, copy.root)
    run(copy, "train.py", "--data", DATA, "--seed", "4")
    watch(copy)
    run(copy, "-m", "common.registry", "promote", "2", "--reason", "only here")
    assert state() == before
    shutil.rmtree(copy.root)
    run(moved, "predict.py", DATA, "-o", "again.csv")


def test_mlflow_itself_finds_models_and_pages(moved, tmp_path):
    rows = json.loads(run(moved, "-m", "common.registry", "list", "--json").stdout)
    newest = json.loads(run(moved, "-m", "common.registry", "show", "2", "--json").stdout)
    assert len(rows) >= 2
    store = f"sqlite:///{moved.root}/mlflow.db"
    address = f"http://127.0.0.1:{free_port()}"
    port = ("--host", "127.0.0.1", "--port", address.rpartition(":")[2])
    command = ["mlflow", "ui", "--workers", "1", "--backend-store-uri", store, *port]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with serving(command, f"{address}/health", tmp_path / "ui.log", **quiet):
        page = f"{address}/get-artifact?path=contest.html&run_id={newest['run_id']}"
        with urllib.request.urlopen(page, timeout=60) as answer:
            assert b"<html" in answer.read()
    model = ("--model-uri", "models:/triage@champion", "--env-manager", "local")
    with serving(
        ["mlflow", "models", "serve", *model, *port],
        f"{address}/ping",
        tmp_path / "serve.log",
        MLFLOW_TRACKING_URI=store,
    ):
        request = urllib.request.Request(
            f"{address}/invocations",
            json.dumps({"dataframe_records": [{"text": "where is my order?"}]}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            (row,) = json.load(answer)["predictions"]
    assert 1 / 6 <= row["confidence"] <= 1
