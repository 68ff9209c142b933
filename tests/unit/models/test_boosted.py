import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from common.models.boosted import TextClassifier
from common.models.families import FAMILIES

ANGRY = ("my parcel is LOST!!", "worst service ever", "where is it?! @shop", "broken again 😡")
CALM = ("thank you so much", "all good now", "lovely team, thanks", "works fine 🙂")
ODD = ("https://made.up/x", "12 34 56", "#tag and #tag", "¿qué tal?")
NEW = ["is it LOST?!", "thank you", "", "日本 👍", "a\nb", "x" * 5000, "thank you"]


def messages(*kinds, times=5):
    """Texts and their classes, named by the number of the kind."""
    texts = [f"{text} {k}" for k in range(times) for kind in kinds for text in kind]
    return texts, [str(n) for _ in range(times) for n, kind in enumerate(kinds) for _ in kind]


@pytest.fixture(scope="module")
def binary():
    texts, labels = messages(ANGRY, CALM)
    return TextClassifier().fit(texts, ["True" if label == "0" else "False" for label in labels])


@pytest.fixture(scope="module")
def ternary():
    return TextClassifier().fit(*messages(ANGRY, CALM, ODD))


@pytest.fixture(params=["binary", "ternary"])
def model(request):
    return request.getfixturevalue(request.param)


def test_classes_are_the_sorted_labels(binary, ternary):
    assert binary.classes_.tolist() == ["False", "True"]
    assert ternary.classes_.tolist() == ["0", "1", "2"]


def test_the_model_learns_what_tells_the_classes_apart(binary, ternary):
    assert binary.predict(["worst service!!", "thanks, all good"]).tolist() == ["True", "False"]
    assert ternary.predict([*ANGRY, *CALM, *ODD]).tolist() == [*"000011112222"]


@pytest.mark.parametrize("texts", [NEW, NEW[:1], []], ids=len)
def test_each_row_has_a_probability_of_each_class_and_they_sum_to_one(model, texts):
    proba = model.predict_proba(texts)
    assert proba.shape == (len(texts), len(model.classes_))
    assert ((proba >= 0) & (proba <= 1)).all()
    assert proba.sum(axis=1) == pytest.approx(np.ones(len(texts)))


@pytest.mark.parametrize("texts", [NEW, NEW[:1], []], ids=len)
def test_the_prediction_is_the_most_probable_class(model, texts):
    proba, frame = model.predict_proba(texts), model.predict_frame(texts)
    assert list(frame.columns) == ["prediction", "confidence"]
    assert model.predict(texts).tolist() == frame["prediction"].tolist()
    assert frame["prediction"].tolist() == [model.classes_[k] for k in proba.argmax(axis=1)]
    assert frame["confidence"].tolist() == [row.max() for row in proba]


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(tuple, id="tuple"),
        pytest.param(np.array, id="array"),
        pytest.param(lambda texts: np.array(texts, object), id="object array"),
        pytest.param(pd.Series, id="Series"),
        pytest.param(lambda texts: pd.Series(texts, dtype=object, index=texts), id="object Series"),
        pytest.param(lambda texts: pd.DataFrame({"id": 1, "text": texts}), id="DataFrame"),
        pytest.param(iter, id="iterator"),
        pytest.param(pa.array, id="Arrow array"),
        pytest.param(lambda texts: pa.chunked_array([texts[:2], texts[2:]]), id="Arrow chunks"),
    ],
)
def test_texts_may_come_in_any_sequence(binary, shape):
    assert binary.predict_proba(shape(NEW)).tolist() == binary.predict_proba(NEW).tolist()


def test_the_column_of_the_texts_has_the_name_it_was_given():
    texts, labels = messages(ANGRY, CALM)
    frame = pd.DataFrame({"text": "other", "Message Text": texts})
    model = TextClassifier("Message Text").fit(frame, labels)
    assert model.predict(frame).tolist() == labels


@pytest.fixture(scope="module")
def wary():
    """A model that would take the text `nan`, should a missing text become one, for a word."""
    texts = [f"{word} {k}" for k in range(10) for word in ("nan", "None", "<NA>", "NaT", "", "so")]
    return TextClassifier().fit(texts, ["word", "word", "word", "word", "empty", "empty"] * 10)


@pytest.mark.parametrize("missing", [None, pd.NA, float("nan"), pd.NaT], ids=repr)
def test_a_missing_text_is_an_empty_one(wary, missing):
    empty, found, word = wary.predict_proba(["", missing, str(missing)]).tolist()
    assert found == empty != word


@pytest.mark.parametrize("dtype", ["str", "string", object])
def test_a_missing_text_in_a_table_is_an_empty_one(wary, dtype):
    frame = pd.DataFrame({"text": pd.Series(["", None], dtype=dtype)})
    empty, found = wary.predict_proba(frame).tolist()
    assert found == empty


@given(st.lists(st.text(max_size=30), max_size=5), st.text(max_size=30))
@settings(max_examples=50)
def test_the_answer_to_a_message_does_not_depend_on_the_others(binary, others, text):
    alone = binary.predict_proba([text])[0]
    assert binary.predict_proba([*others, text])[-1].tolist() == alone.tolist()


@pytest.mark.parametrize("kinds", [(ANGRY, CALM), (ANGRY, CALM, ODD)], ids=["two", "three"])
def test_the_same_seed_gives_the_same_model(kinds):
    texts, labels = messages(*kinds)
    one, two = (TextClassifier(seed=7).fit(texts, labels).predict_proba(NEW) for _ in range(2))
    assert one.tolist() == two.tolist()


def test_another_seed_gives_another_model(binary):
    other = TextClassifier(seed=7).fit(*messages(ANGRY, CALM))
    assert other.predict_proba(NEW).tolist() != binary.predict_proba(NEW).tolist()


def test_a_class_with_a_single_message_is_no_obstacle():
    texts, labels = messages(ANGRY, CALM)
    model = TextClassifier().fit([*texts, "只此一条"], [*labels, "rare"])
    assert model.classes_.tolist() == ["0", "1", "rare"]
    assert model.predict_proba(["只此一条"]).shape == (1, 3)


@pytest.mark.parametrize(
    ("texts", "labels"),
    [(["a", "b"], ["x", "x"]), (["a"], ["x"]), ([], [])],
    ids=["one class", "one message", "nothing"],
)
def test_too_little_to_tell_classes_apart_is_a_value_error(texts, labels):
    with pytest.raises(ValueError):
        TextClassifier().fit(texts, labels)


def test_a_model_that_is_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        TextClassifier().predict(["a"])


def test_a_clone_has_the_parameters_and_nothing_learnt(binary):
    copy = clone(TextClassifier("body", seed=3))
    assert copy.get_params() == TextClassifier().get_params() | {"text_column": "body", "seed": 3}
    assert not hasattr(clone(binary), "classes_")


def test_fitting_changes_no_parameter(binary):
    assert binary.get_params() == TextClassifier().get_params()


def test_a_pickled_model_gives_the_same_answers(model):
    again = pickle.loads(pickle.dumps(model))
    assert again.predict_proba(NEW).tolist() == model.predict_proba(NEW).tolist()
    assert again.classes_.tolist() == model.classes_.tolist()


def test_telling_terms_are_the_words_that_were_planted():
    texts = [f"{word} and some more {k}" for k in range(10) for word in ("zebra", "violin")]
    model = TextClassifier().fit(texts, ["animal", "music"] * 10)
    terms = model.telling_terms(top=3)
    assert list(terms) == ["animal", "music"]
    assert "zebra" in [term for term, _ in terms["animal"]]
    assert "violin" in [term for term, _ in terms["music"]]


def test_whom_anonymised_data_names_is_not_among_the_telling_terms():
    texts = [f"@11571{k % 9} where is it" if k % 2 else f"done, thanks {k}" for k in range(80)]
    model = TextClassifier().fit(texts, ["asks", "thanks"] * 40)
    shown = [word for words in model.telling_terms(top=10).values() for word, _ in words]
    assert shown
    assert not [word for word in shown if word.startswith("@11")]
    assert "@115000" in model.features_.counts_.words_, "the model itself knows it"


def test_telling_terms_come_by_weight_for_each_class(model):
    terms = model.telling_terms(top=5)
    assert list(terms) == model.classes_.tolist()
    for pairs in terms.values():
        weights = [weight for _, weight in pairs]
        assert len(pairs) == 5
        assert all(one >= other for one, other in pairwise(weights))
        assert weights[0] > 0


def test_balanced_weights_find_more_of_a_rare_class():
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(list("abcdefgh"), 6)) for _ in range(1200)]
    labels = np.where(["a" in t and random.random() < 0.2 for t in texts], "rare", "usual")
    plain, balanced = (
        TextClassifier(class_weight=weight).fit(texts, labels).predict(texts)
        for weight in (None, "balanced")
    )
    assert (balanced == "rare").sum() > 5 * (plain == "rare").sum()


def test_fitting_tells_of_each_step():
    steps = []
    TextClassifier().fit(*messages(ANGRY, CALM), advance=steps.append)
    assert sum(steps) == FAMILIES["boosted"].steps


def test_the_reason_for_a_prediction_is_a_word_of_the_message_that_was_planted(model):
    texts = ["where is my LOST parcel", "thank you for nothing", "zzz"]
    proba = model.predict_proba(texts)
    assert [len(words) <= 3 for words in model.explain(texts, proba)] == [True] * 3
    found = model.explain(texts, proba, top=10)
    assert "LOST" in [word for word, _ in found[0]], "as it is written there"
    assert {"thank", "you"} & {word for word, _ in found[1]}
    assert all(weight > 0 for words in found for _, weight in words)
