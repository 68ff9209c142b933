import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from common.data.split import bucket, buckets, in_holdout

WORDS = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6), max_size=6)


@given(WORDS, st.sampled_from([" ", "  ", "\n", "\t "]))
def test_spacing_mentions_and_links_do_not_move_a_message(words, gap):
    plain = " ".join(words)
    decorated = gap.join(["@someone", *words, "https://t.co/x1"]) + gap
    assert bucket(decorated) == bucket(plain)


@given(st.text(st.characters(max_codepoint=0x24F), max_size=20))
def test_case_does_not_move_a_message(text):
    assert bucket(text) == bucket(text.casefold())
    assert 0 <= bucket(text) < 100


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 76), ("where is my order?", 37), ("NA", 91), ("größe 👍", 46)],
)
def test_buckets_are_frozen(text, number):
    assert bucket(text) == number


def test_a_smaller_holdout_is_part_of_a_larger_one():
    found = buckets([f"message {k}" for k in range(2000)])
    small, large = in_holdout(found, 10), in_holdout(found, 30)
    assert (large | ~small).all()
    assert 0 < small.sum() < large.sum()


def test_messages_spread_evenly():
    counts = np.bincount(buckets([f"message {k}" for k in range(20_000)]), minlength=100)
    assert chisquare(counts).pvalue > 1e-4


@given(st.text(st.characters(max_codepoint=0x24F, exclude_characters="ı"), max_size=20))
def test_capitals_do_not_move_a_message(text):
    assert bucket(text) == bucket(text.upper()) == bucket(text.lower())


@given(WORDS, st.integers(0, 6), st.sampled_from(["@shop", "@A_1", "HTTPS://T.CO/x?y=1#z"]))
def test_a_mention_or_link_between_any_words_does_not_move_a_message(words, at, addition):
    assert bucket(" ".join([*words[:at], addition, *words[at:]])) == bucket(" ".join(words))


@given(st.lists(st.text(max_size=20), max_size=8))
def test_buckets_are_those_of_each_message(texts):
    found = buckets(texts)
    assert found.tolist() == [bucket(text) for text in texts]
    assert found.dtype == np.uint8
    assert (found < 100).all()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("@shop my parcel never came https://t.co/x", 88),
        ("STRASSE straße", 34),
        ("x" * 10_000, 51),
        ("日本語 مرحبا", 12),
    ],
)
def test_buckets_of_unusual_messages_are_frozen(text, number):
    assert bucket(text) == number


@given(st.integers(0, 100), st.integers(0, 100))
def test_holdouts_of_any_two_percentages_are_nested(one, other):
    every = np.arange(100, dtype=np.uint8)
    smaller, larger = in_holdout(every, min(one, other)), in_holdout(every, max(one, other))
    assert (larger | ~smaller).all()
    assert (smaller.sum(), larger.sum()) == (min(one, other), max(one, other))
