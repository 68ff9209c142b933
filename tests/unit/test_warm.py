"""A fork of a warm interpreter does what a new interpreter does."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest
from helpers import Project, clean_environment, warm_python

REPORT = """
import os, sys, atexit
atexit.register(print, "at exit")
print(__name__, sys.argv, sys.path[0], os.getcwd(), os.environ.get("OWN"), sys.stdin.read())
print("said", file=sys.stderr)
print(sys.path.index(os.environ["PYTHONPATH"]), os.environ["PYTHONPATH"] in sys.path[2:])
print("common" in sys.modules, sys.modules["__main__"].__name__)
"""
ENDS = {
    "returns": "",
    "exits": "sys.exit(5)",
    "says why": "sys.exit('no')",
    "fails": "raise OSError('disk')",
    "is killed": "import signal; os.kill(os.getpid(), signal.SIGKILL)",
    "is ended": "import signal; os.kill(os.getpid(), signal.SIGTERM)",
}


def outcome(interpreter, command, folder):
    done = subprocess.run(
        [*interpreter, *command],
        cwd=folder,
        env=clean_environment() | {"OWN": "kept", "PYTHONPATH": "/own/modules"},
        input="asked",
        capture_output=True,
        text=True,
    )
    # A traceback of a fork starts where the fork was made.
    last = done.stderr.splitlines()[-1:]
    return done.returncode, done.stdout, last


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("command", [["a/script.py"], ["-m", "package.module"], ["-c"]])
def test_a_command_ends_as_in_a_new_interpreter(tmp_path, command, end):
    for name in ("a/script.py", "package/module.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(REPORT + ENDS[end])
    code = [REPORT + ENDS[end]] if command == ["-c"] else []
    command = [*command, *code, "--flag", "a b"]
    found = outcome(warm_python(), command, tmp_path)
    assert found == outcome([sys.executable], command, tmp_path)
    assert "__main__" in found[1] or found[0] < 0  # what a signal ends need not have written


def test_a_clean_process_has_nothing_of_the_project_and_the_same_libraries(tmp_path):
    (tmp_path / "common.py").touch()
    code = """
import sys, mlflow
print(__name__, sys.argv, [path for path in sys.path if "site-packages" in path])
import common
"""
    found = outcome(warm_python(), ["-I", "-c", code], tmp_path)
    assert found == outcome([sys.executable], ["-I", "-c", code], tmp_path)
    assert found[2] == ["ModuleNotFoundError: No module named 'common'"]


def test_what_a_fork_starts_is_a_fork_if_it_can_be_one(tmp_path):
    (tmp_path / "train.py").write_text("import sys; print(sys.executable)")
    python = Project(tmp_path).run("train.py").stdout.strip()
    (tmp_path / "tell.py").write_text(tell := "import sys; print('mlflow' in sys.modules)")
    for command, warm in (
        (["-I", "-c", tell], True),
        (["-m", "tell"], True),
        (["tell.py"], True),
        (["-c", tell, "tell.py"], False),
        (["-P", "tell.py"], False),
    ):
        done = subprocess.run([python, *command], cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout == f"{warm}\n", command


def test_a_copied_store_is_what_the_migrations_make(tmp_path):
    code = f"""
import mlflow, sys
mlflow.MlflowClient("sqlite:///{tmp_path}/" + sys.argv[1]).get_experiment_by_name("Default")
"""
    (tmp_path / "make.py").write_text(code)

    def made(name, python):
        subprocess.run([*python, "make.py", name], cwd=tmp_path, check=True)
        with closing(sqlite3.connect(tmp_path / name)) as store:
            # But for the order of constraints, and when MLflow's own experiment was made.
            return sorted(sorted(re.sub(r"\d{13}", "", row).split()) for row in store.iterdump())

    copied = made("copied", warm_python())
    assert len(copied) > 100
    assert copied == made("migrated", [sys.executable])


@pytest.mark.parametrize(
    ("command", "env", "warm"),
    [
        (["tell.py"], {}, False),
        (["monitor.py"], {}, True),
        (["monitor.py"], {"TEXT_COLUMN": "body"}, True),
        (["monitor.py"], {"HOME": "/nowhere"}, False),
        (["monitor.py"], {"MLFLOW_CONFIGURE_LOGGING": "true"}, False),
    ],
)
def test_what_may_matter_to_an_import_gets_a_new_interpreter(tmp_path, command, env, warm):
    (tmp_path / command[0]).write_text("import sys; print('mlflow' in sys.modules)")
    done = replace(Project(tmp_path), env=env).run(*command)
    assert done.stdout == f"{warm}\n", done.stderr


def sleeping(folder, interpreter):
    (folder / "sleeps.py").write_text(
        "import os, time; print(os.getpid(), flush=1); time.sleep(60)"
    )
    process = subprocess.Popen(
        [*interpreter, "sleeps.py"], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    return process, int(process.stdout.readline())


def test_a_signal_reaches_the_fork_and_a_kill_takes_it_along(tmp_path):
    for number in (signal.SIGTERM, signal.SIGKILL):
        process, pid = sleeping(tmp_path, warm_python())
        process.send_signal(number)
        process.communicate(timeout=20)
        assert process.returncode == -number
        assert pid != process.pid
        end = time.monotonic() + 20
        with pytest.raises(ProcessLookupError):
            while time.monotonic() < end:
                os.kill(pid, 0)
                time.sleep(0.01)
