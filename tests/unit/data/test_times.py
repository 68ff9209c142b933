import csv
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data.times import TimeFormat, find_format
from common.errors import InputError, SettingsError

BERLIN = ZoneInfo("Europe/Berlin")
EXCEL_START = datetime(1899, 12, 30)

# How a moment in UTC is written. Those that name no zone are local times of the column's zone.
WITH_ZONE = {
    "ISO 8601": lambda t: t.isoformat(),
    "ISO 8601 in Z": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}Z",
    "ISO 8601 elsewhere": lambda t: t.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat(" "),
    "ISO 8601 basic": lambda t: f"{t:%Y%m%dT%H%M%S}Z",
    "Twitter": lambda t: f"{t:%a %b %d %H:%M:%S} +0000 {t.year}",
    "RFC 2822": format_datetime,
    "RFC 2822 in GMT": lambda t: format_datetime(t, usegmt=True),
    "epoch seconds": lambda t: str(int(t.timestamp())),
    "epoch seconds as a float": lambda t: f"{t.timestamp():.1f}",
    "epoch milliseconds": lambda t: str(int(t.timestamp()) * 1000 + 123),
}
WITHOUT_ZONE = {
    "ISO 8601": lambda t: t.isoformat(),
    "ISO 8601 with a blank": lambda t: t.isoformat(" "),
    "ISO 8601 with a fraction": lambda t: f"{t.isoformat(' ')}.123456",
    "year first": lambda t: f"{t:%Y/%m/%d %H:%M:%S}",
    "dotted": lambda t: f"{t:%d.%m.%Y %H:%M:%S}",
    "English": lambda t: f"{t:%B} {t.day}, {t.year} {t:%I:%M:%S %p}",
    "C": lambda t: f"{t:%a %b %e %H:%M:%S %Y}",
    "Excel": lambda t: f"{(t - EXCEL_START) / timedelta(days=1):.10f}",
    "slashes": lambda t: f"{t.day}/{t.month}/{t.year}, {t:%H:%M:%S}",
    "dashes": lambda t: f"{t:%d-%m-%Y %H:%M:%S}",
}
MOMENTS = st.datetimes(datetime(1974, 1, 1), datetime(2099, 12, 30)).map(
    lambda moment: moment.replace(microsecond=0)
)


def read(cell, **how):
    (found,) = TimeFormat(**how).read(pa.array([cell], pa.large_string()))
    return str(found)


def column(path, *cells):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "at"), *enumerate(cells)])
    return path


def find(path, zone="UTC", pattern=None, **how):
    return find_format(path, "at", TimeFormat(zone, pattern), **how)


def dated(form, *cells):
    """The cells' days, or None."""
    found = form.read(pa.array(cells, pa.large_string()))
    return [None if np.isnat(moment) else str(moment.astype("datetime64[D]")) for moment in found]


@given(MOMENTS, st.sampled_from(list(WITH_ZONE)))
def test_a_moment_that_is_written_with_its_zone_is_read_back(moment, form):
    cell = WITH_ZONE[form](moment.replace(tzinfo=UTC))
    for zone in ("UTC", "America/Los_Angeles"):
        assert read(cell, zone=zone) == moment.isoformat()


@given(MOMENTS, st.sampled_from(list(WITHOUT_ZONE)))
def test_a_moment_without_a_zone_is_local_time(moment, form):
    cell = WITHOUT_ZONE[form](moment)
    assert read(cell, day_first=True) == moment.isoformat()
    there = moment.replace(tzinfo=BERLIN)
    skipped = there.astimezone(UTC).astimezone(BERLIN).replace(tzinfo=None) != moment
    if not skipped:
        at = there.astimezone(UTC).replace(tzinfo=None)
        assert read(cell, zone="Europe/Berlin", day_first=True) == at.isoformat()


@given(st.lists(st.tuples(MOMENTS, st.sampled_from(list(WITH_ZONE))), min_size=1))
def test_a_column_may_mix_the_known_forms(written):
    cells = [WITH_ZONE[form](moment.replace(tzinfo=UTC)) for moment, form in written]
    found = TimeFormat().read(pa.array(cells, pa.large_string()))
    assert [str(moment) for moment in found] == [moment.isoformat() for moment, _ in written]


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("2015-02-24 11:35:52 -0800", "2015-02-24T19:35:52"),
        ("2026-03-01T06:24:15+02", "2026-03-01T04:24:15"),
        ("Sun Mar 01 06:24:15 +0100 2026", "2026-03-01T05:24:15"),
        ("Tue, 31 Oct 2017 22:10:47 +0000 (UTC)", "2017-10-31T22:10:47"),
        ("Tue Oct 31 22:10:47 UTC 2017", "2017-10-31T22:10:47"),
        ("  2026-03-01 ", "2026-03-01T00:00:00"),
        ("2026-3-1 9:05", "2026-03-01T09:05:00"),
        ("20260301", "2026-03-01T00:00:00"),
        ("Mar 1, 2026 12:05 AM", "2026-03-01T00:05:00"),
        ("1 March 2026 at 12:05 pm", "2026-03-01T12:05:00"),
        ("31-Oct-2017", "2017-10-31T00:00:00"),
        ("1.509487847123e+12", "2017-10-31T22:10:47"),
        ("42057.59", "2015-02-22T14:09:36"),
        ("2026-03-01 10:00:00.000000Z", "2026-03-01T10:00:00"),
    ],
)
def test_times_are_read_in_the_forms_that_files_have(cell, found):
    assert read(cell) == found


@pytest.mark.parametrize(
    "cell",
    [
        *("", " ", "?", "yesterday or so", "Monday", "2017", "2026-03", "12:30", "119237"),
        *("2026-02-30", "2026-13-45", "31.04.2026", "Foo 1, 2026", "Mar 1, 2026 13:00 PM"),
        *("2026-03-01 25:00", "2026-03-01 10:61", "0001-01-01", "9999-12-31", "1.50949E+12"),
        *("1/2/26", "12345678", "850000000000000001", "2026-03-01 ten", "x 2026-03-01"),
    ],
)
def test_what_is_not_a_time_is_none(cell):
    assert read(cell, day_first=True) == "NaT"


def test_a_year_among_twitter_dates_is_one_row_without_a_time(tmp_path):
    twitter = [WITH_ZONE["Twitter"](datetime(2017, 10, 1 + k % 28, tzinfo=UTC)) for k in range(300)]
    form = find(column(tmp_path / "a.csv", *twitter[:150], "2017", *twitter[150:]))
    assert dated(form, "2017", *twitter).count(None) == 1


def test_one_date_of_a_column_tells_the_day_from_the_month(tmp_path):
    day = find(column(tmp_path / "day.csv", *["01/09/2026"] * 20_000, "13/09/2026"))
    assert dated(day, "01/09/2026", "13/09/2026 10:00") == ["2026-09-01", "2026-09-13"]
    month = find(column(tmp_path / "month.csv", "01/09/2026", "9/13/2026 1:00 PM"))
    assert dated(month, "01/09/2026", "9/13/2026") == ["2026-01-09", "2026-09-13"]
    assert dated(month, "13/09/2026") == [None]


def test_one_file_of_a_folder_tells_for_all(tmp_path):
    for name, cell in (("1.csv", "01/09/2026"), ("2.csv", "2026-09-02"), ("3.csv", "30/09/2026")):
        column(tmp_path / name, cell)
    assert dated(find(tmp_path), "01/09/2026") == ["2026-09-01"]


def test_a_column_that_tells_no_day_from_the_month_is_refused_in_one_line(tmp_path):
    path = column(tmp_path / "a.csv", "2026-08-31", "02/02/2026", "01/09/2026", "02/09/2026")
    with pytest.raises(InputError) as caught:
        find(path)
    said = str(caught.value)
    assert "\n" not in said
    for part in ("a.csv", "'at'", "01/09/2026", "TIME_FORMAT", "--time-format"):
        assert part in said
    form = find(path, pattern="%m/%d/%Y")
    assert dated(form, "01/09/2026", "01/09/2026 10:00") == ["2026-01-09"] * 2


def test_a_column_of_both_orders_is_refused_unless_one_is_a_stray(tmp_path):
    with pytest.raises(InputError, match=r"2 dates with the day first.* 1 with the month first"):
        find(column(tmp_path / "a.csv", "13/09/2026", "14/09/2026", "09/13/2026"))
    stray = find(column(tmp_path / "b.csv", *["13/09/2026"] * 300, "09/13/2026"))
    assert dated(stray, "01/09/2026", "09/13/2026") == ["2026-09-01", None]


def test_equal_numbers_need_no_order(tmp_path):
    assert dated(find(column(tmp_path / "a.csv", "02/02/2026")), "02/02/2026") == ["2026-02-02"]


def test_a_pattern_comes_before_the_known_forms():
    form = TimeFormat(pattern="%d/%m/%y %H.%M")
    assert dated(form, "01/09/26 10.30", "2026-09-02", "1/2/26") == [
        "2026-09-01",
        "2026-09-02",
        None,
    ]
    zoned = TimeFormat("Europe/Berlin", "%d/%m/%y %H:%M %z")
    assert dated(zoned, "01/09/26 00:30 +0200", "01/09/26 00:30") == ["2026-08-31", None]


def test_a_pattern_that_cannot_be_used_is_a_mistake_in_the_settings(tmp_path):
    with pytest.raises(SettingsError, match="TIME_FORMAT '%q' can't be used"):
        find(column(tmp_path / "a.csv", "2026"), pattern="%q")


def test_a_column_without_any_time_is_refused_with_examples(tmp_path):
    long = "order 66 of my neighbour, who is called Anne and lives at number 7"
    path = column(tmp_path / "a.csv", "1/2/26", "", "soon", "3/4/26", "1/2/26", long, "5", "6")
    with pytest.raises(InputError) as caught:
        find(path)
    said = str(caught.value)
    assert "no cell of column 'at' is a time (it has '1/2/26', '3/4/26', '5')" in said
    assert "--time-column" in said
    assert "Anne" not in said
    assert find(path, required=False) == TimeFormat()
    assert find(column(tmp_path / "none.csv")) == TimeFormat()


def test_an_hour_that_comes_twice_is_the_first_and_one_that_is_skipped_is_when_it_was():
    berlin = {"zone": "Europe/Berlin"}
    assert read("2026-10-25 02:30", **berlin) == "2026-10-25T00:30:00"
    assert read("2026-03-29 02:30", **berlin) == "2026-03-29T01:00:00"
    assert read("2026-03-29 03:00", **berlin) == "2026-03-29T01:00:00"


def test_dates_of_a_real_range_are_read_exactly_from_excel():
    start = date(2026, 1, 1)
    days = [start + timedelta(days=k) for k in range(400)]
    serials = [str((day - EXCEL_START.date()).days) for day in days]
    assert dated(TimeFormat(), *serials) == [day.isoformat() for day in days]
