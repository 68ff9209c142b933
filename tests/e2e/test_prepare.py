"""The command that prepares messages for a data lake, and the scripts that read what it wrote."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
from helpers import clean_environment

from common import prepare

USAGE, INPUT = 2, 3
RUN = ("--run-date", "2026-03-01", "--run-id", "x")
FOLDER = "run_date=2026-03-01/run_id=x"


@pytest.fixture(scope="module")
def project(make_trained):
    """A project with raw messages of two days: the second repeats some of the first."""
    project = make_trained()
    lines = project.sample.read_text().splitlines(keepends=True)
    (project.root / "raw").mkdir()
    days = {"1.csv": lines[1:6_000], "2.csv": [*lines[4_000:], "ragged\n", "7,x,True,,,,\n"]}
    for name, rows in days.items():
        (project.root / "raw" / name).write_text("".join([lines[0], *rows]))
    return project


@pytest.fixture(scope="module")
def prepared(project):
    done = project.run("-m", "common.prepare", "raw", "lake", *RUN, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_training_and_scoring_read_what_was_prepared(project, prepared):
    rows = prepared["rows"]
    assert (rows["rejected"], rows["blank"]) == (1, 1)
    assert rows["of_other_inputs"] > 1_900
    trained = project.run("train.py", "--data", f"lake/{FOLDER}", "--dry-run", "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["rows"]["used"] == rows["written"]
    scored = project.run("predict.py", "lake", "-o", "scored", "--json")
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["total"]["rows"]["scored"] == rows["written"]
    looked = project.run("monitor.py", "--data", "lake", "--json")
    assert looked.returncode in (0, 1, 2), looked.stderr


def test_half_a_run_is_refused_by_name_and_skipped_beside_a_whole_one(project, prepared):
    half = project.root / "lake" / "run_date=2026-03-02" / "run_id=y"
    half.mkdir(parents=True)
    whole = project.root / "lake" / FOLDER / "part-00000.parquet"
    (half / "part-00000.parquet").write_bytes(whole.read_bytes())
    refused = project.run("train.py", "--data", half, "--dry-run")
    assert refused.returncode == INPUT
    assert "_SUCCESS is missing" in refused.stderr.splitlines()[-1]
    done = project.run("train.py", "--data", "lake", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["used"] == prepared["rows"]["written"]
    assert done.stderr.count("Skipping") == 1
    for part in half.iterdir():
        part.unlink()
    half.rmdir()


def test_a_rule_labels_messages_that_training_then_reads(project):
    flags = ("--label-with", "keywords", "--critical-keywords", "password,crash")
    done = project.run("-m", "common.prepare", "raw", "labelled", *RUN, *flags)
    assert done.returncode == 0, done.stderr
    assert "label: normal" in done.stdout
    place = f"labelled/{FOLDER}"
    (command,) = re.findall("^Next: python (.+)$", done.stdout, re.MULTILINE)
    assert command == f"train.py --data {place} --target-column label"
    trained = project.run(*command.split(), "--dry-run", "--model-name", "keywords")
    assert trained.returncode == 0, trained.stderr


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_bytes_of_an_undisturbed_run(project):
    lines = project.sample.read_text().splitlines(keepends=True)
    (project.root / "many").mkdir()
    for part in range(4):
        rows = [f"{k}{lines[1 + k % 9_000]}" for k in range(60_000)]
        (project.root / "many" / f"{part}.csv").write_text("".join([lines[0], *rows]))
    started = time.monotonic()
    done = project.run("-m", "common.prepare", "many", "whole", *RUN)
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "common.prepare", "many", "killed", *RUN]
    moments, killed = random.Random(4), 0
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        process = subprocess.Popen(
            command,
            cwd=project.root,
            env=clean_environment() | project.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        started = time.monotonic()
        try:
            process.wait(moments.uniform(0.3, 0.9) * seconds)
            seconds = time.monotonic() - started  # it takes less than was thought
            shutil.rmtree(project.root / "killed")
        except subprocess.TimeoutExpired:
            os.kill(process.pid, number)
            killed += 1
        process.wait(20)
    assert killed > 1
    done = project.run("-m", "common.prepare", "many", "killed", *RUN)
    assert done.returncode == 0, done.stderr
    whole, again = (project.root / place / FOLDER for place in ("whole", "killed"))
    names = {path.name for path in whole.iterdir()}
    assert {path.name for path in again.iterdir()} == names
    for name in names:
        if not name.endswith("manifest.json"):
            assert (again / name).read_bytes() == (whole / name).read_bytes()
    assert pq.read_metadata(again / "part-00003.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("raw",), "required: OUTPUT"),
        (("raw", "y", "--run-id", "../x"), "letters, digits"),
        (("raw", "y", "--run-date", "1.3.26"), "like 2026-03-01"),
        (("raw", "y", "--spark-master", "local[2]"), "is for --engine spark"),
        (("raw", "y", "--label-with", "magic"), "'keywords', 'file' or 'vader'"),
    ],
)
def test_flags_that_can_not_be_meant_are_one_line(project, flags, says):
    done = project.run("-m", "common.prepare", *flags)
    assert done.returncode == USAGE
    (line,) = done.stderr.splitlines()
    assert says in line
    assert not (project.root / "y").exists()


def test_the_examples_in_help_are_valid_command_lines():
    examples = re.findall(r"^    python -m common\.prepare (.*)$", prepare.__doc__, re.MULTILINE)
    assert len(examples) >= 3
    for example in examples:
        prepare.build_parser().parse_args(example.split())


def test_what_can_not_be_read_is_one_line(project):
    for flags, says in (
        (("none.csv", "y"), "none.csv does not exist"),
        (("raw", "y", "--text-column", "body"), "has no column 'body'"),
        (("raw", "raw/lake"), "whose files are the input"),
        ((project.sample, "raw/1.csv"), "cannot write in"),
    ):
        done = project.run("-m", "common.prepare", *flags, *RUN)
        assert done.returncode == INPUT, flags
        (line,) = done.stderr.splitlines()
        assert says in line
        assert not list((project.root / "y").rglob("part-*"))
