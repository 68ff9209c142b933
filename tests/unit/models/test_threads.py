"""Threads that share one loaded model get the answers that one thread gets, bit by bit."""

import pickle
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import numpy as np
import pytest

from common.models import features, legacy, row_cache
from common.models.boosted import TextClassifier
from common.models.embeddings import WordTable
from common.models.extras import Extras
from common.models.lexicon import Lexicon

THREADS, CALLS = 8, 60
STARTS = ("order", "late", "refund", "app", "bill")
WORDS = [f"{start}{end}" for start in STARTS for end in range(400)]


@pytest.fixture(scope="module", params=["words alone", "words with values", "words with vectors"])
def fitted(request):
    chance = random.Random(7)
    texts = [" ".join(chance.choices(WORDS, k=9)) for _ in range(400)]
    known = vectors = None
    if request.param == "words with values":
        known = Lexicon.of("mine", {word: chance.uniform(-3, 3) for word in WORDS[::3]})
    if request.param == "words with vectors":
        numbers = np.random.default_rng(7).normal(size=(len(WORDS), 3)).astype(np.float32)
        vectors = WordTable.of("mine", WORDS, numbers)
    extras = Extras(known, embeddings=vectors)
    return TextClassifier(extras=extras).fit(texts, [text[0] for text in texts])


@pytest.fixture
def switching_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def calls():
    """Messages with words that no other call has, so that caches fill and are cleared."""
    chance = random.Random(11)
    return [
        [" ".join([*chance.choices(WORDS, k=6), f"new{call}x{row}"]) for row in range(20)]
        for call in range(THREADS * CALLS)
    ]


@pytest.mark.parametrize("limit", [10_000, 32_000_000], ids=["small cache", "cache as it is"])
def test_threads_get_the_answers_of_one_thread(fitted, monkeypatch, switching_often, limit):
    monkeypatch.setattr(row_cache.RowCache.__init__, "__defaults__", (limit,))
    classifier = pickle.loads(pickle.dumps(fitted))
    expected = [fitted.predict_proba(texts) for texts in calls()]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(classifier.predict_proba, calls()))
    assert [proba.tobytes() for proba in found] == [proba.tobytes() for proba in expected]


def test_a_model_keeps_few_caches_however_many_threads_have_asked(fitted):
    classifier = pickle.loads(pickle.dumps(fitted))
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(classifier.predict_proba, calls()))
    assert 1 <= len(classifier.features_._idle_caches) <= features.IDLE_CACHES + 1


class Old:
    """As registered before: not to be called by two threads at once."""

    inside = 0

    def predict_proba(self, texts):
        self.inside += 1
        proba = np.full((len(texts), 2), self.inside)
        _ = [text.upper() for text in texts * 50]  # others get their turn
        self.inside -= 1
        return proba

    def predict(self, texts):
        return self.predict_proba(texts)[:, 0]


def test_a_model_of_before_answers_one_call_at_a_time(switching_often):
    classifier = legacy.adapt(Old())
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(classifier.predict, calls()))
    assert {proba.max() for proba in found} == {1}


def test_a_model_of_before_can_be_sent_to_other_processes():
    classifier = cloudpickle.loads(cloudpickle.dumps(legacy.adapt(Old())))
    assert classifier.predict(["a"]).tolist() == [1]


def test_a_model_of_today_is_not_held_up(fitted):
    assert legacy.adapt(fitted).predict_proba.__func__ is TextClassifier.predict_proba
