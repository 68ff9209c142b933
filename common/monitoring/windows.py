"""Which window a message belongs to: a stretch of days, of rows, or the whole file."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.errors import SettingsError

WHOLE, UNDATED = "whole", "undated"

# As X (Twitter) writes times: Tue Oct 31 22:10:47 +0000 2017.
_FORMATS = ("ISO8601", "%a %b %d %H:%M:%S %z %Y", "mixed")
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


def times(texts: pa.Array) -> npt.NDArray[np.datetime64]:
    """(n,) moments in UTC, NaT if a text is not a time; a time without zone is UTC.

    >>> times(pa.array(["2024-03-04T06:24:15+02:00", "?"])).astype(str).tolist()
    ['2024-03-04T04:24:15', 'NaT']
    """
    import pandas as pd

    best = np.full(len(texts), np.datetime64("NaT", "s"))
    series = pd.Series(texts.to_numpy(zero_copy_only=False))
    for form in _FORMATS:
        found = pd.to_datetime(series, format=form, utc=True, errors="coerce")
        moments = found.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
        best = np.where(np.isnat(best), moments, best)
        if not np.isnat(best).all():
            break
    return best


def names(moments: npt.NDArray[np.datetime64], days: int) -> Names:
    """(n,) the first day of the window that each moment is in; `undated` for NaT.

    >>> moments = np.array(["2024-03-06T10:00", "2024-03-10T23:59", "NaT"], "datetime64[s]")
    >>> names(moments, 1).tolist(), names(moments, 7).tolist()
    (['2024-03-06', '2024-03-10', 'undated'], ['2024-03-04', '2024-03-04', 'undated'])
    """
    monday = np.datetime64("1970-01-05", "D")
    count = (moments.astype("datetime64[D]") - monday).astype(np.int64) // days
    starts = (monday + count * days).astype("datetime64[D]")
    found: Names = np.where(np.isnat(moments), UNDATED, starts.astype(str)).astype(object)
    return found
