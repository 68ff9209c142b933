"""A database of version 2 is used on: its feeds get names, nothing is told twice.

Written by hand in SQL, so that no code of today has a part in it.
"""

import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from common.monitoring.checks.finding import Finding, Status
from common.monitoring.feed import HOLDOUT, Feed
from common.monitoring.history import JudgedWindow, WindowRecord
from common.monitoring.incidents import tables
from common.monitoring.incidents.book import open_book
from common.monitoring.incidents.lifecycle import place

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
AT = "2026-03-02T06:00:00.000000+00:00"
HOOK = "https://hooks.example.org/T0/token"
FEED = Feed("triage", "champion", "days", "1 days", 0.85)
SCHEMA = """
CREATE TABLE windows (
        model TEXT, window TEXT, place TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (model, window));
CREATE INDEX windows_in_order ON windows (model, place, window);
CREATE TABLE findings (
        model TEXT, finding TEXT, window TEXT, place TEXT NOT NULL, judged_at TEXT NOT NULL,
        status TEXT NOT NULL, reason TEXT NOT NULL, value REAL, lower REAL, upper REAL,
        "limit" REAL, rows INTEGER NOT NULL, detail TEXT NOT NULL,
        PRIMARY KEY (model, finding, window));
CREATE INDEX findings_in_order ON findings (model, finding, place, window);
CREATE TABLE notices (
        number INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, finding TEXT NOT NULL,
        incident TEXT NOT NULL, at TEXT NOT NULL, facts TEXT NOT NULL);
CREATE INDEX notices_of_findings ON notices (model, finding);
CREATE TABLE outbox (
        notice INTEGER REFERENCES notices ON DELETE CASCADE, channel TEXT,
        position INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, claimed_by TEXT,
        claimed_until TEXT, delivered_at TEXT, PRIMARY KEY (notice, channel));
PRAGMA application_id = 1953655137;
PRAGMA user_version = 2;
"""
FORMER = ("triage, 1 days", "triage, holdout", "triage")


@pytest.fixture
def path(tmp_path):
    """Two windows and two open incidents of each of three feeds; one notice was delivered."""
    path = tmp_path / "monitor.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
        for model in FORMER:
            for day in (1, 2):
                write_window(connection, model, f"2026-03-0{day}")
            for finding in ("accuracy", "data"):
                write_notice(connection, model, finding)
        connection.execute("UPDATE outbox SET delivered_at = '2026-03-02T06:00:01' WHERE notice=1")
    connection.close()
    return path


def write_window(connection, model, window):
    record = {
        **{"window": window, "status": "CRITICAL", "read": 310, "labelled": 300, "correct": 200},
        "accuracy": {"value": 2 / 3, "lower": 0.6, "upper": 0.7},
        **{"estimate": None, "degradation": "CRITICAL", "drift_warnings": ["text"]},
    }
    connection.execute(
        "INSERT INTO windows VALUES (?, ?, ?, ?)",
        (model, window, place(window), json.dumps(record)),
    )
    for finding in ("accuracy", "data"):
        detail = json.dumps({"finding": finding, "also": [], "warned": []})
        connection.execute(
            """INSERT INTO findings VALUES
            (?, ?, ?, ?, ?, 'CRITICAL', 'bad', .66, .6, .7, .85, 300, ?)""",
            (model, finding, window, place(window), AT, detail),
        )


def write_notice(connection, model, finding):
    facts = {
        **{"incident": f"{finding}-1", "model": model, "finding": finding, "change": "opened"},
        **{"status": "CRITICAL", "since": "2026-03-02T06:00:00+00:00"},
        **{"at": "2026-03-02T06:00:00+00:00", "window": "2026-03-01", "reason": "bad"},
        "detail": {"finding": finding},
    }
    number = connection.execute(
        "INSERT INTO notices (model, finding, incident, at, facts) VALUES (?, ?, ?, ?, ?)",
        (model, finding, facts["incident"], AT, json.dumps(facts)),
    ).lastrowid
    connection.execute(
        "INSERT INTO outbox (notice, channel, position) VALUES (?, ?, 1)",
        (number, tables.channel_key(HOOK)),
    )


def tables_of(path):
    with sqlite3.connect(path) as connection:
        return {
            name: connection.execute(f"PRAGMA table_info({name})").fetchall()
            for name in ("windows", "findings", "notices", "outbox", "decisions", "summaries")
        }


def judge(book, day, status, version=3, feed=FEED):
    window = f"2026-03-{day:02}"
    record = WindowRecord(window, status, read=300, labelled=300, correct=270, version=version)
    findings = [Finding(name, status, f"day {day}") for name in ("accuracy", "data")]
    judged, at = [JudgedWindow(findings, findings, record)], START + day * DAY
    told = book.record(feed, version, judged, at, [HOOK], remind_hours=999)
    return [(notice.finding, notice.change, notice.incident) for notice in told]


def test_its_tables_become_those_of_a_new_one(path, tmp_path):
    with open_book(path) as book:
        assert book.windows(FEED) == []
    with open_book(tmp_path / "new.db") as new:
        judge(new, 1, Status.OK)
    assert tables_of(path) == tables_of(tmp_path / "new.db")


def test_a_feed_of_before_is_adopted_by_the_first_look_that_fits_and_by_no_other(path):
    with open_book(path) as book:
        book.adopt(FEED, 3)
        windows = book.windows(FEED)
        assert [each.window for each in windows] == ["2026-03-01", "2026-03-02"]
        assert {(each.version, each.floor, each.fitted) for each in windows} == {(3, None, False)}
        assert windows[0].drift_warnings == ("text",)
        assert len(book.history(FEED, 3, "accuracy")) == len(book.history(FEED, 3, "data")) == 2
        second = Feed("triage", "champion", "other", "1 days", 0.6)
        book.adopt(second, 3)
        assert book.windows(second) == book.incidents(second) == []


@pytest.mark.parametrize(
    "feed",
    [FEED, Feed("triage", source=HOLDOUT), Feed("triage", source="folder")],
    ids=["days", "holdout", "files"],
)
def test_open_incidents_go_on_and_nothing_is_told_twice(path, feed):
    with open_book(path) as book:
        book.adopt(feed, 3)
        assert [incident.is_open for incident in book.incidents(feed)] == [True, True]
        assert judge(book, 2, Status.CRITICAL, feed=feed) == []
        assert judge(book, 3, Status.OK, feed=feed) == []
        told = judge(book, 4, Status.OK, feed=feed)
    assert told == [("accuracy", "recovered", "accuracy-1"), ("data", "recovered", "data-1")]


def test_another_version_replaces_an_incident_of_before(path):
    with open_book(path) as book:
        book.adopt(FEED, 3)
        told = judge(book, 3, Status.OK, version=4)
    assert told == [("accuracy", "replaced", "accuracy-1")]


def test_what_was_delivered_is_not_delivered_again_and_the_rest_is(path):
    with open_book(path) as book:
        book.adopt(FEED, 3)
        waiting = book.claim(START + 2 * DAY, [HOOK])
    assert [each.number for each in waiting] == [2, 3, 4, 5, 6]
    assert waiting[0].notice.feed == FEED.key


def test_a_look_that_is_adopted_already_changes_nothing(path):
    with open_book(path) as book:
        book.adopt(FEED, 3)
        before = book.windows(FEED), book.incidents(FEED)
        book.adopt(FEED, 4)
        assert (book.windows(FEED), book.incidents(FEED)) == before


def test_a_database_of_version_3_keeps_what_it_has_and_gets_a_table_of_summaries(tmp_path):
    path = tmp_path / "monitor.db"
    with open_book(path) as book:
        judge(book, 1, Status.CRITICAL)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE summaries")
        connection.execute("DROP TABLE phrases")
        connection.execute("PRAGMA user_version = 3")
    with open_book(path) as book:
        assert [each.window for each in book.windows(FEED)] == ["2026-03-01"]
        assert book.summaries(["a"]) == {}
        assert judge(book, 2, Status.CRITICAL) == [], "it is known already"


def test_a_database_of_version_4_keeps_what_it_has_and_gets_a_table_of_phrases(tmp_path):
    path = tmp_path / "monitor.db"
    with open_book(path) as book:
        judge(book, 1, Status.CRITICAL)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE phrases")
        connection.execute("PRAGMA user_version = 4")
    with open_book(path) as book:
        assert [each.window for each in book.windows(FEED)] == ["2026-03-01"]
        assert book.phrases(FEED, masked=False) == {}
        assert judge(book, 2, Status.CRITICAL) == [], "it is known already"
