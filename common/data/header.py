"""Whether the first row of a file has names, or is data already because there is no header."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Names are shorter than most messages.
LONGEST_NAME, MOST_WORDS = 60, 8
SHOWN_COLUMNS = 12

_NUMBER = re.compile(r"[+-]?\d[\d.,:/ -]*")


def missing_header_hint(names: Sequence[str], text_column: str) -> str:
    """What to do where the names look like data: a number, a date, a message, the same cell twice.

    >>> missing_header_hint(["1", "True", "where is my order? it was to come today"], "text")
    'If it has no header, name its columns, for example --header column1,column2,text.'
    >>> missing_header_hint(["id", "message"], "text")
    ''
    """
    twice = len(set(names)) < len(names)
    if not twice and not any(map(_is_data, names)):
        return ""
    if len(names) > SHOWN_COLUMNS:
        return f"If it has no header, name its {len(names)} columns with --header."
    longest = max(range(len(names)), key=lambda at: len(names[at]))
    made_up = [text_column if at == longest else f"column{at + 1}" for at in range(len(names))]
    return f"If it has no header, name its columns, for example --header {','.join(made_up)}."


def _is_data(name: str) -> bool:
    if not name.strip() or name.startswith(("@", "http://", "https://")):
        return True
    long = len(name) > LONGEST_NAME or name.count(" ") >= MOST_WORDS
    return long or _NUMBER.fullmatch(name.strip()) is not None
