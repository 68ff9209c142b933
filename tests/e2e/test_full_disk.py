"""Disks that fill up while a script works: one line, exit code 3, nothing half-written.

What needs a real disk mounts a small one, as root only; the limit of a file's size shows the same
to everybody.
"""

import resource
import shutil
import subprocess
import sys

import pytest
from helpers import clean_environment, copy_project, fill, small_disk, warm_python

FULL, UNKNOWN, STORE = 3, 3, 4
# Room that is left, in KB: something else fails first each time.
ROOM = [
    0,
    40,
    *(pytest.param(room, marks=pytest.mark.slow) for room in (200, 500, 800, 1100, 1500, 2500)),
]


def run(project, *command, before=None, **env):
    """In a new interpreter: a store is migrated step by step on the disk that fills up."""
    return started([sys.executable], project, *command, before=before, **env)


def run_warm(project, *command, **env):
    return started(warm_python(), project, *command, **env)


def started(python, project, *command, before=None, **env):
    return subprocess.run(
        [*python, *command],
        cwd=project.root,
        env=clean_environment() | env,
        capture_output=True,
        text=True,
        timeout=170,
        preexec_fn=before,
    )


def is_one_line_or_done(done, names):
    """Either all went well, or the last line says where there was no room, and no other fails."""
    assert "Traceback" not in done.stderr
    assert "unforeseen" not in done.stderr
    assert "SQLAlchemy" not in done.stderr
    if done.returncode == 0:
        return
    assert done.returncode == FULL, done.stderr
    line = done.stderr.splitlines()[-1]
    assert "no space left" in line.casefold(), done.stderr
    assert any(str(name) in line for name in names), line


def messages(path, rows=3_000):
    lines = (f"{k},message {k} of {k % 7},{'good' if k % 2 else 'bad'}\n" for k in range(rows))
    path.write_text("id,text,label\n" + "".join(lines))
    return path


def leave_room(disk, kilobytes):
    filler = fill(disk)
    size = max(0, filler.stat().st_size - kilobytes * 1024)
    with filler.open("rb+") as file:
        file.truncate(size)
    return filler


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project with a champion of `messages`, in the place where it was trained."""
    folder = tmp_path_factory.mktemp("trained")
    project = copy_project(folder / "project")
    data = messages(folder / "a.csv", 400)
    done = project.run("train.py", "--data", str(data), "--target-column", "label")
    assert done.returncode == 0, done.stderr
    return project


@pytest.mark.parametrize("room", ROOM)
def test_train_on_a_full_disk_is_one_line_and_works_when_there_is_room(tmp_path, room):
    data = messages(tmp_path / "a.csv", 400)
    flags = ("train.py", "--data", str(data), "--target-column", "label")
    with small_disk(tmp_path / "disk", 40_000) as disk:
        project = copy_project(disk / "project")
        filler = leave_room(disk, room)
        # Python itself may leave half of a compiled file where there is no room for the whole.
        done = run(project, *flags, PYTHONDONTWRITEBYTECODE="1")
        is_one_line_or_done(done, [disk])
        filler.unlink()
        again = run_warm(project, *flags)
        assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("script", ["train", "predict", "monitor"])
@pytest.mark.parametrize(
    "room", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (100, 1000, 2000))]
)
def test_a_full_temporary_folder_is_one_line(trained, tmp_path, script, room):
    data = str(messages(tmp_path / "a.csv", 400))
    command = {
        "train": ("--data", data, "--target-column", "label"),
        "predict": (data, "-o", str(tmp_path / "out.csv")),
        "monitor": ("--data", data, "--target-column", "label"),
    }[script]
    with small_disk(tmp_path / "disk", 20_000) as disk:
        leave_room(disk, room)
        done = run_warm(trained, f"{script}.py", *command, TMPDIR=str(disk))
    if script == "monitor" and done.returncode in (0, 1, 2):
        return
    is_one_line_or_done(done, [disk])


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_predict_on_a_full_disk_shows_nothing_half_and_resumes(trained, tmp_path, ending):
    data = messages(tmp_path / "a.csv", 30_000)
    with small_disk(tmp_path / "disk", 4_000) as disk:
        output = disk / f"out.{ending}"
        for room in (0, 8, 600, 1_000):
            filler = leave_room(disk, room)
            done = run_warm(trained, "predict.py", str(data), "-o", str(output))
            is_one_line_or_done(done, [disk])
            if done.returncode:
                assert not output.exists()
                assert not list(disk.glob("out*"))
            filler.unlink()
        again = run_warm(trained, "predict.py", str(data), "-o", str(output))
        assert again.returncode == 0, again.stderr
        assert not list(disk.glob(".*"))
        assert output.exists()


@pytest.mark.parametrize("flag", ["--report", "--metrics-file"])
def test_a_page_or_metrics_without_room_leave_the_old_ones(trained, tmp_path, flag):
    data = str(messages(tmp_path / "a.csv", 400))
    with small_disk(tmp_path / "disk", 100) as disk:
        page = disk / "page"
        page.write_text("old")
        fill(disk)
        done = run_warm(
            trained, "monitor.py", "--data", data, "--target-column", "label", flag, str(page)
        )
        assert done.returncode == UNKNOWN, done.stderr
        assert f"cannot write {page}: No space left" in done.stderr.splitlines()[-1]
        assert "triage version 1 on a.csv" in done.stdout, "the finding is shown"
        assert page.read_text() == "old"
        assert sorted(path.name for path in disk.iterdir()) == ["filler", "page"]


@pytest.mark.parametrize("room", [0, 8])
def test_a_full_disk_under_the_book_of_incidents_is_one_line(trained, tmp_path, room):
    data = str(messages(tmp_path / "a.csv", 400))
    with small_disk(tmp_path / "disk", 200) as disk:
        filler = leave_room(disk, room)
        flags = ("--data", data, "--target-column", "label")
        book = disk / "monitor.db"
        done = run_warm(trained, "monitor.py", *flags, MONITOR_STATE=str(book))
        assert done.returncode == UNKNOWN, done.stderr
        line = done.stderr.splitlines()[-1]
        assert line.startswith("monitor: UNKNOWN: ")
        assert str(book) in line
        assert "no space left" in line
        filler.unlink()
        again = run_warm(trained, "monitor.py", *flags, MONITOR_STATE=str(book))
        assert again.returncode in (0, 1, 2), again.stderr


def test_a_full_disk_under_the_logs_is_said_once_and_breaks_nothing(trained, tmp_path):
    data = str(messages(tmp_path / "a.csv", 400))
    shutil.rmtree(trained.root / "logs")
    with small_disk(trained.root / "logs", 8) as logs:
        fill(logs)
        done = run_warm(trained, "predict.py", data, "-o", str(tmp_path / "out.csv"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Cannot log to") == 1
    assert (tmp_path / "out.csv").exists()


def may_not_grow_beyond(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_an_output_that_may_not_grow_is_one_line(trained, tmp_path):
    data = str(messages(tmp_path / "a.csv", 30_000))
    command = ("predict.py", data, "-o", str(tmp_path / "out.csv"))
    done = run(trained, *command, before=may_not_grow_beyond(1_000_000))
    assert done.returncode == FULL, done.stderr
    assert "out.csv: File too large. The same command resumes" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out.csv").exists()
    again = run_warm(trained, *command)
    assert again.returncode == 0, again.stderr


def test_a_model_that_may_not_be_fetched_whole_is_one_line(trained, tmp_path):
    data = str(messages(tmp_path / "a.csv", 400))
    done = run(trained, "predict.py", data, before=may_not_grow_beyond(50_000))
    assert done.returncode == FULL, done.stderr
    assert "cannot write" in done.stderr.splitlines()[-1]


def test_a_store_that_may_not_grow_is_one_line(project, tmp_path):
    data = str(messages(tmp_path / "a.csv", 400))
    flags = ("train.py", "--data", data, "--target-column", "label")
    done = run(project, *flags, before=may_not_grow_beyond(300_000))
    assert done.returncode == STORE, done.stderr
    (line,) = done.stderr.splitlines()
    assert "mlflow.db failed: disk I/O error: is its disk full or failing?" in line
    again = run_warm(project, *flags)
    assert again.returncode == 0, again.stderr
