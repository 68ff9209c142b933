import numpy as np
import pytest

from common.data.labelled import Split
from common.evaluation.costs import LOOK, CostRules
from common.training.fit import TrainingResult, intent
from common.training.recipe import Recipe


def side(rows, classes):
    labels = np.array([f"class {k % classes}" for k in range(rows)], object)
    return Split(labels, labels, np.zeros(rows, np.uint8))


@pytest.mark.parametrize(("classes", "long"), [(2, False), (100, False), (101, True)])
def test_many_classes_are_said_to_take_long_before_fitting(classes, long):
    sentence = intent(side(2_000, classes), side(500, classes))
    assert sentence.startswith("Fitting on 2,000 messages, testing on 500.")
    assert ("101 classes take long" in sentence) == long


class Unsure:
    """Knows two classes."""

    classes_ = np.array(["calm", "urgent"], object)


def test_stored_answers_are_those_that_cost_least_among_the_classes_that_are_known():
    """Figures go on comparing the largest probabilities; "new" costs nothing, but is not known."""
    labels = np.array(["calm", "urgent", "new"], object)
    proba = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.95, 0.05, 0]])
    given = CostRules({("urgent", "calm"): 9.0, ("*", "new"): 0.0, ("*", LOOK): 0.7})
    result = TrainingResult(
        classifier=Unsure(),
        recipe=Recipe("linear", "text", 20, "none", 1),
        holdout=Split(np.array(["a", "b", "c"], object), labels, np.zeros(3, np.uint8)),
        classes=("calm", "urgent", "new"),
        proba=proba,
        metrics={},
        majority="calm",
        train_rows=10,
        rows_per_second=1.0,
        costs=given,
    )
    assert result.predicted.tolist() == ["calm", "calm", "calm"]
    answers = result.holdout_answers
    assert answers.predicted.tolist() == ["calm", "urgent", "calm"]
    assert answers.confidence.tolist() == [-1, 0.4, 0.95]
    assert answers.right.tolist() == [True, True, False]
    assert result.profile().correct == 2
