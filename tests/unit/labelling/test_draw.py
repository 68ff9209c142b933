import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from common.labelling import draw
from common.labelling.draw import Draw, Lowest


def keys_of(values):
    return np.array(values, np.uint64)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1)), max_size=60),
    st.integers(0, 5),
    st.randoms(),
)
def test_the_lowest_are_the_same_in_any_order_and_pieces(rows, most, random):
    best = {}
    for key, rank in rows:
        best[key] = min(rank, best.get(key, 2))
    expected = sorted((rank, key) for key, rank in best.items())[:most]
    random.shuffle(rows)
    lowest = Lowest(most)
    for start in range(0, len(rows), 7):
        keys, ranks = zip(*rows[start : start + 7], strict=True)
        lowest.offer(keys_of(keys), np.array(ranks))
    assert lowest.ranked() == expected


def test_what_is_drawn_for_numbers_looks_drawn():
    numbers = np.arange(20_000, dtype=np.uint64)
    one, other = draw.uniform(numbers, 1), draw.uniform(numbers, 2)
    assert stats.kstest(one, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
    assert one.tolist() == draw.uniform(numbers, 1).tolist()


def drawn_of(copies, seed, random=20, hard=0, before=frozenset()):
    keys = np.repeat(np.arange(len(copies), dtype=np.uint64), copies)
    numbers = draw.uniform(np.arange(len(keys), dtype=np.uint64), seed)
    drawing = Draw(random, hard, before)
    confidence = keys / len(copies)
    drawing.offer(keys, numbers, confidence, np.zeros(len(keys)))
    return drawing.result()


def test_what_is_drawn_stands_for_all_however_often_a_text_was_written():
    """One by its probability is, on average, one for each text (Horvitz & Thompson)."""
    copies = np.array([1] * 150 + [10] * 10 + [100])
    counted, met, runs = np.zeros(len(copies)), np.zeros(len(copies)), 1500
    for seed in range(runs):
        drawn = drawn_of(copies, seed)
        for key in drawn.random:
            counted[key] += 1 / drawn.probability(int(copies[key]))
            met[key] += 1
    for group in (copies == 1, copies == 10, copies == 100):
        chance = met[group].mean() / runs
        error = np.sqrt(1 / chance / runs / group.sum())
        assert counted[group].mean() / runs == pytest.approx(1, abs=4 * error)
    # What many have written is hardly ever missed.
    assert met[-1] / runs > 0.99


def test_the_least_sure_and_the_newest_are_taken_and_nothing_twice():
    drawing = Draw(random=5, hard=6)
    keys = keys_of(range(100))
    novelty = np.where(keys < 2, 9.0, 0.0)
    drawing.offer(keys, draw.uniform(keys, 1), keys / 100, novelty)
    drawn = drawing.result()
    assert sorted(drawn.novel) == [0, 1]
    assert drawn.uncertain == (2, 3, 4, 5)
    assert len(drawn.random) == 5
    assert len(drawn.keys) == 11


def test_what_no_confidence_is_known_of_is_not_hard():
    drawing = Draw(random=1, hard=5)
    keys = keys_of(range(9))
    confidence = np.full(9, np.nan)
    confidence[1] = 0.9
    drawing.offer(keys, draw.uniform(keys, 1), confidence, np.zeros(9))
    assert drawing.result().uncertain == (1,)


def test_a_small_file_is_taken_whole_and_with_certainty():
    drawn = drawn_of(np.ones(10, int), seed=1, random=20)
    assert len(drawn.random) == 10
    assert drawn.probability(1) == 1.0


def test_what_fits_in_whole_is_all_at_random_whatever_is_hard():
    drawn = drawn_of(np.ones(40, int), seed=1, random=20, hard=20)
    assert (len(drawn.random), drawn.uncertain, drawn.probability(1)) == (40, (), 1.0)
    drawn = drawn_of(np.ones(41, int), seed=1, random=20, hard=20)
    assert (len(drawn.random), len(drawn.uncertain)) == (20, 20)


def test_a_second_draw_goes_on_with_the_first():
    copies = np.array([1, 2, 3] * 100)
    first = drawn_of(copies, seed=3)
    both = drawn_of(copies, seed=3, before=frozenset(first.random))
    assert set(both.random) == set(drawn_of(copies, seed=3, random=40).random)
    assert set(both.random) > set(first.random)
    assert both.threshold > first.threshold


def test_what_was_drawn_before_and_is_as_hard_as_what_is_taken_for_hard_is_hard_too():
    """Else it would stand for hard ones, which are all there; it is not counted as asked for."""
    drawn = drawn_of(np.ones(500, int), seed=3, random=20, hard=10, before=frozenset({4, 400}))
    assert drawn.uncertain == tuple(range(11))
    assert 400 in drawn.random
    assert len(drawn.random) == 21


def test_without_copies_the_chance_is_that_of_a_simple_random_sample():
    drawn = drawn_of(np.ones(500, int), seed=3, random=20, hard=100)
    chances = np.full(20, drawn.probability(1))
    assert draw.calibrated(chances, np.ones(20), 400) == pytest.approx(np.full(20, 20 / 400))
