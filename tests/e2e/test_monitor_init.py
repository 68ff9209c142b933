"""monitor.py --init from the outside: what it proposes works, and it changes nothing."""

import hashlib
import json
import re
import subprocess

import pytest
from helpers import clean_environment, copy_project

UNKNOWN = 3


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """A project with days of messages in columns of its own, and no model."""
    project = copy_project(tmp_path_factory.mktemp("init") / "project")
    flags = (
        "--scenario",
        "stable",
        "--days",
        "12",
        "--rows-per-day",
        "300",
        "--start",
        "2026-10-20",
        "--out",
        "history",
    )
    made = project.run("-m", "common.data.synthetic", *flags)
    assert made.returncode == 0, made.stderr
    (project.root / "days").mkdir()
    for path in (project.root / "history").glob("*.csv"):
        header, _, rows = path.read_text().partition("\n")
        names = {"text": "message", "topic": "queue", "created_at": "opened", "author_id": "who"}
        header = ",".join(names.get(name, name) for name in header.split(","))
        where = "own.csv" if path.stem == "train" else f"days/{path.name}"
        (project.root / where).write_text(f"{header}\n{rows}")
    return project


@pytest.fixture(scope="module")
def trained(untrained):
    """The same after a training."""
    how = ("--text-column", "message", "--target-column", "queue")
    done = untrained.run("train.py", "--data", "own.csv", *how)
    assert done.returncode == 0, done.stderr
    return untrained


def state(project):
    """Digests of all files but logs and compiled code."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in project.root.rglob("*")
        if path.is_file() and not {"logs", "__pycache__"} & set(path.parts)
    }


def init(project, *flags):
    before = state(project)
    done = project.run("monitor.py", "--init", "--data", "days", *flags)
    assert state(project) == before
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines_of(screen):
    """The lines for .env, and the one for cron."""
    found = re.search(r"For \.env:\n(.*?)For cron.*?:\n(.*?)Nothing was changed", screen, re.DOTALL)
    settings, cron = (
        [line.removeprefix("  ") for line in part.splitlines()] for part in found.groups()
    )
    (line,) = cron
    return settings, line


def test_before_a_training_it_shows_the_usual_accuracies(untrained):
    screen = init(untrained)
    assert "text 'message', class 'queue', time 'opened'" in screen
    assert "Messages a day: median 300 (300 with a class)" in screen
    assert "There is no model yet" in screen
    assert all(f"\n     0.{digit}00  1d" in screen for digit in (7, 8, 9))
    settings, _ = lines_of(screen)
    assert {"TEXT_COLUMN=message", "TARGET_COLUMN=queue", "TIME_COLUMN=opened"} <= set(settings)
    assert not any(line.startswith("ACCURACY_FLOOR") for line in settings)
    assert not (untrained.root / "mlflow.db").exists()


def test_what_it_proposes_runs_when_it_is_pasted(trained):
    screen = init(trained, "--time-zone", "Europe/Berlin")
    assert len(screen.splitlines()) <= 40
    assert max(map(len, screen.splitlines()[1:-4])) <= 105
    settings, cron = lines_of(screen)
    assert "WINDOW=1d" in settings
    assert "TIME_ZONE=Europe/Berlin" in settings
    assert any(line.startswith("ACCURACY_FLOOR=0.") for line in settings)
    (trained.root / ".env").write_text("\n".join([*settings, "LABEL_DAYS=9999\n"]))
    try:
        command = re.sub(r"^(\S+ ){5} *", "", cron).replace(r"\%", "%")
        done = subprocess.run(
            ["sh", "-ec", command], env=clean_environment(), capture_output=True, text=True
        )
        assert done.returncode in (0, 1), done.stderr
        found = json.loads((trained.root / "logs" / "monitor.jsonl").read_text())
        assert len(found["windows"]) >= 12
    finally:
        (trained.root / ".env").unlink()
        (trained.root / "monitor.db").unlink(missing_ok=True)


def test_it_is_one_object_of_json_too(trained):
    found = json.loads(init(trained, "--json"))
    assert found["columns"] == {"text": "message", "label": "queue", "time": "opened"}
    assert list(found["rows_by_day"].values()) == [300] * 12
    assert found["chosen"]["window"] == found["settings"]["WINDOW"] == "1d"
    assert found["chosen"]["floor"] == float(found["settings"]["ACCURACY_FLOOR"])
    assert found["chosen"]["floor"] < found["accuracy"]
    assert found["chosen"]["warnings_a_year"] <= 2


def test_messages_without_classes_are_looked_at_without_them(trained):
    screen = init(trained, "--no-labels")
    assert "accuracy is estimated" in screen
    settings, cron = lines_of(screen)
    assert "--no-labels" in cron
    assert not any(line.startswith("ACCURACY_FLOOR") for line in settings)


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ((), "--data FILE"),
        (("--data", "nope.csv"), "nope.csv does not exist"),
        (("--data", "days", "--text-column", "nope"), "no column 'nope'"),
        (("--predictions", "a.csv", "--labels", "b.csv"), "--data FILE"),
    ],
)
def test_what_it_cannot_look_at_is_one_line(untrained, flags, problem):
    done = untrained.run("monitor.py", "--init", *flags)
    (line,) = done.stderr.strip().splitlines()
    assert (done.returncode, done.stdout) == (UNKNOWN, "")
    assert problem in line
