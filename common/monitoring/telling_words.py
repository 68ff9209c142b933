"""Words that tell a person what messages are about, chosen from two groups of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from common.evaluation.log_odds import log_odds_z
from common.masking import without_masks
from common.models.text import LINK, LONG_WORD, is_person, tokens
from common.types import Json

# A word must stand in so many messages, and be so far beyond the other group.
LEAST_MESSAGES, LEAST_Z = 3, 2.5
LEAST_LETTERS = 3
# What scikit-learn counts among stop words and says something in complaints; and what it lacks.
_NO_STOP_WORDS = {
    *("amount", "bill", "call", "computer", "cry", "describe", "detail", "empty", "fill", "fire"),
    *("found", "full", "interest", "keep", "move", "name", "serious", "show", "system"),
}
_STOP_WORDS = {
    *("did", "does", "doing", "don", "dont", "didnt", "doesnt", "got", "ive", "just", "really"),
}
# A pair says more than its words where it stands in most messages that hold one of them.
PAIR_SHARE = 0.7


@dataclass(frozen=True)
class TellingWord:
    """A word, or two in a row, and in what share of each group it stands."""

    word: str
    share: float
    other_share: float

    def to_json(self) -> dict[str, Json]:
        return {"word": self.word, "share": self.share, "other_share": self.other_share}


def says_something(word: str) -> bool:
    """Whether a word can tell a person anything: no stop word, no number, nobody's id.

    >>> [says_something(word) for word in ("@united", "#delay", "refund", "the", "24", "@115712")]
    [True, True, True, False, False, False]
    """
    name = word.lstrip("@#")
    return (
        sum(map(str.isalpha, name)) >= LEAST_LETTERS
        and not any(map(str.isdigit, name))
        and not is_person(word)
        # I'm, don't, it's
        and not {"'", "’"} & set(name)
        and name not in _stop_words()
        and name not in (LINK, LONG_WORD)
    )


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return ENGLISH_STOP_WORDS - _NO_STOP_WORDS | _STOP_WORDS


def telling_words(
    texts: Sequence[str], others: Sequence[str], most: int = 10
) -> tuple[TellingWord, ...]:
    """Words and pairs of words that stand in more of `texts` than of `others`, the clearest first.

    None where nothing is clear: a word of one message in three thousand is new every day.
    """
    held, held_by_others = _messages_with(texts), _messages_with(others)
    words = [word for word, rows in held.items() if rows >= LEAST_MESSAGES]
    if not words or not others:
        return ()
    counts = np.array([[held[word], held_by_others[word]] for word in words], float)
    z = log_odds_z(counts[:, 0], len(texts), counts[:, 1], len(others))
    found = [
        # Of words that stand in the same messages, a pair says most.
        (-round(float(score), 6), " " not in word, word)
        for word, score in zip(words, z, strict=True)
        if score >= LEAST_Z
    ]
    clear = [word for _, _, word in sorted(found)]
    return tuple(
        TellingWord(word, held[word] / len(texts), held_by_others[word] / len(others))
        for word in _without_repetition(clear, held)[:most]
    )


def share_with(words: Sequence[str], texts: Sequence[str]) -> float:
    """The share of messages that hold at least one of the words."""
    wanted = set(words)
    held = sum(not wanted.isdisjoint(_terms(text, {})) for text in texts)
    return held / max(1, len(texts))


def _without_repetition(clear: Sequence[str], held: Counter[str]) -> list[str]:
    """Pairs in place of their words where these hardly occur apart; no word twice."""
    by_word = {
        word: pair
        for pair in reversed(clear)
        if " " in pair
        for word in pair.split(" ")
        if held[pair] >= PAIR_SHARE * held[word]
    }
    chosen: list[str] = []
    told: set[str] = set()
    for term in clear:
        stands_alone = term in by_word.values() if " " in term else term not in by_word
        if stands_alone and told.isdisjoint(term.split(" ")):
            chosen.append(term)
            told |= set(term.split(" "))
    return chosen


def _messages_with(texts: Iterable[str]) -> Counter[str]:
    """How many messages hold each word and each pair that says something."""
    found: Counter[str] = Counter()
    known: dict[str, bool] = {}
    for text in texts:
        found.update(_terms(text, known))
    return found


def _terms(text: str, known: dict[str, bool]) -> set[str]:
    """Words of a message that say something, and pairs of them that stand side by side.

    Args:
        known: whether a word says something; what is found out is added.
    """
    words = tokens(without_masks(text))
    for word in words:
        if word not in known:
            known[word] = says_something(word)
    pairs = {f"{a} {b}" for a, b in pairwise(words) if a != b and known[a] and known[b]}
    return {word for word in words if known[word]} | pairs
