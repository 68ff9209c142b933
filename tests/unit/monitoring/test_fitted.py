"""Messages that a model was fitted on are known by those it was tested on."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data import split
from common.evaluation import profile
from common.monitoring.fitted import fitted_windows


def messages(first, rows):
    return [f"message {number} of the day" for number in range(first, first + rows)]


def keys_tested(texts, percent):
    return split.keys([text for text in texts if split.bucket(text) < percent])


def window(texts):
    labels = np.full(len(texts), "a", object)
    return profile.of_rows(pa.array(texts, pa.large_string()), labels, labels, np.ones(len(texts)))


@settings(max_examples=20)
@given(st.integers(5, 50), st.integers(0, 10_000))
def test_a_window_of_the_training_file_is_known_and_a_new_one_is_not(percent, first):
    fitted, new = messages(first, 400), messages(first + 400, 400)
    tested = keys_tested(fitted + messages(first - 300, 300), percent)
    windows = {"fitted": window(fitted), "new": window(new)}
    assert fitted_windows(windows, tested, percent) == {"fitted"}


@pytest.mark.parametrize(("copies", "known"), [(40, False), (360, True)])
def test_copies_of_some_messages_do_not_make_a_window_known(copies, known):
    fitted = messages(0, 400)
    mixed = window(fitted[:copies] + messages(900, 400 - copies))
    found = fitted_windows({"day": mixed}, keys_tested(fitted, 20), 20)
    assert bool(found) is known


def test_nothing_is_said_where_nothing_is_known():
    fitted = messages(0, 400)
    assert not fitted_windows({"day": window(fitted)}, None, 20)
    assert not fitted_windows({"day": window(fitted[:20])}, keys_tested(fitted, 20), 20)
    assert not fitted_windows({"day": window([""] * 400)}, keys_tested(fitted, 20), 20)
