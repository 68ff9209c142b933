"""Which rows are holdout, by content, for ever.

A message's bucket is a hash of its text, so that a row, its duplicates and its variants in case,
spacing, mentions and links never change sides, whatever is added or shuffled. The normalisation
below is frozen: changing it would move rows that a champion was fitted on into the holdout.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

BUCKETS = 100

Keys = npt.NDArray[np.uint64]

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


def _key(text: str) -> int:
    normal = " ".join(_MENTION_OR_LINK.sub(" ", text.casefold()).split())
    return int.from_bytes(blake2b(normal.encode(), digest_size=8).digest(), "big")


def in_holdout(buckets: npt.NDArray[np.uint8], holdout_percent: int) -> npt.NDArray[np.bool_]:
    """True for the rows of the holdout. The holdout of a smaller percentage is part of a larger's,
    so two models with different ones can both be tested on the rows of the smaller."""
    return buckets < holdout_percent
