import argparse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import flags


@given(st.integers(min_value=1))
@settings(max_examples=50, deadline=None)
def test_any_whole_number_of_at_least_one_is_a_count(number):
    assert flags.positive_int(str(number)) == number


@pytest.mark.parametrize("text", ["", "nowhere/"])
def test_an_output_that_names_no_folder_there_is_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(argparse.ArgumentTypeError, match="there is no folder"):
        flags.file_or_folder(text)
    (tmp_path / "nowhere").mkdir()
    assert flags.file_or_folder("nowhere/").is_dir()


@pytest.mark.parametrize(
    ("text", "expected"), [("a,b", ["a", "b"]), ('"a, b", c', ["a, b", "c"]), ("x", ["x"])]
)
def test_names_are_separated_by_commas(text, expected):
    assert flags.names(text) == expected


@pytest.mark.parametrize("text", ["", " ", "a,,b"])
def test_empty_names_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        flags.names(text)


@pytest.mark.parametrize(("text", "expected"), [("0", 0), ("12", 12)])
def test_a_count_may_be_none(text, expected):
    assert flags.count(text) == expected
    with pytest.raises(argparse.ArgumentTypeError):
        flags.count("-1")
