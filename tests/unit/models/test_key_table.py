"""Keys are found where they are known, and nowhere else."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.models.key_table import find, key_table

KEYS = st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 40).map(lambda low: low << 32))


@given(st.lists(KEYS, unique=True), st.lists(KEYS))
@example([], [])
@example([], [7])
@settings(max_examples=300)
def test_known_keys_have_their_position_and_others_none(known, asked):
    asked = [*asked, *known]
    numbers = {key: number for number, key in enumerate(known)}
    found = find(key_table(np.array(known, np.int64)), np.array(asked, np.int64))
    assert found.tolist() == [numbers.get(key, -1) for key in asked]


def test_many_keys_that_follow_each_other_are_found():
    known = np.arange(0, 1 << 20, 7)
    asked = np.arange(1 << 20)
    found = find(key_table(known), asked)
    assert (found == np.where(asked % 7 == 0, asked // 7, -1)).all()
