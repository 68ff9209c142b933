"""Timers and cron lines that are installed as they are: systemd takes them, their commands run."""

import configparser
import json
import re
import shutil
import subprocess
import sys

import pytest
from helpers import ROOT

UNITS, CRONTAB = ROOT / "deploy" / "systemd", ROOT / "deploy" / "cron" / "triage.crontab"
HOME = "/srv/triage-trio"
NAMES = sorted(path.name for path in UNITS.glob("triage-*.*") if path.is_file())
SERVICES = [name for name in NAMES if name.endswith(".service")]
# The most that systemd calls OK is 4.9; what is left here is a network and the host's files.
EXPOSURE = 20

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not here"
)


def cron_lines():
    """Settings and (schedule, command) of the crontab."""
    settings, jobs = {}, []
    for line in CRONTAB.read_text().splitlines():
        if setting := re.fullmatch(r"([A-Z_]+)=(.*)", line):
            settings[setting[1]] = setting[2]
        elif line and not line.startswith("#"):
            *schedule, command = line.split(maxsplit=5)
            jobs.append((schedule, command))
    return settings, jobs


def unit(name):
    read = configparser.ConfigParser(interpolation=None, strict=False)
    read.optionxform = str
    read.read_string((UNITS / name).read_text())
    return read


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The units where systemd finds them, for a project that is somewhere else."""
    folder = tmp_path_factory.mktemp("systemd")
    project = folder / "triage-trio"
    for environment in (".venv", ".venv-flows"):
        (project / environment / "bin").mkdir(parents=True)
        (project / environment / "bin" / "python").symlink_to(sys.executable)
    shutil.copytree(UNITS, folder / "system")
    for path in (folder / "system").rglob("*.*"):
        if path.is_file():
            path.write_text(path.read_text().replace(HOME, str(project)))
    return folder / "system"


def analyze(installed, *arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments],
        cwd=installed,
        env={"SYSTEMD_UNIT_PATH": f"{installed}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


@needs_systemd
@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_wrong_with_a_unit(name, installed):
    done = analyze(installed, "verify", "--man=no", f"./{name}")
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_systemd_would_say_what_is_wrong(installed):
    path = installed / "triage-wrong.service"
    path.write_text("[Service]\nType=oneshot\nExecStart=/not/there\nProtectSytem=strict\n")
    done = analyze(installed, "verify", "--man=no", f"./{path.name}")
    assert "ProtectSytem" in done.stderr
    assert "/not/there" in done.stderr


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened(name, installed):
    offline = ("security", "--offline=yes", "--no-pager")
    done = analyze(installed, *offline, f"--threshold={EXPOSURE}", f"./{name}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_are_no_failures_of_the_service():
    success = {name: unit(name)["Service"].get("SuccessExitStatus") for name in SERVICES}
    assert {name: codes for name, codes in success.items() if codes} == {
        "triage-monitor.service": "1 2"
    }


def test_each_timer_catches_up_and_has_its_service():
    timers = [name for name in NAMES if name.endswith(".timer")]
    assert len(timers) == 3
    for name in timers:
        assert unit(name)["Timer"]["Persistent"] == "true"
        assert name.replace(".timer", ".service") in SERVICES


def test_cron_and_systemd_run_the_same_commands():
    _, jobs = cron_lines()
    # systemd starts nothing where there is nothing to score; cron needs a shell for it.
    ran = [
        command.replace('[ -r incoming ] && [ -z "$(ls -A incoming)" ] || ', "")
        for _, command in jobs
    ]
    by_cron = {re.search(r"&& (.*) --json >>", command)[1] for command in ran}
    by_timer = {
        unit(name)["Service"]["ExecStart"].removeprefix(f"{HOME}/")
        for name in SERVICES
        if name != "triage-flows.service"
    }
    assert by_cron == by_timer


def test_the_lines_of_the_crontab_run_and_write_nothing_that_would_be_mailed(trained):
    (trained.root / ".venv").symlink_to(sys.prefix)
    (trained.root / "incoming").mkdir()
    settings, jobs = cron_lines()
    assert set(settings) == {"SHELL", "PATH", "MAILTO", "LOG_LEVEL"}

    def runs_in_silence(command):
        done = subprocess.run(
            [settings["SHELL"], "-c", command.replace(HOME, str(trained.root))],
            cwd="/",
            env=settings | {"HOME": str(trained.root)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command

    runs_in_silence(next(command for _, command in jobs if "predict.py" in command))
    assert not (trained.root / "scored").exists()  # there was nothing to score
    shutil.copy(trained.sample, trained.root / "incoming" / "monday.csv")
    for schedule, command in jobs:
        assert all(re.fullmatch(r"[\d*,/-]+", field) for field in schedule), schedule
        assert "%" not in command  # a line end to cron
        runs_in_silence(command)
        log = re.search(r">> (\S+)$", command)[1]
        json.loads((trained.root / log).read_text())
    assert (trained.root / "scored" / "monday.predictions.csv").exists()
