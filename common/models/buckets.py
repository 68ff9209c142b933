"""Words, pairs and parts of words as numbers of buckets, by a hash: no list of them is needed.

The hash is fixed for ever, since files beside stored models take its numbers:

    h = 0; for each value v: h = h * MULTIPLIER + v + 1
    h = h + KIND * GOLDEN; h = (h ^ h >> 30) * MIX_1; h = (h ^ h >> 27) * MIX_2; h = h ^ h >> 31
    bucket = h >> 64 - bits

all modulo 2**64. The values of a part are its code points; those of a word, its code points with a
blank at each end; those of a pair, the two h of its words before KIND is added. The end is that of
splitmix64 (Steele, Lea & Flood 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from common.models import ngrams, text
from common.models.pieces import split

WORD, PAIR, PART = 1, 2, 3
_MULTIPLIER, _GOLDEN = 0x100000001B3, 0x9E3779B97F4A7C15
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Bags:
    """Rows of numbers: row r holds `numbers[offsets[r]:offsets[r + 1]]`."""

    offsets: Ints
    numbers: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        return np.diff(self.offsets)

    @property
    def owners(self) -> Ints:
        """(m,) the row of each number."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, rows: Ints) -> Bags:
        """These rows, in this order."""
        lengths = self.lengths[rows]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
        return Bags(ends, self.numbers[within + np.repeat(self.offsets[rows], lengths)])


@dataclass(frozen=True)
class Hashed:
    """n messages whose terms are buckets; those of a word are there once for each distinct word.

    Attributes:
        words: w distinct words.
        tokens: (n rows) numbers in `words`, in the order of the message.
        terms: (w rows) buckets of the word itself, then of its parts.
        pairs: (n rows) buckets of each word with the one that follows it.
    """

    words: list[str]
    tokens: Bags
    terms: Bags
    pairs: Bags

    @property
    def sizes(self) -> Ints:
        """(n,) how many buckets each message has."""
        words = np.add.accumulate(np.append(0, self.terms.lengths[self.tokens.numbers]))
        ends = words[self.tokens.offsets]
        return np.diff(ends) + self.pairs.lengths

    def take(self, rows: Ints) -> Bags:
        """The buckets of these messages: those of all words, then those of all pairs."""
        tokens, pairs = self.tokens.take(rows), self.pairs.take(rows)
        terms = self.terms.take(tokens.numbers)
        owners = np.concatenate([np.repeat(tokens.owners, terms.lengths), pairs.owners])
        order = np.argsort(owners, kind="stable")
        ends = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(rows)))])
        return Bags(ends, np.concatenate([terms.numbers, pairs.numbers])[order])


def hashed(texts: Any, bits: int) -> Hashed:
    """The terms of n messages as numbers of 2**bits buckets.

    Args:
        texts: strings, or an Arrow array of strings without nulls.
    """
    offsets, numbers, words = text.expanded(split(texts))
    tokens = Bags(offsets.astype(np.int64), numbers.astype(np.int64))
    if not words:
        nothing = Bags(np.zeros(1, np.int64), np.empty(0, np.int64))
        return Hashed([], tokens, nothing, tokens)
    hashes, terms = _terms(words, bits)
    return Hashed(words, tokens, terms, _pairs(tokens, hashes, bits))


def _terms(words: Sequence[str], bits: int) -> tuple[Hashes, Bags]:
    """(w,) the h of each word before its kind is added, and the buckets of it and its parts."""
    places = ngrams.places_of(words)
    values = places.characters.astype(np.uint64) + np.uint64(1)
    starts = np.flatnonzero(np.diff(places.words, prepend=-1))
    powers = np.full(int(places.left.max()), _MULTIPLIER, np.uint64)
    powers[0] = 1
    powers = np.multiply.accumulate(powers)
    hashes = np.add.reduceat(values * powers[places.left - 1], starts)
    owners, found = [np.arange(len(words))], [_buckets(hashes, WORD, bits)]
    state = values
    for n in range(2, ngrams.HIGH + 1):
        state = state[:-1] * np.uint64(_MULTIPLIER) + values[n - 1 :]
        whole = places.left[: len(state)] >= n
        if n >= ngrams.LOW:
            owners.append(places.words[: len(state)][whole])
            found.append(_buckets(state[whole], PART, bits))
    of_words = np.concatenate(owners)
    order = np.argsort(of_words, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(of_words, minlength=len(words)))])
    return hashes, Bags(ends, np.concatenate(found)[order])


def _pairs(tokens: Bags, hashes: Hashes, bits: int) -> Bags:
    of_tokens, owners = hashes[tokens.numbers], tokens.owners
    same = owners[1:] == owners[:-1]
    first, second = of_tokens[:-1][same] + np.uint64(1), of_tokens[1:][same] + np.uint64(1)
    ends = np.concatenate([[0], np.cumsum(np.maximum(tokens.lengths - 1, 0))])
    return Bags(ends, _buckets(first * np.uint64(_MULTIPLIER) + second, PAIR, bits))


def _buckets(hashes: Hashes, kind: int, bits: int) -> Ints:
    h = hashes + np.uint64(kind * _GOLDEN % 2**64)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(_MIX_1)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(_MIX_2)
    return ((h ^ (h >> np.uint64(31))) >> np.uint64(64 - bits)).astype(np.int64)
