"""What is remembered is what was computed; what recurs is computed once."""

from collections import Counter
from itertools import count

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common.models.row_cache import RowCache


class Computed:
    """Computes the lengths of keys, and counts how often it is asked."""

    def __init__(self):
        self.asked = Counter()

    def __call__(self, keys):
        self.asked.update(keys)
        return np.array([[len(key), 1.5] for key in keys], float).reshape(len(keys), 2)


def test_each_key_is_computed_once():
    cache, computed = RowCache(width=2), Computed()
    for keys in (["a", "bb"], ["bb", "ccc"], ["a", "dddd"], [], ["dddd", "a"]):
        assert cache.rows(keys, computed)[:, 0].tolist() == [len(key) for key in keys]
    assert set(computed.asked.values()) == {1}


@given(st.lists(st.lists(st.text(max_size=9), unique=True, max_size=9), max_size=12), st.data())
@settings(max_examples=200)
def test_the_rows_are_right_however_little_is_remembered(calls, data):
    limit = data.draw(st.sampled_from([0, 500, 2000, 10**6]))
    cache, computed = RowCache(2, limit), Computed()
    for keys in calls:
        assert cache.rows(keys, computed).tolist() == [[len(key), 1.5] for key in keys]


def test_what_recurs_stays_however_much_comes_once():
    cache, computed = RowCache(2, limit=100_000), Computed()
    usual = [f"usual{number}" for number in range(50)]
    new = count()
    for _ in range(200):
        cache.rows([*usual, *(f"new{next(new)}" for _ in range(50))], computed)
    assert {computed.asked[key] for key in usual} == {1}


def test_what_was_frequent_long_ago_goes_in_the_end():
    cache, computed = RowCache(2, limit=20_000), Computed()
    for _ in range(50):
        cache.rows(["of yesterday"], computed)
    for start in range(0, 20_000, 50):
        cache.rows([f"word{start + number}" for number in range(50)], computed)
    cache.rows(["of yesterday"], computed)
    assert computed.asked["of yesterday"] == 2


def test_it_holds_little_more_than_its_limit():
    cache, computed = RowCache(2, limit=50_000), Computed()
    for call in range(100):
        cache.rows([f"{call} {number} {'x' * 100}" for number in range(20)], computed)
        assert cache._bytes <= 50_000 + 20 * 500
        assert len(cache._numbers) <= 250


def test_long_keys_count_by_their_length():
    cache, computed = RowCache(2, limit=100_000), Computed()
    for letter in "abcdefgh":
        cache.rows([letter * 40_000], computed)
        assert len(cache._numbers) <= 3
