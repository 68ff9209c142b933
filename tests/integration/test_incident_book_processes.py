"""Two monitors at once tell of each change once; one that is killed loses none."""

import json
import multiprocessing
import os
import signal
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from common.monitoring.checks.finding import Finding, Status
from common.monitoring.feed import Feed
from common.monitoring.history import JudgedWindow, WindowRecord
from common.monitoring.incidents.book import open_book

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
LATER = START + timedelta(seconds=121)
HOOK, MAIL = "https://example.org/token", "mailto:ops@example.org"
STATUSES = {status.name[0]: status for status in Status}
LETTERS = "OWCOUO" + "WOO" * 4 + "COOOOOOOC"
FEED = Feed("triage")
FORK = multiprocessing.get_context("fork")


def judge(book, letters, at, wait=lambda: None):
    """What a run of the monitor does: judge all windows again, in their order."""
    notices = []
    for number, letter in enumerate(letters, start=1):
        wait()
        finding = Finding("accuracy", STATUSES[letter], "why", detail={"window": number})
        window = WindowRecord(f"day {number}", finding.status, read=9, labelled=9, correct=9)
        judged = [JudgedWindow([finding], [finding], window)]
        told = book.record(FEED, 1, judged, at, [HOOK, MAIL])
        notices += [(notice.window, notice.change) for notice in told]
    return notices


def deliver(book, sent, at, count=lambda: None):
    for delivery in book.claim(at):
        notice = delivery.notice
        count()
        # As a receiver does: what has arrived is there, whatever becomes of the sender.
        with sent.open("a") as file:
            file.write(json.dumps([delivery.channel, notice.window, notice.change]) + "\n")
        count()
        book.mark_delivered(delivery, at)


def arrived(sent):
    lines = sent.read_text().splitlines() if sent.exists() else []
    return Counter(tuple(json.loads(line)) for line in lines)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """By one monitor that nobody disturbs."""
    with open_book(tmp_path_factory.mktemp("alone") / "book.db") as book:
        notices = judge(book, LETTERS, START)
    assert len(set(notices)) == len(notices) > 9
    return notices


def monitor(path, sent, barrier, results):
    with open_book(path) as book:
        notices = judge(book, LETTERS, START, barrier.wait)
        barrier.wait()
        deliver(book, sent, START)
    results.put(notices)


@pytest.mark.parametrize("monitors", [2, 4])
def test_monitors_that_judge_the_same_windows_at_once_tell_of_each_change_once(
    tmp_path, told, monitors
):
    for turn in range(5):
        path, sent = tmp_path / f"{turn}.db", tmp_path / f"{turn}.sent"
        barrier, results = FORK.Barrier(monitors, timeout=60), FORK.Queue()
        processes = [
            FORK.Process(target=monitor, args=(path, sent, barrier, results), daemon=True)
            for _ in range(monitors)
        ]
        for process in processes:
            process.start()
        by_each = [results.get(timeout=60) for _ in processes]
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
        assert Counter(chain(*by_each)) == Counter(told)
        assert set(arrived(sent).values()) == {1}
        assert len(arrived(sent)) == 2 * len(told)


def die_at(step):
    """Kill this process before its statement number `step` to SQLite; gives a way to count more."""
    left = step

    def count(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    connect = sqlite3.connect

    def traced(*args, **other):
        connection = connect(*args, **other)
        connection.set_trace_callback(count)
        return connection

    sqlite3.connect = traced
    return count


def recorded_as_delivered(path):
    with sqlite3.connect(path) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            return 0
        statement = "SELECT count(*) FROM outbox WHERE delivered_at IS NOT NULL"
        return int(connection.execute(statement).fetchone()[0])


def test_a_kill_at_each_statement_loses_no_notice_and_repeats_only_what_was_under_way(tmp_path):
    """Before and after each commit, and before and after each sending."""
    letters = "WCOO"
    whole = {
        (window, change)
        for window, change in [("day 1", "opened"), ("day 2", "escalated"), ("day 4", "recovered")]
    }
    repeated = Counter()
    for step in range(1, 400):
        path, sent = tmp_path / f"{step}.db", tmp_path / f"{step}.sent"
        child = os.fork()
        if not child:
            try:
                count = die_at(step)
                with open_book(path) as book:
                    judge(book, letters, START)
                    deliver(book, sent, START, count)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        under_way = arrived(sent).total() - (recorded_as_delivered(path) if path.exists() else 0)
        with open_book(path) as book:
            judge(book, letters, LATER)
            deliver(book, sent, LATER)
            assert not book.claim(LATER + timedelta(days=1))
            assert len(book.incidents(FEED)) == 1
        found = arrived(sent)
        assert {(window, change) for _, window, change in found} == whole
        assert len(found) == 2 * len(whole)
        assert found.total() - len(found) == under_way
        repeated[under_way] += 1
    assert step > 60
    # Six sendings, each killed after it, before BEGIN, before UPDATE and before COMMIT.
    assert set(repeated) == {0, 1}
    assert repeated[1] == 6 * 4
