"""A draw in which every message has a known chance, from a stream of any length.

The hard messages are taken with certainty. Of the others, messages are drawn at random; a text is
drawn if any of its copies is. So a frequent text, which stands for many messages, is hardly ever
missed, and all that are drawn stand for about as many messages.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from common.types import Floats

Keys = npt.NDArray[np.uint64]


def uniform(numbers: Keys, seed: int) -> Floats:
    """(n,) numbers between 0 and 1 that look drawn, the same for the same number and seed.

    Source: the finaliser of SplitMix64 (Steele, Lea & Flood, Fast Splittable Pseudorandom Number
    Generators, 2014).

    >>> uniform(np.arange(3, dtype=np.uint64), seed=1).round(3).tolist()
    [0.432, 0.746, 0.749]
    """
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        mixed = numbers + golden * np.uint64(seed + 1)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)) * 2.0**-53)


def digests(names: Sequence[str]) -> Keys:
    """(n,) a number for each name, the same wherever it is met."""
    coded = (name.encode("utf-8", "replace") for name in names)
    found = (int.from_bytes(blake2b(name, digest_size=8).digest(), "big") for name in coded)
    return np.fromiter(found, np.uint64, len(names))


class Lowest:
    """The keys with the lowest ranks; a key that is met again counts with its lowest one.

    Holds at most twice as many as are wanted, and is the same in whatever order they come.

    >>> lowest = Lowest(2)
    >>> lowest.offer(np.array([7, 8, 9, 7], np.uint64), np.array([0.3, 0.2, 0.1, 0.0]))
    >>> lowest.ranked()
    [(0.0, 7), (0.1, 9)]
    """

    def __init__(self, most: int) -> None:
        self._most, self._bar = most, float("inf")
        self._ranks: dict[int, float] = {}

    def offer(self, keys: Keys, ranks: Floats) -> None:
        """Take in (n,) keys with their ranks; nan is no rank."""
        low = ranks <= self._bar
        for key, rank in zip(keys[low].tolist(), ranks[low].tolist(), strict=True):
            if rank < self._ranks.get(key, float("inf")):
                self._ranks[key] = rank
        if len(self._ranks) > 2 * self._most:
            ranked = self.ranked()
            self._ranks = {key: rank for rank, key in ranked}
            self._bar = ranked[-1][0] if ranked else float("-inf")

    def ranked(self) -> list[tuple[float, int]]:
        """(rank, key) of the lowest; equal ranks by key."""
        return heapq.nsmallest(self._most, ((rank, key) for key, rank in self._ranks.items()))


@dataclass(frozen=True)
class Drawn:
    """Keys of texts, and what they were drawn for.

    Attributes:
        random: also those that were drawn before and are not hard.
        threshold: a message at random was drawn if its number was lower, 0 to 1.
    """

    uncertain: tuple[int, ...]
    novel: tuple[int, ...]
    random: tuple[int, ...]
    threshold: float

    @property
    def keys(self) -> Keys:
        """(n,) all of them, ascending."""
        return np.array(sorted({*self.uncertain, *self.novel, *self.random}), np.uint64)

    @property
    def hard(self) -> frozenset[int]:
        return frozenset((*self.uncertain, *self.novel))

    def probability(self, copies: int) -> float:
        """With which a text was drawn at random whose messages have so many numbers.

        Given the threshold, which the lowest number that was not drawn set (Cohen & Kaplan,
        Summarizing Data using Bottom-k Sketches, 2007: rank conditioning).
        """
        return float(-np.expm1(copies * np.log1p(-self.threshold))) if self.threshold < 1 else 1.0


class Draw:
    """Draws from messages as they come.

    Args:
        random: how many texts are drawn at random.
        hard: how many because they are hard: half of them novel ones, if there are so many.
        before: texts that were drawn at random before: `random` others are drawn, and with those
            are one draw, if a message has the same number each time (permanent random numbers:
            Ohlsson, Coordination of Samples Using Permanent Random Numbers, 1995).
    """

    def __init__(self, random: int, hard: int, before: frozenset[int] = frozenset()) -> None:
        self._random, self._hard = random, hard
        self._before = np.array(sorted(before), np.uint64)
        most = hard + len(before)
        self._uncertain, self._novel = Lowest(most), Lowest(most)
        # Some of these will be hard ones, and one more sets the threshold.
        self._at_random = Lowest(random + hard + 1)

    def offer(self, keys: Keys, numbers: Floats, confidence: Floats, novelty: Floats) -> None:
        """Take in n messages.

        Args:
            keys: (n,) the same for copies of a text.
            numbers: (n,) between 0 and 1, drawn for each message.
            confidence: (n,) of its answer; nan: not to be taken for hard.
            novelty: (n,) how much of it is new, 0 or more; nan as before.
        """
        new = ~np.isin(keys, self._before)
        self._at_random.offer(keys[new], numbers[new])
        self._uncertain.offer(keys, confidence)
        self._novel.offer(keys, np.where(novelty > 0, -novelty, np.nan))

    def result(self) -> Drawn:
        """What was drawn from all messages so far; if all of them fit in, each is one at random,
        drawn with certainty, so that accuracy is that of all."""
        before = tuple(self._before.tolist())
        every = [key for _, key in self._at_random.ranked()]
        if len(every) <= self._random + self._hard:  # all there is: nothing has to be chosen
            return Drawn((), (), (*before, *every), 1.0)
        novel = self._hardest(self._novel, self._hard // 2, frozenset())
        new_ones = len(set(novel).difference(before))
        uncertain = self._hardest(self._uncertain, self._hard - new_ones, frozenset(novel))
        taken = {*novel, *uncertain}
        rest = [pair for pair in self._at_random.ranked() if pair[1] not in taken]
        threshold = rest[self._random][0] if len(rest) > self._random else 1.0
        new = tuple(key for _, key in rest[: self._random])
        again = tuple(key for key in before if key not in taken)
        return Drawn(uncertain, novel, (*again, *new), threshold)

    def _hardest(self, ranked: Lowest, most: int, taken: frozenset[int]) -> tuple[int, ...]:
        """So many new ones, and those drawn before that are as hard: were they left among the
        random ones, they would stand for hard messages that are all taken."""
        before = set(self._before.tolist())
        found: list[int] = []
        for _, key in ranked.ranked():
            if key in taken:
                continue
            if key not in before:
                if most == 0:
                    break
                most -= 1
            found.append(key)
        return tuple(found)


def calibrated(probabilities: Floats, copies: Floats, messages: int) -> Floats:
    """(n,) probabilities of texts that were drawn at random, so that these stand for all messages.

    Args:
        copies: (n,) how many messages each is like.
        messages: of which they were drawn.

    One factor for all makes copies / probability add up to `messages`, which are counted (Deville &
    Särndal, Calibration Estimators in Survey Sampling, 1992). Without copies that is n / messages.

    >>> calibrated(np.array([0.3, 0.3]), np.array([1, 1]), 10).tolist()
    [0.2, 0.2]
    """
    stands_for: Any = (copies / probabilities).sum()
    return np.minimum(probabilities * (stands_for / messages), 1.0) if messages else probabilities
