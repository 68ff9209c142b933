"""Windows and incidents belong to the version that answered, and to the floor they were held to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from common.evaluation import profile
from common.monitoring.checks.finding import Status
from common.monitoring.checks.suite import Baseline
from common.monitoring.feed import Feed
from common.monitoring.history import PastWindows, WindowRecord
from common.monitoring.incidents.book import open_book
from common.monitoring.result import WatchedModel, monitoring_result
from common.monitoring.run import judge_windows, record_windows
from common.monitoring.version_changes import VersionChange, version_changes

FEED = Feed("triage", source="days", window="1 days", floor=0.85)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)


class Classifier:
    classes_ = np.array(["a", "b"], object)


@pytest.fixture
def book(tmp_path):
    with open_book(tmp_path / "monitor.db") as book:
        yield book


def window(rows, correct, seed=0, labelled=True):
    random = np.random.default_rng(seed)
    labels = random.choice(["a", "b"], rows).astype(object)
    wrong = np.arange(rows) >= correct
    predicted = np.where(wrong, np.where(labels == "a", "b", "a"), labels).astype(object)
    texts = pa.array([f"order {k % 40} is late" for k in range(rows)], pa.large_string())
    shown = labels if labelled else np.full(rows, "", object)
    return profile.of_rows(texts, shown, predicted, random.choice([0.85, 0.95], rows), seed=seed)


REFERENCE = window(2000, 1840, seed=99)


def days(*correct, rows=300):
    return {f"2026-03-{day:02}": window(rows, c, seed=day) for day, c in enumerate(correct, 1)}


def look(book, windows, version, floor=0.85, fitted=(), is_current=True):
    """On the morning after the last window."""
    at = FIRST + timedelta(days=int(max(windows)[-2:]), hours=6)
    feed = replace(FEED, floor=floor)
    run = judge_windows(
        feed,
        version,
        windows,
        Baseline(Classifier(), REFERENCE, floor),
        book,
        at,
        days=1,
        label_days=7,
        fitted=fitted,
    )
    told = record_windows(run, book, [], remind_hours=24, is_current=is_current)
    return run, [(notice.finding, notice.change, notice.version) for notice in told]


def result_of(run, book):
    model = WatchedModel("triage", run.version, "abc")
    return monitoring_result(run, model, "days", REFERENCE, book)


def test_what_a_version_has_judged_stays_so_when_another_comes(book):
    look(book, days(200, 200), version=1)
    before = book.windows(FEED)
    # The new one is right on the same messages, and on a new day.
    run, _ = look(book, days(280, 280, 281), version=2)
    assert list(run.judged) == ["2026-03-03"]
    after = book.windows(FEED)
    assert after[:2] == before
    assert [(each.version, each.correct) for each in after] == [(1, 200), (1, 200), (2, 281)]
    assert result_of(run, book).version_changes == (VersionChange("2026-03-03", 1, 2),)


def test_a_promotion_replaces_incidents_and_does_not_recover_them(book):
    _, told = look(book, days(200, 200), version=1)
    assert told == [("accuracy", "opened", 1)]
    _, told = look(book, days(280, 280, 281), version=2)
    assert told == [("accuracy", "replaced", 1)]
    (incident,) = book.incidents(FEED)
    assert not incident.is_open
    assert incident.to_json()["ended"] == "replaced"
    assert "version 2 has replaced version 1" in incident.changes[-1].reason
    _, told = look(book, days(280, 280, 281, 282), version=2)
    assert told == []


def test_a_new_version_that_fails_too_has_an_incident_of_its_own_with_a_link(book):
    look(book, days(200, 200), version=1)
    (former,) = book.incidents(FEED)
    _, told = look(book, days(280, 280, 190), version=2)
    assert told == [("accuracy", "replaced", 1), ("accuracy", "opened", 2)]
    opened = book.incidents(FEED)[0]
    assert opened.changes[0].previous == former.changes[0].incident
    assert opened.changes[0].incident != former.changes[0].incident
    assert opened.to_json()["version"] == 2


def test_a_look_at_the_same_day_does_not_open_again_what_was_replaced(book):
    look(book, days(200, 200), version=1)
    _, told = look(book, days(285, 285), version=2)
    assert told == [("accuracy", "replaced", 1)]
    # A rollback: the day that was bad is known.
    _, told = look(book, days(200, 200), version=1)
    assert told == []
    _, told = look(book, days(200, 200, 200), version=1)
    assert told == [("accuracy", "opened", 1)]


def test_incidents_of_the_data_go_on_whichever_version_answers(book):
    windows = days(*[276] * 9) | {"2026-03-10": window(12, 12)}
    _, told = look(book, windows, version=1)
    assert told == [("data", "opened", 0)]
    _, told = look(book, windows | {"2026-03-11": window(300, 280)}, version=2)
    assert told == []
    _, told = look(book, windows | {"2026-03-12": window(300, 280)}, version=2)
    assert told == [("data", "recovered", 0)]


def test_a_window_that_has_got_its_labels_since_is_judged_by_the_version_of_now(book):
    look(book, {"2026-03-01": window(300, 200, labelled=False)}, version=1)
    windows = {"2026-03-01": window(300, 280), "2026-03-02": window(300, 279)}
    run, told = look(book, windows, version=2)
    assert (list(run.judged), told) == (["2026-03-01", "2026-03-02"], [])
    assert [each.correct for each in book.windows(FEED)] == [280, 279]


def test_how_many_messages_come_is_known_from_all_versions_how_they_fare_from_one():
    def record(day, version, correct, **more):
        return WindowRecord(f"2026-03-{day:02}", Status.OK, 300, 300, correct, None, None,
                            Status.WARNING, version=version, **more)  # fmt: skip

    records = [record(1, 1, 200), record(2, 2, 280), record(3, 2, 299, fitted=True)]
    past = PastWindows(records, version=2).past()
    assert list(past.rows) == [300] * 3
    assert [share.part for share in past.accuracy] == [280]
    assert len(past.degradation) == 1
    assert len(PastWindows(records, version=3).past().accuracy) == 0


def test_messages_that_it_was_fitted_on_are_marked_and_no_reason_to_recover(book):
    look(book, days(276, 200), version=2)
    windows = days(276, 200, 300, 300, 300)
    fitted = {"2026-03-03", "2026-03-04", "2026-03-05"}
    run, told = look(book, windows, version=2, fitted=fitted)
    assert told == [("accuracy", "reminded", 2)]
    assert [each.fitted for each in book.windows(FEED)] == [False, False, True, True, True]
    assert book.windows(FEED)[-1].accuracy is None
    accuracy = next(f for f in run.judged["2026-03-05"].findings if f.name == "accuracy")
    assert accuracy.status is Status.UNKNOWN
    assert "was fitted on these messages" in accuracy.reason
    assert not {f.name for f in run.judged["2026-03-05"].findings} & {"confidence", "degradation"}


def test_two_floors_on_one_book_do_not_fight(book):
    told = {0.85: [], 0.6: []}
    for day in range(1, 26):
        for floor in told:
            windows = days(*[240] * day)
            _, new = look(book, windows, version=1, floor=floor)
            told[floor] += new
    for floor, changes in told.items():
        of_accuracy = [change for subject, change, _ in changes if subject == "accuracy"]
        assert of_accuracy[0] == "opened"
        assert set(of_accuracy) <= {"opened", "escalated", "reminded"}
        assert {record.floor for record in book.windows(replace(FEED, floor=floor))} == {floor}


def test_late_labels_of_a_version_not_in_use_change_the_chart_and_wake_nobody(book):
    look(book, {"2026-03-01": window(300, 200, labelled=False)}, version=1)
    look(book, {"2026-03-02": window(300, 280)}, version=2)
    _, told = look(book, {"2026-03-01": window(300, 200)}, version=1, is_current=False)
    assert told == []
    assert [each.correct for each in book.windows(FEED)] == [200, 280]
    assert not any(incident.is_open for incident in book.incidents(FEED))


def test_changes_of_version_are_told_where_they_happen():
    def of(*versions):
        return [WindowRecord(f"w{n}", Status.OK, 1, 1, 1, version=v)
                for n, v in enumerate(versions, 1)]  # fmt: skip

    assert version_changes(of(0, 1, 1)) == ()
    assert version_changes(of(1, 2, 2, 1)) == (VersionChange("w2", 1, 2), VersionChange("w4", 2, 1))
