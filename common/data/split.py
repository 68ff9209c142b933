"""Which rows are holdout, by content, for ever.

A message's bucket is a hash of its text, so that a row, its duplicates and its variants in case,
spacing, mentions and links never change sides, whatever is added or shuffled. The normalisation
below is frozen: changing it would move rows that a champion was fitted on into the holdout.

Texts that `conversations` has written name their conversation: that decides, so that all messages
of a conversation are on one side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

BUCKETS = 100

Keys = npt.NDArray[np.uint64]

_IN_CONVERSATION = re.compile(r"([^\x1e]*)\x1e[^\x1e]*\x1e([0-9a-f]{16})")
_MENTION_OR_LINK = re.compile(r"@\w+|https?://\S+")


def bucket(text: str) -> int:
    """The message's bucket, 0 to 99.

    >>> bucket("@a  Where is my ORDER? https://t.co/x") == bucket("where is my order? @b")
    True
    """
    return _key(text) % BUCKETS


def buckets(texts: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The bucket of each message."""
    return np.fromiter(map(bucket, texts), np.uint8, len(texts))


def keys(texts: Sequence[str] | npt.NDArray[np.object_]) -> Keys:
    """What tells a message and its variants from all others, without holding the text."""
    return np.fromiter(map(_key, texts), np.uint64, len(texts))


def by_conversation(texts: Sequence[str] | npt.NDArray[np.object_]) -> bool:
    """Whether texts name their conversations, so that these decide."""
    return any("\x1e" in text and _IN_CONVERSATION.fullmatch(text) for text in texts)


def copies(keys: Keys, others: Keys) -> npt.NDArray[np.bool_]:
    """(n,) whether a message is among others, whatever conversations they are in."""
    return np.isin(keys // np.uint64(BUCKETS), others // np.uint64(BUCKETS))


def first_of_copies(keys: Keys) -> npt.NDArray[np.bool_]:
    """(n,) whether no message before is a copy, whatever conversations they are in."""
    first = np.zeros(len(keys), bool)
    first[np.unique(keys // np.uint64(BUCKETS), return_index=True)[1]] = True
    return first


def _key(text: str) -> int:
    if "\x1e" in text and (found := _IN_CONVERSATION.fullmatch(text)):
        # The bucket of the conversation; the rest of the message itself.
        own = _digest(found[1]) // 2 // BUCKETS
        return own * BUCKETS + int(found[2], 16) % BUCKETS
    return _digest(text)


def _digest(text: str) -> int:
    normal = " ".join(_MENTION_OR_LINK.sub(" ", text.casefold()).split())
    return int.from_bytes(blake2b(normal.encode(), digest_size=8).digest(), "big")


def held_out(keys: Keys, holdout_percent: int, seen: Keys | None = None) -> npt.NDArray[np.bool_]:
    """True for the messages of the holdout.

    Args:
        seen: keys of messages that a model was fitted on all the same, which are not.
    """
    held = in_holdout((keys % BUCKETS).astype(np.uint8), holdout_percent)
    return held if seen is None else held & ~np.isin(keys, seen)


def in_holdout(buckets: npt.NDArray[np.uint8], holdout_percent: int) -> npt.NDArray[np.bool_]:
    """True for the rows of the holdout. The holdout of a smaller percentage is part of a larger's,
    so two models with different ones can both be tested on the rows of the smaller."""
    return buckets < holdout_percent
