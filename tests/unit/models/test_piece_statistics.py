"""Many pieces are counted as each of them."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.models import piece_statistics as module
from common.models.piece_statistics import STATISTICS, piece_statistics, statistics

# The ends of the ranges of emoji, and their neighbours in UTF-8.
EMOJI = "\u25ff\u2600\u263a\u27bf\u27c0\U0001f2ff\U0001f300\U0001f621\U0001faff\U0001fb00"
CHARACTERS = st.one_of(
    st.characters(exclude_characters="\n", exclude_categories=["Cs"]),
    st.sampled_from(EMOJI + "@#!?A0aİßǅΣéＡ\x1c\u2028"),
)
STARTS = st.sampled_from(["", "@", "#", "http://", "https://", "HTTP://"])
PIECES = st.tuples(STARTS, st.text(CHARACTERS, max_size=12)).map("".join)


@given(st.lists(PIECES, max_size=12))
@example([])
@example(["", "", "@", "A", "É", "ǅ"])
@example(["\U0001f621", "\u2600", "\U00013001\u2e98"])
@settings(max_examples=300)
def test_many_pieces_are_counted_as_each_of_them(several):
    expected = np.array([statistics(piece) for piece in several], float).reshape(-1, 11)
    with pytest.MonkeyPatch.context() as patched:
        for few in (0, 100):
            patched.setattr(module, "FEW", few)
            found = piece_statistics(several)
            assert (found.dtype, found.shape) == (np.float64, (len(several), len(STATISTICS)))
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        ("Help!!", {"characters": 6, "exclamation marks": 2, "capitals": 1}),
        ("why??", {"characters": 5, "question marks": 2}),
        ("@ann", {"characters": 4, "mentions": 1}),
        ("@", {"characters": 1}),
        ("#fail", {"characters": 5, "hashtags": 1}),
        ("https://a.b", {"characters": 11, "links": 1}),
        ("a3:4.5", {"characters": 6, "digits": 3}),
        ("NOT", {"characters": 3, "capitals": 3, "pieces in capitals": 1}),
        ("😡👍☹", {"characters": 3, "emoji": 3}),
    ],
)
def test_statistics_of_a_piece(piece, expected):
    found = dict(zip(STATISTICS, statistics(piece), strict=True))
    assert {name: count for name, count in found.items() if count} == expected | {"pieces": 1}
