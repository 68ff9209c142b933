"""Every command line that a look proposes runs when it is pasted, and looks at the same."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from helpers import clean_environment, copy_project

OK, WARNING, CRITICAL, UNKNOWN = range(4)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A model, and twelve days of which the last two have other classes than it learnt."""
    project = copy_project(tmp_path_factory.mktemp("steps") / "project")
    flags = ("--scenario", "sudden-drift", "--days", "12", "--change-day", "11", "--out", "history")
    made = project.run("-m", "common.data.synthetic", "--class", "inbound", *flags)
    assert made.returncode == 0, made.stderr
    trained = project.run("train.py", "--data", "history/train.csv")
    assert trained.returncode == 0, trained.stderr
    days = project.root / "days"
    days.mkdir()
    for path in (project.root / "history").glob("2026-*.csv"):
        shutil.copy(path, days)
    return project


def looked(project, *flags, cwd=None, **env):
    """What a look has found, as JSON; each starts afresh."""
    (project.root / "monitor.db").unlink(missing_ok=True)
    script = project.root / "monitor.py"
    done = project.run(script, "--json", "--label-days", "9999", *flags, cwd=cwd, **env)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def pasted(project, line, cwd=None):
    """A command line as a person runs it: in bash, where the look was started."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=cwd or project.root,
        env=clean_environment() | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert "Traceback" not in done.stderr
    return done


def run_all(project, found, cwd=None):
    """Paste all steps; each look must see again what the first one saw."""
    for line in found["next_steps"]:
        done = pasted(project, line, cwd)
        if "monitor.py" in line:
            assert done.returncode == found["exit_code"], done.stderr
            report = (cwd or project.root) / "report.html"
            assert found["status"] in report.read_text()
            report.unlink()
        else:
            assert done.returncode in (0, 5), done.stderr  # 5: no contest could be held
    return [line.partition(".py")[0].rpartition("/")[2] for line in found["next_steps"]]


def messages(project, day="2026-01-05"):
    return pd.read_csv(project.root / "days" / f"{day}.csv", dtype=str, keep_default_na=False)


def test_after_a_loss_of_accuracy(project):
    found = looked(project, "--data", "days", "--window", "1d", "--floor", "0.9")
    assert found["exit_code"] in (WARNING, CRITICAL)
    assert "since 11 January" in found["headline"]
    run_all(project, found)
    assert any("train.py --data days" in line for line in found["next_steps"])
    assert any("--window 1d" in line for line in found["next_steps"])


def test_the_page_that_was_just_written_is_not_proposed(project):
    found = looked(project, "--data", "days", "--window", "1d", "--report", "mine.html")
    assert found["report"] == str(project.root / "mine.html")
    assert not any("monitor.py" in line for line in found["next_steps"])


def test_with_columns_form_floor_and_state_of_ones_own_from_another_directory(project, tmp_path):
    other = messages(project, "2026-01-12").rename(columns={"text": "Nachricht", "inbound": "Art"})
    other["Nachricht"] = other["Nachricht"].str.encode("ascii", "replace").str.decode("ascii") + "ß"
    other.to_csv(tmp_path / "my day.csv", sep=";", index=False, encoding="cp1252")
    flags = ("--text-column", "Nachricht", "--target-column", "Art", "--delimiter", ";")
    flags += ("--encoding", "cp1252", "--floor", "0.95", "--monitor-state", tmp_path / "state.db")
    found = looked(project, "--data", "my day.csv", *flags, cwd=tmp_path)
    assert found["status"] == "CRITICAL"
    for line in found["next_steps"]:
        if "monitor.py" in line:
            told = ("'my day.csv'", "Nachricht", "Art", "';'", "cp1252", "0.95", "state.db")
            assert all(word in line for word in told), line
    run_all(project, found, cwd=tmp_path)
    assert (tmp_path / "state.db").exists()


def test_after_a_new_champion_going_back_is_one_line(project):
    copy = type(project)(project.root)
    again = copy.run("train.py", "--data", "history/train.csv", "--seed", "7", "--json")
    assert again.returncode == 0, again.stderr
    promoted = copy.run(
        "-m", "common.registry", "promote", "2", "--yes", "--reason", "to try", "--json"
    )
    assert promoted.returncode == 0, promoted.stderr
    code = """
from common.monitoring.advice import Look, propose_steps
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.version_changes import VersionChange
found = [Finding("degradation", Status.CRITICAL, "fell")]
print(propose_steps(found, Look(version=2), VersionChange("2026-01-11", 1, 2))[0].command)
"""
    line = copy.run("-c", code).stdout.strip()
    done = pasted(project, line)
    assert done.returncode == 0, done.stderr
    shown = copy.run("-m", "common.registry", "history").stdout
    assert "accuracy fell with version 2" in shown


def test_after_other_words(project):
    foreign = messages(project)
    foreign["text"] = ["die bestellung kam wieder nicht an, bitte helfen"] * 20 + [
        f"sendung {k} fehlt noch immer im paketzentrum" for k in range(len(foreign) - 20)
    ]
    foreign.to_csv(project.root / "foreign.csv", index=False)
    found = looked(project, "--data", "foreign.csv", "--floor", "0.01", "--no-labels")
    assert found["status"] == "WARNING"
    (words,) = (q for q in found["questions"] if q["question"] == "words")
    assert words["status"] == "WARNING"
    assert any(word in words["sentence"] for word in ("fehlt", "paketzentrum", "sendung"))
    assert any(word in found["typical"][0] for word in ("bestellung", "sendung"))
    assert run_all(project, found), "a look is proposed"


def test_after_bad_rows(project):
    blank = messages(project)
    blank.loc[blank.index[:120], "text"] = " "
    blank.to_csv(project.root / "blank.csv", index=False)
    found = looked(project, "--data", "blank.csv", "--floor", "0.5")
    assert any(q["question"] == "bad_rows" and q["status"] == "WARNING" for q in found["questions"])
    assert run_all(project, found)
    assert any("who delivers" in step["say"] for step in found["advice"])


def test_after_labels_that_mean_something_else(project):
    renamed = messages(project)
    renamed.loc[renamed.index[:100], "inbound"] = "customer"
    renamed.to_csv(project.root / "renamed.csv", index=False)
    found = looked(project, "--data", "renamed.csv")
    assert found["status"] == "CRITICAL"
    run_all(project, found)
    assert not any("train.py" in line for line in found["next_steps"])


def test_after_predictions_with_late_labels(project):
    day = messages(project, "2026-01-12")
    day.to_csv(project.root / "day.csv", index=False)
    scored = project.run("predict.py", "day.csv", "-o", "scored.csv", "--prefix", "p_")
    assert scored.returncode == 0, scored.stderr
    day[["tweet_id", "inbound"]].to_csv(project.root / "late.csv", index=False)
    flags = ("--predictions", "scored.csv", "--labels", "late.csv", "--on", "tweet_id")
    found = looked(project, *flags, "--prefix", "p_", "--floor", "0.95")
    assert found["status"] == "CRITICAL"
    run_all(project, found)
    assert not any("train.py" in line for line in found["next_steps"])
