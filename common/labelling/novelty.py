"""How much of a message is new to the model: words that it doesn't know and that others use too."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from common.models.base import KnowsWords
from common.types import Floats

# So many words are counted; beyond, those met least are forgotten.
MOST_WORDS = 200_000


class NovelWords:
    """Counts the words that a model doesn't know, and scores messages by them.

    A message scores log(n) for each unknown word that n messages have: typing errors and names,
    which one message has, score nothing. Where a tenth or a thirtieth of a file are tweets to
    another company, this finds far more of them than the share of unknown words does, and words
    that are merely rare in the file find next to nothing. docs/labelling.md has the figures.
    """

    def __init__(self, classifier: KnowsWords) -> None:
        self._classifier = classifier
        self._messages: Counter[str] = Counter()

    def learn(self, texts: Sequence[str]) -> None:
        """Count the unknown words of more messages."""
        for words, _ in self._classifier.unknown_words(texts):
            self._messages.update(set(words))
        least = 1
        # As lossy counting does (Manku & Motwani, Approximate Frequency Counts, 2002).
        while len(self._messages) > MOST_WORDS:
            self._messages = Counter({w: n for w, n in self._messages.items() if n > least})
            least += 1

    def scores(self, texts: Sequence[str]) -> Floats:
        """(n,) how new each message is, 0 or more."""
        found = self._classifier.unknown_words(texts)
        return np.array([self._score(set(words)) for words, _ in found], float)

    def _score(self, words: set[str]) -> float:
        # sorted: a sum in the order of a set is not the same in every process
        return sum(math.log(max(self._messages[word], 1)) for word in sorted(words))
