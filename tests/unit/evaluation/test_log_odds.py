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
    prior = PRIOR_MESSAGES * 0.16 + 0.5
    rest = PRIOR_MESSAGES * 0.84 + 0.5
    held, lack, other_held, other_lack = 30 + prior, 70 + rest, 2 + prior, 98 + rest
    error = np.sqrt(1 / held + 1 / lack + 1 / other_held + 1 / other_lack)
    expected = (np.log(held / lack) - np.log(other_held / other_lack)) / error
    assert z(30, 100, 2, 100) == pytest.approx(expected)


def test_a_frequent_word_beats_a_rare_one_with_a_greater_ratio():
    assert z(40, 100, 10, 100) > z(2, 100, 0, 100)


@given(st.data(), ROWS, ROWS)
def test_the_other_side_sees_the_opposite(data, rows, others):
    held, other = data.draw(st.integers(0, rows)), data.draw(st.integers(0, others))
    assert z(held, rows, other, others) == pytest.approx(-z(other, others, held, rows))


def test_words_of_all_messages_and_of_none_say_nothing():
    assert z(100, 100, 100, 100) == pytest.approx(0)
    assert z(0, 100, 0, 100) == pytest.approx(0)
