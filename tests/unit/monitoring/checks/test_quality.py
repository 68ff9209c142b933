"""Rows, copies, files that come again, letters that were decoded twice."""

import pyarrow as pa
import pytest

from common.evaluation import digests, profile
from common.evaluation.two_samples import Share
from common.monitoring.checks import quality
from common.monitoring.checks.finding import Status
from common.monitoring.checks.usual import Figure, PastFigures
from common.monitoring.history import PastWindows, WindowRecord
from common.monitoring.windows import TABLE_FILE

# Three weeks of one brand's days: 98 to 419.
REAL = [257, 251, 213, 231, 157, 294, 324, 272, 303, 337, 187, 188, 327, 419, 333, 399, 385, 203]


@pytest.mark.parametrize(
    "rows, status",
    [(12, Status.WARNING), (60, Status.WARNING), (98, Status.OK), (840, Status.WARNING)],
)
def test_rows_are_held_against_the_second_smallest_and_largest(rows, status):
    assert quality.row_count(rows, REAL).status is status


def test_one_failure_before_does_not_hide_the_next():
    assert quality.row_count(12, [*REAL, 11]).status is Status.WARNING


def test_a_day_of_the_week_is_held_against_its_like():
    weekend = [40, 30, 45, 38]
    weeks = [300] * 5 + weekend[:2] + [300] * 5 + weekend[2:]
    assert quality.row_count(35, weeks, weekend).status is Status.OK
    assert quality.row_count(7, weeks, weekend).status is Status.WARNING
    assert quality.row_count(40, weeks, [300] * 4).status is Status.WARNING, "a Monday of a Sunday"


def test_no_rows_at_all_are_never_usual():
    assert quality.row_count(0, [3, 0, 0, 5, 0, 1, 2, 4]).status is Status.WARNING


def of(numbers):
    return digests.of_texts(pa.array([f"a message that is long, number {k}" for k in numbers]))


def test_yesterdays_file_is_known_again():
    before = {"sunday": of(range(900, 1400)), "monday": of(range(500))}
    found = quality.redelivered(of(range(10, 500)), before)
    assert found.status is Status.WARNING
    assert "window monday" in found.reason
    assert quality.redelivered(of(range(300, 800)), before).status is Status.OK
    assert quality.redelivered(of(range(2000, 2500)), before).status is Status.OK


def test_where_the_same_comes_every_day_it_is_usual():
    before = {f"day {k}": of(range(500)) for k in range(5)}
    first = quality.redelivered(of(range(500)), dict(list(before.items())[:1]))
    again = PastFigures([], [first.figure, first.figure])
    assert quality.redelivered(of(range(500)), before, again).status is Status.OK
    partly = PastFigures([], [Figure(0.82, 0.03), Figure(0.85, 0.03)])
    assert quality.redelivered(of(range(500)), before, partly).status is Status.WARNING


def record(window, numbers, rows=500):
    return WindowRecord(window, Status.OK, rows, rows, rows, digests=of(numbers))


def test_a_file_that_has_grown_and_a_table_looked_at_twice_are_not_delivered_again():
    seen = record("2026-03-01 10:00:00 labelled.csv", range(500))
    past = PastWindows([seen])
    assert past.past("2026-03-02 10:00:00 labelled.csv", 700).digests == {}
    assert past.past("2026-03-02 10:00:00 labelled.csv", 500).digests != {}, "as it was"
    assert past.past("2026-03-02 10:00:00 tuesday.csv", 700).digests != {}
    table = record(f"2026-03-01 10:00:00 {TABLE_FILE}", range(500))
    assert PastWindows([table]).past(f"2026-03-01 10:00:05 {TABLE_FILE}", 500).digests == {}


def test_a_share_is_estimated_within_some_points():
    for share in (0.2, 0.5, 0.8):
        now, then = of(range(4000)), of(range(int(4000 * (1 - share)), 8000))
        assert now.share_in(then) == pytest.approx(share, abs=0.13)


def test_parts_of_a_window_have_the_digests_of_the_whole():
    whole = of(range(3000))
    parts = [of(range(0, 1000)), of(range(1000, 2200)), of(range(2100, 3000))]
    assert parts[0] + parts[1] + parts[2] == parts[2] + parts[0] + parts[1] == whole


@pytest.mark.parametrize(
    "text",
    ["é à ü ñ ß", "don’t “quote” – ok…", "great 😀", "Ärger Übel", "£5 or 3º", "naïve Ångström"],
)
@pytest.mark.parametrize("wrong", ["cp1252", "latin-1"])
def test_letters_that_were_decoded_twice_are_counted(text, wrong):
    twice = text.encode().decode(wrong, "replace")
    assert profile._holding(pa.array([text, "plain"]), profile.MOJIBAKE) == 0
    assert profile._holding(pa.array([twice, "plain"]), profile.MOJIBAKE) == 1


def test_mojibake_of_one_message_in_twenty_warns():
    assert quality.mojibake(Share(15, 300), Share(0, 2000)).status is Status.WARNING
    assert quality.mojibake(Share(2, 300), Share(0, 2000)).status is Status.OK
