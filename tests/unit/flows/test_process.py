"""Children are heard line by line, and nothing of them stays."""

import subprocess
import sys
import threading
import time

import pytest

from flows import process


def run(code, tell=lambda line: None, seconds=60, folder="."):
    return process.run([sys.executable, "-c", code], folder, tell, seconds)


def ends(pid):
    """Whether a process is gone soon: a kill is not waited for where another is its parent."""
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    for _ in range(100):
        state = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        if not state or state.startswith("Z"):
            return True
        time.sleep(0.1)
    return False


def test_lines_come_as_they_are_written_and_the_result_at_the_end(tmp_path):
    heard = []
    code = (
        "import sys, time, os\n"
        "print('{}'); print('first', file=sys.stderr, flush=True); time.sleep(1)\n"
        "print('', 'last', sep='\\n', file=sys.stderr); sys.stderr.write(os.getcwd()); sys.exit(3)"
    )
    done = run(code, lambda line: heard.append((time.monotonic(), line)), folder=tmp_path)
    assert (done.code, done.stdout, done.last_line) == (3, "{}\n", str(tmp_path))
    assert [line for _, line in heard] == ["first", "last", str(tmp_path)]
    assert heard[1][0] - heard[0][0] > 0.5


def test_much_on_both_streams_blocks_nobody():
    code = "import sys\nfor _ in range(50_000): print('x' * 50); print('y' * 50, file=sys.stderr)"
    done = run(code)
    assert done.code == 0
    assert done.stdout.count("\n") == 50_000


def test_bytes_that_are_no_text_are_shown_as_numbers():
    heard = []
    done = run(r"import os; os.write(2, b'caf\xe9\n'); os.write(1, b'\xff')", heard.append)
    assert heard == [r"caf\xe9"]
    assert done.stdout == r"\xff"


WITH_A_CHILD = """
import subprocess, sys, time
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(other.pid, file=sys.stderr, flush=True)
time.sleep(600)
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.mark.parametrize("code", [WITH_A_CHILD, DEAF + WITH_A_CHILD])
def test_a_command_that_takes_too_long_is_ended_with_its_children(code, monkeypatch):
    monkeypatch.setattr(process, "SECONDS_TO_END", 1)
    heard = []
    with pytest.raises(process.TimeIsUp, match=r"python.* was ended: it took more than 2 s"):
        run(code, heard.append, seconds=2)
    (pid,) = heard
    assert ends(pid)


def test_whatever_ends_the_wait_ends_the_child(monkeypatch):
    class Cancelled(BaseException):
        pass

    heard = []

    def cancel(line):
        heard.append(line)
        raise Cancelled

    with pytest.raises(Cancelled):
        run(WITH_A_CHILD, cancel)
    assert ends(heard[0])
    assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer)]


def test_a_program_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        process.run(["no-such-program"], tmp_path, lambda line: None, 5)
