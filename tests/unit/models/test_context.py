"""What a message answers is read as such, and changes nothing where there is nothing."""

import numpy as np
import pyarrow as pa
import pytest

from common.models.boosted import TextClassifier
from common.models.context import message, parted
from common.models.linear import LinearClassifier
from common.models.text import tokens

TAG = "00000000000000ff"


def test_texts_are_parted_into_messages_and_what_they_answer():
    texts = [f"a\nb\x1ewhy?\x1e{TAG}", f"c\x1e\x1e{TAG}", "d", "e\x1ef", f"g\x1eh\x1e{TAG[1:]}", ""]
    for given in (texts, pa.array(texts, pa.large_string()), pa.array(texts)):
        own, answered = parted(given)
        assert own.to_pylist() == ["a\nb", "c", "d", "e\x1ef", f"g\x1eh\x1e{TAG[1:]}", ""]
        assert answered.to_pylist() == ["why?", "", "", "", "", ""]
    assert [message(text) for text in texts] == own.to_pylist()
    plain = texts[2:]
    assert parted(plain) == (plain, None)
    assert tokens(texts[0]) == ["a", "b"]


def talk(rows=120):
    """Messages that say nothing by themselves; what they answer decides."""
    asked = ["is it still broken", "do you like it"]
    return (
        [f"yes {row % 7}\x1e{asked[row % 2]}\x1e{row:016x}" for row in range(rows)],
        [("angry", "calm")[row % 2] for row in range(rows)],
    )


@pytest.mark.parametrize("kind", [TextClassifier, LinearClassifier])
def test_a_model_learns_from_what_is_answered_and_answers_without_it(kind):
    texts, labels = talk()
    model = kind().fit(texts, labels)
    assert (model.predict(texts) == np.array(labels, object)).all()
    own = [message(text) for text in texts]
    assert model.predict_proba(own).shape == (len(texts), 2)
    assert not (model.predict(own) == np.array(labels, object)).all()
    assert model.unknown_words(["yes what\x1eever\x1e" + TAG]) == [(["what"], 2)]
    reasons = model.explain(texts[:1], model.predict_proba(texts[:1]))
    assert {word for word, _ in reasons[0]} <= {"yes", "0"}


def test_words_of_the_two_are_features_of_their_own():
    texts, labels = talk()
    own = [message(text) for text in texts]
    model, plain = TextClassifier().fit(texts, labels), TextClassifier().fit(own, labels)
    assert plain.context_ is None
    assert (model.features_.transform(own) == plain.features_.transform(own)).all()
    assert "broken" not in model.features_.counts_.words_
    assert "broken" in model.context_.counts_.words_
