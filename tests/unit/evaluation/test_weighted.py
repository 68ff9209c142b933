from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.evaluation import weighted
from common.evaluation.metrics import wilson_interval
from common.evaluation.weighted import RANDOM


def test_rows_of_one_weight_are_worth_what_they_are():
    drawn = Counter({(RANDOM, 50.0, True): 170, (RANDOM, 50.0, False): 30})
    found = weighted.estimate(drawn)
    assert found.value == pytest.approx(0.85)
    assert (found.rows, found.messages) == (200, 10_000)
    # The bootstrap's variance is that of a share, give or take the chance of 500 draws.
    assert found.effective.rows == pytest.approx(200, rel=0.1)
    assert found.effective.rows <= 200
    lower, upper = wilson_interval(170, 200)
    assert found.lower == pytest.approx(lower, abs=0.01)
    assert found.upper == pytest.approx(upper, abs=0.01)
    assert found.upper > found.bound


def test_what_looks_hard_counts_for_what_it_is():
    # 900 messages that were drawn from with 1/9, and 100 hard ones that were all taken.
    even = Counter({(RANDOM, 9.0, True): 95, (RANDOM, 9.0, False): 5})
    drawn = even + Counter({("uncertain", 1.0, False): 60, ("uncertain", 1.0, True): 40})
    found = weighted.estimate(drawn)
    assert found.value == pytest.approx((9 * 95 + 40) / 1000)
    assert found.lower < found.value < found.upper


def test_weights_as_unequal_as_these_are_worth_little():
    even = Counter({(RANDOM, 10.0, True): 80, (RANDOM, 10.0, False): 20})
    heavy = even + Counter({(RANDOM, 1000.0, True): 1})
    # Kish: (1,000 + 1,000)^2 / (100 x 100 + 1,000,000)
    assert weighted.estimate(heavy).effective.rows == 3
    assert weighted.estimate(even).effective.rows > 80


def test_rows_that_are_all_right_leave_room_for_chance():
    found = weighted.estimate(Counter({(RANDOM, 4.0, True): 40}))
    assert (found.value, found.upper) == (1.0, 1.0)
    assert found.lower == pytest.approx(wilson_interval(40, 40)[0])


def test_without_a_row_at_random_nothing_is_known_of_the_others():
    assert weighted.estimate(Counter({("uncertain", 1.0, True): 500})) is None
    assert weighted.estimate(Counter()) is None


ROWS = st.lists(
    st.tuples(st.sampled_from([RANDOM, "novel"]), st.floats(1, 1e6), st.booleans()), max_size=30
)


def counted(rows):
    if not rows:
        return Counter()
    strata, weights, right = zip(*rows, strict=True)
    return weighted.count(np.array(strata, object), np.array(weights), np.array(right))


@given(ROWS, ROWS)
def test_parts_add_up_and_weights_keep_four_digits(one, other):
    assert counted(one) + counted(other) == counted([*one, *other])
    for (_, weight, _), rows in counted(one).items():
        close = [w for _, w, _ in one if abs(w - weight) <= 0.0006 * weight]
        assert len(close) >= rows
    assert all(float(f"{weight:.4g}") == weight for _, weight, _ in counted(one))


@given(ROWS)
def test_shares_are_shares(rows):
    found = weighted.estimate(counted(rows))
    if found is not None:
        assert 0 <= found.lower <= found.value <= found.upper <= 1
        assert found.effective.part <= found.effective.rows
