"""The benchmarks run and report what they measure."""

import subprocess
import sys

import pytest
from helpers import ROOT, clean_environment

pytestmark = pytest.mark.slow


def benchmark(module, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_contenders_are_compared_by_accuracy_and_speed():
    logistic = "scikit-learn words -> logistic regression"
    sizes = ("--fit-rows", 2000, "--score-rows", 1000)
    report = benchmark("compare", *sizes, "--only", "ours", logistic)
    for part in ("accuracy", "fit s", "rows/s", "peak MB", "| ours ", f"| {logistic} ", "Python 3"):
        assert part in report


def test_parts_of_the_model_are_left_out_one_at_a_time(trained):
    report = benchmark("ablation", "--data", trained.sample, "--splits", 1)
    for part in ("whole model", "without statistics", "without parts of words"):
        assert part in report


def test_false_alarms_and_power_of_the_findings_are_tabulated():
    report = benchmark("alarms", "--runs", 1, "--days", 3, "--tries", 2)
    for part in ("| text ", "| degradation ", "all together, mean", "CRITICAL in 2 runs of 3 days"):
        assert part in report


def test_incidents_of_whole_histories_are_counted():
    sizes = ("--days", 3, "--rows-per-day", 60, "--seeds", 5)
    report = benchmark("incidents", *sizes)
    assert "days to CRITICAL" in report
    assert "|      5 |" in report
