"""What would change if the challenger were promoted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from common.training import flips
from common.training.coverage import Answered
from common.training.flips import EXAMPLES_EACH, EXPLAINED_PAIRS

CLASSES = np.array(["a", "b", "c"], object)


class Silent:
    """A model that can't explain its answers."""

    classes_ = CLASSES

    def predict_proba(self, texts):
        raise AssertionError("nobody has to ask it")


class Telling:
    """A model that gives the first letter of a text as its class, and says why."""

    classes_ = CLASSES

    def predict_proba(self, texts):
        return np.eye(3)[[ord(text[0]) - ord("a") for text in texts]]

    def explain(self, texts, proba, top=3):
        return [
            [(f"{name}: {text}", 1.0)] for name, text in zip(self.names(proba), texts, strict=True)
        ]

    def names(self, proba):
        return CLASSES[proba.argmax(axis=1)]


SILENT = (Silent(), Silent())


def side(predicted, sure=None, automatic=None):
    confidence = np.array([0.8] * len(predicted) if sure is None else sure, float)
    return Answered(
        np.array(list(predicted), object),
        confidence,
        confidence,
        None if automatic is None else np.array(automatic, bool),
    )


def true(names):
    return np.array(list(names), object)


def test_flips_are_counted_by_pair_the_most_frequent_first():
    found = flips.find(
        ["t"] * 6,
        true("abbcba"),
        side("aaabcc", automatic=[1, 0, 1, 0, 1, 0]),
        side("abbacc", automatic=[1, 1, 1, 0, 1, 0]),
        SILENT,
    )
    told = [
        (p.own, p.other, p.rows, p.right_before, p.right_after, p.auto_before, p.auto_after)
        for p in found
    ]
    assert told == [("a", "b", 2, 0, 2, 1, 2), ("b", "a", 1, 0, 0, 0, 0)]
    assert [(e.row, e.automatic) for e in found[0].examples] == [
        (1, (False, True)),
        (2, (True, True)),
    ]


def test_the_surest_of_a_pair_are_its_examples():
    sure = [0.5, 0.9, 0.6, 0.8, 0.7]
    (pair,) = flips.find(["t"] * 5, true("aaaaa"), side("aaaaa", sure), side("bbbbb", sure), SILENT)
    assert [example.row for example in pair.examples] == [1, 3, 4]
    assert pair.auto_before is None and pair.examples[0].automatic is None


def test_each_model_explains_its_own_answer_and_one_that_cannot_has_no_words():
    texts = ["aa", "b"]
    (pair,) = flips.find(texts, true("ab"), side("ab"), side("bb"), (Silent(), Telling()))
    assert pair.examples[0].words == ((), ("b: aa",)), "not a, which is likelier"
    assert pair.examples[0].confidence == (0.8, 0.8)


def test_equal_answers_change_nothing():
    assert flips.find(["t"] * 3, true("abc"), side("abc"), side("abc"), SILENT) == ()


@given(
    st.lists(st.tuples(*[st.sampled_from("abc")] * 3, st.booleans(), st.booleans()), max_size=60)
)
def test_pairs_add_up_to_all_rows_that_flip(rows):
    names, own, other, before, after = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    found = flips.count(true(names), side(own, automatic=before), side(other, automatic=after))
    differing = [k for k in range(len(rows)) if own[k] != other[k]]
    assert sum(pair.rows for pair in found) == len(differing)
    assert sum(pair.right_before for pair in found) == sum(own[k] == names[k] for k in differing)
    assert sum(pair.right_after for pair in found) == sum(other[k] == names[k] for k in differing)
    assert sum(pair.auto_after for pair in found) == sum(after[k] for k in differing)
    assert [pair.rows for pair in found] == sorted((pair.rows for pair in found), reverse=True)
    examples = [example.row for pair in found for example in pair.examples]
    assert set(examples) <= set(differing)
    assert all(len(pair.examples) == min(pair.rows, EXAMPLES_EACH) for pair in found)
    assert len(found) <= EXPLAINED_PAIRS
