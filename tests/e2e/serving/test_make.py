"""`make serve` trains where nothing was trained yet, and nowhere else."""

import shlex
import shutil
import subprocess

from helpers import ROOT, clean_environment, free_port, warm_executable

# Asks the registry; of a training and of the server it only notes that they were started.
PYTHON = """#!/bin/sh
echo "$*" >> started
case $* in "-m common.registry"*) exec {python} "$@" ;; esac
"""


def make_serve(project, **env):
    """What it started, and how it ended."""
    shutil.copy(ROOT / "Makefile", project.root)
    python = project.root / "bin" / "python"
    python.parent.mkdir()
    python.write_text(PYTHON.format(python=shlex.quote(str(warm_executable()))))
    python.chmod(0o755)
    done = subprocess.run(
        ["make", "--old-file=.venv/.serve", "BIN=bin", "serve"],
        cwd=project.root,
        env=clean_environment() | env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    looked, *started = (project.root / "started").read_text().splitlines()
    assert looked == "-m common.registry show"
    return started, done


def test_it_trains_where_there_is_no_store_yet(project):
    started, done = make_serve(project)
    assert (started, done.returncode) == (["train.py", "-m serving"], 0)


def test_it_trains_where_a_store_has_no_champion(trained):
    started, done = make_serve(trained, MODEL_NAME="another")
    assert (started, done.returncode) == (["train.py", "-m serving"], 0)


def test_it_serves_the_champion_that_is_there(trained):
    started, done = make_serve(trained)
    assert (started, done.returncode) == (["-m serving"], 0)


def test_a_store_that_fails_is_said_and_not_trained_into(project):
    address = f"http://127.0.0.1:{free_port()}"
    started, done = make_serve(project, MLFLOW_TRACKING_URI=address)
    assert (started, done.returncode) == ([], 2)
    assert f"the MLflow server {address} does not answer" in done.stderr
