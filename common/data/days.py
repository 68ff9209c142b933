"""The day that each message was written on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Days = npt.NDArray[np.datetime64]

# As X (Twitter) writes times: Tue Oct 31 22:10:47 +0000 2017.
_FORMATS = ("ISO8601", "%a %b %d %H:%M:%S %z %Y")


def days_of(times: pa.Array) -> Days:
    """(n,) days in UTC, NaT if a text is not a time; a time without zone is UTC.

    >>> days_of(pa.array(["2024-03-04T00:24:15+02:00", "?"])).astype(str).tolist()
    ['2024-03-03', 'NaT']
    """
    import pandas as pd

    best = np.full(len(times), np.datetime64("NaT", "s"))
    series = pd.Series(times.to_numpy(zero_copy_only=False))
    for form in _FORMATS:
        found = pd.to_datetime(series, format=form, utc=True, errors="coerce")
        moments = found.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
        best = np.where(np.isnat(best), moments, best)
    return best.astype("datetime64[D]")
