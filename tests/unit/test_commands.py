"""Commands are named as they were typed, and a project is found from where one stands."""

import subprocess
import sys

import pytest
from helpers import ROOT, clean_environment

import common
from common.commands import COMMANDS, as_typed

TEXT = "python train.py, python -m common.registry list, python -m common.data.synthetic"


@pytest.mark.parametrize(
    ("started", "shown"),
    [
        ("train.py", TEXT),
        ("/srv/triage train/monitor.py", TEXT),
        ("triage monitor", "triage train, triage registry list, triage sample"),
        (
            "python -m common monitor",
            "python -m common train, python -m common registry list, python -m common sample",
        ),
    ],
)
def test_commands_are_named_as_they_were_typed(monkeypatch, started, shown):
    monkeypatch.setattr(sys, "argv", [started])
    assert as_typed(TEXT) == shown


def started(*command, cwd=ROOT, **env):
    return subprocess.run(
        [sys.executable, "-m", "common", *command],
        cwd=cwd,
        env=clean_environment() | env,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_each_command_has_help_and_version(tmp_path, name):
    where = {"cwd": tmp_path, "PYTHONPATH": str(ROOT), "TRIAGE_HOME": str(tmp_path)}
    shown = started(name, "--help", **where)
    assert shown.returncode == 0, shown.stderr
    assert f"usage: python -m common {name} " in shown.stdout
    assert started(name, "--version", **where).stdout == f"triage-trio {common.__version__}\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("tarin",), "there is no command 'tarin': take train, predict, monitor"),
        (("--nonsense",), "COMMAND"),
    ],
)
def test_what_is_no_command_is_one_line(command, said):
    done = started(*command)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line
    assert line.endswith("--help")


def found(monkeypatch, code, here, home=None):
    monkeypatch.chdir(here)
    monkeypatch.delenv("TRIAGE_HOME", raising=False)
    if home:
        monkeypatch.setenv("TRIAGE_HOME", str(home))
    return common._project(code)


def test_a_checkout_is_its_own_project_wherever_one_stands(monkeypatch, tmp_path):
    code = tmp_path / "checkout"
    code.mkdir()
    (tmp_path / ".env").touch()
    assert found(monkeypatch, code, tmp_path) == code
    assert found(monkeypatch, code, tmp_path, home=tmp_path) == tmp_path


def test_logs_and_the_sample_can_be_kept_elsewhere(tmp_path):
    moved = {"TRIAGE_LOGS": str(tmp_path / "l"), "TRIAGE_DATA": str(tmp_path / "d")}
    code = "from common import logs; from common.data.synthetic import sample as s; "
    shown = subprocess.run(
        [sys.executable, "-c", code + "print(logs.FOLDER, s.FOLDER, s.write_sample(s.FOLDER, 3))"],
        env=clean_environment() | moved,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    sample = tmp_path / "d" / "synthetic_messages.csv"
    assert shown == [*moved.values(), str(sample)]
    assert sample.is_file()


@pytest.mark.parametrize("mark", [".env", "mlflow.db"])
def test_installed_code_takes_the_nearest_project_above(monkeypatch, tmp_path, mark):
    code, below = tmp_path / "site-packages", tmp_path / "own" / "a" / "b"
    (code / "triage_trio-0.1.0.dist-info").mkdir(parents=True)
    below.mkdir(parents=True)
    assert found(monkeypatch, code, below) == below
    (tmp_path / "own" / mark).touch()
    assert found(monkeypatch, code, below) == tmp_path / "own"
    (below / mark).mkdir()  # a folder of that name is not a project
    assert found(monkeypatch, code, below) == tmp_path / "own"
    assert found(monkeypatch, code, below, home=code) == code
