"""A monitor.db of an earlier release is used on: nothing is lost, nothing is told twice."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from helpers import ROOT

from common.errors import StoreError
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.feed import Feed
from common.monitoring.history import BoundedShare, JudgedWindow, WindowRecord
from common.monitoring.incidents import tables
from common.monitoring.incidents.book import open_book

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
HOOK = "https://hooks.example.org/T0/token"
# The release whose databases had version 1.
FORMER = "abb5738"
# What its monitor wrote of five days: two good ones, one whose drift warned, two of an incident.
FORMER_CODE = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from common.findings.finding import Finding, Status
from common.incident_book import opened

START, HOOK = datetime(2026, 3, 1, 6, tzinfo=UTC), sys.argv[2]
with opened(Path(sys.argv[1])) as book:
    for number, letter in enumerate("OOWCC", start=1):
        status = {"O": Status.OK, "W": Status.WARNING, "C": Status.CRITICAL}[letter]
        right = {"O": 270, "W": 250, "C": 200}[letter]
        labelled = number != 2
        remembered = {
            "read": 310, "correct": right, "labelled": 300,
            "accuracy": right / 300 if labelled else None,
            "lower": 0.6 if labelled else None, "upper": 0.95 if labelled else None,
            "estimated": {"value": 0.9, "lower": 0.85, "upper": 0.95},
            "degradation": "WARNING" if labelled else None,
        }
        accuracy = {"p": 0.01, "finding": "degradation", "also": ["so"], "warned": []}
        accuracy |= {"unescalated": "WARNING", "window": remembered}
        drift = {"finding": "text", "also": [], "warned": ["text"] if letter == "W" else []}
        of_accuracy, of_drift = (
            (Status.OK, Status.WARNING) if letter == "W" else (status, Status.OK)
        )
        reason, figures = f"day {number} is {letter}", (right / 300, 0.6, 0.95, 0.85, 300)
        findings = [
            Finding("accuracy", of_accuracy, reason, *figures, accuracy),
            Finding("drift", of_drift, "words", detail=drift),
        ]
        name, at = f"2026-03-0{number}", START + number * timedelta(days=1)
        book.record("triage, 1 days", name, findings, at, [HOOK, "mailto:a@b.org"])
    # One of the two channels has taken the first notice.
    (channel, notice), *_ = book.claim(START + timedelta(days=5))
    book.delivered(channel, notice, START + timedelta(days=5))
    for channel, notice in book.claim(START + timedelta(days=5, seconds=200)):
        book.failed(channel, notice)
"""


@pytest.fixture(scope="module")
def former(tmp_path_factory):
    """The bytes of a database that the real former code has written."""
    folder = tmp_path_factory.mktemp("former")
    archive = subprocess.run(
        ["git", "-C", ROOT, "archive", FORMER, "common"], capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    path = folder / "monitor.db"
    subprocess.run(
        [sys.executable, "-c", FORMER_CODE, str(path), HOOK],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        check=True,
    )
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, former):
    path = tmp_path / "monitor.db"
    path.write_bytes(former)
    return path


def dump(path):
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


def version_of(path):
    with sqlite3.connect(path) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


FEED, VERSION = Feed("triage", window="1 days"), 7


@contextmanager
def adopted(path):
    """The book, after the first look of today's release."""
    with open_book(path) as book:
        book.adopt(FEED, VERSION)
        yield book


def judge(book, number, status):
    name = f"2026-03-{number:02}"
    window = WindowRecord(name, status, read=300, labelled=300, correct=270)
    finding = Finding("accuracy", status, f"day {number}")
    judged = [JudgedWindow([finding], [finding], window)]
    return book.record(FEED, VERSION, judged, START + number * DAY, [HOOK])


def test_all_that_was_known_of_windows_is_in_their_own_table(path):
    assert version_of(path) == 1
    with adopted(path) as book:
        windows = book.windows(FEED)
    assert version_of(path) == tables.VERSION
    assert [window.window for window in windows] == [f"2026-03-0{day}" for day in range(1, 6)]
    first = WindowRecord(
        "2026-03-01",
        Status.OK,
        read=310,
        labelled=300,
        correct=270,
        accuracy=BoundedShare(0.9, 0.6, 0.95),
        estimate=BoundedShare(0.9, 0.85, 0.95),
        degradation=Status.WARNING,
        drift_warnings=(),
        version=VERSION,
    )
    assert windows[0] == first
    assert windows[1] == replace(first, window="2026-03-02", accuracy=None, degradation=None)
    assert windows[2].drift_warnings == ("text",)
    assert [window.status.name[0] for window in windows] == ["O", "O", "O", "C", "C"]


def test_findings_keep_what_they_are_of_and_nothing_else_of_the_window(path):
    with adopted(path) as book:
        history = book.history(FEED, VERSION, "accuracy")
        drift = book.history(FEED, VERSION, "drift")
    assert len(history) == len(drift) == 5
    finding = history[-1].finding
    assert (finding.status, finding.reason, finding.rows) == (Status.CRITICAL, "day 5 is C", 300)
    assert finding.detail["p"] == 0.01
    assert "window" not in finding.detail


def test_an_open_incident_recovers_once(path):
    with adopted(path) as book:
        assert not judge(book, 5, Status.CRITICAL), "it was opened before"
        assert not judge(book, 6, Status.OK)
        (recovered,) = judge(book, 7, Status.OK)
        assert not judge(book, 8, Status.OK)
        incidents = {incident.changes[0].finding: incident for incident in book.incidents(FEED)}
    assert [change.change for change in incidents["accuracy"].changes] == [
        "opened",
        "reminded",
        "recovered",
    ]
    assert recovered.incident == incidents["accuracy"].changes[0].incident
    assert recovered.since == START + 4 * DAY


def test_what_was_delivered_is_not_told_again_and_the_rest_is(path):
    with sqlite3.connect(path) as connection:
        queued = connection.execute("SELECT notice, channel, delivered_at FROM outbox").fetchall()
    taken = {(notice, channel) for notice, channel, at in queued if at}
    assert len(taken) == 1
    now = START + 6 * DAY
    with adopted(path) as book:
        claimed = book.claim(now)
        assert {(each.number, each.channel) for each in claimed} == {
            (notice, channel) for notice, channel, _ in queued
        } - taken
        for delivery in claimed:
            book.mark_delivered(delivery, now)
        assert book.claim(now + DAY) == []


def test_it_is_migrated_once_by_any_number_of_monitors(path):
    with adopted(path) as first, adopted(path) as second:
        assert first.windows(FEED) == second.windows(FEED)
    after = dump(path)
    with adopted(path) as again:
        assert len(again.windows(FEED)) == 5
    assert dump(path) == after


def test_a_kill_at_each_statement_leaves_the_former_version_or_the_new_one(path, former):
    """Killed before each statement that it gives to SQLite."""
    before, steps, versions = dump(path), 0, set()
    with open_book(path) as book:
        assert book.windows(FEED) == []
    migrated = dump(path)
    with adopted(path) as book:
        whole = book.windows(FEED)
    after = dump(path)
    while True:
        path.write_bytes(former)
        steps += 1
        child = os.fork()
        if not child:
            try:
                die_at(steps)
                with adopted(path) as book:
                    book.windows(FEED)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        versions.add(version := version_of(path))
        assert dump(path) in ([before] if version == 1 else [migrated, after])
        with adopted(path) as book:
            assert book.windows(FEED) == whole
        assert dump(path) == after
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
    assert steps > 15
    assert versions == {1, tables.VERSION}


def die_at(step):
    """Kill this process before its statement number `step`."""
    left = step

    def count(_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    connect = sqlite3.connect

    def traced(*args, **more):
        connection = connect(*args, **more)
        connection.set_trace_callback(count)
        return connection

    sqlite3.connect = traced


def test_a_row_that_was_never_written_so_is_one_line_and_nothing_changes(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE windows SET detail = '{}' WHERE window = '2026-03-03'")
    before = dump(path)
    with open_book(path) as book, pytest.raises(StoreError, match="never written so"):
        book.windows(FEED)
    assert dump(path) == before
    assert version_of(path) == 1


def test_a_newer_version_is_refused_in_one_line(path):
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {tables.VERSION + 1}")
    with open_book(path) as book, pytest.raises(StoreError, match="newer version") as refused:
        book.windows(FEED)
    assert len(str(refused.value).splitlines()) == 1


def test_records_are_strict_json(path):
    with adopted(path) as book:
        for window in book.windows(FEED):
            record = json.loads(json.dumps(window.to_json(), allow_nan=False))
            assert WindowRecord.from_json(record) == window
