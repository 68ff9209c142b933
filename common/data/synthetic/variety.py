"""Synthetic messages with the variety of real ones, for measuring speed and memory on large files.

People always find new words, names and spellings: the distinct words of n messages grow as a power
of n (Heaps' law), since a word's frequency falls as a power of its rank (Zipf's law, here in
Mandelbrot's form with an endless vocabulary). The samples of `messages` and `triage` are made of
phrases and say the same again and again, which hides what new words cost. The constants were chosen
so that distinct pieces and tokens of 1,000 to 19,000 messages are as many as in three files of real
support messages; docs/benchmarks.md compares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from common.data.synthetic.messages import Message
from common.data.synthetic.triage import Request

Row = TypeVar("Row", Message, Request)

# A word's rank is r with a probability that falls as (1 + r / RANK_SCALE) ** -(1 + RANK_DECAY).
RANK_SCALE, RANK_DECAY = 140.0, 0.75
MOST_RANKS = 2.0**50
# Pieces of a message: FEWEST and a beta-distributed part of OTHERS; as many of them as this share
# are the phrases of the sample, so that the class can be told.
FEWEST, OTHERS, BETA = 2, 27, (1.2, 1.05)
PHRASES = 0.55
# Messages of so few pieces stay as they are: short ones are written again and again.
REPEATED = 4
# Of the new words: with a capital, all in capitals, with a mark behind, as a hashtag, mistyped.
CAPITAL, CAPITALS, MARKED, HASHTAG, MISTYPED = 0.15, 0.02, 0.15, 0.01, 0.02
MARKS = (".", ",", "!", "...", "?", "!!", ":", ";")
FIRST = "bdfghklmnprstvwz"
SECOND = ("a", "e", "i", "o", "u", "ay", "ee", "ou", "an", "er", "in", "on", "et", "is", "al", "um")


def varied(blocks: Iterator[list[Row]], seed: int) -> Iterator[list[Row]]:
    """The same messages, shortened and filled up with words of an endless vocabulary.

    The same seed gives the same texts, however much is read.
    """
    for number, block in enumerate(blocks):
        random = np.random.default_rng([seed, number, 1])
        phrases = [message.text.split() for message in block]
        lengths = FEWEST + np.round(OTHERS * random.beta(*BETA, len(block)))
        kept = np.minimum([len(own) for own in phrases], np.ceil(PHRASES * lengths)).astype(int)
        new = (lengths - kept).astype(int).tolist()
        words = iter(_words(sum(new), random))
        yield [
            message._replace(text=_filled(phrases[at], kept[at], list(islice(words, new[at]))))
            for at, message in enumerate(block)
        ]


def _filled(phrases: Sequence[str], kept: int, words: Sequence[str]) -> str:
    """The first of a message's pieces, then words; what stands last, such as a link, stays so."""
    if len(phrases) <= REPEATED:
        return " ".join(phrases)
    return " ".join([*phrases[: kept - 1], *words, phrases[-1]])


def word(rank: int) -> str:
    """The word of a rank, 0 or more; frequent ones are shorter, as Zipf saw it.

    >>> [word(0), word(300), word(70_000)]
    ['ba', 'fetba', 'madaba']
    """
    syllables = []
    while True:
        rank, syllable = divmod(rank, len(FIRST) * len(SECOND))
        first, second = divmod(syllable, len(SECOND))
        syllables.append(FIRST[first] + SECOND[second])
        if not rank:
            return "".join(syllables)
        rank -= 1


def _words(count: int, random: np.random.Generator) -> list[str]:
    """Words by their frequency, as people write them."""
    draws = 1 - random.random(count)
    ranks = np.minimum(RANK_SCALE * (draws ** (-1 / RANK_DECAY) - 1), MOST_RANKS).astype(np.int64)
    spellings = random.random((count, 3)).tolist()
    places = random.integers(0, 1 << 30, count).tolist()
    return list(map(_spelt, map(word, ranks.tolist()), spellings, places))


def _spelt(word: str, chances: Sequence[float], place: int) -> str:
    case, mark, slip = chances
    if slip < MISTYPED:
        at = place % (len(word) - 1)
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if case < CAPITALS:
        word = word.upper()
    elif case < CAPITALS + CAPITAL:
        word = word.capitalize()
    if mark < HASHTAG:
        return f"#{word}"
    return word + MARKS[place % len(MARKS)] if mark < HASHTAG + MARKED else word
