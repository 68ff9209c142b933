"""Columns of words with values: what they sum, and when they are worth having."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.models import lexicon
from common.models.boosted import TextClassifier
from common.models.extras import Extras
from common.models.features import MessageFeatures
from common.models.lexicon import COLUMNS, Lexicon

VALUES = {"good": 2.0, "GOOD": 3.0, "bad": -1.5, ":-)": 1.0, "can't": -0.5, "👍": 2.5, "dull": 0.0}
MINE = Lexicon.of("mine", VALUES)
MESSAGES = ("GOOD good bad", "can't :-)", "good, bad!", "👍👍", "x", "", "it is dull", ":-):-)")


def fitted(values=MINE):
    texts = [f"{word} {k}" for k in range(20) for word in ("well", "ill")]
    return MessageFeatures(1, extras=Extras(values)).fit(texts, np.array([0, 1] * 20))


@pytest.fixture(scope="module")
def features():
    return fitted()


def columns(features, texts):
    names = features.get_feature_names_out().tolist()
    first = names.index(COLUMNS[0])
    return features.transform(texts)[:, first : first + len(COLUMNS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GOOD good bad", (4, 1.5, 2, 1)),
        ("can't :-)", (1, 0.5, 1, 1)),
        ("good, bad!", (2, 1.5, 1, 1)),
        ("👍👍", (5, 0, 2, 0)),
        ("dull x", (0, 0, 0, 0)),
        ("", (0, 0, 0, 0)),
    ],
)
def test_values_and_words_are_summed_by_sign(features, text, expected):
    assert columns(features, [text])[0].tolist() == list(expected)


@given(st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_they_add_up_over_the_pieces_of_a_message(features, texts):
    whole = columns(features, [" ".join(texts)])[0]
    assert whole == pytest.approx(columns(features, texts).sum(axis=0))


def test_other_columns_are_those_without_a_lexicon(features):
    plain = fitted(None)
    kept = [name not in COLUMNS for name in features.get_feature_names_out()]
    assert features.transform(MESSAGES)[:, kept].tobytes() == plain.transform(MESSAGES).tobytes()


def moods(rows):
    """Messages with a word that nearly no other has; a lexicon that knows its mood."""
    random = np.random.default_rng(1)
    moods = random.integers(0, 2, rows)
    # No two have many parts in common.
    words = ["".join(random.choice([*"abcdefghijklmnopqrstuvwxyz"], 6)) for _ in moods]
    values = {word: 1.0 if mood else -1.0 for word, mood in zip(words, moods, strict=True)}
    return [f"it is {word} today" for word in words], moods.astype(str), Lexicon.of("x", values)


@pytest.mark.parametrize("useful", [True, False], ids=["useful", "useless"])
def test_a_lexicon_that_must_gain_is_used_if_it_does(useful):
    texts, labels, values = moods(300)
    other = values if useful else Lexicon.of("x", {"today": 1.0, "is": -1.0})
    model = TextClassifier(extras=Extras(other, True)).fit(texts, labels)
    use = model.lexicon_use_
    assert (use.name, use.used) == ("x", useful)
    assert (use.gain > 2 * use.error) == useful
    assert (model.features_.lexicon_ is not None) == useful
    assert model.predict_proba(texts[:3]).shape == (3, 2)


def test_a_model_without_its_useless_lexicon_is_the_one_that_had_none():
    texts, labels, _ = moods(300)
    useless = Lexicon.of("x", {"today": 1.0})
    models = [
        TextClassifier(extras=Extras(one, True)).fit(texts, labels) for one in (useless, None)
    ]
    one, other = (model.predict_proba([*MESSAGES, *texts]).tobytes() for model in models)
    assert one == other
    assert models[1].lexicon_use_ is None


def test_chance_gains_nothing():
    random = np.random.default_rng(3)
    found = []
    for seed in range(40):
        y = random.integers(0, 3, 200)
        start = random.normal(size=(200, 3))
        others, counts = (
            lexicon.standardised_counts(random.poisson(rate, (200, columns)))
            for rate, columns in ((3, 5), (1, 4))
        )
        found.append(lexicon.gain(start, others, counts, y, seed).beyond_chance)
    assert sum(found) <= 4


def test_it_travels_with_the_model():
    texts, labels, values = moods(200)
    model = TextClassifier(extras=Extras(values)).fit(texts, labels)
    again = pickle.loads(pickle.dumps(model))
    assert again.predict_proba(texts).tobytes() == model.predict_proba(texts).tobytes()
    assert model.lexicon_use_.gain is None
