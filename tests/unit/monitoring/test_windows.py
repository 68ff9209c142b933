from datetime import UTC, datetime, timedelta

import numpy as np
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


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-24", 24), ("2026-10-25", 25)],
)
def test_a_day_is_as_long_as_it_was_in_its_zone(day, hours):
    zone = "Europe/Berlin"
    over = np.datetime64(windows.end(day, 1, zone).astimezone(UTC).replace(tzinfo=None), "s")
    moments = over - np.arange(1, 48 * 3600, 1800).astype("timedelta64[s]")
    named = windows.names(moments, 1, zone)
    assert (named == day).sum() == 2 * hours
    assert windows.names(np.array([over]), 1, zone) != day


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),
    st.sampled_from([1, 7]),
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Pacific/Apia", "UTC"]),
)
def test_a_moment_is_in_a_window_of_local_days(moment, days, zone):
    (name,) = windows.names(np.array([moment], "datetime64[s]"), days, zone)
    end = windows.end(name, days, zone)
    start = windows.end(name, 0, zone)
    assert start.timestamp() <= moment.replace(tzinfo=UTC).timestamp() < end.timestamp()
