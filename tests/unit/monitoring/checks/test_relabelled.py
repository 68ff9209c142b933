"""Labels that were renamed or swapped are told from a model that fails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.monitoring.checks import relabelled

CLASSES = ("bad", "good", "other")


def answers(random, rows=300, accuracy=0.9, rename=lambda label: label):
    labels = random.choice(CLASSES, rows)
    wrong = random.random(rows) >= accuracy
    given_answers = np.where(wrong, random.choice(CLASSES, rows), labels)
    pairs = {}
    for label, answer in zip(map(rename, labels), given_answers, strict=True):
        pairs[label, str(answer)] = pairs.get((label, str(answer)), 0) + 1
    return pairs


def test_swapped_names_are_found_and_give_the_accuracy_back():
    swap = {"bad": "good", "good": "bad"}
    found = relabelled.find(
        answers(np.random.default_rng(1), rename=lambda x: swap.get(x, x)), CLASSES, 0.9
    )
    assert found.names == swap
    assert found.correct.value < 0.45 < 0.85 < found.renamed.value
    finding = relabelled.swapped_labels(found, 300)
    assert finding.status == 1
    assert "'bad' for 'good'" in finding.reason


def test_a_name_that_is_new_is_matched_with_the_answers_it_gets():
    rename = {"good": "positive"}
    found = relabelled.find(
        answers(np.random.default_rng(2), rename=lambda x: rename.get(x, x)), CLASSES, 0.9
    )
    assert found.names == {"positive": "good"}


@pytest.mark.parametrize("accuracy", [0.1, 0.5, 0.75])
def test_a_model_that_fails_is_not_excused(accuracy):
    pairs = answers(np.random.default_rng(3), accuracy=accuracy)
    assert relabelled.find(pairs, CLASSES, 0.9) is None


@given(st.integers(0, 10_000))
def test_a_model_as_good_as_ever_is_never_said_to_have_other_labels(seed):
    assert relabelled.find(answers(np.random.default_rng(seed)), CLASSES, 0.9) is None


def test_few_rows_say_nothing():
    assert relabelled.find({("bad", "good"): 20, ("good", "bad"): 20}, CLASSES, 0.9) is None
