"""People acknowledge, mute and close incidents, on the command line; what they decide is kept."""

import json
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from helpers import ROOT, clean_environment, warm_python

from common.errors import InputError
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.feed import Feed
from common.monitoring.history import JudgedWindow, WindowRecord
from common.monitoring.incidents import __main__ as command
from common.monitoring.incidents.book import open_book
from common.monitoring.incidents.decisions import MUTED

FEED = Feed("triage", source="days", window="1 days")
HOOK, MENDED = "https://hooks.example.org/wrong", "https://hooks.example.org/right"
NOW = datetime.now(UTC)
START = NOW - timedelta(days=20)
DAY = timedelta(days=1)


@pytest.fixture
def state(tmp_path):
    return tmp_path / "monitor.db"


def judge(state, day, status=Status.CRITICAL, subject="accuracy", at=None):
    name = f"{START + day * DAY:%Y-%m-%d}"
    finding = Finding(subject, status, f"{subject} on {name}", detail={"finding": subject})
    record = WindowRecord(name, status, read=300, labelled=300, correct=200)
    with open_book(state) as book:
        judged = [JudgedWindow([finding], [finding], record)]
        return book.record(FEED, 1, judged, at or START + day * DAY, [HOOK])


def opened(state, subject="accuracy", day=1):
    (notice,) = judge(state, day, subject=subject)
    return notice.incident


def incidents(state, *words, fails=False):
    done = subprocess.run(
        [*warm_python(), "-m", "common.monitoring.incidents", *words, "--state", state],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode != 0) is fails, done.stderr
    return done


def facts(state, *words):
    return json.loads(incidents(state, *words, "--json").stdout)


def changes(notices):
    return [notice.change for notice in notices]


def test_nothing_to_list_is_said_and_makes_no_file(state):
    assert incidents(state, "list").stdout == "There is no incident.\n"
    assert not state.exists()


def test_incidents_are_listed_the_open_ones_first_and_shown_in_full(state):
    first = opened(state)
    for day in (2, 3):
        judge(state, day, Status.OK)
    second = opened(state, "drift", day=4)
    listed = incidents(state, "list").stdout
    assert listed.index(second) < listed.index(first)
    assert "recovered" in listed and "triage version 1" in listed
    (drift, accuracy) = facts(state, "list")["incidents"]
    assert (drift["id"], drift["recovered"], accuracy["ended"]) == (second, None, "recovered")
    shown = incidents(state, "show", first).stdout
    assert "triage (champion), days, by 1 days, floor 0.8" in shown
    assert f"{START + DAY:%Y-%m-%d}" in shown
    assert [c["change"] for c in facts(state, "show", first)["changes"]] == ["opened", "recovered"]


def test_an_acknowledged_incident_is_not_reminded_of_and_escalates_all_the_same(state):
    (notice,) = judge(state, 1, Status.WARNING)
    done = incidents(state, "ack", notice.incident, "--reason", "the labels are being checked")
    assert f"Incident {notice.incident} is acknowledged" in done.stdout
    for day in (2, 3, 4):
        assert judge(state, day, Status.WARNING, at=NOW + day * DAY) == []
    assert changes(judge(state, 5, at=NOW + 5 * DAY)) == ["escalated"]
    assert changes(judge(state, 6, at=NOW + 7 * DAY)) == ["reminded"]
    told = facts(state, "show", notice.incident)["changes"]
    assert [change["change"] for change in told][1] == "acknowledged"
    assert "acknowledged by " in incidents(state, "show", notice.incident).stdout


def test_a_decision_is_kept_with_who_and_why(state):
    incidents(state, "ack", opened(state), "--reason", "seen")
    with sqlite3.connect(state) as connection:
        row = connection.execute("SELECT kind, by, reason, finding FROM decisions").fetchone()
    assert row == ("acknowledged", command.user(), "seen", "accuracy")


def test_acknowledged_drift_is_where_the_present_begins(state):
    name = opened(state, "drift")
    judge(state, 2, subject="drift")
    with open_book(state) as book:
        assert book.drift_accepted(FEED) is None
    done = incidents(state, "ack", name, "--reason", "the new product is here to stay")
    assert "Messages from now on are what later ones are compared with." in done.stdout
    with open_book(state) as book:
        assert book.drift_accepted(FEED) == f"{START + 2 * DAY:%Y-%m-%d}"
        assert book.drift_accepted(Feed("other")) is None


def test_a_closed_incident_stays_closed_until_a_later_window_is_bad(state):
    name = opened(state)
    incidents(state, "close", name, "--reason", "the labels were of another file")
    (closed,) = facts(state, "list")["incidents"]
    assert (closed["ended"], closed["reason"]) == ("closed", "the labels were of another file")
    assert judge(state, 1, at=NOW) == []
    (notice,) = judge(state, 2, at=NOW)
    assert (notice.change, notice.incident != name) == ("opened", True)


@pytest.mark.parametrize("subject", ["accuracy", None])
def test_who_is_muted_is_told_nothing_and_reminded_afterwards(state, subject):
    only = ["--subject", subject] if subject else []
    done = incidents(state, "mute", "2d", *only)
    assert f"Nobody is told of {subject or 'anything'} until" in done.stdout
    until = datetime.fromisoformat(facts(state, "list")["muted_until"]["accuracy"])
    assert abs(until - datetime.now(UTC) - 2 * DAY) < timedelta(minutes=5)
    soon, later = NOW + timedelta(hours=1), NOW + 2.5 * DAY
    assert changes(judge(state, 19, at=soon)) == ["opened"]
    with open_book(state) as book:
        assert book.claim(soon, [HOOK]) == []
    assert changes(judge(state, 20, at=later)) == ["reminded"]
    with open_book(state) as book:
        assert [d.notice.change for d in book.claim(later, [HOOK])] == ["reminded"]


def test_a_silence_covers_what_waits_and_ends_early_if_somebody_says_so(state):
    judge(state, 19)
    incidents(state, "mute", "2d", "--subject", "accuracy")
    with open_book(state) as book:
        assert book.claim(NOW, [HOOK]) == []
    assert "People are told of accuracy again." in (
        incidents(state, "mute", "0h", "--subject", "accuracy").stdout
    )
    with open_book(state) as book:
        assert len(book.claim(datetime.now(UTC), [HOOK])) == 1
        assert book.muted_until("drift", NOW) is None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "none-1"), 3, "there is no incident 'none-1'"),
        (("ack", "none-1", "--reason", "x"), 3, "there is no incident"),
        (("ack", "none-1"), 2, "--reason"),
        (("mute", "2x"), 2, "must be hours, days or weeks"),
        (("mute", "99999w"), 2, "at most a year"),
        (("mute", "1d", "--subject", "weather"), 2, "--subject"),
        ((), 2, "COMMAND"),
    ],
)
def test_what_cannot_be_meant_is_one_line(state, words, code, said):
    done = incidents(state, *words, fails=True)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1)
    assert said in done.stderr


def test_only_open_incidents_can_be_decided_on_and_not_without_a_word(state):
    name = opened(state)
    assert "--reason is empty" in (
        incidents(state, "close", name, "--reason", " ", fails=True).stderr
    )
    incidents(state, "close", name, "--reason", "done")
    again = incidents(state, "ack", name, "--reason", "too late", fails=True)
    assert f"incident {name} is closed already" in again.stderr
    with open_book(state) as book, pytest.raises(InputError):
        command.find(book, name.upper())


def test_a_mended_address_gets_what_was_not_delivered(state):
    (notice,) = judge(state, 19)
    with open_book(state) as book:
        (lost,) = book.claim(NOW, [HOOK])
        book.mark_failed(lost)
        (mended,) = book.claim(NOW, [MENDED])
        assert (mended.notice, mended.channel != lost.channel) == (notice, True)
        book.mark_delivered(mended, NOW)
        assert book.claim(NOW + DAY, [MENDED]) == []


def test_a_new_address_gets_nothing_that_another_has_taken(state):
    judge(state, 19)
    with open_book(state) as book:
        (taken,) = book.claim(NOW, [HOOK])
        book.mark_delivered(taken, NOW)
        assert book.claim(NOW + DAY, [HOOK, MENDED]) == []
        assert book.claim(NOW + DAY, [MENDED]) == []


def test_what_is_too_old_is_not_given_to_a_mended_address(state):
    (notice,) = judge(state, 1)
    with open_book(state) as book:
        assert book.claim(notice.at + 7.1 * DAY, [MENDED]) == []


def test_a_silence_is_a_decision(state):
    incidents(state, "mute", "1w")
    with sqlite3.connect(state) as connection:
        assert connection.execute("SELECT kind, finding FROM decisions").fetchall() == [
            (MUTED, None)
        ]
