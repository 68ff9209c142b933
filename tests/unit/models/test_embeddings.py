"""Vectors that the user supplies: what is made of them, and that the table stays behind."""

import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from common.models import lexicon, text
from common.models.boosted import TextClassifier
from common.models.embedding_scores import cross_fit
from common.models.embeddings import Encoder, EncoderError, WordTable
from common.models.extras import Extras
from common.models.features import MessageFeatures

SIZE = 4
WORDS = ["good", "bad", "late", "can't", "!", "parcel", "GOOD", "p.m.", "unseen"]
TABLE = WordTable.of(
    "mine", WORDS, np.random.default_rng(5).normal(size=(len(WORDS), SIZE)).astype(np.float32)
)
MESSAGES = ("GOOD good bad", "can’t wait!", "#late late!!", "x", "", "unseen", "parcel:bad")


def fitted(classes=3, source=TABLE):
    random = np.random.default_rng(1)
    y = np.arange(60) % classes
    texts = [" ".join(random.choice(WORDS[:6], 4)) for _ in y]
    return MessageFeatures(1, extras=Extras(embeddings=source)).fit(texts, y)


@pytest.fixture(scope="module", params=[2, 3], ids=["two classes", "three classes"])
def features(request):
    return fitted(request.param)


def of_vectors(features, texts):
    """The columns of vectors."""
    names = features.get_feature_names_out()
    found = [name.startswith("vector ") for name in names]
    return features.transform(texts)[:, found]


def plainly(features, texts):
    """The same from mean vectors, by the affine function that takes words to their scores."""
    learnt, known = features.embedding_, list(TABLE.rows)
    vectors = np.array([TABLE.vectors[TABLE.rows[word]] for word in known], float)
    targets = learnt.scores[[learnt.rows[word] for word in known]] + learnt.intercept
    extended = np.hstack([vectors, np.ones((len(known), 1))])
    function = np.linalg.lstsq(extended, targets, rcond=None)[0]
    assert extended @ function == pytest.approx(targets, abs=1e-4)
    scores = []
    for message in texts:
        spelt = [token.removeprefix("#").replace("’", "'") for token in text.tokens(message)]
        found = [TABLE.vectors[TABLE.rows[word]] for word in spelt if word in TABLE.rows]
        mean = np.mean([np.append(vector, 1) for vector in found], axis=0) if found else None
        scores.append(learnt.intercept if mean is None else mean @ function)
    return np.array(scores)


@given(st.lists(st.lists(st.sampled_from([*MESSAGES, *WORDS]), max_size=5).map(" ".join)))
@settings(max_examples=60)
def test_scores_added_up_over_pieces_are_those_of_the_mean_vector(features, texts):
    if texts:
        assert of_vectors(features, texts) == pytest.approx(plainly(features, texts), abs=1e-3)


@given(st.lists(st.sampled_from([*MESSAGES, *WORDS]), min_size=1, max_size=8))
@settings(max_examples=30)
def test_a_message_has_the_same_features_in_any_chunk(features, texts):
    alone = np.vstack([features.transform([message]) for message in texts])
    assert features.transform(texts).tobytes() == alone.tobytes()


def test_other_columns_are_those_without_vectors(features):
    plain = fitted(max(len(features.linear_.intercept), 2), None)
    kept = [not name.startswith("vector ") for name in features.get_feature_names_out()]
    assert features.transform(MESSAGES)[:, kept].tobytes() == plain.transform(MESSAGES).tobytes()


def test_an_encoder_of_the_same_vectors_gives_the_same_scores(features, function):
    encoder = function(lambda texts: np.nan_to_num(TABLE.vectors_of(texts)))
    other = fitted(max(len(features.linear_.intercept), 2), encoder)
    known = ["good bad", "late late !", "parcel"]
    assert of_vectors(other, known) == pytest.approx(of_vectors(features, known), abs=1e-3)
    again = pickle.loads(pickle.dumps(other))
    assert again.transform(known).tobytes() == other.transform(known).tobytes()


def test_of_spellings_that_are_one_token_its_own_counts_or_else_the_first():
    assert TABLE.rows["good"] == WORDS.index("good")
    spelt = WordTable.of("x", ["Good", "GOOD", "Bad", "bad", "bad"], np.eye(5, dtype=np.float32))
    assert spelt.rows == {"good": 0, "bad": 3}
    assert "p.m." not in TABLE.rows
    assert TABLE.known_share(["good day", "#late"]) == pytest.approx(2 / 3)
    assert np.isnan(TABLE.vectors_of(["day"])).all()


def test_training_rows_get_scores_of_heads_that_have_not_seen_them():
    random = np.random.default_rng(2)
    words = [f"w{number}" for number in range(300)]
    table = WordTable.of("x", words, random.normal(size=(300, 100)).astype(np.float32))
    y = random.integers(0, 2, 300)
    _, unseen = cross_fit(table, words, y, np.ones(300, np.float32), 1)
    assert ((unseen[:, 0] > 0) == y).mean() < 0.6, "labels are chance: nothing can be known"


@pytest.mark.parametrize("most", [20_000, 30], ids=["all rows", "some rows"])
def test_each_row_is_scored_also_of_a_class_that_comes_once(monkeypatch, most):
    monkeypatch.setattr(lexicon, "DECIDING_ROWS", most)
    y = np.array([0] * 60 + [1] * 60 + [2] * 2 + [3])
    texts = [WORDS[label] for label in y]
    learnt, unseen = cross_fit(TABLE, texts, y, np.ones(len(y), np.float32), 1)
    assert (unseen.shape, learnt.scores.shape[1]) == ((len(y), 4), 4)
    assert np.isfinite(unseen).all()
    assert (unseen[:120].argmax(axis=1) == y[:120]).all()


def moods(rows, seed):
    """Messages with a word that nearly no other has, and vectors that know its mood."""
    random = np.random.default_rng(seed)
    found = random.integers(0, 2, rows)
    words = ["".join(random.choice([*"abcdefghijklmnopqrstuvwxyz"], 6)) for _ in found]
    vectors = random.normal(size=(rows, 5)).astype(np.float32)
    vectors[:, 2] += np.where(found, 2, -2)
    return [f"{word} today" for word in words], found.astype(str), words, vectors


@pytest.fixture(scope="module")
def of_moods():
    texts, labels, words, vectors = moods(300, 1)
    new, new_labels, new_words, new_vectors = moods(300, 2)
    table = WordTable.of("mine", [*words, *new_words], np.vstack([vectors, new_vectors]))
    return (
        TextClassifier(extras=Extras(embeddings=table)).fit(texts, labels),
        texts,
        labels,
        new,
        new_labels,
    )


def test_vectors_tell_of_words_that_training_had_not(of_moods):
    model, texts, labels, new, new_labels = of_moods
    without = TextClassifier().fit(texts, labels)
    assert (model.predict(new) == new_labels).mean() > 0.9
    assert (without.predict(new) == new_labels).mean() < 0.7
    use = model.embeddings_use_
    assert use.gain > 4 * use.error > 0
    assert (use.name, without.embeddings_use_) == ("mine", None)
    assert use.known == pytest.approx(0.5)


def test_a_fitted_model_is_stored_without_the_table_and_answers_as_before(of_moods):
    model, *_, new, _ = of_moods
    again = pickle.loads(pickle.dumps(model))
    assert again.predict_proba(new).tobytes() == model.predict_proba(new).tobytes()
    assert (again.extras.embeddings, again.features_.extras.embeddings) == (None, None)
    assert model.extras.embeddings.vectors.shape == (600, 5)
    fresh = pickle.loads(pickle.dumps(clone(model)))
    assert fresh.extras.embeddings.vectors.tobytes() == model.extras.embeddings.vectors.tobytes()


@pytest.fixture(scope="module")
def function(tmp_path_factory):
    """Makes an encoder of a Python function."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "my_encoder_of_tests.py").write_text("function = None\nnumber = 3\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        import my_encoder_of_tests as module

        def make(called):
            module.function = called
            return Encoder("my_encoder_of_tests:function")

        yield make


def fails(texts):
    raise RuntimeError("no memory\nleft")


@pytest.mark.parametrize(
    ("called", "said"),
    [
        (lambda texts: np.zeros(len(texts)), "shape (2,) for 2 texts; it must be (2, d), a row"),
        (lambda texts: np.zeros((1, 3)), "gives an array of shape (1, 3) for 2 texts"),
        (lambda texts: np.zeros((2, 0)), "gives an array of shape (2, 0) for 2 texts"),
        (lambda texts: [[0, 1], [1]], "gives no array of numbers, but list"),
        (lambda texts: None, "shape () for 2 texts"),
        (lambda texts: [[0] * 5, [np.inf] * 5], "not finite for 1 of 2 texts, the first of them"),
        (lambda texts: [[0, 1, 2]] * 2, "gives 3 numbers a text, where it gave 5"),
        (fails, "fails on 2 texts (RuntimeError: no memory)"),
    ],
)
def test_what_an_encoder_does_wrong_is_said_in_one_line(function, called, said):
    encoder = function(called)
    with pytest.raises(EncoderError, match=re.escape(said)) as raised:
        encoder.vectors_of(["a", "bc"], 5)
    assert str(raised.value).startswith("EMBEDDINGS my_encoder_of_tests:function: ")
    assert "\n" not in str(raised.value)
    assert type(pickle.loads(pickle.dumps(raised.value))) is ValueError


def test_an_encoder_is_asked_about_batches(function, monkeypatch):
    # Not by its module: a stored model that was loaded brings a module of its own.
    monkeypatch.setitem(Encoder.vectors_of.__globals__, "TEXTS_AT_ONCE", 2)
    asked = []
    encoder = function(lambda texts: asked.append(texts) or [[len(each), 1] for each in texts])
    assert encoder.vectors_of(["a", "bb", "ccc"]).tolist() == [[1, 1], [2, 1], [3, 1]]
    assert asked == [["a", "bb"], ["ccc"]]
    assert encoder.vectors_of([], 2).shape == (0, 2)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module_of_tests:f", "no module 'no_such_module_of_tests' here. Install it as a"),
        ("my_encoder_of_tests:other", "has no attribute 'other'"),
        ("my_encoder_of_tests:number", "that is no function, but int"),
    ],
)
def test_a_function_that_is_not_there_is_named(function, name, said):
    with pytest.raises(EncoderError, match=said) as raised:
        Encoder(name)
    assert "\n" not in str(raised.value)
