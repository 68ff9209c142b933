"""Archives in several parts, as Kaggle splits them: the refusal of one part alone.

`joined_archive` reads all parts as one, which `python -m common.fetch` does.
"""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

from common.commands import as_typed
from common.errors import InputError

_PART = re.compile(r"\.(z\d\d|\d{3})$", re.IGNORECASE)
_SPLIT_MARK = b"PK\x07\x08"
# The record at the end of a zip archive: its mark, then the number of this disk.
_END, _END_BYTES, _LONGEST_COMMENT = b"PK\x05\x06", 22, 0xFFFF


def refuse_parts(raw: io.BufferedReader, path: Path) -> None:
    """Raise InputError if a file is one part of a zip archive; its position is kept.

    Args:
        path: what messages call the file; the other parts are beside it.
    """
    first = path.with_suffix(".z01")
    if path.suffix.lower() == ".zip":
        split = _disk(raw) > 0 or first.exists()
        archive = path
    else:
        split = _PART.search(path.name) is not None and raw.peek(2).startswith(b"PK")
        archive = path.with_suffix(".zip") if path.suffix.lower().startswith(".z") else path
    if not split and not raw.peek(4).startswith(_SPLIT_MARK):
        return
    ways = [shlex.join(["7z", "x", str(archive)])]
    if archive.suffix.lower() == ".zip":
        ways.insert(0, shlex.join(["python", "-m", "common.fetch", str(archive), "-o", "DIR"]))
        ways.insert(1, shlex.join(["zip", "-s", "0", str(archive), "--out", "joined.zip"]))
    raise InputError(
        f"{path} is one part of an archive that was split. With all parts in one folder, read or "
        f"join them: {as_typed(', or '.join(ways))}."
    )


def _disk(raw: io.BufferedReader) -> int:
    """The number of the last disk, from 0; 0 also where the file is not an archive."""
    before = raw.tell()
    length = raw.seek(0, io.SEEK_END)
    raw.seek(max(0, length - _END_BYTES - _LONGEST_COMMENT))
    tail = raw.read()
    raw.seek(before)
    at = tail.rfind(_END)
    return int.from_bytes(tail[at + 4 : at + 6], "little") if at >= 0 else 0
