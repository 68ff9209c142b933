"""Duplicates are found as a plain loop over all rows would, however digests are spread."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from common.preparation import duplicates
from common.preparation.duplicates import Block

TEXTS = st.sampled_from(["", "a", "A", "a ", "b", "é", "ab", "thank you"])
LABELS = st.sampled_from(["", "yes", "no", " YES", "true", "True "])
INPUTS = st.lists(st.lists(st.tuples(TEXTS, LABELS), max_size=12), min_size=1, max_size=4)


def strings(values):
    return pa.array(values, pa.large_string())


def blocks_of(inputs):
    return [
        Block(
            part,
            # As if rows without a text lay between them.
            np.arange(len(rows), dtype=np.int64) * 2,
            duplicates.digests(strings([text for text, _ in rows])),
            duplicates.label_digests(strings([label for _, label in rows])),
        )
        for part, rows in enumerate(inputs)
    ]


def meant(label):
    return label.strip().lower() if label.strip().lower() == "true" else label.strip()


def plainly(inputs):
    first, found = {}, {part: [] for part in range(len(inputs))}
    for part, rows in enumerate(inputs):
        for number, (text, label) in enumerate(rows):
            if text in first:
                other, at, before = first[text]
                found[part].append((number * 2, other, at, meant(label) != meant(before)))
            else:
                first[text] = (part, number * 2, label)
    return found


def listed(found):
    columns = (found.rows, found.of_part, found.of_row, found.contradict)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(INPUTS)
def test_the_first_row_of_a_text_stays_whatever_comes_later(inputs):
    blocks = blocks_of(inputs)
    found = duplicates.find(reversed(blocks))
    assert {part: listed(each) for part, each in found.items()} == plainly(inputs)


@given(INPUTS, st.integers(1, 5))
def test_digests_in_buckets_give_the_same(inputs, buckets):
    spread = {bucket: [] for bucket in range(buckets)}
    for block in blocks_of(inputs):
        for bucket, some in duplicates.by_digest(block, buckets):
            spread[bucket].append(some)
    apart = [duplicates.find(some) for some in spread.values()]
    joined = {
        part: duplicates.join_found([each[part] for each in apart]) for part in range(len(inputs))
    }
    assert {part: listed(each) for part, each in joined.items()} == plainly(inputs)


def test_no_blocks_have_no_duplicates():
    assert duplicates.find([]) == {}
