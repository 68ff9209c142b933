"""A store that does not answer as it should ends each script in one line, soon."""

import signal
import subprocess
import time

import pytest
from faulty_store import KINDS, faulty_store
from helpers import clean_environment, warm_python

STORE, UNKNOWN = 4, 3
COMMANDS = {
    "predict": ("predict.py", "a.csv"),
    "train": ("train.py", "--data", "a.csv", "--target-column", "label"),
    "monitor": ("monitor.py", "--data", "a.csv", "--target-column", "label"),
    "registry": ("-m", "common.registry", "history"),
}
# From the first question to the end of the process.
SECONDS = 10


@pytest.fixture
def own(project):
    rows = (f"{k},message {k},{'good' if k % 2 else 'bad'}\n" for k in range(60))
    (project.root / "a.csv").write_text("id,text,label\n" + "".join(rows))
    return project


def start(project, script, address):
    return subprocess.Popen(
        [*warm_python(), *COMMANDS[script]],
        cwd=project.root,
        env=clean_environment() | {"MLFLOW_TRACKING_URI": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("script", COMMANDS)
@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[] if k == "drips" else pytest.mark.slow) for k in KINDS]
)
def test_whatever_a_store_sends_instead_of_an_answer_it_is_one_line_soon(own, script, kind):
    with faulty_store(kind) as store:
        process = start(own, script, store.address)
        out, err = process.communicate(timeout=90)
        took = time.monotonic() - store.asked[0][0]
    (line,) = err.splitlines()
    assert store.address in line
    assert process.returncode == (UNKNOWN if script == "monitor" else STORE)
    assert not out
    assert took < SECONDS
    assert not list(own.root.glob(".a*"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["busy", "too many"])
def test_a_store_that_is_busy_later_is_not_waited_for_as_long_as_it_asks(own, kind):
    with faulty_store(kind, after_probe=True) as store:
        process = start(own, "registry", store.address)
        _, err = process.communicate(timeout=90)
    assert process.returncode == STORE
    (line,) = err.splitlines()
    assert f"{store.address} failed: it answers HTTP {503 if kind == 'busy' else 429}" in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_script_that_waits_for_a_store(own, number):
    with faulty_store("drips", after_probe=True) as store:
        process = start(own, "registry", store.address)
        while len(store.asked) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
    assert err == f"registry: interrupted by {number.name}.\n"
    assert process.returncode == 128 + number
