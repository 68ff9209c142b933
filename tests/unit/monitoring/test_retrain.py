"""Which messages a model is fitted on again, and which decide whether it is better."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from common.monitoring.checks.finding import Status
from common.monitoring.history import WindowRecord
from common.monitoring.incidents.incident import Notice
from common.monitoring.retrain import Period, Retraining, period

FELL = datetime(2026, 3, 11, tzinfo=UTC)


def windows(days, rows=300, length=1):
    """Consecutive ones from 1 March on."""
    first = date(2026, 3, 1)
    return [
        WindowRecord(str(first + timedelta(days=k)), Status.OK, rows, rows, rows)
        for k in range(0, days, length)
    ]


def retraining(days=None, window_days=1):
    return Retraining(Status.CRITICAL, Path(), None, "triage", days, window_days, "sqlite://")


CAUSE = Notice(
    *("accuracy-1", "triage", "accuracy", "reminded", Status.CRITICAL, FELL),
    *(FELL, "2026-03-12", "why", {}),
)


@pytest.mark.parametrize(
    ("days", "rows", "fitted"),
    [
        (11, 300, None),
        (16, 300, None),
        (17, 300, date(2026, 3, 11)),
        (17, 100, None),
        (21, 100, date(2026, 3, 11)),
    ],
)
def test_what_has_lasted_a_week_and_a_thousand_messages_is_fitted_on_alone(days, rows, fitted):
    assert period(CAUSE, windows(days, rows), retraining()) == Period(fitted, FELL.date())


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (5, Period(date(2026, 3, 16), date(2026, 3, 16))),
        (14, Period(date(2026, 3, 7), date(2026, 3, 11))),
    ],
)
def test_the_last_days_are_used_if_somebody_says_so(wanted, expected):
    assert period(CAUSE, windows(20), retraining(wanted)) == expected


def test_a_window_of_weeks_ends_some_days_after_its_name():
    weeks = windows(15, length=7)
    assert weeks[-1].window == "2026-03-15"
    found = period(CAUSE, weeks, retraining(7, window_days=7))
    assert found.fitted == date(2026, 3, 15)


def test_files_and_rows_have_no_days():
    named = [WindowRecord("row 000000001", Status.OK, 9, 9, 9)]
    assert period(CAUSE, named, retraining(window_days=None)) == Period()
    assert period(CAUSE, [], retraining()) == Period()
