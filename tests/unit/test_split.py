import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from common.split import bucket, buckets, in_holdout

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
