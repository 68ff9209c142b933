"""What people are told is about now, once, in the words of the check that it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from common.evaluation import profile
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.checks.suite import Baseline
from common.monitoring.feed import Feed
from common.monitoring.history import JudgedWindow, WindowRecord
from common.monitoring.incidents.book import open_book
from common.monitoring.result import WatchedModel, monitoring_result
from common.monitoring.run import combine_by_subject, judge_windows, record_windows
from common.reports import console

FEED = Feed("triage", source="days", window="1 days", floor=0.85)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
HOOK = "https://hooks.example.org/token"
DAY = timedelta(days=1)


class Classifier:
    classes_ = np.array(["a", "b"], object)


@pytest.fixture
def book(tmp_path):
    with open_book(tmp_path / "monitor.db") as book:
        yield book


def window(correct, seed=0, rows=300, delay=None, labelled=1.0):
    random = np.random.default_rng(seed)
    labels = random.choice(["a", "b"], rows).astype(object)
    wrong = np.arange(rows) >= correct
    predicted = np.where(wrong, np.where(labels == "a", "b", "a"), labels).astype(object)
    texts = pa.array([f"order {k % 40} is late" for k in range(rows)], pa.large_string())
    shown = np.where(random.random(rows) < labelled, labels, "").astype(object)
    delays = None
    if delay is not None:
        delays = np.where(shown == "", np.nan, random.gamma(9, delay / 9, rows))
    confidence = random.choice([0.85, 0.95], rows)
    return profile.of_rows(texts, shown, predicted, confidence, delay_days=delays, seed=seed)


REFERENCE = window(1840, rows=2000, seed=99)


def days(*correct):
    names = [f"{FIRST + number * DAY:%Y-%m-%d}" for number in range(len(correct))]
    return {name: window(c, seed=k) for k, (name, c) in enumerate(zip(names, correct, strict=True))}


def look(book, windows, at=None, reference=REFERENCE):
    """On the morning after the last window."""
    last = datetime.fromisoformat(max(windows)).replace(tzinfo=UTC)
    run = judge_windows(
        FEED, 1, windows, Baseline(Classifier(), reference, 0.85), book,
        at or last + 1.25 * DAY, days=1, label_days=99,
    )  # fmt: skip
    return run, record_windows(run, book, [HOOK], remind_hours=24)


def result_of(run, book):
    return monitoring_result(run, WatchedModel("triage", 1, "abc"), "days", REFERENCE, book)


def messages(book, at):
    return [each.notice for each in book.claim(at, [HOOK])]


def test_a_first_look_at_old_windows_sends_one_message_about_what_is_open(book):
    april = [276] * 10 + [200] * 3 + [276] * 40 + [200] * 3
    run, told = look(book, days(*april))
    (message,) = messages(book, run.at)
    assert [message] == told
    assert (message.finding, message.change, message.status) == (
        "accuracy",
        "opened",
        Status.CRITICAL,
    )
    assert message.since == FIRST + 53 * DAY
    assert len(book.incidents(FEED)) == 1


def test_several_subjects_of_a_first_look_are_one_message(book):
    windows = days(*[276] * 9, 200)
    short = {"2026-03-11": window(8, rows=12)}
    run, _ = look(book, windows | short)
    (message,) = messages(book, run.at)
    assert message.finding == "accuracy"
    assert "also open: data since 2026-03-11 (12 rows are outside" in message.reason
    assert {i.changes[0].finding for i in book.incidents(FEED)} == {"accuracy", "data"}
    assert look(book, windows | short)[1] == []


def test_a_first_look_at_what_is_over_sends_nothing_and_says_so_in_the_exit_code(book):
    run, told = look(book, days(276, 200, 276, 276, 277))
    assert (told, messages(book, run.at)) == ([], [])
    result = result_of(run, book)
    assert result.status is Status.CRITICAL
    assert result.reason.startswith("on 2026-03-02, accuracy 0.6667")
    again, _ = look(book, days(276, 200, 276, 276, 277))
    assert result_of(again, book).status is Status.OK


def test_what_came_and_went_between_two_looks_is_told_once(book):
    look(book, days(276))
    run, told = look(book, days(276, 276, 200, 276, 277))
    assert [notice.change for notice in told] == ["recovered"]
    (message,) = messages(book, run.at)
    assert message.reason.startswith("on 2026-03-03, accuracy 0.6667")
    assert "since then, accuracy 0.92" in message.reason
    (incident,) = book.incidents(FEED)
    assert [change.change for change in incident.changes] == ["opened", "recovered"]
    assert run.status is Status.CRITICAL
    assert look(book, days(276, 276, 200, 276, 277))[1] == []


def test_the_status_is_not_ok_while_an_incident_is_open(book):
    look(book, days(276, 200))
    run, _ = look(book, days(276, 200, 277))
    assert run.status is Status.OK
    result = result_of(run, book)
    assert result.exit_code == Status.CRITICAL
    assert "the incident of accuracy is open since 2026-03-02" in result.reason
    shown = console.monitoring(result)
    assert "Open: accuracy-20260302-" in shown
    assert "(CRITICAL accuracy since 2026-03-02): " in shown
    run, _ = look(book, days(276, 200, 277, 276))
    assert result_of(run, book).exit_code == Status.OK


def of_data(**statuses):
    return [Finding(name, status, f"{name} is {status.name}") for name, status in statuses.items()]


def record(book, day, findings):
    name = f"2026-03-{day:02}"
    window = WindowRecord(name, Status.OK, read=300, labelled=300, correct=270)
    judged = [JudgedWindow(findings, combine_by_subject(findings), window)]
    return book.record(FEED, 1, judged, FIRST + day * DAY, [HOOK])


def test_a_recovery_speaks_of_the_check_that_has_recovered(book):
    (opened,) = record(
        book, 1, of_data(blank=Status.OK, duplicates=Status.WARNING, row_count=Status.OK)
    )
    assert opened.reason == "duplicates is WARNING"
    well = of_data(blank=Status.OK, duplicates=Status.OK, row_count=Status.OK)
    assert record(book, 2, well) == []
    (recovered,) = record(book, 3, well)
    assert (recovered.change, recovered.reason) == ("recovered", "duplicates is OK")
    assert recovered.detail == {"finding": "duplicates"}


def test_newer_windows_that_have_no_labels_yet_do_not_hide_that_labels_come_late(book):
    early, late = of_data(label_delay=Status.OK, blank=Status.OK), of_data(
        label_delay=Status.WARNING, blank=Status.OK
    )  # fmt: skip
    waiting = of_data(blank=Status.OK)
    assert record(book, 1, early) == []
    for day in (2, 3, 4, 5):
        record(book, day, waiting)
    told = record(book, 2, late)
    assert [(notice.finding, notice.change) for notice in told] == [("data", "opened")]
    record(book, 6, waiting)
    assert record(book, 7, waiting)[-1].change == "reminded"
    assert record(book, 3, early) == []
    assert [notice.change for notice in record(book, 4, early)] == ["recovered"]


def test_labels_that_stay_late_open_an_incident(book):
    """Each day's labels come in over the days after; from the tenth day on they take longer."""
    told = []
    for today in range(1, 22):
        windows = {}
        for day in range(today):
            delay = 2.0 if day < 10 else 6.0
            seen = window(276, seed=day, delay=delay)
            come = np.asarray(seen.sample["delay_days"]) <= today - day
            windows[f"{FIRST + day * DAY:%Y-%m-%d}"] = window(
                276, seed=day, delay=delay, labelled=float(come.mean())
            )
        _, new = look(book, windows, FIRST + today * DAY, reference=None)
        told += [(n.finding, n.change) for n in new if n.finding == "data"]
    assert ("data", "opened") in told


def test_lasting_drift_is_reminded_of_every_week(book):
    bad = [Finding("drift", Status.WARNING, "other words", detail={"finding": "text"})]
    told = []
    for day in range(1, 25):
        judged = WindowRecord(f"2026-03-{day:02}", Status.OK, read=300, labelled=0, correct=0)
        new = book.record(FEED, 1, [JudgedWindow(bad, bad, judged)], FIRST + day * DAY, [HOOK])
        told += [(day, notice.change) for notice in new]
    assert told == [(1, "opened"), (8, "reminded"), (15, "reminded"), (22, "reminded")]


def test_a_message_of_a_new_version_says_so(book):
    from common.monitoring.incidents import outbox

    run, _ = look(book, days(276, 276))
    result = result_of(run, book)
    windows = tuple(replace(w, version=k) for k, w in enumerate(result.windows, 1))
    from common.monitoring.version_changes import version_changes

    changed = replace(result, windows=windows, version_changes=version_changes(windows))
    assert outbox._where(changed) == (
        "triage version 1 (since 2026-03-02, before that version 1) on days"
    )
