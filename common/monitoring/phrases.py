"""Which messages hold which phrases: words that say something, and two of them in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from common.masking import without_masks
from common.models.context import parted
from common.models.pieces import split
from common.models.text import LINK, expanded, is_person
from common.monitoring.telling_words import says_something

# What is kept of a window: phrases of so many different messages, which no longer tell of one
# person's, and no more of them.
KEPT_FROM, MOST_KEPT = 3, 5000
SEED = 20261

Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class PhraseCounts:
    """How many different messages there were, and how many of them hold each phrase.

    Attributes:
        least: a phrase that is not here stands in fewer messages than this.
    """

    messages: int
    counts: Mapping[str, int]
    least: int = 1

    def frequent(self) -> PhraseCounts:
        """What may be kept: phrases of KEPT_FROM messages and more, at most MOST_KEPT."""
        ranked = sorted(self.counts.items(), key=lambda pair: -pair[1])
        often = {name: count for name, count in ranked[:MOST_KEPT] if count >= KEPT_FROM}
        left_out = ranked[MOST_KEPT][1] + 1 if len(ranked) > MOST_KEPT else 0
        return PhraseCounts(self.messages, often, max(KEPT_FROM, self.least, left_out))


@dataclass(frozen=True)
class Phrases:
    """Which of n different messages hold which of P phrases.

    Attributes:
        rows: (n,) which message of those that were asked about each is; of copies the first.
        held: (n, P), 1 where the message holds the phrase.
    """

    rows: Ints
    names: tuple[str, ...]
    held: sp.csc_array

    def counts(self) -> PhraseCounts:
        totals = np.diff(self.held.indptr).tolist()
        return PhraseCounts(len(self.rows), dict(zip(self.names, totals, strict=True)))


def phrases_of(texts: Sequence[str]) -> Phrases:
    """The phrases of messages; copies count once, whoever is called in them.

    Words are those that say something (`telling_words.says_something`: no stop words, numbers,
    masks and people), pairs are two of these side by side.

    >>> found = phrases_of(["Gift card gone", "my GIFT card!", "my gift card!", "no gift card"])
    >>> {name: count for name, count in found.counts().counts.items() if count > 1}
    {'card': 3, 'gift': 3, 'gift card': 3}
    """
    own, _ = parted([without_masks(text) if "[" in text else text for text in texts])
    offsets, numbers, distinct = expanded(split(own))
    rows = np.repeat(np.arange(len(texts)), np.diff(offsets))
    kept = _first_of_copies(offsets, numbers, rows, distinct)
    place = np.full(len(texts), -1)
    place[kept] = np.arange(len(kept))
    telling = np.fromiter(map(says_something, distinct), bool, len(distinct))
    words = telling[numbers] & (place[rows] >= 0)
    side_by_side = words[:-1] & words[1:] & (rows[:-1] == rows[1:]) & (numbers[:-1] != numbers[1:])
    size = len(distinct)
    pairs = (numbers[:-1] * size + numbers[1:])[side_by_side]
    named_words, of_words, held_words = _incidence(numbers[words], place[rows][words])
    named_pairs, of_pairs, held_pairs = _incidence(pairs, place[rows[:-1]][side_by_side])
    names = [
        *(distinct[k] for k in named_words.tolist()),
        *(f"{distinct[k // size]} {distinct[k % size]}" for k in named_pairs.tolist()),
    ]
    order = sorted(range(len(names)), key=names.__getitem__)
    columns = np.concatenate([of_words, of_pairs + len(named_words)])
    messages = np.concatenate([held_words, held_pairs])
    held = sp.csc_array(
        (np.ones(len(columns), np.int8), (messages, columns)), shape=(len(kept), len(names))
    )
    return Phrases(kept, tuple(names[k] for k in order), held[:, order])


def _incidence(keys: Ints, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """The distinct keys; and, each pair once, the number of the key, and the row that holds it."""
    if not len(keys):
        return keys, keys, keys
    named, numbers = np.unique(keys, return_inverse=True)
    width = int(rows.max()) + 1
    both = np.unique(numbers * width + rows)
    return named, both // width, both % width


def _first_of_copies(offsets: Ints, numbers: Ints, rows: Ints, distinct: Sequence[str]) -> Ints:
    """Which messages have no copy before them; links and people do not make a message another.

    By a sum of random numbers, one for each word and place: two different messages have the same
    with a chance of 2**-64.
    """
    random = np.random.default_rng(SEED)
    own = np.fromiter((word != LINK and not is_person(word) for word in distinct), bool)
    counted = own[numbers]
    numbers, rows = numbers[counted], rows[counted]
    value = random.integers(0, 2**63, len(distinct), np.uint64)
    lengths = np.bincount(rows, minlength=len(offsets) - 1)
    starts = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    at = np.arange(len(rows)) - np.repeat(starts, lengths)
    odd = 2 * random.integers(0, 2**62, int(lengths.max(initial=0)), np.uint64) + np.uint64(1)
    sums: Any = np.zeros(len(lengths), np.uint64)
    np.add.at(sums, rows, value[numbers] * odd[at])
    _, first = np.unique(sums, return_index=True)
    return np.sort(first)
