"""What is remembered by piece gives the scores that the whole matrix of counts gives."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import LinearSVC

from common.models import features as module
from common.models import linear_scores
from common.models.features import MessageFeatures
from common.models.piece_statistics import STATISTICS
from common.models.text import WordCounts

TRAIN = [
    *(
        "where is my order?!",
        "WORST service ever 😡",
        "still waiting... #fail",
        "@shop it's broken",
    ),
    *("Sorry to hear that.", "please send us a DM", "thanks for reaching out", "happy to help 🙂"),
] * 4
Y = np.array(([1] * 4 + [0] * 4) * 4)


@pytest.fixture(scope="module", params=[2, 3], ids=["two classes", "three classes"])
def fitted(request):
    y = Y if request.param == 2 else np.where(np.arange(len(Y)) % 8 == 3, 2, Y)
    return MessageFeatures(min_count=1).fit(TRAIN, y)


def scores_of_the_matrix(features, texts):
    counts = features.counts_.counts(texts)
    tokens = np.maximum(counts.tokens.sum(axis=1), 1)[:, None]
    product = counts.matrix() @ features.linear_.coefficients
    return product / np.sqrt(tokens) + features.linear_.intercept


@given(
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.lists(st.sampled_from([*TRAIN, "order?!", "us a", "\u3000"]), max_size=4).map(
                " ".join
            ),
        ),
        max_size=6,
    )
)
@settings(max_examples=100)
def test_scores_equal_those_of_the_matrix(fitted, texts):
    expected = scores_of_the_matrix(fitted, texts)
    found = fitted.transform(texts)[:, : expected.shape[1]]
    assert found == pytest.approx(expected, abs=1e-5)


@given(st.lists(st.sampled_from([*TRAIN, "", "new words", "!!"]), min_size=1, max_size=12))
@settings(max_examples=50)
def test_a_message_has_the_same_features_in_any_chunk(fitted, texts):
    together = fitted.transform(texts)
    alone = np.vstack([fitted.transform([message]) for message in texts])
    assert together.tobytes() == alone.tobytes()


def test_each_column_has_a_name(fitted):
    names = fitted.get_feature_names_out().tolist()
    table = fitted.transform(["it is LATE!!"])
    assert (table.shape, table.dtype) == ((1, len(names)), np.float32)
    assert names[-1] == "tokens"
    assert table[0, names.index("exclamation marks")] == 2
    assert table[0, names.index("capitals")] == 4
    assert set(STATISTICS) < set(names)


def test_a_pickle_holds_no_cache_and_gives_the_same_features(fitted):
    fitted.transform([f"word{k}" for k in range(5000)])
    stored = pickle.dumps(fitted)
    assert b"word4321" not in stored
    again = pickle.loads(stored).transform(TRAIN)
    assert again.tobytes() == fitted.transform(TRAIN).tobytes()


def test_training_rows_are_scored_by_models_that_have_not_seen_them():
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice([*"abcdefghijklmnop"], 9)) for _ in range(200)]
    y = random.integers(0, 2, 200)
    features = MessageFeatures(min_count=1)
    unseen = features.fit_transform(texts, y)[:, 0] > 0
    assert (unseen == y).mean() < 0.65
    assert ((features.transform(texts)[:, 0] > 0) == y).mean() > 0.85


def test_a_class_of_one_row_is_scored_low_where_it_was_not_seen():
    y = np.where(np.arange(len(Y)) == 5, 2, Y)
    assert MessageFeatures(min_count=1).fit_transform(TRAIN, y)[5, 2] < 0


def test_the_linear_model_is_liblinears():
    cost, signs = 0.01, 2.0 * Y - 1
    counts = WordCounts(min_count=1).fit_counts(TRAIN)
    matrix = counts.matrix()

    def loss(weights, intercept):
        slack = np.maximum(0, 1 - signs * (matrix @ weights + intercept))
        return weights @ weights / 2 + cost * (slack**2).sum()

    factors = linear_scores._Factors(counts, np.ones(len(Y)), np.ones(matrix.shape[1]))
    ours = linear_scores._squared_hinge(factors, signs[:, None], np.full(len(Y), cost), 500, 1e-8)
    theirs = LinearSVC(C=cost, intercept_scaling=1000, tol=1e-8, max_iter=100_000, dual=False)
    theirs.fit(matrix, Y)
    assert ours[0][:, 0] == pytest.approx(theirs.coef_[0], abs=2e-3)
    assert loss(ours[0][:, 0], ours[1][0]) < 1.001 * loss(theirs.coef_[0], theirs.intercept_[0])


@given(st.lists(st.sampled_from([*TRAIN, "", "new words", "is my is my"]), min_size=1, max_size=5))
@settings(max_examples=30)
def test_contributions_and_the_intercept_add_up_to_the_score(fitted, texts):
    k = len(fitted.linear_.intercept)
    scores = fitted.transform(texts)[:, :k]
    for column in range(k):
        directions = np.tile(np.eye(k)[column], (len(texts), 1))
        found = fitted.contributions(texts, directions)
        sums = [sum(weight for _, weight in words) for words in found]
        assert sums == pytest.approx(scores[:, column] - fitted.linear_.intercept[column], abs=1e-5)


def test_a_text_without_pairs_is_explained():
    features = MessageFeatures(min_count=2).fit(
        ["good a", "bad b", "good c", "bad d"], np.array([1, 0] * 2)
    )
    assert len(features.counts_.pairs_) == 0
    (found,) = features.contributions(["good good"], np.ones((1, 1)))
    assert found[0][0] == "good"
    assert found[0][1] > 0


def test_many_rows_have_the_features_of_few(fitted, monkeypatch):
    expected = fitted.transform(TRAIN)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    assert fitted.transform(TRAIN).tobytes() == expected.tobytes()


def test_a_cache_that_a_failed_call_left_half_filled_is_not_used_again(fitted, monkeypatch):
    expected = fitted.transform(TRAIN).tobytes()

    def fail(self, pieces, word_cache):
        raise MemoryError

    with monkeypatch.context() as patched, pytest.raises(MemoryError):
        patched.setattr(MessageFeatures, "_piece_values", fail)
        fitted.transform(["unheard of"])
    assert fitted.transform(TRAIN).tobytes() == expected


def test_answers_are_the_same_bits_whatever_is_read_at_once(fitted, monkeypatch):
    texts = [*TRAIN, "", "new words", "word " * 300, "x" * 5000, "é😡 " * 50]
    whole = fitted.transform(texts)
    directions = np.ones((len(texts), len(fitted.linear_.intercept)))
    reasons = fitted.contributions(texts, directions)
    monkeypatch.setattr(module, "BYTES_AT_ONCE", 100)
    assert fitted.transform(texts).tobytes() == whole.tobytes()
    assert fitted.contributions(texts, directions) == reasons
