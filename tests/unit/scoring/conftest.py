"""A small model, and a function that scores one file with it."""

from functools import partial

import pytest
import scoring_helpers


@pytest.fixture(scope="session")
def model():
    return scoring_helpers.make_model()


@pytest.fixture
def score(model):
    return partial(scoring_helpers.score, model)
