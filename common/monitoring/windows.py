"""Which window a message belongs to: a stretch of local days, of rows, or the whole file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from common.data.times import UTC, Moments
from common.errors import SettingsError

WHOLE, UNDATED = "whole", "undated"
# What a table in memory is called where it is looked at.
TABLE_FILE = "table.parquet"

_DAYS = {"d": 1, "w": 7}

Names = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Length:
    """How long a window is; the whole file if neither is given.

    Weeks start on Monday. Longer stretches are counted from Monday, 5 January 1970.
    """

    days: int | None = None
    rows: int | None = None


def length(text: str) -> Length:
    """Parse a setting: `file`, `1d`, `2w`, `500` rows.

    >>> length("2w"), length("500"), length("file")
    (Length(days=14, rows=None), Length(days=None, rows=500), Length(days=None, rows=None))

    Raises:
        SettingsError: not a window length.
    """
    found = re.fullmatch(r"([1-9]\d{0,8})([dw]?)", text)
    if text == "file":
        return Length()
    if not found:
        raise SettingsError(
            f"WINDOW must be file, days or weeks (1d, 2w) or a number of rows, not {text!r}."
        )
    number, unit = int(found[1]), found[2]
    return Length(days=number * _DAYS[unit]) if unit else Length(rows=number)


def whole_file(at: datetime, file: str) -> str:
    """The name of a window that is a whole file: by its age, so that names sort, and its name."""
    return f"{at:%Y-%m-%d %H:%M:%S} {file}"


def file_of(window: str) -> str | None:
    """The file that a window is the whole of; None if it is a stretch of days or rows.

    >>> file_of("2026-03-01 10:00:00 a.csv"), file_of("2026-03-01"), file_of("row 000000001")
    ('a.csv', None, None)
    """
    found = re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.*)", window, re.DOTALL)
    return found[1] if found else None


def names(moments: Moments, days: int, zone: str = UTC) -> Names:
    """(n,) the first day of the window that each moment is in; `undated` for NaT.

    Args:
        moments: in UTC.
        zone: IANA name of the zone whose days are meant.

    >>> moments = np.array(["2024-03-06T10:00", "2024-03-10T23:59", "NaT"], "datetime64[s]")
    >>> names(moments, 1).tolist(), names(moments, 7).tolist()
    (['2024-03-06', '2024-03-10', 'undated'], ['2024-03-04', '2024-03-04', 'undated'])
    >>> names(moments, 1, "Europe/Berlin").tolist()
    ['2024-03-06', '2024-03-11', 'undated']
    """
    local = moments
    if zone != UTC:
        import pandas as pd

        there = pd.DatetimeIndex(moments).tz_localize(UTC).tz_convert(zone)
        local = there.tz_localize(None).to_numpy("datetime64[s]")
    monday = np.datetime64("1970-01-05", "D")
    count = (local.astype("datetime64[D]") - monday).astype(np.int64) // days
    starts = (monday + count * days).astype("datetime64[D]")
    found: Names = np.where(np.isnat(moments), UNDATED, starts.astype(str)).astype(object)
    return found


def end(name: str, days: int, zone: str = UTC) -> datetime:
    """When a window of days ends: at midnight in the zone, however long its days were.

    >>> start, after = end("2026-03-28", 1, "Europe/Berlin"), end("2026-03-29", 1, "Europe/Berlin")
    >>> after.timestamp() - start.timestamp()
    82800.0
    """
    return datetime.fromisoformat(name).replace(tzinfo=ZoneInfo(zone)) + timedelta(days=days)
