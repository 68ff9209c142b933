"""People are told of each change once, and of a finding that comes and goes not all day."""

import doctest
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.monitoring.checks.finding import Finding, Status
from common.monitoring.incidents import lifecycle
from common.monitoring.incidents.incident import (
    FLAPPING,
    OPENED,
    RECOVERED,
    REMINDED,
    Incident,
    Owner,
    WindowResult,
)
from common.monitoring.incidents.lifecycle import CRON_SLACK, due

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
STATUSES = {status.name[0]: status for status in Status}
BETWEEN = timedelta(hours=1)
OWNER = Owner("feed", "triage", 3)


def history_of(letters, between=BETWEEN):
    """Windows 1, 2, ... with the statuses O(K), W(ARNING), C(RITICAL), U(NKNOWN)."""
    return [
        WindowResult(
            f"day {number}",
            Finding("accuracy", STATUSES[letter], f"as on day {number}", detail={"n": number}),
            START + number * between,
        )
        for number, letter in enumerate(letters, start=1)
    ]


def current(told):
    """The incident that was told of last."""
    return Incident(tuple(n for n in told if n.incident == told[-1].incident)) if told else None


def tell(told, history, now=None, remind_hours=24):
    notice = due(OWNER, history, current(told), now or history[-1].at, remind_hours)
    return [*told, notice] if notice else told


def replayed(history, **settings):
    """All that is told when each window is judged in its turn."""
    told = []
    for end in range(1, len(history) + 1):
        told = tell(told, history[:end], **settings)
    return told


def changes(letters, **settings):
    return [
        f"{notice.window.removeprefix('day ')} {notice.change}"
        for notice in replayed(history_of(letters), **settings)
    ]


@pytest.mark.parametrize(
    ("letters", "told"),
    [
        ("", []),
        ("OUOU", []),
        ("OW", ["2 opened"]),
        ("C", ["1 opened"]),
        ("WWW", ["1 opened"]),
        ("WCC", ["1 opened", "2 escalated"]),
        ("WCWCW", ["1 opened", "2 escalated"]),
        ("CWC", ["1 opened"]),
        ("COW", ["1 opened"]),
        ("COO", ["1 opened", "3 recovered"]),
        ("COUO", ["1 opened", "4 recovered"]),
        ("COUWO", ["1 opened"]),
        ("CUUUU", ["1 opened"]),
        ("COOOOO", ["1 opened", "3 recovered"]),
        ("WOOC", ["1 opened", "3 recovered", "4 opened"]),
        ("WCOOWC", ["1 opened", "2 escalated", "4 recovered", "5 opened", "6 escalated"]),
    ],
)
def test_what_is_told(letters, told):
    assert changes(letters) == told


@pytest.mark.parametrize(("windows", "end"), [(1, "2 recovered"), (3, "4 recovered")])
def test_so_many_good_windows_end_it(monkeypatch, windows, end):
    monkeypatch.setattr(lifecycle, "RECOVER_WINDOWS", windows)
    assert changes("COOO") == ["1 opened", end]


@pytest.mark.parametrize(("between", "same"), [(4, True), (5, False)])
def test_who_reopens_within_five_windows_is_the_same_incident(between, same):
    first, _, again = replayed(history_of("COO" + "O" * between + "C"))
    assert again.change == OPENED
    assert (again.incident == first.incident) is same
    assert (again.since == first.since) is same


def test_unknown_windows_count_when_it_reopens():
    first, _, again = replayed(history_of("COO" + "UUUUU" + "C"))
    assert again.incident != first.incident


def test_at_its_third_reopening_it_is_flapping_and_told_of_once():
    flapping = "WOO" * 3 + "W"
    told = changes(flapping)
    assert told[-1] == "10 flapping"
    assert len(told) == 7
    assert changes(flapping + "OOWOOOOWUW") == told
    assert changes(flapping + "OOWOOC") == [*told, "16 escalated"]
    assert changes(flapping + "OOCWC") == [*told, "13 escalated"]
    assert changes(flapping + "OOOO") == told
    assert changes(flapping + "OOOUO") == told
    assert changes(flapping + "OOOUOO") == [*told, "16 recovered"]


def test_a_flapping_incident_is_not_reminded_of():
    told = replayed(history_of("WOO" * 3 + "WWWWWW", timedelta(hours=23)))
    assert (len(told), told[-1].change) == (7, FLAPPING)


def test_after_a_flapping_incident_has_recovered_the_next_is_a_new_one():
    told = replayed(history_of("WOO" * 3 + "WOOOOOC"))
    assert [notice.change for notice in told[-2:]] == [RECOVERED, OPENED]
    assert told[-1].incident != told[0].incident
    assert {notice.incident for notice in told[:-1]} == {told[0].incident}


def test_an_open_incident_is_reminded_of_every_day_but_not_after_a_good_window():
    told = replayed(history_of("WUCWOWW", timedelta(hours=12)))
    assert [(n.change, n.window, (n.at - START) / timedelta(hours=12)) for n in told] == [
        ("opened", "day 1", 1),
        ("escalated", "day 3", 3),
        ("reminded", "day 6", 6),
    ]
    assert {notice.status for notice in told[1:]} == {Status.CRITICAL}


@pytest.mark.parametrize(("hours", "reminded"), [(23.9, False), (24, True)])
def test_a_reminder_is_due_by_the_present_time(hours, reminded):
    history = history_of("W")
    told = tell(replayed(history), history, history[0].at + timedelta(hours=hours))
    assert (told[-1].change == REMINDED) is reminded
    again = tell(told, history, told[-1].at + timedelta(hours=1), remind_hours=1)
    assert again[-1].change == REMINDED


def test_late_labels_open_an_incident_of_an_older_window():
    late = tell(replayed(history_of("UOU")), history_of("COU"))
    assert [(notice.change, notice.window) for notice in late] == [("opened", "day 1")]
    assert not tell(replayed(history_of("UOO")), history_of("COO"))


def test_late_labels_neither_take_back_nor_rename_an_open_incident():
    told = replayed(history_of("OC"))
    assert tell(told, history_of("CC")) == told
    assert tell(told, history_of("OU")) == told
    after = tell(told, history_of("OO"))
    assert [notice.change for notice in after] == [OPENED, RECOVERED]
    assert after[0].incident == after[1].incident


def test_late_labels_of_a_window_that_recovered_reopen_the_same_incident():
    told = tell(replayed(history_of("COO")), history_of("COC"))
    assert [notice.change for notice in told] == [OPENED, RECOVERED, OPENED]
    assert len({notice.incident for notice in told}) == 1


def test_a_notice_says_what_it_rests_on():
    opened, recovered = replayed(history_of("OWOO"))
    assert json.loads(json.dumps(opened.to_json())) == {
        "incident": opened.incident,
        "model": "triage",
        "finding": "accuracy",
        "change": "opened",
        "status": "WARNING",
        "since": "2026-03-01T08:00:00+00:00",
        "at": "2026-03-01T08:00:00+00:00",
        "window": "day 2",
        "reason": "as on day 2",
        "detail": {"n": 2},
        "feed": "feed",
        "version": 3,
        "previous": None,
    }
    assert recovered.to_json() == opened.to_json() | {
        "change": "recovered",
        "status": "OK",
        "at": "2026-03-01T10:00:00+00:00",
        "window": "day 4",
        "reason": "as on day 4",
        "detail": {"n": 4},
    }


def test_an_incident_says_how_grave_it_was_and_whether_it_is_over():
    told = replayed(history_of("WCOO"))
    assert Incident(tuple(told[:1])).to_json()["recovered"] is None
    facts = json.loads(json.dumps(Incident(tuple(told)).to_json()))
    assert (facts["status"], facts["recovered"]) == ("CRITICAL", "2026-03-01T10:00:00+00:00")
    assert facts["changes"][-1] == {
        "change": "recovered",
        "at": "2026-03-01T10:00:00+00:00",
        "status": "OK",
    }


def test_an_id_is_the_same_next_time_and_another_for_another_model_finding_or_window():
    assert doctest.testmod(lifecycle).failed == 0
    names = ["accuracy", "2026-03-01", "2026-03-1", "2026/03/01", "x" * 99, "x" * 98, "☃", ""]
    ids = {lifecycle.incident_id(a, b, c) for a in names for b in names for c in names}
    assert len(ids) == len(names) ** 3


@given(st.text(), st.text(), st.text())
def test_an_id_is_short_and_safe_whatever_the_names_hold(model, finding, window):
    assert re.fullmatch(r"[0-9A-Za-z_-]{6,48}", lifecycle.incident_id(model, finding, window))


sequences = st.lists(st.sampled_from("OWCU"), max_size=60).map("".join)


@given(sequences)
def test_any_sequence_keeps_at_most_one_incident_open_and_tells_a_bounded_number(letters):
    told = replayed(history_of(letters), remind_hours=10_000)
    open_now = None
    for notice in told:
        if notice.change in (OPENED, FLAPPING):
            assert open_now is None
            open_now = notice.incident
        else:
            assert notice.incident == open_now
            if notice.change == RECOVERED:
                open_now = None
    of_one = Counter((notice.incident, notice.change) for notice in told)
    most = {OPENED: 3, FLAPPING: 1, "escalated": 4, RECOVERED: 4, REMINDED: 0}
    assert all(number <= most[change] for (_, change), number in of_one.items())
    bad = any(letter in "WC" for letter in letters)
    assert bool(told) is bad
    if open_now is None:
        assert not letters.rstrip("U").endswith(("W", "C"))


@given(sequences)
def test_a_replay_gives_the_same_notices_and_judging_again_adds_none(letters):
    history = history_of(letters)
    told = replayed(history, remind_hours=10_000)
    assert replayed(history_of(letters), remind_hours=10_000) == told
    for end in range(len(history)):
        assert tell(told, history, history[end].at, remind_hours=10_000) == told


@given(sequences, st.integers(1, 40))
def test_reminders_are_never_closer_than_a_day(letters, hours):
    told = replayed(history_of(letters, timedelta(hours=hours)))
    for before, after in pairwise(told):
        if after.change == REMINDED:
            assert after.at - before.at >= timedelta(hours=24) - CRON_SLACK


@given(sequences, sequences)
def test_windows_judged_again_at_will_still_open_at_most_one(letters, others):
    """Labels that come late may change any window."""
    told = replayed(history_of(letters), remind_hours=10_000)
    for end in range(1, len(others) + 1):
        mixed = others[:end] + letters[end:]
        told = tell(told, history_of(mixed), START + timedelta(days=9), remind_hours=10_000)
    states = [notice.change for notice in told if notice.change != "escalated"]
    assert all((before == RECOVERED) != (after == RECOVERED) for before, after in pairwise(states))
