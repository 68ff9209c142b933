"""What the wrong answers of a window have in common."""

import numpy as np
import pyarrow as pa
import pytest

from common.evaluation import profile
from common.monitoring.wrong_answers import wrong_answers


def window(rows=400, seed=0, gift=0, segment_errors=0):
    """Messages of three classes; `gift` of class refund with a gift card are answered billing."""
    random = np.random.default_rng(seed)
    labels = random.choice(["refund", "billing", "delivery"], rows).astype(object)
    predicted = labels.copy()
    texts = random.choice(["where is it", "it is late again", "please help me", "no answer"], rows)
    texts = texts.astype(object)
    for k in random.choice(rows, rows // 20, replace=False):  # what is always wrong
        predicted[k] = {"refund": "billing", "billing": "delivery", "delivery": "refund"}[labels[k]]
    segments = random.choice(["Acme", "Bolt"], rows).astype(object)
    refunds = np.flatnonzero(labels == "refund")[:gift]
    predicted[refunds] = "billing"
    texts[refunds] = "my gift card does not work"
    for k in np.flatnonzero(segments == "Acme")[:segment_errors]:
        predicted[k] = "refund" if labels[k] != "refund" else "delivery"
    return profile.of_rows(
        pa.array(texts.tolist(), pa.large_string()),
        labels,
        predicted,
        np.full(rows, 0.9),
        segments=segments,
    )


def test_a_class_and_words_are_named_that_the_wrong_answers_share():
    found = wrong_answers(window(gift=40), window(2000, seed=9))
    assert (found.mostly.true, found.mostly.predicted) == ("refund", "billing")
    assert found.words[0].word == "gift card"
    shown, words = found.sentences
    assert shown.startswith("mostly class “refund”: ")
    assert words.startswith(f"{100 * found.shares[0]:.1f} % of the wrong answers hold “gift card”")
    assert words.endswith("0 % of the right answers do")


def test_a_segment_is_named_that_is_worse_than_the_others():
    found = wrong_answers(window(segment_errors=60), None)
    assert list(found.segments) == ["Acme"]
    assert found.segments["Acme"].part > 50
    assert any(sentence.startswith("in segment “Acme” ") for sentence in found.sentences)


def test_ordinary_errors_have_nothing_in_common():
    reference = window(2000, seed=9)
    found = [wrong_answers(window(seed=k), reference) for k in range(20)]
    assert sum(bool(one.words or one.segments) for one in found) <= 1


@pytest.mark.parametrize("rows", [0, 3])
def test_without_wrong_answers_or_rows_there_is_nothing_to_compare(rows):
    assert wrong_answers(window(rows, gift=0), None) is None
