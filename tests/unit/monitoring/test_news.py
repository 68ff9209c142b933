"""What is new in the newest window, and who is told: each burst once, and nobody of nothing."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from common.evaluation import profile
from common.monitoring.alerts.formats import plain, subject
from common.monitoring.checks.finding import Status
from common.monitoring.checks.suite import Baseline
from common.monitoring.feed import Feed
from common.monitoring.incidents.book import open_book
from common.monitoring.incidents.outbox import _alert
from common.monitoring.news import PAST_MESSAGES, news_of
from common.monitoring.result import WatchedModel, monitoring_result
from common.monitoring.run import judge_windows, record_windows
from common.reports import console
from common.reports import monitoring as page

FEED = Feed("triage", source="days", window="1 days", floor=0.5)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOOK = "https://hooks.example.org/token"
ABOUT = ("order", "refund", "invoice", "parcel", "account", "app")
HOW = ("lost", "late", "wrong", "missing", "open", "broken")


class Classifier:
    classes_ = np.array(["a", "b"], object)


def texts(seed, rows=200, new=0, word="gift card"):
    random = np.random.default_rng(seed)
    usual = [
        f"{random.choice(ABOUT)} {random.choice(HOW)} number {random.integers(10_000)}"
        for _ in range(rows)
    ]
    return [*usual, *(f"{word} {random.choice(HOW)} {k}" for k in range(new))]


def window(seed, **what):
    shown = texts(seed, **what)
    labels = np.array(["a"] * len(shown), object)
    return profile.of_rows(
        pa.array(shown, pa.large_string()), labels, labels, np.full(len(shown), 0.9), seed=seed
    )


def name(day):
    return f"{FIRST + day * DAY:%Y-%m-%d}"


REFERENCE = window(99, rows=1500)
STABLE = {name(day): window(day) for day in range(10)}


@pytest.fixture
def book(tmp_path):
    with open_book(tmp_path / "monitor.db") as book:
        yield book


def look(book, windows, tell=True, reference=None, **what):
    """On the morning after the newest window: the run, and what people are told of news."""
    at = datetime.fromisoformat(max(windows)).replace(tzinfo=UTC) + 1.25 * DAY
    baseline = Baseline(Classifier(), reference, 0.5)
    run = judge_windows(
        FEED, 1, windows, baseline, book, at, days=1, label_days=None, **what
    )  # fmt: skip
    record_windows(run, book, [], remind_hours=24)
    return run, book.record_news(FEED, run.news, at, [HOOK], tell=tell)


def result_of(run, book, examples=10):
    model = WatchedModel("triage", 1, "abc")
    return monitoring_result(run, model, "days", None, book, examples=examples)


def kept(book):
    return book.phrases(FEED, masked=False)


def test_a_burst_is_told_once_however_long_it_lasts(book):
    told = []
    windows = dict(STABLE)
    for day in range(10, 14):
        windows[name(day)] = window(day, new=25)
        told += look(book, windows)[1]
    (notice,) = told
    assert (notice.change, notice.status, notice.window) == ("news", Status.OK, name(10))
    assert notice.reason == "“gift card” in 25 of 225 messages, hardly any expected"
    assert [each.notice for each in book.claim(notice.at, [HOOK])] == told


def test_another_one_is_told_and_the_first_is_not_repeated(book):
    windows = STABLE | {name(10): window(10, new=25)}
    look(book, windows)
    both = texts(11, new=25) + texts(12, rows=0, new=25, word="server outage")
    later = window(11)
    later = replace(later, sample=window(11).sample.slice(0, 0)) + profile.of_rows(
        pa.array(both, pa.large_string()),
        *[np.array(["a"] * len(both), object)] * 2,
        np.full(len(both), 0.9),
        seed=11,
    )
    run, (notice,) = look(book, windows | {name(11): later})
    assert {burst.phrases for burst in run.news.bursts} == {("gift card",), ("server outage",)}
    assert notice.detail["phrases"] == ["server outage"]


def test_what_was_not_named_is_told_by_the_next_look(book):
    topics = ("gift card", "server outage", "price list", "night shift", "paper form")
    shown = texts(10) + [each for topic in topics for each in texts(10, rows=0, new=25, word=topic)]
    labels = np.array(["a"] * len(shown), object)
    day = profile.of_rows(
        pa.array(shown, pa.large_string()), labels, labels, np.full(len(shown), 0.9), seed=10
    )
    windows = STABLE | {name(10): day}
    (first,), (second,) = look(book, windows)[1], look(book, windows)[1]
    assert first.reason.endswith("and 2 more")
    assert len(first.detail["phrases"]) == 3
    assert {*first.detail["phrases"], *second.detail["phrases"]} == set(topics)
    assert look(book, windows)[1] == []


def test_the_same_look_again_tells_nothing_new(book):
    windows = STABLE | {name(10): window(10, new=25)}
    assert look(book, windows)[1]
    assert look(book, windows)[1] == []


def test_what_comes_back_within_a_week_is_not_told_again_and_later_it_is(book):
    windows = STABLE | {name(10): window(10, new=25)}
    assert look(book, windows)[1]
    windows |= {name(11): window(11), name(12): window(12, new=25)}
    assert look(book, windows)[1] == []
    windows |= {name(day): window(day) for day in range(13, 25)}
    assert look(book, windows | {name(25): window(25, new=25)})[1]


def test_news_is_no_incident_and_changes_no_status(book):
    run, (notice,) = look(book, STABLE | {name(10): window(10, new=25)})
    (finding,) = [each for each in run.findings if each.name == "bursts"]
    assert (finding.status, finding.value) == (Status.OK, 1)
    assert book.incidents(FEED) == []
    assert book.find(notice.incident) is None
    assert result_of(run, book).open_incidents == ()


def test_nobody_is_told_where_that_is_not_wanted_or_muted(book):
    windows = STABLE | {name(10): window(10, new=25)}
    assert look(book, windows, tell=False)[1] == []
    book.mute("bursts", FIRST + 90 * DAY, "me", FIRST)
    (notice,) = look(book, windows)[1]
    assert book.claim(notice.at, [HOOK]) == []


def test_days_that_come_one_by_one_are_compared_with_what_was_kept_of_the_others(book):
    for day in range(6):
        assert look(book, {name(day): window(30 + day)})[1] == []
    run, (_,) = look(book, {name(6): window(36, new=25)})
    (burst,) = run.news.bursts
    assert burst.phrases == ("gift card",)
    assert [day.window for day in burst.course] == [name(day) for day in range(7)]
    assert look(book, {name(7): window(37, new=25)})[1] == []


def test_only_phrases_of_three_different_messages_are_kept(book):
    shown = [*texts(0), "jane doe was here", "jane doe again", *["call jane smith"] * 9]
    labels = np.array(["a"] * len(shown), object)
    only = profile.of_rows(
        pa.array(shown, pa.large_string()), labels, labels, np.full(len(shown), 0.9)
    )
    look(book, {name(0): only})
    (found,) = kept(book).values()
    assert found.least == 3
    assert "order" in found.counts
    assert not {"doe", "jane doe", "smith"} & set(found.counts)


def test_a_first_day_is_compared_with_the_reference(book):
    run, (_,) = look(book, {name(0): window(0, new=25)}, reference=REFERENCE)
    assert run.news.bursts[0].phrases == ("gift card",)
    assert look(book, {name(1): window(1)}, reference=REFERENCE)[0].news.bursts == ()


def test_without_days_or_anything_before_it_is_not_asked(book):
    run, _ = look(book, STABLE)
    assert run.news is not None
    assert news_of(name(0), {name(0): window(0)}, 1, {}, None).bursts is None
    assert news_of(name(0), {name(0): profile.Profile(read=3)}, 1, {}, REFERENCE) is None
    at = FIRST + DAY
    whole = {"2026-03-01 06:00:00 a.csv": window(0, new=25)}
    run = judge_windows(
        FEED, 1, whole, Baseline(Classifier(), None, 0.5), book, at, days=None, label_days=None
    )
    assert run.news is None
    assert result_of(run, book).to_json()["bursts"] is None


def test_of_windows_with_masks_only_such_are_compared_with(book):
    look(book, STABLE)
    masked = {name(10): profile.masked(window(10))}
    run, _ = look(book, masked)
    assert run.news.bursts is None, "there are none"
    assert list(book.phrases(FEED, masked=True)) == [name(10)]
    assert len(kept(book)) == 10


def test_of_a_large_window_before_some_messages_are_looked_at():
    windows = {name(0): window(0, rows=1500), name(1): window(1, rows=1500, new=40)}
    found = news_of(name(1), windows, 1, {}, None)
    assert found.counted[name(0)].messages <= PAST_MESSAGES
    assert found.looked_at > 1000
    assert found.bursts[0].phrases == ("gift card",)


def test_what_is_kept_goes_when_a_person_is_forgotten(book, tmp_path):
    look(book, STABLE)
    assert kept(book)
    book.rewrite(lambda text: text, commit=True)
    assert kept(book) == {}
    with sqlite3.connect(tmp_path / "monitor.db") as connection:
        assert connection.execute("SELECT count(*) FROM phrases").fetchone() == (0,)


def test_the_page_the_console_and_json_show_what_is_new_with_examples(book):
    run, _ = look(book, STABLE | {name(10): window(10, new=25)})
    result = result_of(run, book)
    assert "New: “gift card” in 25 of 225 messages, hardly any expected." in console.monitoring(
        result
    )
    (facts,) = json.loads(json.dumps(result.to_json()))["bursts"]
    assert facts["phrases"] == ["gift card"]
    assert len(facts["examples"]) == 3
    assert all("gift card" in text for text in facts["examples"])
    shown = page.render(result)
    assert "What is new" in shown
    assert 'class="elevated"' in shown
    assert facts["examples"][0] in shown


def test_no_message_is_shown_where_none_may_be(book):
    run, (notice,) = look(book, STABLE | {name(10): window(10, new=25)})
    result = result_of(run, book, examples=0)
    assert result.to_json()["bursts"][0]["examples"] == []
    assert "Messages such as" not in plain(_alert(notice, result, True))


def test_the_alert_says_what_is_new_and_proposes_nothing(book):
    run, (notice,) = look(book, STABLE | {name(10): window(10, new=25)})
    alert = _alert(notice, result_of(run, book), True)
    assert subject(alert) == (
        "[OK] triage version 1: new: “gift card” in 25 of 225 messages, hardly any expected"
    )
    told = plain(alert)
    assert "in many more messages: gift card" in told
    assert "Messages such as:\n  “gift card" in told
    assert "What to do" not in told


def test_the_page_says_so_where_nothing_is_new(book):
    run, told = look(book, STABLE)
    assert told == []
    assert "No phrase is in far more messages" in page.render(result_of(run, book))
    assert "New:" not in console.monitoring(result_of(run, book))
