"""What values of settings mean, and which are refused, with a ValueError that says why."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

# What LEXICON may say beside a file.
LEXICONS = ("auto", "vader", "none")
# What EMBEDDINGS may say beside a file: "none", or a module and a function in it.
_FUNCTION = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")


def split_commas(value: Any) -> Any:
    """The parts of a text with commas; other values as they are."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def split_quoted(value: Any) -> Any:
    """The same of parts that are quoted, as in CSV, if they hold a comma.

    >>> split_quoted('"late, lost":0.99, other:0.9')
    ['late, lost:0.99', 'other:0.9']
    """
    if not isinstance(value, str):
        return value
    rows = csv.reader(value.splitlines(), skipinitialspace=True)
    return [part.strip() for row in rows for part in row if part.strip()]


def no_rules(value: Any) -> Any:
    """No rule at all for the one word `none`."""
    return () if value == ["none"] else value


def class_shares(value: tuple[str, ...]) -> tuple[str, ...]:
    """Texts of the form `class:share`, where a share is greater than 0 and at most 1.

    >>> class_shares(("critical:0.99",))
    ('critical:0.99',)
    """
    shares_of(value)
    return value


def shares_of(texts: tuple[str, ...]) -> dict[str, float]:
    """The share of each class in texts of the form `class:share`.

    >>> shares_of(("critical:0.99", "a:b:0.9"))
    {'critical': 0.99, 'a:b': 0.9}
    """
    found: dict[str, float] = {}
    for text in texts:
        name, _, share = text.rpartition(":")
        try:
            number = float(share)
        except ValueError:
            number = 0.0
        if not name.strip() or not 0 < number <= 1:
            raise ValueError("must be CLASS:SHARE, such as critical:0.99, with a share of 0 to 1")
        if name.strip() in found:
            raise ValueError(f"names {name.strip()!r} twice")
        found[name.strip()] = number
    return found


def delimiter(value: str) -> str:
    """One character; a tab also by its name."""
    value = {"tab": "\t", "\\t": "\t"}.get(value, value)
    if len(value) != 1 or not value.isascii() or value in '"\r\n':
        raise ValueError("must be one ASCII character that is not a quote, or tab")
    return value


def encoding(value: str) -> str:
    """An encoding that Python knows."""
    try:
        "".encode(value)
    except LookupError as error:
        raise ValueError("is not an encoding that Python knows") from error
    return value


def time_format(value: str) -> str:
    """A pattern of strptime that tells the day."""
    # A day of which no other part is alike.
    moment = datetime(2026, 12, 31, 22, 10, 47, tzinfo=UTC)
    with suppress(ValueError):
        if datetime.strptime(moment.strftime(value), value).date() == moment.date():
            return value
    raise ValueError("must be a pattern of strptime with day, month and year: %d/%m/%Y %H:%M")


def time_zone(value: str) -> str:
    """The IANA name of a time zone; one that is misspelt is suggested.

    >>> time_zone("Europe/Berlin")
    'Europe/Berlin'
    """
    known = {zone.casefold(): zone for zone in available_timezones()}
    if value in known.values():
        return value
    cities = {zone.rpartition("/")[2]: zone for zone in known}
    close = get_close_matches(value.casefold(), [*known, *cities], n=1, cutoff=0.7)
    meant = f" (did you mean {known[cities.get(close[0], close[0])]}?)" if close else ""
    raise ValueError(f"must be a time zone such as Europe/Berlin or UTC{meant}")


def is_function(value: str) -> bool:
    """Whether EMBEDDINGS names a function, and no file.

    >>> is_function("my_package.encoders:encode"), is_function("words.vec"), is_function("none")
    (True, False, False)
    """
    return _FUNCTION.fullmatch(value) is not None


def is_file(field: str, value: str) -> bool:
    """Whether the value of `lexicon`, `embeddings` or `transformer` is a path.

    >>> is_file("lexicon", "vader"), is_file("embeddings", "vader"), is_file("embeddings", "a:b")
    (False, True, False)
    >>> is_file("transformer", "somebody/a-model"), is_file("transformer", "./a-model")
    (False, True)
    """
    if field == "transformer":
        return value.startswith((".", "/", "~"))
    if field == "lexicon":
        return value not in LEXICONS
    return value != "none" and not is_function(value)


def absolute(address: str, start: Path) -> str:
    """The address of a database; a relative path of SQLite starts at a folder.

    >>> absolute("sqlite:///desk.db", Path("/srv")), absolute("sqlite:////desk.db", Path("/srv"))
    ('sqlite:////srv/desk.db', 'sqlite:////desk.db')
    """
    kind, found, path = address.partition(":///")
    if not found or kind.lower().partition("+")[0] != "sqlite":
        return address
    is_relative = path and not path.startswith(("/", ":memory:", "file:"))
    return f"{kind}:///{start}/{path}" if is_relative else address


def is_web_address(text: str) -> bool:
    """Whether a text is an address that starts with http:// or https:// and names a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
