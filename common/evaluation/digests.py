"""A few digests of a window's messages, by which the same messages are recognised elsewhere.

Of all messages the ones with the smallest digests are kept, so two windows keep the same ones where
they hold the same messages (bottom-k sketch: Cohen & Kaplan, Summarizing Data using Bottom-k
Sketches, 2007). No message can be read from its digest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KEPT = 128
# Shorter ones (`thanks!`) are written again by other people.
MIN_CHARACTERS = 25


@dataclass(frozen=True)
class Digests:
    """The KEPT smallest digests of the different messages that are long enough, ascending."""

    smallest: tuple[int, ...] = ()

    def __add__(self, other: Digests) -> Digests:
        return Digests(tuple(sorted({*self.smallest, *other.smallest})[:KEPT]))

    @property
    def distinct(self) -> int:
        """How many messages are known by their digest, at most KEPT."""
        return len(self.smallest)

    def share_in(self, other: Digests) -> float:
        """Which share of these messages the others hold, 0 to 1; give or take .04.

        >>> Digests((1, 2, 3, 4)).share_in(Digests((2, 4, 9)))
        0.5
        """
        # Beyond its largest one, a full sketch says nothing.
        bound = other.smallest[-1] if other.distinct == KEPT else None
        asked = [digest for digest in self.smallest if bound is None or digest <= bound]
        return len({*asked} & {*other.smallest}) / len(asked) if asked else 0.0


NO_DIGESTS = Digests()


def of_texts(texts: pa.Array) -> Digests:
    """Of n messages, as text."""
    from pandas.util import hash_array

    long = texts.filter(pc.greater_equal(pc.utf8_length(texts), MIN_CHARACTERS))
    different = pc.unique(long)
    if not len(different):
        return NO_DIGESTS
    # Pandas promises the same digests everywhere: siphash of the bytes, with a fixed key.
    digests = hash_array(different.to_numpy(zero_copy_only=False), categorize=False)
    smallest = np.unique(digests)[:KEPT]
    return Digests(tuple(int(digest) for digest in smallest))
