"""Columns of times: read row by row in every known form, as moments in UTC.

The known forms can't be confused with each other, so a column may mix them:

    2015-02-24 11:35:52 -0800, 2026-03-01T10:00:00Z, 20260301, 2026/03/01     ISO 8601 and its kin
    Tue Oct 31 22:10:47 +0000 2017                                            X (Twitter), `date`
    Tue, 31 Oct 2017 22:10:47 +0000, Oct 31, 2017 10:10 PM                    RFC 2822, English
    31.10.2017 22:10                                                          day first
    1509487847, 1509487847123                                                 epoch, 1973 to 2286
    43039.92416                                                               Excel, 1970 to 2099

In `01/09/2026` and `01-09-2026` the day comes first or the month: one such as `13/09/2026` decides
for the whole column. A number that is none of these, such as `2017`, is not a time, nor is a year
before 1900 or after 2199, which stands for no time at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.data.files import parts
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.errors import InputError, SettingsError
from common.text import brief

Moments = npt.NDArray[np.datetime64]
Numbers = npt.NDArray[np.int64]

UTC = "UTC"
NO_TIME = np.datetime64("NaT", "s")
EXAMPLES, EXAMPLE_CHARACTERS = 3, 25
# No time is longer, but messages are, and these nobody should read in a log.
LONGEST_EXAMPLE = 40
# Dates of the other order that a column may hold, as a share of those that tell the order.
STRAY_ORDER = 0.01

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
# Of numbers: the smallest and largest of each kind, which do not overlap.
_EXCEL_DAYS = (25_569, 73_051)
_SECONDS, _MILLISECONDS = (1e8, 1e10), (1e11, 1e13)

_DAY, _NAME = r"(?P<day>\d{1,2})", r"(?P<name>[A-Za-z]{3})[a-z]*\.?"
_YEAR = r"(?P<year>\d{4})"
_WEEKDAY = r"[A-Za-z]{3,9},? "
_OFFSET = r"Z|z|UTC|GMT|UT|[+-]\d\d:?(?:\d\d)?"
_ZONE = rf" ?(?P<zone>{_OFFSET})?(?: ?\([^)]*\))?"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?"
_HALF = r" ?(?P<half>[AaPp]\.?[Mm]\.?)?"
_CLOCK = rf"(?:(?:[T ]|, ?| at ){_TIME}{_HALF}{_ZONE})?"
_FORMS = (
    rf"{_YEAR}[-/.](?P<month>\d{{1,2}})[-/.]{_DAY}{_CLOCK}",
    rf"{_WEEKDAY}{_NAME} +{_DAY} {_TIME}(?: (?P<zone>{_OFFSET}))? {_YEAR}",
    rf"(?:{_WEEKDAY})?{_DAY}[ -]{_NAME}[ -]{_YEAR}{_CLOCK}",
    rf"(?:{_WEEKDAY})?{_NAME} {_DAY},? {_YEAR}{_CLOCK}",
    rf"{_DAY}\.(?P<month>\d{{1,2}})\.{_YEAR}{_CLOCK}",
    rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)"
    rf"(?:T(?P<hour>\d\d):?(?P<minute>\d\d):?(?P<second>\d\d)?(?:[.,]\d+)?{_ZONE})?",
)
# The two numbers of which one is the day, the other the month.
_EITHER_ORDER = rf"(?P<one>\d{{1,2}})[/-](?P<other>\d{{1,2}})[/-]{_YEAR}{_CLOCK}"
# 1.5e+12 is what Arrow makes of a float; 1.5E+12 is what Excel shows, of fewer digits than it has.
_NUMBER = r"(?P<number>\d{5,13}(?:\.\d*)?|\d(?:\.\d+)?e\+\d\d)"


@dataclass(frozen=True)
class TimeFormat:
    """How a column writes times.

    Attributes:
        zone: IANA name of the zone of times that name none. An hour that comes twice is the first
            of the two; a time that the clocks skip is the moment at which they do.
        pattern: of strptime, tried before the known forms; None: these alone.
        day_first: of `01/09/2026`; None: no cell of the column is written so.
    """

    zone: str = UTC
    pattern: str | None = None
    day_first: bool | None = None

    def read(self, texts: pa.Array) -> Moments:
        """(n,) moments in UTC, to the second; NaT where a text is not a time.

        >>> TimeFormat().read(pa.array(["2024-03-04T06:24:15+02:00", "?"])).astype(str).tolist()
        ['2024-03-04T04:24:15', 'NaT']
        """
        found: Moments = np.full(len(texts), NO_TIME)
        if self.pattern is not None:
            found = self._by_pattern(texts)
        for form in (*_FORMS, _EITHER_ORDER, _NUMBER):
            (left,) = np.isnat(found).nonzero()
            if not len(left):
                break
            cells = texts if len(left) == len(texts) else texts.take(pa.array(left))
            matched = pc.extract_regex(cells, rf"^\s*{form}\s*$")
            if matched.null_count < len(matched):
                rows = matched.is_valid().to_numpy(zero_copy_only=False)
                found[left[rows]] = self._moments(matched.drop_null())
        return found

    def _by_pattern(self, texts: pa.Array) -> Moments:
        import pandas as pd

        assert self.pattern is not None
        cells = pd.Series(texts.to_numpy(zero_copy_only=False)).str.strip()
        aware = "%z" in self.pattern or "%Z" in self.pattern
        try:
            parsed = pd.to_datetime(cells, format=self.pattern, errors="coerce", utc=aware)
        except ValueError as error:
            raise SettingsError(f"TIME_FORMAT {self.pattern!r} can't be used: {error}.") from error
        moments = (parsed.dt.tz_localize(None) if aware else parsed).to_numpy("datetime64[s]")
        return moments if aware else self._in_utc(moments)

    def _moments(self, matched: pa.StructArray) -> Moments:
        fields = {part.name: matched.field(part.name) for part in matched.type}
        if "number" in fields:
            return self._of_numbers(fields["number"])
        local = _local(fields, bool(self.day_first))
        if "one" in fields and self.day_first is None:
            local[:] = NO_TIME
        offsets, known = _offsets(fields["zone"])
        moments = local - offsets
        moments[~known] = self._in_utc(local[~known])
        return moments

    def _of_numbers(self, texts: pa.Array) -> Moments:
        numbers = pc.cast(texts, pa.float64()).to_numpy()
        moments = np.full(len(numbers), NO_TIME)
        for (least, most), a_second in ((_SECONDS, 1), (_MILLISECONDS, 1000)):
            rows = (numbers >= least) & (numbers < most)
            moments[rows] = (numbers[rows] // a_second).astype("datetime64[s]")
        rows = (numbers >= _EXCEL_DAYS[0]) & (numbers < _EXCEL_DAYS[1])
        seconds = np.rint((numbers[rows] - _EXCEL_DAYS[0]) * 86_400)
        moments[rows] = self._in_utc(seconds.astype("datetime64[s]"))
        return moments

    def _in_utc(self, local: Moments) -> Moments:
        if self.zone == UTC:
            return local
        import pandas as pd

        summer = np.ones(len(local), bool)
        index = pd.DatetimeIndex(local).tz_localize(
            self.zone, ambiguous=summer, nonexistent="shift_forward"
        )
        return index.tz_convert(None).to_numpy("datetime64[s]")


KNOWN_FORMS = TimeFormat()


@dataclass
class _Column:
    """What a pass over a column finds out.

    Attributes:
        day_first, month_first: dates such as 13/09/2026, and 09/13/2026.
        equal: dates such as 12/12/2026.
        unclear: one of the dates that may be either.
        dated: whether a cell is a time.
        examples: cells that are not, shortened.
    """

    day_first: int = 0
    month_first: int = 0
    equal: int = 0
    unclear: str | None = None
    dated: bool = False
    rows: int = 0
    examples: list[str] = field(default_factory=list)

    def look_at(self, cells: pa.Array, known: TimeFormat) -> None:
        self.rows += len(cells)
        found = pc.extract_regex(cells, rf"^\s*{_EITHER_ORDER}\s*$")
        if found.null_count < len(found):
            self._count_orders(cells.filter(found.is_valid()), found.drop_null())
        if not self.dated:
            moments = replace(known, day_first=known.day_first is not False).read(cells)
            self.dated = bool(self.month_first) or not np.isnat(moments).all()
            self._take_examples(cells.filter(pa.array(np.isnat(moments))))

    def _count_orders(self, cells: pa.Array, found: pa.StructArray) -> None:
        one, other = (_integers(found.field(name)) for name in ("one", "other"))
        self.day_first += int(((one > 12) & (other <= 12)).sum())
        self.month_first += int(((one <= 12) & (other > 12)).sum())
        self.equal += int((one == other).sum())
        unclear = (one <= 12) & (other <= 12) & (one != other)
        if self.unclear is None and unclear.any():
            self.unclear = cells[int(unclear.argmax())].as_py().strip()

    def _take_examples(self, cells: pa.Array) -> None:
        for cell in pc.unique(cells.filter(pc.match_substring_regex(cells, r"\d"))).to_pylist():
            shown = " ".join(cell.split())
            if len(shown) <= LONGEST_EXAMPLE and len(self.examples) < EXAMPLES:
                self.examples.append(brief(shown, EXAMPLE_CHARACTERS))


def find_format(
    path: Path,
    column: str,
    known: TimeFormat = KNOWN_FORMS,
    reading: Reading = FIND_OUT,
    *,
    required: bool = True,
) -> TimeFormat:
    """How a column of a file, or of a folder's files, writes times; reads all of the column once.

    Args:
        known: zone and pattern; a pattern's order of day and month holds for other cells too.
        required: refuse a column without any time.

    Raises:
        InputError: a file can't be read, no cell is a time, or nothing tells day from month.
        SettingsError: pandas can't read by the pattern.
    """
    known = replace(known, day_first=_order(known.pattern))
    found = _Column()
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            for chunk in messages.chunks([column]):
                found.look_at(chunk.texts(column), known)
    if required and found.rows and not found.dated:
        raise InputError(_no_time(path, column, found.examples))
    if known.day_first is not None:
        return known
    return replace(known, day_first=_decide(path, column, found))


def _decide(path: Path, column: str, found: _Column) -> bool | None:
    counts = found.day_first, found.month_first
    if min(counts) > STRAY_ORDER * sum(counts):
        what = (
            f"{counts[0]:,} dates with the day first, such as 31/12/2026, and {counts[1]:,} with "
            "the month first"
        )
    elif max(counts):
        return counts[0] > counts[1]
    elif found.unclear:
        what = f"dates such as {found.unclear!r}, and none that tells the day from the month"
    else:
        return True if found.equal else None
    raise InputError(
        f"{path.name}, column {column!r}: {what}. Say which comes first: TIME_FORMAT=%d/%m/%Y or "
        "%m/%d/%Y (--time-format)."
    )


def _no_time(path: Path, column: str, examples: list[str]) -> str:
    shown = f" (it has {', '.join(map(repr, examples))})" if examples else ""
    return (
        f"{path.name}: no cell of column {column!r} is a time{shown}. Name another column "
        "(--time-column), or the format (--time-format '%d/%m/%y %H:%M')."
    )


def _order(pattern: str | None) -> bool | None:
    """Whether a pattern has the day before the month; None if it does not have both."""
    day, month = (-1, -1) if pattern is None else (pattern.find("%d"), pattern.find("%m"))
    return None if -1 in (day, month) else day < month


def _local(fields: Mapping[str, pa.Array], day_first: bool) -> Moments:
    """(n,) what calendar and clock showed; NaT where no calendar or clock shows that."""
    year = _integers(fields["year"])
    if "one" in fields:
        names = ("other", "one") if day_first else ("one", "other")
        month, day = (_integers(fields[name]) for name in names)
    else:
        month, day = _months(fields), _integers(fields["day"])
    hour, minute, second = (_integers(fields[name]) for name in ("hour", "minute", "second"))
    valid = (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)
    valid &= (hour < 24) & (minute < 60) & (second <= 60)
    if "half" in fields:
        half = pc.utf8_lower(pc.utf8_slice_codeunits(fields["half"], 0, 1))
        named, evening = (_flags(pc.not_equal(half, "")), _flags(pc.equal(half, "p")))
        valid &= ~named | ((hour >= 1) & (hour <= 12))
        hour = np.where(named, hour % 12 + 12 * evening, hour)
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    valid &= days.astype("datetime64[M]") == months
    seconds = days.astype("datetime64[s]") + (hour * 3600 + minute * 60 + second)
    local: Moments = np.where(valid, seconds, NO_TIME)
    return local


def _months(fields: Mapping[str, pa.Array]) -> Numbers:
    """(n,) 1 to 12; 0 for a name that is none."""
    if "month" in fields:
        return _integers(fields["month"])
    short = pc.utf8_lower(fields["name"])
    found = pc.index_in(short, pa.array(_MONTHS, short.type))
    return pc.fill_null(found, -1).to_numpy().astype(np.int64) + 1


def _offsets(zones: pa.Array) -> tuple[npt.NDArray[np.timedelta64], npt.NDArray[np.bool_]]:
    """(n,) how far clocks of a zone are before UTC, and whether a zone is given at all."""
    encoded = zones.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    seconds = np.array([_offset(name) for name in names], np.int64)
    at = encoded.indices.to_numpy()
    known = np.array([name != "" for name in names], bool)
    return seconds.astype("timedelta64[s]")[at], known[at]


def _offset(zone: str) -> int:
    """Seconds; `Z`, `UTC` and no zone are 0.

    >>> _offset("-0330"), _offset("+02")
    (-12600, 7200)
    """
    if zone[:1] not in ("+", "-"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return int(f"{zone[0]}1") * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)


def _integers(texts: pa.Array) -> Numbers:
    """(n,) 0 for no digits."""
    numbers = pc.cast(pc.if_else(pc.equal(texts, ""), "0", texts), pa.int64()).to_numpy()
    return np.asarray(numbers, np.int64)


def _flags(booleans: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(booleans.to_numpy(zero_copy_only=False), bool)
