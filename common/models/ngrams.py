"""Character n-grams of many words at once, as numbers: those of `text.characters`, word by word.

An n-gram is a node of a trie: its first n - 1 characters (a node too) and its last one. All places
of all words go down the trie together, one step for each character, and leave it where what they
have read is not the beginning of a known n-gram. Node and code point make one 64-bit key without
collisions, so the result is exact for any script.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from common.models.key_table import KeyTable, find, key_table

LOW, HIGH = 2, 5
# A place takes some 100 bytes while it is looked up; fewer places stay in the processor's cache.
CHARACTERS_AT_ONCE = 200_000
# Code points end at 0x10FFFF.
_CHARACTER_BITS = 21

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class GramTable:
    """Known n-grams as a trie: entry 0 for n-grams of two characters, and so on to five.

    Attributes:
        nodes: by the node of all characters but the last, and the last one.
        columns: (nodes,) number of the n-gram that ends at a node; -1 where it only goes on.
    """

    nodes: tuple[KeyTable, ...]
    columns: tuple[Numbers, ...]


@dataclass(frozen=True)
class Places:
    """Words with a blank at each end, one after the other.

    Attributes:
        characters: code points of all words.
        words: of which word each character is.
        left: characters from this one to the end of its word, itself included.
    """

    characters: Numbers
    words: Numbers
    left: Numbers


def gram_table(grams: dict[str, int]) -> GramTable:
    """Make the trie of n-grams of two to five characters, with their numbers."""
    found = list(grams)
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    numbers = np.fromiter(grams.values(), np.int64, len(found))
    characters = _code_points("".join(found))
    starts = np.cumsum(lengths) - lengths
    at = characters[starts] if len(found) else starts
    nodes, columns = [], []
    for n in range(LOW, HIGH + 1):
        long = lengths >= n
        starts, lengths, numbers, at = starts[long], lengths[long], numbers[long], at[long]
        keys, at = np.unique(_keys(at, characters[starts + n - 1]), return_inverse=True)
        column = np.full(len(keys), -1)
        column[at[lengths == n]] = numbers[lengths == n]
        nodes.append(key_table(keys))
        columns.append(column)
    return GramTable(tuple(nodes), tuple(columns))


def known_grams(words: Sequence[str], table: GramTable) -> tuple[Numbers, Numbers]:
    """Each known n-gram in each word: (m,) number of the word, (m,) number of the n-gram."""
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    blocks = np.cumsum(lengths) // CHARACTERS_AT_ONCE
    starts = np.flatnonzero(np.diff(blocks, prepend=-1)).tolist()
    owners, found = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start, stop in pairwise([*starts, len(words)]):
        of_block, numbers = _known_grams(words[start:stop], table)
        owners.append(of_block + start)
        found.append(numbers)
    return np.concatenate(owners), np.concatenate(found)


def _known_grams(words: Sequence[str], table: GramTable) -> tuple[Numbers, Numbers]:
    places = places_of(words)
    (starts,) = np.nonzero(places.left >= LOW)
    at = places.characters[starts]
    owners, found = [], []
    for n, nodes, columns in zip(range(LOW, HIGH + 1), table.nodes, table.columns, strict=True):
        on = find(nodes, _keys(at, places.characters[starts + n - 1])).astype(np.int64)
        starts, at = starts[on >= 0], on[on >= 0]
        column = columns[at]
        owners.append(places.words[starts[column >= 0]])
        found.append(column[column >= 0])
        more = places.left[starts] > n
        starts, at = starts[more], at[more]
    return np.concatenate(owners), np.concatenate(found)


def frequent_grams(words: Sequence[str], frequency: Numbers, least: int) -> list[str]:
    """The n-grams that stand `least` times or more in words of these frequencies.

    In the order in which `text.characters`, word by word, gives them first.
    """
    places = places_of(words)
    (starts,) = np.nonzero(places.left >= LOW)
    at = places.characters[starts]
    kept: list[str] = []
    firsts: list[Numbers] = []
    for n in range(LOW, HIGH + 1):
        if not len(starts):
            break
        keys = _keys(at, places.characters[starts + n - 1])
        order = np.argsort(keys)
        new = np.concatenate([[True], np.diff(keys[order]) > 0])
        at = np.empty(len(keys), np.int64)
        at[order] = np.cumsum(new) - 1
        often = np.bincount(at, weights=frequency[places.words[starts]]) >= least
        first = starts[np.minimum.reduceat(order, np.flatnonzero(new))][often]
        kept += _strings(places.characters, first, n)
        firsts.append(np.stack([first, np.full(len(first), n), places.words[first]]))
        # What stands too rarely is not made more frequent by another character.
        on = often[at] & (places.left[starts] > n)
        starts, at = starts[on], at[on]
    return [kept[i] for i in np.lexsort(np.hstack(firsts))] if firsts else []


def places_of(words: Sequence[str]) -> Places:
    """The characters of words, with what n-grams they can begin."""
    lengths = np.fromiter(map(len, words), np.int64, len(words)) + 2
    characters = _code_points(f" {'  '.join(words)} ") if len(words) else np.empty(0, np.int64)
    ends = np.cumsum(lengths)
    owners = np.repeat(np.arange(len(words)), lengths)
    return Places(characters, owners, ends[owners] - np.arange(len(characters)))


def _keys(nodes: Numbers, characters: Numbers) -> Numbers:
    return (nodes << _CHARACTER_BITS) | characters


def _code_points(text: str) -> Numbers:
    encoded = text.encode("utf-32-le", "surrogatepass")
    return np.frombuffer(encoded, "<u4").astype(np.int64)


def _strings(characters: Numbers, starts: Numbers, length: int) -> Iterator[str]:
    """The strings of one length that start at these places."""
    chosen = characters[starts[:, None] + np.arange(length)]
    joined = chosen.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return (joined[i : i + length] for i in range(0, len(joined), length))
