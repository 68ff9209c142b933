"""New words keep coming in varied messages, as they do in real ones."""

from itertools import chain, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data.synthetic import __main__ as command
from common.data.synthetic.sample import FILE_NAME, KINDS
from common.data.synthetic.variety import varied, word

# Distinct pieces of 1,000 and 8,000 messages of three files of real support messages together.
REAL = {1000: 4_854, 8000: 20_317}


def texts(kind, rows, seed=1):
    blocks = varied(KINDS[kind].blocks(seed), seed)
    return [message.text for message in islice(chain.from_iterable(blocks), rows)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", REAL)
def test_there_are_about_as_many_different_pieces_as_in_real_messages(kind, rows):
    pieces = {piece for text in texts(kind, rows) for piece in text.split()}
    assert len(pieces) == pytest.approx(REAL[rows], rel=0.25)


def test_the_same_seed_gives_the_same_messages_and_another_one_others():
    assert texts("inbound", 3000) == texts("inbound", 6000)[:3000]
    assert texts("inbound", 50) != texts("inbound", 50, seed=2)


def test_short_messages_come_again():
    found = texts("inbound", 8000)
    assert 0.005 < 1 - len(set(found)) / len(found) < 0.05


@given(st.integers(0, 2**50), st.integers(0, 2**50))
def test_each_rank_has_a_word_of_its_own(rank, other):
    assert (word(rank) == word(other)) == (rank == other)


def test_the_command_varies_one_file(tmp_path):
    flags = ["--class", "inbound", "--rows", "20", "--out", str(tmp_path)]
    written = []
    for more in ([], ["--varied"]):
        assert command.main([*flags, *more]) == 0
        written.append((tmp_path / FILE_NAME).read_text().splitlines())
    plain, varied_rows = written
    assert len(plain) == len(varied_rows) == 21
    assert plain != varied_rows


def test_a_history_is_not_varied(tmp_path):
    flags = ["--scenario", "sudden-drift", "--days", "3", "--out", str(tmp_path / "new")]
    with pytest.raises(SystemExit, match="2"):
        command.main([*flags, "--varied"])
