"""Time zones by their name."""

from __future__ import annotations

from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones


def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name.

    >>> time_zone("Europe/Berlin").key
    'Europe/Berlin'

    Raises:
        ValueError: there is none of this name; the message suggests one that is spelt alike.
    """
    known = {zone.casefold(): zone for zone in available_timezones()}
    if name in known.values():
        return ZoneInfo(name)
    cities = {zone.rpartition("/")[2]: zone for zone in known}
    close = get_close_matches(name.casefold(), [*known, *cities], n=1, cutoff=0.7)
    meant = f" (did you mean {known[cities.get(close[0], close[0])]}?)" if close else ""
    raise ValueError(f"is not a time zone such as Europe/Berlin or UTC{meant}")
