import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT

from common import parallel
from common.errors import TriageError


def slow_when_even(number):
    time.sleep(0.02 if number % 2 == 0 else 0)
    return number, os.getpid()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_work(workers):
    results = list(parallel.map_in_order(slow_when_even, range(20), workers))
    assert [number for number, _ in results] == list(range(20))
    assert (len({process for _, process in results} - {os.getpid()}) > 0) == (workers > 1)


def test_few_items_are_taken_before_their_results_are():
    taken = []

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    results = parallel.map_in_order(slow_when_even, items(), 2)
    next(results)
    assert len(taken) < 10
    results.close()


def test_an_error_of_the_work_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(parallel.map_in_order(lambda number: 1 // number, [1, 0, 1], 2))


def test_a_killed_worker_is_one_clear_line():
    def work(number):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(TriageError, match="--workers 1"):
        list(parallel.map_in_order(work, [1], 2))


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    code = f"""
import os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from common import parallel
def work(number):
    open({str(tmp_path)!r} + "/" + str(os.getpid()), "w").close()
    time.sleep(60)
list(parallel.map_in_order(work, range(4), 2))
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    end = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    while any(Path(f"/proc/{path.name}/cmdline").exists() for path in tmp_path.iterdir()):
        assert time.monotonic() < end, "workers are still there"
        time.sleep(0.05)
