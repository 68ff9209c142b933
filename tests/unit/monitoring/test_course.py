"""How accuracy went: what is usual, since when it is worse, and which version came before."""

import pytest

from common.monitoring.checks.finding import Status
from common.monitoring.course import course, spoken
from common.monitoring.history import BoundedShare, WindowRecord
from common.monitoring.version_changes import VersionChange

OK, WARNING, CRITICAL, UNKNOWN = Status


def windows(*days):
    """Consecutive days of (status, right of 100)."""
    return [
        WindowRecord(f"2026-01-{day:02}", status, 100, 100, right, BoundedShare(right / 100, 0, 1))
        for day, (status, right) in enumerate(days, start=1)
    ]


GOOD, BAD = (OK, 92), (CRITICAL, 82)


def test_it_is_compared_with_the_windows_before_the_trouble_and_with_the_last_one():
    went = course(windows(*[GOOD] * 10, BAD, (CRITICAL, 80), BAD), "2026-01-13", 0.95)
    assert (went.now, went.usual, went.before) == (0.82, 0.92, 0.80)
    assert (went.since, went.before_window) == ("2026-01-11", "2026-01-12")
    assert went.sentence == (
        "accuracy fell from 92.0 % to 82.0 %: 10 more of 100 messages are wrong, since 11 January"
    )


def test_one_good_window_does_not_end_the_trouble_and_two_do():
    one = course(windows(*[GOOD] * 5, BAD, GOOD, BAD), "2026-01-08", 0.9)
    two = course(windows(*[GOOD] * 5, BAD, GOOD, GOOD, BAD), "2026-01-09", 0.9)
    assert (one.since, two.since) == ("2026-01-06", "2026-01-09")


def test_the_reference_is_usual_where_there_are_too_few_windows():
    went = course(windows(GOOD, BAD), "2026-01-02", 0.95)
    assert went.usual == 0.95


def test_a_good_window_has_no_trouble_and_tells_its_figure():
    went = course(windows(*[GOOD] * 5, BAD, GOOD), "2026-01-07", 0.9)
    assert (went.since, went.changed) == (None, None)
    assert went.sentence == "92.0 % of 100 messages are answered right"


@pytest.mark.parametrize(("day", "suspect"), [(3, False), (8, True), (11, True)])
def test_a_version_that_came_right_before_is_suspected(day, suspect):
    change = VersionChange(f"2026-01-{day:02}", 1, 2)
    went = course(windows(*[GOOD] * 10, BAD), "2026-01-11", 0.9, [change])
    assert went.changed == (change if suspect else None)


def test_windows_of_the_version_before_are_not_usual():
    change = VersionChange("2026-01-06", 1, 2)
    days = windows(*[(OK, 70)] * 5, *[GOOD] * 5, BAD)
    assert course(days, "2026-01-11", 0.9, [change]).usual == 0.92


def test_what_was_not_measured_has_no_course():
    unlabelled = [WindowRecord("2026-01-01", UNKNOWN, 100, 0, 0)]
    assert course(unlabelled, "2026-01-01", 0.9) is None
    assert course([], "2026-01-01", 0.9) is None


def test_a_file_is_told_by_its_name_and_no_window_by_nothing():
    assert spoken("2026-01-02 06:00:00 a.csv") == "a.csv"
    assert spoken("0000301") == "0000301"
    assert spoken(None) == ""


def test_a_file_that_began_its_own_trouble_is_not_told_as_its_beginning():
    name = "2026-01-02 06:00:00 a.csv"
    file = WindowRecord(name, CRITICAL, 100, 100, 80, BoundedShare(0.8, 0, 1))
    went = course([file], name, 0.9)
    assert went.since == name
    assert went.sentence == "accuracy fell from 90.0 % to 80.0 %: 10 more of 100 messages are wrong"
