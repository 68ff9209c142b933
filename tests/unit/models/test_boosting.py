"""Trees that start from scaled scores: what they must not lose, and when there are none."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from common.models.boosted import MANY_CLASSES, TextClassifier
from common.models.boosting import Rows, fit_trees
from common.models.extras import Extras
from common.models.softmax import class_scores, cross_entropy, smoothed_loss, softmax_scale


def scored(rows, classes, noise, seed=0):
    """Scores that are right about most rows, and the classes."""
    random = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), random.integers(0, classes, rows - classes)])
    return np.eye(classes)[y] + noise * random.normal(size=(rows, classes)), y


@given(st.integers(2, 12), st.floats(0.3, 2), st.floats(0.1, 10), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_no_other_scale_has_a_lower_loss(classes, noise, unit, seed):
    scores, y = scored(120, classes, noise, seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2, len(y))
    best = softmax_scale(unit * scores, y, weights)
    losses = [
        smoothed_loss(best * factor * unit * scores, y, weights) for factor in (1, 0.9, 1.1, 0.5, 2)
    ]
    assert min(losses) == pytest.approx(losses[0], abs=1e-5)


def test_no_answer_is_certain_where_the_scores_get_every_row_right():
    scores, y = scored(50, 3, 0.01)
    proba = softmax(softmax_scale(scores, y, np.ones(50)) * scores, axis=1)
    assert 0.9 < proba.max(axis=1).min() < proba.max() < 0.999


def test_a_score_of_two_classes_becomes_one_for_each():
    assert class_scores(np.array([[2.0], [-1.0]])).tolist() == [[-1, 1], [0.5, -0.5]]


@pytest.mark.parametrize("rows", [200, 1500], ids=["cross-validated", "a tenth held out"])
def test_there_is_no_tree_where_columns_are_noise(rows):
    scores, y = scored(rows, 12, 0.5)
    noise = np.random.default_rng(5).normal(size=(rows, 3)).astype(np.float32)
    start = softmax_scale(scores, y, np.ones(rows)) * scores
    found = fit_trees(Rows(start, noise, y, np.ones(rows)), 7)
    raw = 0 if found is None else found.predict(noise, prediction_type="RawFormulaVal")
    assert found is None or np.abs(raw).max() < 1, "hardly anything is learnt"


@pytest.mark.parametrize("rows", [200, 1500], ids=["cross-validated", "a tenth held out"])
def test_trees_learn_what_the_scores_do_not_know(rows):
    scores, y = scored(rows, 4, 2.0)
    telling = (y + 0.1 * np.random.default_rng(5).normal(size=rows)).astype(np.float32)[:, None]
    weights = np.ones(rows)
    start = softmax_scale(scores, y, weights) * scores
    raw = fit_trees(Rows(start, telling, y, weights), 7).predict(
        telling, prediction_type="RawFormulaVal"
    )
    assert cross_entropy(start + raw, y, weights) < 0.5 * cross_entropy(start, y, weights)


@pytest.mark.parametrize("rows", [60, 1200])
def test_a_class_with_a_single_row_is_no_obstacle(rows):
    scores, y = scored(rows, 5, 0.5)
    y[y == 3] = 2
    y[0] = 3
    y[1] = 0
    found = fit_trees(Rows(scores, scores.astype(np.float32), y, np.ones(rows)), 7)
    assert found is None or found.predict(scores, prediction_type="RawFormulaVal").shape == (
        rows,
        5,
    )


def brands(rows, classes=MANY_CLASSES, seed=3):
    """Messages of some words that speak for one class each, among others."""
    random = np.random.default_rng(seed)
    words = [f"{a}{b}r" for a in "bdfgklmnprst" for b in "aeiou"]
    y = np.arange(rows) % classes
    texts = [
        " ".join([*random.choice(words[2 * k : 2 * k + 3], 2), *random.choice(words, 5)]) for k in y
    ]
    return texts, np.array([f"brand {k:02d}" for k in y], object)


@pytest.fixture(scope="module", params=[None, "balanced"], ids=["plain", "balanced"])
def many(request):
    texts, labels = brands(400)
    return TextClassifier(class_weight=request.param).fit(texts, labels)


def test_many_classes_are_told_apart_at_least_as_by_the_scores(many):
    texts, labels = brands(600, seed=11)
    scores = many.features_.transform(texts)[:, : len(many.classes_)]
    by_scores = (many.classes_[scores.argmax(axis=1)] == labels).mean()
    assert (many.predict(texts) == labels).mean() > by_scores - 0.01


def test_the_answer_is_the_softmax_of_the_scaled_scores_and_the_trees(many):
    texts, _ = brands(50, seed=2)
    features = many.features_.transform(texts)
    logits = many.scale_ * features[:, : len(many.classes_)].astype(float)
    if many.catboost_ is not None:
        logits += many.catboost_.predict(features, prediction_type="RawFormulaVal")
    assert many.predict_proba(texts) == pytest.approx(softmax(logits, axis=1))


def test_the_start_is_taken_with_few_rows_or_many_classes(monkeypatch):
    # Where a stored model was loaded in this process, the class has functions of its own.
    monkeypatch.setitem(TextClassifier._fit_answers.__globals__, "FEW_ROWS", 100)
    few_rows, rows = brands(90, classes=3), brands(150, classes=3)
    assert TextClassifier().fit(*few_rows).scale_ is not None
    assert TextClassifier().fit(*rows).scale_ is None
    assert TextClassifier().fit(*brands(150)).scale_ is not None
    assert TextClassifier(extras=Extras(scaled_start=False)).fit(*brands(150)).scale_ is None


def test_a_model_of_before_the_start_answers_as_it_did():
    texts, labels = brands(120, classes=3)
    model = TextClassifier(extras=Extras(scaled_start=False)).fit(texts, labels)
    expected = model.catboost_.predict_proba(model.features_.transform(texts))
    new = {
        *("scale_", "unseen_", "lexicon_use_", "extras"),
        *("embeddings_use_", "embedding_", "embedding_gain_", "lexicon_", "gain_"),
    }
    state, features = dict(vars(model)), dict(vars(model.features_))
    for name in new:
        state.pop(name, None)
        features.pop(name, None)
    old = object.__new__(TextClassifier)
    vars(old).update(state)
    vars(old.features_).clear()
    vars(old.features_).update(features)
    again = pickle.loads(pickle.dumps(old))
    assert again.predict_proba(texts).tobytes() == expected.tobytes()


def test_what_is_said_of_rows_not_seen_stays_out_of_the_stored_model():
    texts, labels = brands(300, classes=3)
    texts[4], labels[4] = "bar ber bir", "brand 02"
    model = TextClassifier().fit(texts, labels)
    assert model.unseen_.label_proba.shape == model.unseen_.likeliest.shape == (300,)
    assert model.unseen_.label_proba[4] < 0.1
    assert model.unseen_.likeliest[4] == "brand 00"
    assert not hasattr(pickle.loads(pickle.dumps(model)), "unseen_")
