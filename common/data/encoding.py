"""Files that are not UTF-8 and do not say what else: found by their start, and guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from common.errors import InputError

HEAD_BYTES = 1 << 20
# Fewer broken lines are read with U+FFFD where bytes are not text: real files of UTF-8 have some.
MIN_BROKEN_LINES = 10

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_ABROAD = re.compile(rb"[\x80-\xff]+")
# A letter with an accent within a word, or a quote or dash beside one.
_WESTERN = re.compile(
    rb"(?<=[A-Za-z])[\x80-\xff](?![\x80-\xff])|(?<![\x80-\xff])[\x80-\xff](?=[A-Za-z])"
)


@dataclass(frozen=True)
class _Broken:
    """The first byte that is not UTF-8: its line and its place in it, both from 1."""

    line: int
    place: int
    byte: int


def refuse_unnamed(head: bytes, path: Path) -> None:
    """Raise InputError if the lines that are not ASCII are mostly text in another encoding.

    Args:
        head: what a file starts with.
        path: what messages call it.
    """
    if head.isascii() or head.startswith(_MARKS):
        return
    lines = head.split(b"\n")
    if len(head) >= HEAD_BYTES:
        lines.pop()  # may end within a character
    first: _Broken | None = None
    broken: list[bytes] = []
    whole = 0
    for number, line in enumerate(lines, start=1):
        if line.isascii():
            continue
        try:
            line.decode()
            whole += 1
        except UnicodeDecodeError as error:
            first = first or _Broken(number, error.start + 1, line[error.start])
            broken.append(line)
    if first is None or len(broken) < MIN_BROKEN_LINES or len(broken) <= whole:
        return
    guessed = guess(b"\n".join(broken))
    if guessed is not None:
        raise InputError(
            f"{path} is not UTF-8 (line {first.line}, byte {first.place}: 0x{first.byte:02X}); it "
            f"looks like {guessed}. Name its encoding: --encoding {guessed}."
        )


def guess(text: bytes) -> str | None:
    """Python's name of the encoding that text which is not UTF-8 seems to have; None: not text.

    In Western languages, characters beyond ASCII stand alone, beside a letter of ASCII: that is
    cp1252, which Excel and Windows write. All others are charset-normalizer's to tell.

    >>> guess("Größe, Café, señor, naïve".encode("cp1252")), guess(b"PNG\\x00\\x01\\xff")
    ('cp1252', None)
    """
    if _NO_TEXT.search(text):
        return None
    abroad = sum(map(len, _ABROAD.findall(text)))
    if 2 * len(_WESTERN.findall(text)) >= abroad:
        try:
            text.decode("cp1252")
            return "cp1252"
        except UnicodeDecodeError:
            pass
    from charset_normalizer import from_bytes

    best = from_bytes(text).best()
    return best.encoding if best and best.encoding not in ("ascii", "utf_8") else None
