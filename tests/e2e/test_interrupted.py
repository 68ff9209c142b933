"""predict.py ended by a signal or a kill resumes where it was, to the same bytes."""

import gzip
import json
import random
import signal
import subprocess
import sys
import time

import pyarrow.csv
import pyarrow.parquet
import pytest
from helpers import clean_environment

ROWS = 100_000


@pytest.fixture(scope="module")
def scored(make_trained):
    """A project with inputs of three formats, with rejects in them, and what scoring them gives."""
    project = make_trained()
    lines = (f"{k},where is order {k}?,{'x' * (k % 50)}\n" for k in range(ROWS))
    text = "id,text,note\n" + "".join(
        line if k % 1000 else f"{k}\n" for k, line in enumerate(lines)
    )
    source = project.root / "many.csv"
    source.write_text(text)
    (project.root / "many.csv.gz").write_bytes(gzip.compress(text.encode(), 1))
    clean = project.root / "clean.csv"
    clean.write_text("".join(line for line in text.splitlines(True) if "," in line))
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(clean), project.root / "many.parquet")
    for name in ("many.csv", "many.csv.gz", "many.parquet"):
        done = project.run("predict.py", name, "-o", output_of(name, "whole"))
        assert done.returncode == 0, done.stderr
    return project


def output_of(name, stem):
    return f"{stem}-{name.replace('.', '-')}.{'parquet' if name.endswith('parquet') else 'csv'}"


def start(project, name, stem, *flags):
    return subprocess.Popen(
        [sys.executable, "predict.py", name, "-o", output_of(name, stem), *flags],
        cwd=project.root,
        env=clean_environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)


def saved(state):
    """What the last checkpoint says, if there was one."""
    return json.loads(state.read_text())["payload"] if state.exists() else None


def same_as_whole(project, name, stem):
    whole, broken = (project.root / output_of(name, which) for which in ("whole", stem))
    assert broken.read_bytes() == whole.read_bytes()
    manifests = [
        json.loads(path.with_name(f"{path.name}.manifest.json").read_text())
        for path in (whole, broken)
    ]
    for key in ("rows", "classes", "replaced_cells", "mean_confidence", "input"):
        assert manifests[0][key] == manifests[1][key]
    rejects = [path.with_name(f"{path.name}.rejects.csv") for path in (whole, broken)]
    assert [path.exists() for path in rejects] == [not name.endswith("parquet")] * 2
    if rejects[0].exists():
        assert rejects[0].read_bytes() == rejects[1].read_bytes()
    assert not list(project.root.glob(".*.draft*"))


@pytest.mark.parametrize("name", ["many.csv", "many.parquet"])
def test_a_signal_ends_it_soon_and_the_same_command_goes_on(scored, name):
    flags = ("--chunk-size", "100", "--workers", "1")  # or it may end before anybody looks
    process = start(scored, name, "signal", *flags)
    state = scored.root / f".{output_of(name, 'signal')}.draft-state"
    wait_for(lambda: saved(state), process)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGTERM
    assert stderr.splitlines()[-1] == "predict: interrupted by SIGTERM."
    assert not (scored.root / output_of(name, "signal")).exists()
    done = scored.run("predict.py", name, "-o", output_of(name, "signal"), *flags)
    assert done.returncode == 0, done.stderr
    assert "Resuming after" in done.stderr
    same_as_whole(scored, name, "signal")


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("name", ["many.csv", "many.csv.gz", "many.parquet"])
def test_a_kill_at_any_moment_loses_nothing(scored, name, workers):
    chance = random.Random(f"{name} {workers}")
    stem = f"killed{workers}"
    content = scored.root / f".{output_of(name, stem)}.draft"
    for _ in range(5):
        process = start(scored, name, stem, "--workers", workers)
        wait_for(lambda: content.exists() or process.poll() is not None, process)  # noqa: B023
        time.sleep(chance.uniform(0, 0.8))
        process.kill()
        process.communicate()
        whole = scored.root / output_of(name, stem)
        assert not whole.exists() or process.returncode == 0 or manifest_or_draft(whole)
    done = scored.run("predict.py", name, "-o", output_of(name, stem), "--workers", workers)
    assert done.returncode == 0, done.stderr
    same_as_whole(scored, name, stem)


def manifest_or_draft(whole):
    """An output under its name is whole: the kill came after it was published."""
    return whole.with_name(f"{whole.name}.manifest.json").exists() or list(
        whole.parent.glob(f".{whole.name}.draft*")
    )


def test_a_run_killed_late_does_not_begin_anew(scored):
    name, flags = "many.csv", ("--chunk-size", "200", "--workers", "1")
    process = start(scored, name, "late", *flags)
    state = scored.root / f".{output_of(name, 'late')}.draft-state"
    rows = 0

    def far():
        nonlocal rows
        if found := saved(state):
            rows = found["tally"]["scored"] + found["tally"]["rejected"]
        return rows >= 0.4 * ROWS

    wait_for(far, process)
    process.kill()
    process.communicate()
    done = scored.run("predict.py", name, "-o", output_of(name, "late"), *flags)
    assert done.returncode == 0, done.stderr
    resumed_after = int(done.stderr.split("Resuming after ")[1].split(" ")[0].replace(",", ""))
    assert resumed_after >= rows
    same_as_whole(scored, name, "late")


def test_two_runs_at_once_on_one_output(scored):
    name = "many.csv"
    first = start(scored, name, "both", "--chunk-size", "100")
    wait_for((scored.root / f".{output_of(name, 'both')}.draft").exists, first)
    second = scored.run("predict.py", name, "-o", output_of(name, "both"), "--chunk-size", "100")
    _, stderr = first.communicate(timeout=60)
    assert first.returncode == 0, stderr
    assert second.returncode == 3 or "scored before" in second.stdout
    if second.returncode == 3:
        assert "is being written by another run" in second.stderr
    same_as_whole(scored, name, "both")
