import numpy as np
import pytest

from common.reports.charts import fold, groups, merge, ticks


def test_groups_have_the_share_of_right_answers_the_largest_first():
    values = np.array(["b", "a", "b", "b", None], object)
    found = groups(values, [np.array([1, 0, 1, 0, 1], bool), np.zeros(5, bool)])
    assert [(group.name, group.rows) for group in found] == [("b", 3), ("None", 1), ("a", 1)]
    assert found[0].shares == pytest.approx((2 / 3, 0))


def test_few_classes_are_not_folded():
    counts = np.arange(4).reshape(2, 2)
    assert fold(counts, ["a", "b"], 2)[0] == ["a", "b"]


def test_rare_classes_fold_into_the_last_row_and_column():
    counts = np.array([[1, 2, 3, 4], [0, 50, 1, 2], [1, 1, 1, 1], [9, 9, 9, 90]])
    names, folded = fold(counts, ["a", "b", "c", "d"], 2)
    assert names == ["b", "d", "2 others"]
    assert folded.tolist() == [[50, 2, 1], [9, 90, 18], [3, 5, 6]]


def test_classes_are_kept_in_the_order_asked_and_the_only_other_one_is_counted():
    counts = np.array([[1, 2, 3], [0, 50, 1], [4, 1, 1]])
    names, merged = merge(counts, ["a", "b", "c"], [2, 0])
    assert names == ["c", "a", "1 other"]
    assert merged.tolist() == [[1, 4, 1], [3, 1, 2], [1, 0, 50]]


@pytest.mark.parametrize("values", [(0.9, 0.91), (0, 1), (0.99962, 0.99981), (0.2, 0.2001)])
def test_ticks_span_the_values(values):
    found = ticks(values)
    assert found[0] <= values[0] + 1e-9
    assert found[-1] >= values[1] - 1e-9
    assert 2 <= len(found) <= 7
