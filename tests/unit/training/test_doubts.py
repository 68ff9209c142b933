import numpy as np

from common.models.base import UnseenAnswers
from common.training import doubts
from common.training.doubts import DoubtfulLabel, doubtful_labels, listed

TEXTS = np.array(["a", "b", "c", "d"], object)
LABELS = np.array(["x", "y", "x", "y"], object)
ANSWERS = UnseenAnswers(np.array([0.4, 0.1, 0.6, 0.2]), np.array(["y", "x", "x", "x"], object))


def test_rows_come_by_the_probability_of_their_label_without_those_that_are_right():
    found = doubtful_labels(TEXTS, LABELS, ANSWERS)
    assert [row.text for row in found] == ["b", "d", "a"]
    assert found[0] == DoubtfulLabel("b", "y", 0.1, "x")


def test_they_are_not_more_than_a_page_may_show(monkeypatch):
    monkeypatch.setattr(doubts, "MOST_DOUBTS", 1)
    assert [row.text for row in doubtful_labels(TEXTS, LABELS, ANSWERS)] == ["b"]


def test_more_are_listed_than_a_page_shows_and_none_where_no_message_is_kept():
    found = [DoubtfulLabel(str(n), "x", 0.1, "y") for n in range(400)]
    assert [len(listed(found, examples)) for examples in (0, 10, 300)] == [0, 200, 300]
