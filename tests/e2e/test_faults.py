"""Disks, folders and stores that fail while predict.py works: one line, and nothing is lost."""

import os
import resource
import subprocess
import sys
import time

import pytest
from helpers import (
    clean_environment,
    copy_project,
    mlflow_server,
    warm_python,
    write_two_class_sample,
)

ROWS = 60_000
INPUT, STORE = 3, 4


@pytest.fixture
def project(trained):
    rows = (f"{k},where is order {k}?\n" for k in range(ROWS))
    (trained.root / "many.csv").write_text("id,text\n" + "".join(rows))
    return trained


def only_line(done):
    lines = [line for line in done.stderr.splitlines() if "Scoring" not in line]
    assert len(lines) == 1, done.stderr
    return lines[0]


def predict(project, *flags, before=None):
    python = warm_python() if before is None else [sys.executable]
    return subprocess.run(
        [*python, "predict.py", "many.csv", *flags],
        cwd=project.root,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=before,
    )


def a_small_disk():
    """No file may be larger than 1 MB, as on a disk with a quota."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(project, ending, workers):
    flags = ("-o", f"out.{ending}", "--chunk-size", "500", "--workers", workers)
    done = predict(project, *flags, before=a_small_disk)
    assert done.returncode == INPUT, done.stderr
    assert "cannot write out." in only_line(done)
    assert "The same command resumes from here" in only_line(done)
    assert not (project.root / f"out.{ending}").exists()
    again = predict(project, *flags)
    assert again.returncode == 0, again.stderr
    whole = predict(project, "-o", f"whole.{ending}", "--chunk-size", "500", "--workers", workers)
    assert whole.returncode == 0, whole.stderr
    broken, undisturbed = (project.root / f"{name}.{ending}" for name in ("out", "whole"))
    assert broken.read_bytes() == undisturbed.read_bytes()
    assert not list(project.root.glob(".*.draft*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_line(project):
    folder = project.root / "locked"
    folder.mkdir(mode=0o500)
    done = predict(project, "-o", str(folder / "out.csv"))
    assert done.returncode == INPUT
    assert "cannot write in" in only_line(done)


def test_a_folder_that_is_not_there_is_one_line(project):
    done = predict(project, "-o", "nowhere/out.csv")
    assert done.returncode == INPUT
    assert "nowhere: there is no such folder" in only_line(done)
    assert not (project.root / "nowhere").exists()


def test_a_damaged_model_is_one_line_and_no_output(project):
    import sqlite3

    with sqlite3.connect(project.root / "mlflow.db") as database:
        database.execute(
            "update model_version_tags set value = replace(value, 'a', 'b') "
            "where key = 'files_sha256'"
        )
    done = predict(project)
    assert done.returncode == STORE
    assert "damaged or was tampered with" in only_line(done)
    assert not list(project.root.glob("*many.predictions*"))


def test_a_store_that_fails_at_the_end_keeps_the_output_from_nobody(project):
    import sqlite3

    with sqlite3.connect(project.root / "mlflow.db") as database:
        database.execute(
            "create trigger refuse before insert on metrics begin select raise(abort, 'full'); end"
        )
    done = predict(project)
    assert done.returncode == 0, done.stderr
    assert "60,000 scored" in done.stdout
    assert "this run is missing in MLflow" in done.stderr


@pytest.mark.parametrize(
    ("start", "stop", "says"),
    [(0, 4096, "is not a SQLite database"), (200, 4096, ""), (4096, -4096, ""), (9000, 9100, "")],
    ids=["head", "schema", "nearly-all", "a-little"],
)
def test_a_damaged_database_is_one_line_and_nothing_is_lost(project, start, stop, says):
    """Whatever is damaged: either one line and no output, or the whole output."""
    database = project.root / "mlflow.db"
    content = bytearray(database.read_bytes())
    content[start:stop] = b"\xa5" * len(content[start:stop])
    database.write_bytes(content)
    done = predict(project)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert done.returncode == STORE, done.stderr
        assert not list(project.root.glob("*many.predictions*"))
    else:
        assert "60,000 scored" in done.stdout


def test_a_server_killed_in_the_middle_loses_nothing(tmp_path):
    project = copy_project(tmp_path / "project")
    rows = (f"{k},where is order {k}?\n" for k in range(ROWS))
    (project.root / "many.csv").write_text("id,text\n" + "".join(rows))
    with mlflow_server(tmp_path) as address:
        project.env["MLFLOW_TRACKING_URI"] = address
        write_two_class_sample(project)
        trained = project.run("train.py")
        assert trained.returncode == 0, trained.stderr
        process = subprocess.Popen(
            [*warm_python(), "predict.py", "many.csv", "--workers", "1", "--chunk-size", "50"],
            cwd=project.root,
            env=clean_environment() | project.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not (project.root / ".many.predictions.csv.draft").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
    assert process.poll() is None, "it must still be scoring"
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "60,000 scored" in stdout
    assert "this run is missing in MLflow" in stderr
    assert len((project.root / "many.predictions.csv").read_text().splitlines()) == ROWS + 1
