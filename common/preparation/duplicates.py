"""Which rows repeat the text of an earlier one, told by digests of 64 bits.

A text is the same if it has the same characters. Looser keys, such as that of the split (without
case, blanks, mentions and links), take messages for one that are not: 150 of 7,351 to a brand are
nothing but mentions and links, and 34 of the 43 other groups have at most four words ("thank you").
The split keeps such variants on one side, so that they do no harm in training.

Among 100 million different texts, two share a digest with a probability of 0.0003.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common.data import labels
from common.types import Bools

Numbers = npt.NDArray[np.int64]
Digests = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Block:
    """Rows with a text, of one input, in its order; (n,) each.

    Attributes:
        part: number of the input.
        rows: numbers of the rows, from 0, among all of the input that could be read.
        texts, labels: digests; 0 is the label of a row without one.
    """

    part: int
    rows: Numbers
    texts: Digests
    labels: Digests

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, chosen: Bools) -> Block:
        return Block(self.part, self.rows[chosen], self.texts[chosen], self.labels[chosen])


@dataclass(frozen=True)
class Duplicates:
    """Rows of one input whose text an earlier row has; (d,) each, ascending by `rows`.

    Attributes:
        rows: their numbers, as in `Block`.
        of_part, of_row: the first row with the text.
        contradict: whether that row has another label, or only one of the two has any.
    """

    rows: Numbers
    of_part: Numbers
    of_row: Numbers
    contradict: Bools

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, chosen: Bools | Numbers) -> Duplicates:
        return Duplicates(
            self.rows[chosen], self.of_part[chosen], self.of_row[chosen], self.contradict[chosen]
        )


def digests(texts: pa.LargeStringArray) -> Digests:
    """(n,) digests of texts."""
    encoded = texts.cast(pa.large_binary()).to_pylist()
    joined = b"".join(blake2b(text, digest_size=8).digest() for text in encoded)
    return np.frombuffer(joined, np.uint64)


def label_digests(cells: pa.LargeStringArray) -> Digests:
    """(n,) digests of labels, the same for spellings that mean the same; 0 where there is none."""
    coded = pc.dictionary_encode(labels.named(cells))
    names = pa.array(map(labels.normalise, coded.dictionary.to_pylist()), pa.large_string())
    found = np.where(np.asarray(pc.equal(names, "")), 0, digests(names)).astype(np.uint64)
    return found[coded.indices.to_numpy()]


def join(blocks: Sequence[Block]) -> Block:
    """Blocks of one input, one after the other, as one."""
    return Block(
        blocks[0].part,
        np.concatenate([block.rows for block in blocks]),
        np.concatenate([block.texts for block in blocks]),
        np.concatenate([block.labels for block in blocks]),
    )


def find(blocks: Iterable[Block]) -> dict[int, Duplicates]:
    """The duplicates among all blocks, one for each input, by its number.

    Takes some 60 bytes a row. Rows that have the same text must be among these blocks.
    """
    ordered = sorted(blocks, key=lambda block: block.part)
    if not ordered:
        return {}
    texts = np.concatenate([block.texts for block in ordered])
    by_text = np.argsort(texts, kind="stable")
    repeats = np.zeros(len(texts), bool)
    repeats[1:] = texts[by_text[1:]] == texts[by_text[:-1]]
    starts = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(texts))))
    later, first = by_text[repeats], by_text[starts[repeats]]
    in_order = np.argsort(later)
    later, first = later[in_order], first[in_order]
    rows = np.concatenate([block.rows for block in ordered])
    labelled = np.concatenate([block.labels for block in ordered])
    ends = np.cumsum([len(block) for block in ordered])
    part_of = np.array([block.part for block in ordered], np.int64)
    found = Duplicates(
        rows=rows[later],
        of_part=part_of[np.searchsorted(ends, first, side="right")],
        of_row=rows[first],
        contradict=labelled[later] != labelled[first],
    )
    return {
        block.part: found.select((later >= end - len(block)) & (later < end))
        for block, end in zip(ordered, ends, strict=True)
    }


def join_found(found: Sequence[Duplicates]) -> Duplicates:
    """Duplicates of one input that were found apart, as one."""
    joined = Duplicates(
        np.concatenate([one.rows for one in found]),
        np.concatenate([one.of_part for one in found]),
        np.concatenate([one.of_row for one in found]),
        np.concatenate([one.contradict for one in found]),
    )
    return joined.select(np.argsort(joined.rows))


def by_digest(block: Block, buckets: int) -> Iterator[tuple[int, Block]]:
    """The rows of a block in so many buckets; a text is in the same one wherever it is met."""
    bucket_of = block.texts % np.uint64(buckets)
    for bucket in range(buckets):
        yield bucket, block.select(bucket_of == bucket)
