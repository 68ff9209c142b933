import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.reports import html


def test_examples_in_docstrings_hold():
    assert doctest.testmod(html).failed == 0


@given(st.text())
def test_legible_text_is_one_line_that_can_be_written_and_stays_as_it_is(text):
    found = html.legible(text)
    assert len(found.splitlines()) <= 1
    assert html.legible(found) == found
    found.encode()


@pytest.mark.parametrize("text", ["👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "می‌خواهم", "Größe 日本"])
def test_emoji_and_letters_stay_whole(text):
    assert html.legible(text) == text


@given(st.text(), st.integers(1, 50))
def test_an_excerpt_is_never_longer_than_asked(text, longest):
    assert len(html.excerpt(text, longest)) <= longest
