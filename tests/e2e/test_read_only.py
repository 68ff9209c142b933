"""A folder that can't be written is one line, for all three scripts, also for root."""

import subprocess
import sys

import pytest
from helpers import clean_environment

ON_A_MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'


def on_read_only(project, *command, folder="."):
    """Run a script in a copy of the mounts in which a folder of the project is read-only."""
    place = str((project.root / folder).resolve())
    shell = ON_A_MOUNT.replace('cd "$0"', f'cd "{project.root}"')
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", shell, place, sys.executable, *map(str, command)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.fixture(scope="module")
def trained(make_trained):
    project = make_trained()
    if on_read_only(project, "-c", "").returncode:
        pytest.skip("mounts are not allowed here")
    (project.root / "new.csv").write_text("text\nhello\n")
    return project


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("train.py",), 4),
        (("train.py", "--dry-run"), 4),
        (("predict.py", "new.csv"), 4),
        (("monitor.py",), 3),
    ],
)
def test_a_project_that_can_not_be_written_is_one_line(trained, command, code):
    done = on_read_only(trained, *command)
    assert done.returncode == code, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("Cannot log to")]
    assert "Read-only file system" in line
    assert "unforeseen" not in line


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("predict.py", "data/synthetic_messages.csv"), 3),
        (("monitor.py", "--report", "data/report.html"), 3),
    ],
)
def test_a_folder_of_outputs_that_can_not_be_written_is_one_line(trained, command, code):
    done = on_read_only(trained, *command, folder="data")
    assert done.returncode == code, done.stderr
    assert "Read-only file system" in done.stderr.splitlines()[-1]
    assert "unforeseen" not in done.stderr


def test_a_sample_that_can_not_be_written_is_one_line(project):
    (project.root / "data").mkdir()
    if on_read_only(project, "-c", "").returncode:
        pytest.skip("mounts are not allowed here")
    done = on_read_only(project, "train.py", folder="data")
    assert done.returncode == 3, done.stderr
    (line,) = done.stderr.splitlines()
    assert "Read-only file system" in line
