"""Pieces that stand for others have their tokens and statistics; no message loses a word."""

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.models import pieces
from common.models.piece_statistics import statistics
from common.models.text import tokens

WHITE = " \t\n\r\v\f"
# What ids, links and numbers are made of, so that they meet.
MARKS = st.text(st.sampled_from("0123456789@#http:/www.&amp;39!?Aİé \x1c\u2028😡"), max_size=30)
STARTS = st.sampled_from(
    ["", "https://", "http://", "HTTP://", "@", "&#39;", "http:/", "éhttps://"]
)
PIECES = st.tuples(STARTS, st.one_of(MARKS, st.text(max_size=20))).map("".join)


@pytest.fixture(autouse=True, scope="module")
def in_bulk():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pieces, "FEW_PIECES", 0)
        yield


@given(st.lists(PIECES, max_size=8))
@example([])
@example(["", "12345", "", "12345", "67", "890", "1234", ""])
@example(["https://", "https://t.co/Ab1!", "http://123456", "https://\x7f", "https://é"])
@example(["1234&amp;5678", "&#39;12345", "12345&#39", "１２３４５", "12345İ678901"])
@settings(max_examples=300)
def test_what_is_written_to_recur_has_the_same_tokens_and_statistics(several):
    for array in (pa.array(several, pa.string()), pa.array(["12345", *several]).slice(1)):
        recurring = pieces._recurring(array).to_pylist()
        assert [tokens(piece) for piece in recurring] == [tokens(piece) for piece in several]
        assert [statistics(piece) for piece in recurring] == list(map(statistics, several))


@pytest.mark.parametrize(
    ("some", "others"),
    [
        ("@115712", "@115999"),
        ("order:1234567!", "order:1239999!"),
        ("https://t.co/A1b2c", "http://t.co/xY9/7z"),
        ("(07912345678)", "(07911112222)"),
    ],
)
def test_ids_links_and_long_numbers_are_one_piece(some, others):
    assert len(pieces.split([some, others]).distinct) == 1


@pytest.mark.parametrize(
    ("some", "others"), [("@115712", "@116712"), ("1234", "1235"), ("https://a", "https://a!")]
)
def test_what_the_model_tells_apart_stays_apart(some, others):
    assert len(pieces.split([some, others]).distinct) == 2


@given(st.text(max_size=60))
@settings(max_examples=100)
def test_splitting_at_white_space_first_changes_no_token(message):
    found = pieces.split([message])
    split = [token for at in found.index for token in tokens(found.distinct[at])]
    assert split == tokens(message)


@given(
    st.lists(
        st.lists(PIECES.filter(lambda piece: piece and not set(piece) & set(WHITE)), max_size=5)
    )
)
@settings(max_examples=100)
def test_a_message_has_its_pieces_in_order(messages):
    found = pieces.split(pa.array(["x", *map(" ".join, messages)], pa.large_string()).slice(1))
    assert len(set(found.distinct)) == len(found.distinct)
    assert len(found) == len(messages)
    for row, message in enumerate(messages):
        index = found.index[found.offsets[row] : found.offsets[row + 1]]
        assert [statistics(found.distinct[at]) for at in index] == [
            statistics(piece) for piece in message or [""]
        ]


def test_a_message_is_read_up_to_its_limit_whatever_its_letters_are():
    words = "né😡 " * (pieces.MESSAGE_CHARACTERS // 4)
    found = pieces.split([words + "late", "né"])
    assert [piece for piece in found.distinct if piece] == ["né😡", "né"]
    assert tokens(words + "late")[-1] == "😡"


@given(
    st.lists(st.text(max_size=12), max_size=9), st.integers(1, 4), st.integers(0, 20), st.booleans()
)
@settings(max_examples=200)
def test_batches_have_all_messages_in_order_and_are_small(messages, rows, size, sliced):
    array = pa.array(["before", *messages], pa.large_string()).slice(1)
    found = pieces.batches(array if sliced else messages, rows, size)
    assert [each for part in found for each in part.to_pylist()] == messages
    assert len(found) >= 1
    for part in found:
        assert len(part) <= rows
        assert len(part) == 1 or sum(len(each.encode()) for each in part.to_pylist()) <= size
