from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import SettingsError
from common.monitoring import windows
from common.monitoring.windows import Length


@pytest.mark.parametrize(
    ("text", "found"),
    [("file", Length()), ("1d", Length(days=1)), ("2w", Length(days=14)), ("50", Length(rows=50))],
)
def test_a_length_is_days_weeks_rows_or_the_file(text, found):
    assert windows.length(text) == found


@pytest.mark.parametrize("text", ["", "0d", "day", "1m", "-1", "1.5d", "d"])
def test_a_length_that_is_none_is_one_line(text):
    with pytest.raises(SettingsError, match="WINDOW must be"):
        windows.length(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-03-01T06:24:15Z", "2026-03-01T06:24:15"),
        ("2026-03-01T06:24:15+02:00", "2026-03-01T04:24:15"),
        ("2026-03-01 06:24:15", "2026-03-01T06:24:15"),
        ("2026-03-01 06:24:15.123456", "2026-03-01T06:24:15"),
        ("2026-03-01", "2026-03-01T00:00:00"),
        ("Sun Mar 01 06:24:15 +0100 2026", "2026-03-01T05:24:15"),
        ("", "NaT"),
        ("yesterday or so", "NaT"),
        ("2026-13-45", "NaT"),
    ],
)
def test_times_are_read_in_the_forms_that_files_have(text, found):
    assert windows.times(pa.array([text], pa.large_string())).astype(str).tolist() == [found]


def test_a_time_that_cannot_be_read_takes_no_other_with_it():
    texts = pa.array(["2026-03-01", "?", "2026-03-02"])
    assert windows.times(texts).astype(str).tolist() == [
        "2026-03-01T00:00:00",
        "NaT",
        "2026-03-02T00:00:00",
    ]


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),
    st.sampled_from([1, 2, 7, 14, 30]),
)
def test_a_moment_is_in_the_window_that_starts_before_and_ends_after_it(moment, days):
    (name,) = windows.names(np.array([moment], "datetime64[s]"), days)
    start = datetime.fromisoformat(name).replace(tzinfo=UTC)
    moment = moment.replace(tzinfo=UTC)
    assert start <= moment < start + timedelta(days=days)
    if days % 7 == 0:
        assert start.weekday() == 0
