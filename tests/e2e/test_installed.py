"""`pip install .` gives a command that works in any directory, without the checkout."""

import csv
import json
import shutil
import subprocess
import sys
import sysconfig
import tomllib

import pytest
from helpers import ROOT, SCRIPTS, clean_environment

pytestmark = pytest.mark.slow

PACKED = ("common", *SCRIPTS, "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def triage(tmp_path_factory):
    """The installed command, in an environment that shares all but the project itself."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    source.mkdir()
    for name in PACKED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    environment = folder / "venv"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = next((environment / "lib").glob("python*/site-packages"))
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib"))
    python = environment / "bin" / "python"
    done = subprocess.run(
        [*pip, "--python", python, "install", "--quiet", "--no-deps", source],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shutil.rmtree(source)

    def run(*command, cwd, expect=0, **env):
        done = subprocess.run(
            [environment / "bin" / "triage", *command],
            cwd=cwd,
            env=clean_environment() | env,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == expect, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def project(triage, tmp_path_factory):
    """A folder of somebody's own, with settings, data and a champion; it was trained from below."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "below").mkdir()
    triage("sample", "--rows", "1500", "--out", "in", cwd=folder)
    (folder / ".env").write_text("DATA_PATH=in/synthetic_messages.csv\nMODEL_NAME=own\n")
    done = triage("train", "--json", cwd=folder / "below")
    assert (
        json.loads(done.stdout)["model"]
        == json.loads(triage("train", "--reproduce", "1", "--json", cwd=folder).stdout)["model"]
    )
    return folder


def test_settings_and_store_are_those_of_the_project_that_the_directory_is_part_of(project):
    assert (project / "mlflow.db").is_file()
    assert (project / "logs" / "train.log").is_file()
    assert not list((project / "below").iterdir())


def test_flags_start_at_the_current_directory(triage, project):
    triage("predict", "../in/synthetic_messages.csv", "-o", "out.csv", cwd=project / "below")
    with (project / "below" / "out.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 1500


def test_the_monitor_writes_its_page_and_trains_again(triage, project):
    told = ("--floor", "0.99", "--report", "r.html", "--retrain-on", "warning", "--json")
    data = ("--data", "in/synthetic_messages.csv")
    done = triage("monitor", *data, *told, cwd=project, expect=2)
    assert json.loads(done.stdout)["status"] == "CRITICAL"
    assert "<html" in (project / "r.html").read_text()
    rows = json.loads(triage("registry", "list", "--json", cwd=project).stdout)
    assert [row["version"] for row in rows] == [2, 1]


def test_another_folder_is_chosen_by_name(triage, project, tmp_path):
    done = triage("registry", "list", cwd=tmp_path, TRIAGE_HOME=str(project))
    assert "champion" in done.stdout
    assert not list(tmp_path.iterdir())
    done = triage("registry", "list", cwd=tmp_path, TRIAGE_HOME="/none", expect=2)
    assert "there is no folder /none: make it, or let TRIAGE_HOME name another." in done.stderr


def test_messages_name_the_command_that_was_typed(triage, project):
    done = triage("registry", "promote", "2", cwd=project, expect=2)
    assert "triage registry promote 2 --reason" in done.stderr
    done = triage("train", "--nonsense", cwd=project, expect=2)
    assert done.stderr.endswith("See: triage train --help\n")
    shown = triage("predict", "--help", cwd=project).stdout
    assert "triage predict new.csv" in shown.replace("  ", " ")
    assert "python" not in shown


def test_all_commands_give_the_version_that_was_built(triage, tmp_path):
    said = {
        triage(*command, "--version", cwd=tmp_path).stdout
        for command in ((), *([name] for name in ("train", "predict", "monitor", "registry")))
    }
    said.add(triage("sample", "--version", cwd=tmp_path).stdout)
    assert len(said) == 1
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert built["project"]["dynamic"] == ["version"]
    from common import __version__

    assert said == {f"triage-trio {__version__}\n"}
