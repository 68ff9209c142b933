"""Counts that small letters hide: of many pieces at once, on the bytes of their UTF-8."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

STATISTICS = (
    "characters",
    "pieces",
    "exclamation marks",
    "question marks",
    "mentions",
    "hashtags",
    "links",
    "digits",
    "capitals",
    "pieces in capitals",
    "emoji",
)
# So few pieces are counted sooner one by one than by numpy.
FEW = 64
_CAPITAL = re.compile(r"[A-Z]")
_DIGIT = re.compile(r"[0-9]")
_EMOJI = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")


def statistics(piece: str) -> tuple[float, ...]:
    """Counts in the order of STATISTICS; they add up over pieces.

    A mention or hashtag is a piece of more than its mark, capitals and digits are those of ASCII.
    """
    long = len(piece) > 1
    letters = piece.islower()
    return (
        len(piece),
        1,
        piece.count("!"),
        piece.count("?"),
        long and piece[0] == "@",
        long and piece[0] == "#",
        piece.startswith(("http://", "https://")),
        0 if piece.isalpha() else len(_DIGIT.findall(piece)),
        0 if letters else len(_CAPITAL.findall(piece)),
        long and piece.isupper(),
        0 if piece.isascii() else len(_EMOJI.findall(piece)),
    )


def piece_statistics(pieces: Sequence[str]) -> npt.NDArray[np.float64]:
    """(p, 11) the `statistics` of p pieces without line breaks.

    >>> piece_statistics(["NOW!"]).tolist()
    [[4.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 1.0, 0.0]]
    """
    if len(pieces) <= FEW:
        counts = [statistics(piece) for piece in pieces]
        return np.array(counts, np.float64).reshape(len(pieces), len(STATISTICS))
    # Two characters behind the last one: an emoji is looked for two bytes ahead.
    data = np.frombuffer(("\n".join(pieces) + "\n\n").encode(), np.uint8)
    (ends,) = np.nonzero(data[:-1] == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1])
    owners = np.repeat(np.arange(len(pieces)), ends - starts + 1)
    data, next_data = data[:-1], data[1:]

    def count(which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.bincount(owners[which], minlength=len(pieces))

    # Bytes 10xxxxxx go on with a character.
    characters = ends - starts - count((data & 0xC0) == 0x80)
    long = characters > 1
    links = [piece.startswith(("http://", "https://")) for piece in pieces]
    capitals = count((data >= ord("A")) & (data <= ord("Z")))
    small = count((data >= ord("a")) & (data <= ord("z")))
    in_capitals = (capitals > 0) & (small == 0)
    for other in np.flatnonzero(count(data >= 0x80)).tolist():
        in_capitals[other] = pieces[other].isupper()
    # U+2600 is E2 98 80, U+27BF is E2 9E BF.
    signs = (data == 0xE2) & (next_data >= 0x98) & (next_data <= 0x9E)
    # U+1F300 is F0 9F 8C 80, U+1FAFF is F0 9F AB BF.
    third = np.append(next_data[1:], np.uint8(0))
    pictures = (data == 0xF0) & (next_data == 0x9F) & (third >= 0x8C) & (third <= 0xAB)
    return np.stack(
        [
            characters,
            np.ones(len(pieces)),
            count(data == ord("!")),
            count(data == ord("?")),
            long & (data[starts] == ord("@")),
            long & (data[starts] == ord("#")),
            links,
            count((data >= ord("0")) & (data <= ord("9"))),
            capitals,
            long & in_capitals,
            count(signs | pictures),
        ],
        axis=1,
    ).astype(np.float64)
