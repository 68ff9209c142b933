"""The model's parts keep scikit-learn's contract, as far as it speaks of texts."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.utils import estimator_checks, get_tags

from common.models.boosted import TextClassifier
from common.models.features import MessageFeatures
from common.models.linear import LinearClassifier
from common.models.scored import ScoredTextClassifier
from common.models.text import WordCounts

ESTIMATORS = pytest.mark.parametrize(
    "estimator",
    [WordCounts(min_count=1), MessageFeatures(min_count=1), TextClassifier(), LinearClassifier()],
    ids=lambda estimator: type(estimator).__name__,
)
# All of scikit-learn's checks that do not fit on a matrix of numbers.
CHECKS = [
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_estimators_unfitted,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
]
TEXTS = [
    "where is my order?!",
    "sorry to hear that",
    "",
    "still WAITING 😡",
    "please send a DM",
] * 8
Y = np.array([1, 0, 0, 1, 0] * 8)


def labels(estimator):
    return np.array(["no", "yes"])[Y] if isinstance(estimator, ScoredTextClassifier) else Y


def answer(estimator, texts):
    if isinstance(estimator, ScoredTextClassifier):
        return estimator.predict_proba(texts)
    found = estimator.transform(texts)
    return found.toarray() if sp.issparse(found) else found


@ESTIMATORS
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_scikit_learns_check_passes(estimator, check):
    assert check(type(estimator).__name__, clone(estimator)) is None


@ESTIMATORS
def test_tags_say_that_texts_are_wanted(estimator):
    tags = get_tags(estimator).input_tags
    assert (tags.string, tags.two_d_array) == (True, False)


@ESTIMATORS
def test_fitting_twice_gives_the_same(estimator):
    first = clone(estimator).fit(TEXTS, labels(estimator))
    expected = answer(first, TEXTS)
    assert np.array_equal(answer(first.fit(TEXTS, labels(estimator)), TEXTS), expected)


@ESTIMATORS
def test_fitting_returns_itself_and_keeps_its_parameters(estimator):
    fresh = clone(estimator)
    assert fresh.fit(TEXTS, labels(estimator)) is fresh
    assert fresh.get_params() == estimator.get_params()


@ESTIMATORS
def test_what_is_learnt_ends_in_an_underscore_and_answering_learns_nothing(estimator):
    fitted = clone(estimator).fit(TEXTS, labels(estimator))
    public = {name for name in vars(fitted) if not name.startswith("_")}
    learnt = public - set(fitted.get_params())
    assert learnt
    assert all(name.endswith("_") for name in learnt)
    answer(fitted, ["words that it has not met"])
    assert {name for name in vars(fitted) if not name.startswith("_")} == public


@ESTIMATORS
def test_answers_come_by_row_in_any_order(estimator):
    fitted = clone(estimator).fit(TEXTS, labels(estimator))
    order = np.random.default_rng(0).permutation(len(TEXTS))
    shuffled = answer(fitted, [TEXTS[at] for at in order])
    assert shuffled == pytest.approx(answer(fitted, TEXTS)[order], abs=1e-6)


@ESTIMATORS
def test_labels_are_needed_where_they_are_learnt_from(estimator):
    fresh = clone(estimator)
    if isinstance(estimator, WordCounts):
        assert fresh.fit(TEXTS) is fresh
    else:
        with pytest.raises((TypeError, ValueError)):
            fresh.fit(TEXTS, None)
