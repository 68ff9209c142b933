"""A feed is named by what makes windows comparable, and by nothing else."""

import doctest
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.monitoring import feed as feeds
from common.monitoring.feed import Feed, feed_text, source_of
from common.monitoring.windows import Length

FEED = Feed("triage", "champion", "days", "1 days", 0.8)


def test_examples():
    assert doctest.testmod(feeds).failed == 0


@pytest.mark.parametrize(
    "other",
    [
        {"model": "urgency"},
        {"watched": "latest"},
        {"source": "other"},
        {"window": "7 days"},
        {"floor": 0.6},
    ],
)
def test_all_that_differs_makes_another_feed(other):
    assert replace(FEED, **other).key != FEED.key


@given(st.lists(st.text(), min_size=8, max_size=8))
def test_no_two_feeds_have_one_key_and_each_key_is_plain(texts):
    one, other = Feed(*texts[:4]), Feed(*texts[4:])
    assert (one.key == other.key) is (one == other)
    assert one.key.isascii() and one.key.isprintable()
    assert feed_text(one.key) == str(one)


@pytest.mark.parametrize("length", [Length(days=1), Length(rows=500)])
def test_files_of_other_days_are_one_source(tmp_path, length):
    names = ["day-2026-03-01.csv", "day-2026-12-31.csv"]
    assert len({source_of(tmp_path / name, length, Path("/none")) for name in names}) == 1
    assert source_of(tmp_path / "night-1.csv", length, Path("/none")).endswith("/night-#.csv")


def test_whole_files_are_compared_with_those_of_their_folder(tmp_path):
    folder = source_of(tmp_path, Length(), Path("/none"))
    assert source_of(tmp_path / "a.csv", Length(), Path("/none")) == folder == str(tmp_path)


def test_a_project_may_move(tmp_path):
    sources = set()
    for root in (tmp_path / "here", tmp_path / "there"):
        root.mkdir()
        sources.add(source_of(root / "data" / "a.csv", Length(days=1), root))
    assert sources == {"data/a.csv"}
