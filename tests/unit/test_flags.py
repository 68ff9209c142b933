import argparse
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import flags
from common.errors import SettingsError


@given(st.integers(min_value=1))
@settings(max_examples=50)
def test_any_whole_number_of_at_least_one_is_a_count(number):
    assert flags.positive_int(str(number)) == number


@pytest.mark.parametrize(
    ("given", "is_folder"), [("-o scored/", True), ("-o scored.csv", False), ("", False)]
)
def test_a_slash_at_the_end_of_an_output_means_a_folder(given, is_folder):
    parser = flags.build_parser("Doc.", "predict.py", [])
    flags.add_scoring(parser)
    args = parser.parse_args(["in.csv", *given.split()])
    assert args.output_is_folder is is_folder
    assert args.output == (Path(given.split()[1]) if given else None)


def test_an_output_without_a_name_is_refused():
    parser = flags.build_parser("Doc.", "predict.py", [])
    flags.add_scoring(parser)
    with pytest.raises(SettingsError, match="must be a file or a folder"):
        parser.parse_args(["in.csv", "-o", ""])


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
