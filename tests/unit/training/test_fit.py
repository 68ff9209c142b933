import numpy as np
import pytest

from common.data.labelled import Split
from common.training.fit import intent


def side(rows, classes):
    labels = np.array([f"class {k % classes}" for k in range(rows)], object)
    return Split(labels, labels, np.zeros(rows, np.uint8))


@pytest.mark.parametrize(("classes", "long"), [(2, False), (100, False), (101, True)])
def test_many_classes_are_said_to_take_long_before_fitting(classes, long):
    sentence = intent(side(2_000, classes), side(500, classes))
    assert sentence.startswith("Fitting on 2,000 messages, testing on 500.")
    assert ("101 classes take long" in sentence) == long
