"""Messages with the message that they answer, in one string: what belongs to which."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from common.models.pieces import as_arrow

# A message, what it answers, and the number of its conversation, which no model reads; the
# separator is U+001E, `common.data.conversations` writes them so.
SEPARATOR = "\x1e"
_IN_CONTEXT = re.compile(r"([^\x1e]*)\x1e[^\x1e]*\x1e[0-9a-f]{16}")
_PARTS = r"\A(?P<message>[^\x1e]*)\x1e(?P<answered>[^\x1e]*)\x1e[0-9a-f]{16}\z"


def message(text: str) -> str:
    """A text without the context that it may have.

    >>> message("still broken\x1eDid it help?\x1e00000000000000ff")
    'still broken'
    """
    found = _IN_CONTEXT.fullmatch(text) if SEPARATOR in text else None
    return found[1] if found else text


def parted(texts: Any) -> tuple[Any, pa.LargeStringArray | None]:
    """The messages themselves, and what they answer ("": nothing); None if no text has a context.

    Args:
        texts: n strings, or an Arrow array of strings without nulls.
    """
    arrow = as_arrow(texts)
    if not pc.any(pc.match_substring(arrow, SEPARATOR)).as_py():
        return texts, None
    found = pc.extract_regex(arrow, _PARTS)
    if found.null_count == len(found):
        return texts, None
    own, answered = pc.struct_field(found, "message"), pc.struct_field(found, "answered")
    return pc.coalesce(own, arrow), pc.fill_null(answered, "").cast(pa.large_string())
