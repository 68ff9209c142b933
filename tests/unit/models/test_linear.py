"""Probabilities of scores and statistics by a regression, with and without vectors."""

import numpy as np
import pytest

from common.models.boosted import TextClassifier
from common.models.embeddings import WordTable
from common.models.extras import Extras
from common.models.linear import LinearClassifier, _regression, _scales
from common.models.softmax import cross_entropy


def chance(rows, classes, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(rows, classes)), random.integers(0, classes, rows)


def test_columns_that_tell_nothing_are_not_weighed():
    x, y = chance(200, 3)
    assert _regression(np.zeros((200, 3)), x, y, np.ones(200), 1) is None


def test_columns_that_tell_the_class_lower_the_loss():
    x, y = chance(200, 3)
    x[np.arange(200), y] += 1
    start, weights = np.zeros((200, 3)), np.ones(200)
    found = _regression(start, x, y, weights, 1)
    assert cross_entropy(x @ found, y, weights) < 0.9 * cross_entropy(start, y, weights)


def test_scores_that_tell_nothing_get_no_scale():
    noise, y = chance(300, 3)
    useful = np.eye(3)[y] + chance(300, 3, seed=1)[0]
    a, b = _scales([useful, noise], y, np.ones(300, np.float32), 1.0)
    assert a > 0.5
    assert b < 0.2 * a


@pytest.fixture(scope="module")
def moods():
    """Messages with a word that no other has, and vectors that know its mood."""
    random = np.random.default_rng(1)
    found = random.integers(0, 2, 300)
    words = ["".join(random.choice([*"abcdefghijklmnopqrstuvwxyz"], 6)) for _ in found]
    vectors = random.normal(size=(300, 5)).astype(np.float32)
    vectors[:, 2] += np.where(found, 2, -2)
    return [f"{word} today" for word in words], found.astype(str), WordTable.of("x", words, vectors)


def test_vectors_tell_of_words_that_training_had_not(moods):
    texts, labels, table = moods
    fitted = LinearClassifier(extras=Extras(embeddings=table)).fit(texts[:200], labels[:200])
    assert (fitted.predict(texts[200:]) == labels[200:]).mean() > 0.9
    assert fitted.scales_.shape == (2,)
    assert fitted.embeddings_use_.gain > 0


def test_reasons_are_those_of_the_scores_that_boosted_stands_on():
    texts, labels = ["late refund", "thanks friend", "late parcel"] * 20, ["a", "b", "a"] * 20
    one, other = (kind().fit(texts, labels) for kind in (LinearClassifier, TextClassifier))
    proba = one.predict_proba(texts[:3])
    assert one.explain(texts[:3], proba) == other.explain(texts[:3], proba)
