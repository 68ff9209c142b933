"""The benchmarks run and report what they measure."""

import csv
import subprocess
import sys
from datetime import UTC, datetime, timedelta

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


def test_any_file_is_scored_and_its_variety_said(tmp_path):
    path = tmp_path / "messages.csv"
    path.write_text("id,words\n" + "".join(f"{k},where is order {k} now\n" for k in range(400)))
    flags = ("--fit-rows", 1500, "--plain", "--only", "ours")
    report = benchmark("compare", *flags, "--score-file", path, "--score-text-column", "words")
    assert (
        "Scoring 400 rows, CSV to CSV, median of 1 (5.0 pieces a message, 1.01 of them new)"
        in report
    )


def test_the_variety_of_messages_is_tabulated(tmp_path):
    path = tmp_path / "messages.csv"
    path.write_text("text\nno no\nno NO!\n")
    report = benchmark("variety", path, "--sizes", 2)
    cells = [cell.strip() for cell in report.splitlines()[-1].split("|")]
    assert cells[1:-1] == ["messages", "2", "2", "50%", "2", "2.0", "6"]


def test_parts_of_the_model_are_left_out_one_at_a_time(trained):
    report = benchmark("ablation", "--data", trained.sample, "--splits", 1)
    for part in ("whole model", "without statistics", "without parts of words"):
        assert part in report


def test_a_curve_has_a_row_for_each_number_of_rows(trained):
    flags = ("--data", trained.sample, "--rows", 100, 300, "--splits", 1)
    report = benchmark("learning_curve", *flags)
    for part in ("rows fitted on", "surest 80 %", "LinearSVC", "| 100 ", "| 300 "):
        assert part in report


def test_brands_are_told_apart_without_their_handles(tmp_path):
    path = tmp_path / "twcs.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [
            (("shop", "bank", "7")[k % 3], f"@{k} the {('parcel', 'card')[k % 2]} {k % 9}, @shop")
            for k in range(120)
        ]
        csv.writer(file).writerows([("author_id", "text"), *rows])
    report = benchmark("many_classes", "--data", path, "--splits", 2)
    for part in ("own linear scores", "| brand that answers |", "| either "):
        assert part in report
    assert "| brand named " not in report, "all name the same one"


def test_false_alarms_and_power_on_a_stream_are_tabulated(tmp_path):
    path = tmp_path / "stream.csv"
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = (
            (f"message {k} is {('late', 'fine')[k % 2]} today", ("bad", "good")[k % 2],
             (start + timedelta(minutes=12 * k)).isoformat())
            for k in range(900)
        )  # fmt: skip
        csv.writer(file).writerows([("text", "mood", "at"), *rows])
    flags = ("--file", path, "--target-column", "mood", "--time-column", "at", "--train-days", 4)
    sizes = ("--days", 3, "--seeds", 1, "--tries", 1, "--workers", 1, "--foreign", path)
    report = benchmark("streams", *flags, *sizes)
    for part in ("in order", "drawn, seed 0", "20 % foreign messages", "told within 3 days"):
        assert part in report


def test_incidents_of_whole_histories_are_counted():
    sizes = ("--days", 3, "--rows-per-day", 60, "--seeds", 5)
    report = benchmark("incidents", *sizes)
    assert "days to CRITICAL" in report
    assert "|      5 |" in report


def test_families_are_compared_on_the_same_draws(tmp_path):
    path = tmp_path / "messages.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = (
            (f"parcel {k} is {('late', 'fine')[k % 2]}", ("bad", "good")[k % 2]) for k in range(300)
        )
        csv.writer(file).writerows([("text", "mood"), *rows])
    flags = ("--data", path, "--target-column", "mood", "--rows", 100, 0, "--draws", 2)
    report = benchmark("families", *flags)
    for part in ("| 100 ", "| 210 ", "| linear ", "| boosted ", "+/-", "MB"):
        assert part in report
    assert "embedding" not in report


def test_what_finds_foreign_messages_is_tabulated(tmp_path):
    rows = {"known": "where is my order", "foreign": "the playlist skips songs"}
    for name, words in rows.items():
        lines = (f"{words} {k % 97} {k}\n" for k in range(6200))
        (tmp_path / f"{name}.csv").write_text("text\n" + "".join(lines))
    files = (tmp_path / "known.csv", tmp_path / "foreign.csv")
    report = benchmark("novelty", *files, "--shares", 0.1, "--draws", 1)
    cells = [cell.strip() for cell in report.splitlines()[-1].split("|")]
    assert cells[1:3] == ["10%", "1.00"]


def test_what_is_new_on_each_day_of_a_stream_is_told_beside_days_without_news(tmp_path):
    path = tmp_path / "tweets.csv"
    rows = [
        f"{number},2026-03-{day:02}T12:00:00Z,{what} {number % 7} {day} is late"
        for day in range(1, 8)
        for number, what in enumerate(["order", "parcel", "refund", "app"] * 25)
    ]
    rows += [f"{k},2026-03-07T13:00:00Z,gift card {k} is gone" for k in range(20)]
    path.write_text("\n".join(["id,created_at,text", *rows]) + "\n")
    report = benchmark("bursts", "--file", path, "--shuffles", 1, "--train-days", 3)
    assert "gift card: 20 (0.0 expected) since 2026-03-07" in report.replace(", gone", "")
    assert "what is kept of them" in report


def test_a_promise_is_tried_on_messages_that_nobody_has_seen(trained):
    flags = ("--promises", 0.8, "--holdout", 300, "--draws", 5)
    report = benchmark("routing", "--simulate", *flags)
    missing = [float(line.split("|")[4]) for line in report.splitlines() if " sure " in line]
    assert len(missing) == 2
    assert max(missing) < 40
    data = ("--data", trained.sample, "--models", 1, "--family", "linear")
    assert "of 5" in benchmark("routing", *data, *flags)
