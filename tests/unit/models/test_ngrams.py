"""The parts of many words are those of each word, in any script."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.models import ngrams
from common.models.ngrams import frequent_grams, gram_table, known_grams
from common.models.text import characters

LETTERS = st.one_of(st.sampled_from("abé日😡"), st.characters(exclude_categories=["Cs"]))
WORDS = st.lists(st.text(LETTERS, min_size=1, max_size=9), max_size=9)


@given(WORDS, WORDS, st.integers(1, 3), st.sampled_from([1, 7, 200_000]))
@example([], ["a"], 1, 1)
@example(["a", "ab", "abc", "abcd"], ["a", "b", "abcde", "cd"], 1, 3)
@settings(max_examples=300)
def test_known_parts_are_found_as_often_as_they_stand_in_each_word(known, words, step, at_once):
    parts = list(dict.fromkeys(part for word in known for part in characters(word)))[::step]
    numbers = {part: number for number, part in enumerate(parts)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ngrams, "CHARACTERS_AT_ONCE", at_once)
        owners, found = known_grams(words, gram_table(numbers))
    expected = Counter(
        (row, numbers[part])
        for row, word in enumerate(words)
        for part in characters(word)
        if part in numbers
    )
    assert Counter(zip(owners.tolist(), found.tolist(), strict=True)) == expected


@given(st.lists(st.tuples(st.text(LETTERS, min_size=1, max_size=9), st.integers(1, 4))), st.data())
@example([("a", 1), ("ab", 2)], None)
@settings(max_examples=300)
def test_frequent_parts_come_in_the_order_in_which_they_are_met(counted, data):
    words = [word for word, _ in counted]
    least = data.draw(st.integers(1, 5)) if data else 1
    counts: dict[str, int] = {}
    for word, frequency in counted:
        for part in characters(word):
            counts[part] = counts.get(part, 0) + frequency
    frequency = np.array([count for _, count in counted], np.int64)
    assert frequent_grams(words, frequency, least) == [
        part for part, count in counts.items() if count >= least
    ]
