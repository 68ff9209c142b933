"""What to do: the most urgent first, nothing twice, and command lines that run when pasted."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import CODE
from common.monitoring.advice import Look, command, propose_steps, short
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.version_changes import VersionChange

LOOK = Look(
    monitor=["--data", "my data.csv", "--window", "1d"],
    train=["--data", "new.csv"],
    registry=["--model-name", "urgency"],
    version=3,
)


def wrong(*names):
    return [Finding(name, Status.WARNING, "wrong") for name in names]


def commands(steps):
    return [shlex.split(step.command)[1:] for step in steps if step.command]


def test_a_loss_is_looked_at_and_a_training_is_tried():
    look, history, train = commands(propose_steps(wrong("degradation"), LOOK))
    assert history[-3:] == ["history", "--model-name", "urgency"]
    assert train[-3:] == ["--data", "new.csv", "--dry-run"]
    assert train[0].endswith("train.py")
    assert look[-6:] == ["--data", "my data.csv", "--window", "1d", "--report", "report.html"]


def test_where_a_new_champion_came_right_before_going_back_is_first_and_training_can_wait():
    change = VersionChange("2026-01-20", 2, 3)
    first, *rest = propose_steps(wrong("accuracy"), LOOK, change)
    assert "version 2" in first.say
    assert "rollback" in first.command
    assert not any("train.py" in (step.command or "") for step in rest)


def test_a_version_that_is_not_watched_any_more_is_not_rolled_back():
    change = VersionChange("2026-01-20", 1, 2)
    steps = propose_steps(wrong("accuracy"), LOOK, change)
    assert not any("rollback --reason" in (step.command or "") for step in steps)


def test_nothing_that_was_just_done_is_proposed():
    done = Look(monitor=LOOK.monitor, train=LOOK.train, report=Path("report.html"), retrained=True)
    told = [step.command or "" for step in propose_steps(wrong("accuracy"), done)]
    assert not any("monitor.py" in each or "train.py" in each for each in told)


def test_no_training_is_proposed_without_messages_that_are_new():
    steps = propose_steps(wrong("accuracy"), Look(monitor=["--data", "a.csv"]))
    assert not any("train.py" in (step.command or "") for step in steps)


def test_before_the_first_version_there_is_nothing_to_go_back_to():
    steps = propose_steps(wrong("accuracy"), Look(version=1))
    assert not any("registry" in (step.command or "") for step in steps)


@pytest.mark.parametrize("labels", ["unseen_labels", "swapped_labels"])
def test_nobody_learns_from_labels_that_mean_something_else(labels):
    steps = propose_steps(wrong("accuracy", labels), LOOK)
    assert not any("train.py" in (step.command or "") for step in steps)
    assert any("who labels" in step.say for step in steps)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("text", "Label a hundred"),
        ("row_count", "who delivers"),
        ("duplicates", "who delivers"),
        ("no_labels", "who labels"),
    ],
)
def test_drift_and_bad_data_lead_to_a_look_and_to_the_people_who_know(name, says):
    steps = propose_steps(wrong(name), LOOK)
    assert steps[0].command.endswith("--report report.html")
    assert any(says in step.say for step in steps)


def test_nothing_is_proposed_if_nothing_is_wrong():
    assert propose_steps([Finding("accuracy", Status.OK, "fine")], LOOK) == ()


def test_a_table_in_memory_has_no_flags_that_lead_to_it():
    steps = propose_steps(wrong("text"), Look())
    assert all(step.command is None for step in steps)


def test_the_interpreter_and_scripts_are_told_from_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(CODE)
    assert shlex.split(command("monitor.py"))[1] == "monitor.py"
    assert command("-m", "common.registry", "history").endswith(" -m common.registry history")
    monkeypatch.setattr(sys, "executable", str(CODE / ".venv" / "bin" / "python"))
    assert command("train.py") == ".venv/bin/python train.py"
    monkeypatch.setattr(sys, "executable", str(CODE / "python"))
    assert command("train.py") == "./python train.py"
    monkeypatch.chdir(tmp_path)
    assert shlex.split(command("monitor.py"))[1] == str(CODE / "monitor.py")


def test_a_module_runs_from_another_directory_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = command("-m", "common.registry", "rollback", "--help")
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "before the present one" in done.stdout


def test_a_look_started_with_triage_leads_on_to_triage(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["triage monitor"])
    assert command("train.py", "--dry-run") == "triage train --dry-run"
    assert command("-m", "common.registry", "history") == "triage registry history"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), max_size=4))
def test_the_shell_reads_the_words_that_were_meant(words):
    assert shlex.split(command("monitor.py", *words))[2:] == words


def test_paths_below_are_short_and_others_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert short(tmp_path / "a" / "b.csv") == "a/b.csv"
    assert short(tmp_path.parent / "b.csv") == str(tmp_path.parent / "b.csv")
