"""Which words tell one group of messages from another: the counts decide, not rare luck."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.evaluation.log_odds import PRIOR_MESSAGES, log_odds_z

ROWS = st.integers(1, 3000)


def z(held, rows, other, others):
    return float(log_odds_z(np.array([held], float), rows, np.array([other], float), others)[0])


def test_it_is_the_formula_of_the_paper_with_messages_as_counts():
    prior = PRIOR_MESSAGES * 0.16
    rest = PRIOR_MESSAGES - prior
    first = np.log((30 + prior + 0.5) / (70 + rest + 0.5))
    second = np.log((2 + prior + 0.5) / (98 + rest + 0.5))
    error = np.sqrt(1 / (30 + prior + 0.5) + 1 / (2 + prior + 0.5))
    assert z(30, 100, 2, 100) == pytest.approx((first - second) / error)


def test_a_frequent_word_beats_a_rare_one_with_a_greater_ratio():
    assert z(40, 100, 10, 100) > z(2, 100, 0, 100)


@given(st.data(), ROWS, ROWS)
def test_the_other_side_sees_the_opposite(data, rows, others):
    held, other = data.draw(st.integers(0, rows)), data.draw(st.integers(0, others))
    assert z(held, rows, other, others) == pytest.approx(-z(other, others, held, rows))


def test_words_of_all_messages_and_of_none_say_nothing():
    assert z(100, 100, 100, 100) == pytest.approx(0)
    assert z(0, 100, 0, 100) == pytest.approx(0)
