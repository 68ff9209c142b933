"""Messages as pieces: split at white space, what the model can't tell apart made one piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Of a longer message the model reads the beginning.
MESSAGE_CHARACTERS = 100_000
# To make so few distinct pieces recur takes longer than to work them out each time.
FEW_PIECES = 5000
_KEPT_DIGITS, _LONG_NUMBER = 3, 5
_LINK = b"http://"
_LINK_SHAPE = np.frombuffer(_LINK + b"A0a", np.uint8)


@dataclass(frozen=True)
class Pieces:
    """Messages as pieces: row r holds `index[offsets[r]:offsets[r + 1]]`, numbers in `distinct`.

    Pieces that have the same tokens and the same statistics may stand for each other.
    """

    offsets: npt.NDArray[np.int64]
    index: npt.NDArray[np.int32]
    distinct: list[str]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def as_arrow(texts: Any) -> pa.Array:
    """n messages (strings, or Arrow strings without nulls) as one Arrow array."""
    if not isinstance(texts, (pa.Array, pa.ChunkedArray)):
        texts = pa.array(texts, pa.large_string())
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def batches(texts: Any, rows: int, size: int) -> list[pa.Array]:
    """Slices of n messages with at most `rows` rows, and `size` bytes beside their first one.

    At least one slice, which may be empty.
    """
    texts = as_arrow(texts)
    if len(texts) <= rows and texts.nbytes <= size:
        return [texts]
    ends = np.cumsum(pc.binary_length(texts).to_numpy(zero_copy_only=False), dtype=np.int64)
    slices: list[pa.Array] = []
    start = 0
    while start < len(texts) or not slices:
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + size, "right")))
        stop = min(stop, start + rows, len(texts))
        slices.append(texts.slice(start, stop - start))
        start = stop
    return slices


def split(texts: Any) -> Pieces:
    """Split n messages (strings, or an Arrow array of strings without nulls) at white space.

    Only ASCII white space splits, other kinds are not part of any token: a regular expression in
    Arrow would be several times slower.
    """
    texts = as_arrow(texts)
    if texts.nbytes > MESSAGE_CHARACTERS and _longest(texts) > MESSAGE_CHARACTERS:
        texts = pc.utf8_slice_codeunits(texts, 0, MESSAGE_CHARACTERS)
    lists = pc.ascii_split_whitespace(texts)
    coded = lists.flatten().dictionary_encode()
    offsets, index = lists.offsets.to_numpy().astype(np.int64), coded.indices.to_numpy()
    if len(coded.dictionary) > FEW_PIECES:
        coded = _recurring(coded.dictionary).dictionary_encode()
        index = coded.indices.to_numpy()[index]
    return Pieces(offsets - offsets[0], index, coded.dictionary.to_pylist())


def _longest(texts: pa.Array) -> int:
    """UTF-8 bytes of the longest of n messages, which are at least its characters."""
    return pc.max(pc.binary_length(texts)).as_py() or 0


def _recurring(distinct: pa.Array) -> pa.Array:
    """Write what is new each time (ids, links, long numbers) in a way that comes again.

    Half of the pieces that come once are of these kinds. They keep their length, and all else that
    the model sees of them: its tokens know a link as such, and the first digits of a long number.

    >>> _recurring(pa.array(["@115712", "https://t.co/Ab1x2", "12:30"])).to_pylist()
    ['@115000', 'http://A00aaaaaaaa', '12:30']
    """
    distinct = distinct.cast(pa.large_string())
    _, offsets, content = distinct.buffers()
    if not content:
        return distinct
    ends = np.frombuffer(offsets, np.int64)[distinct.offset :][: len(distinct) + 1]
    data = np.frombuffer(content, np.uint8).copy()
    _blank_long_numbers(data, ends)
    _blank_links(data, ends, _links(distinct))
    return pa.LargeStringArray.from_buffers(len(distinct), pa.py_buffer(ends), pa.py_buffer(data))


def _blank_long_numbers(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> None:
    """Make all but the first digits of each long number 0, in place.

    Args:
        data: UTF-8 of all pieces.
        ends: (pieces + 1,) where in it each piece starts, and the end of the last one.
    """
    (digits,) = np.nonzero((data >= ord("0")) & (data <= ord("9")))
    if len(digits) < _LONG_NUMBER:
        return
    new = np.diff(digits, prepend=-2) > 1
    # A piece that starts with a digit may stand after one that ends with a digit.
    first = np.searchsorted(digits, ends[:-1])
    first = first[first < len(digits)]
    new[first] |= np.isin(digits[first], ends[:-1])
    starts = np.flatnonzero(new)
    lengths = np.diff(starts, append=len(digits))
    within = np.arange(len(digits)) - np.repeat(starts, lengths)
    long = np.repeat(lengths >= _LONG_NUMBER, lengths)
    data[digits[long & (within >= _KEPT_DIGITS)]] = ord("0")


def _links(pieces: pa.Array) -> npt.NDArray[np.int64]:
    """Which pieces begin as a link."""
    found = pc.or_(pc.starts_with(pieces, "http://"), pc.starts_with(pieces, "https://"))
    return np.flatnonzero(found.to_numpy(zero_copy_only=False))


def _blank_links(
    data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], links: npt.NDArray[np.int64]
) -> None:
    """Leave of a link its number of characters, capitals and digits, in place.

    Links with marks that are counted, or with other characters than ASCII has, stay as they are.
    """
    lengths = ends[links + 1] - ends[links]
    owners = np.repeat(np.arange(len(links)), lengths)
    at = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at += ends[links][owners]
    read = data[at]
    other = (read <= ord(" ")) | (read > ord("~")) | (read == ord("!")) | (read == ord("?"))
    plain = np.bincount(owners[other], minlength=len(links)) == 0
    capitals = _count(owners, (read >= ord("A")) & (read <= ord("Z")), len(links))
    digits = _count(owners, (read >= ord("0")) & (read <= ord("9")), len(links))
    rest = lengths - len(_LINK) - capitals - digits
    prefix = np.ones((len(links), len(_LINK)), np.int64)
    counts = np.hstack([prefix, np.stack([capitals, digits, rest], axis=1)])[plain]
    data[at[plain[owners]]] = np.repeat(np.tile(_LINK_SHAPE, len(counts)), counts.ravel())


def _count(
    owners: npt.NDArray[np.int64], which: npt.NDArray[np.bool_], size: int
) -> npt.NDArray[np.int64]:
    return np.bincount(owners[which], minlength=size)
