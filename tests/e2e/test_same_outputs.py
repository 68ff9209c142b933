"""Commands, flags, exit codes, files and JSON of scoring are those of an older version.

Both versions run the same commands in projects of their own. Sentences may be worded better; the
rest must be equal, byte by byte where it is a file that predict.py writes. What the monitor finds
is not: it holds windows against other windows now.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pandas as pd
import pytest
from before import BEFORE, project_of
from helpers import Project, copy_project

from common.models.text import normalise

pytestmark = pytest.mark.slow

# What a run is called, how long it took, where it was: never the same twice.
OWN = {
    *("run_id", "seconds", "rows_per_second", "by", "at", "until", "since", "recovered", "path"),
    *("promoted_at", "promoted_by", "replaced_at", "git_commit", "files_sha256", "model_bytes"),
    *("changes", "code"),
}
# Sentences.
WORDED = {"reason", "text", "next_steps", "description", "required"}
# Keys that this version has added, and one that it also sets for parts of the sample.
ADDED = {
    *("model_family", "label_with", "segment_column", "synthetic_data"),
    *("promoted_reason", "lost_to_rollback", "found", "links", "upper_bound"),
    *("accuracy_lower", "accuracy_upper", "known_answers", "flips"),
}
# What training finds is the same; how a contest is told is not.
TRAINED = {"verdict", "promoted", "champion", "contest_rows", "metrics", "holdout_rows", "rows"}


@dataclass(frozen=True)
class Both:
    before: Project
    now: Project

    def run(self, *command, **env):
        """What each version has done; the exit codes are equal."""
        done = [project.run(*command, **env) for project in (self.before, self.now)]
        codes = [one.returncode for one in done]
        assert codes[0] == codes[1], [one.stderr for one in done]
        return done

    def facts(self, *command, **env):
        return [settled(json.loads(one.stdout)) for one in self.run(*command, "--json", **env)]

    def files(self, *names):
        for name in names:
            before, now = (project.root / name for project in (self.before, self.now))
            assert now.read_bytes() == before.read_bytes(), name


def settled(value, key=""):
    """JSON without what differs from run to run; of sentences, that there is one."""
    if key in WORDED:
        return bool(value)
    if isinstance(value, dict) and value.get("metric") in ("rows/s", "model size (MB)"):
        return value["metric"]
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in OWN | ADDED}
        return {k: settled(v, k) for k, v in kept.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    if isinstance(value, str) and re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value):
        return "time"
    return value


def different(before, now, where=""):
    """Where two values differ, as paths of keys with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = {*before, *now}
        pairs = [(before.get(k, "-"), now.get(k, "-"), f"{where}.{k}") for k in sorted(keys)]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(*pair, f"{where}[{k}]") for k, pair in enumerate(zip(before, now, strict=True))]
    else:
        return [] if before == now else [f"{where}: {before} -> {now}"]
    return [line for pair in pairs for line in different(*pair)]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Both versions, with a champion and a challenger each."""
    folder = tmp_path_factory.mktemp("both")
    projects = Both(project_of(BEFORE, folder / "before"), copy_project(folder / "now"))
    now = ("data.synthetic", "--class", "inbound")
    for project, (module, *flags) in ((projects.before, ("sample",)), (projects.now, now)):
        made = project.run("-m", f"common.{module}", *flags, "--rows", "4000", "--out", "data")
        assert made.returncode == 0, made.stderr
        rows = project.sample.read_text().splitlines(keepends=True)
        (project.root / "small.csv").write_text("".join([*rows[:1500], "ragged\n", ",,,,\n"]))
        (project.root / "part.csv").write_text("".join(rows[:2500]))
        os.utime(
            project.root / "part.csv", (1.7e9, 1.7e9)
        )  # whole files are called after their age
    for flags, promoted in (((), True), (("--data", "part.csv"), False)):
        before, now = (
            {k: v for k, v in one.items() if k in TRAINED}
            for one in projects.facts("train.py", *flags)
        )
        assert not different(before, now)
        assert now["promoted"] is promoted
    return projects


PREDICTIONS = {
    "plain": (),
    "proba": ("--proba", "--prefix", "new_"),
    "some columns": ("--columns", "tweet_id,text", "--spreadsheet-safe"),
    "in two processes": ("--workers", "2", "--chunk-size", "100"),
    "shadow": ("--shadow", "challenger"),
    "other version": ("--model", "latest"),
}


@pytest.mark.parametrize("flags", PREDICTIONS.values(), ids=PREDICTIONS)
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_predictions_rejects_and_manifests(both, flags, ending):
    output = f"out.{ending}"
    before, now = both.facts("predict.py", "small.csv", "-o", output, "--force", *flags)
    assert not different(before, now)
    both.files(output, f"{output}.rejects.csv")
    manifests = [
        settled(json.loads((project.root / f"{output}.manifest.json").read_text()))
        for project in (both.before, both.now)
    ]
    for manifest in manifests:  # each has its own model, which answers the same
        manifest["identity"].pop("model")
    assert not different(*manifests)
    assert list(manifests[0]) == list(manifests[1])


def test_explanations_are_the_same_words_as_they_are_written(both):
    both.run("predict.py", "small.csv", "-o", "why.csv", "--explain", "--force")
    before, now = (
        pd.read_csv(project.root / "why.csv", keep_default_na=False)["because"]
        for project in (both.before, both.now)
    )
    assert list(map(normalise, now)) == list(before)
    assert list(now) != list(before)


def test_predictions_of_a_pipe(both):
    text = (both.now.root / "part.csv").read_text()
    done = [
        subprocess.run(
            [sys.executable, "predict.py", "-"],
            cwd=project.root,
            input=text,
            capture_output=True,
            text=True,
        )
        for project in (both.before, both.now)
    ]
    assert done[0].stdout == done[1].stdout
    assert done[0].stdout


def test_a_versioned_folder(both):
    flags = ("--output-dir", "lake", "--run-date", "2026-03-01", "--run-id", "one")
    before, now = both.facts("predict.py", "small.csv", "part.csv", *flags)
    assert not different(before, now)
    folder = "lake/run_date=2026-03-01/run_id=one"
    names = [
        sorted(path.name for path in (project.root / folder).iterdir())
        for project in (both.before, both.now)
    ]
    assert names[0] == names[1]
    both.files(*(f"{folder}/{name}" for name in names[0] if name.endswith(".parquet")))


@pytest.mark.parametrize("command", ["history", "show", "prune --keep 1"])
def test_what_the_registry_shows(both, command):
    before, now = both.facts("-m", "common.registry", *command.split())
    assert not different(before, now)


def flags_of(done):
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", done.stdout))


@pytest.mark.parametrize("script", ["train.py", "predict.py", "monitor.py"])
def test_no_flag_is_gone(both, script):
    before, now = both.run(script, "--help")
    assert flags_of(before) <= flags_of(now)


WRONG = [
    ("train.py", "--data", "none.csv"),
    ("train.py", "--data", "part.csv", "--target-column", "nope"),
    ("train.py", "--holdout-percent", "99"),
    ("train.py", "--reproduce", "77"),
    ("predict.py",),
    ("predict.py", "none.csv"),
    ("predict.py", "small.csv", "--model", "9"),
    ("predict.py", "small.csv", "--strict", "-o", "strict.csv"),
    ("predict.py", "small.csv", "-o", "a.csv", "--output-dir", "b"),
    ("predict.py", "small.csv", "--text-column", "nope"),
    ("monitor.py", "--data", "none.csv"),
    ("monitor.py", "--predictions", "small.csv"),
    ("monitor.py", "--data", "part.csv", "--window", "2y"),
    ("-m", "common.registry", "show", "9"),
    ("-m", "common.registry", "rollback"),
]


@pytest.mark.parametrize("command", WRONG, ids=" ".join)
def test_what_is_wrong_ends_with_the_same_code_and_one_line(both, command):
    before, now = both.run(*command)
    assert before.returncode
    # It may say less of its progress before it notices; the reason is the last line.
    reasons = [
        one.stderr.replace(str(project.root), "ROOT").splitlines()
        for one, project in ((before, both.before), (now, both.now))
    ]
    assert reasons[1][-1:] == reasons[0][-1:]
    assert len(reasons[1]) <= len(reasons[0])
    assert now.stdout == before.stdout == ""
