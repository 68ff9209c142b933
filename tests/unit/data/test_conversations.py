"""Conversations are found whatever the order of their messages, and never torn apart."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data import split
from common.data.columns import MessageColumns
from common.data.conversations import Joined, ReplyColumns, conversations, join
from common.data.labelled import read_split
from common.data.reading import FIND_OUT
from common.errors import InputError, MissingColumn, SettingsError
from common.models.context import message
from common.pipelines.context import ContextRequest, run

COLUMNS = ReplyColumns("text", "id", "to")
ROWS = """id,text,to
3,"yes, ""still"" broken",2.0
1,it is broken,
2,Did it help?,1.0
4,me too,9.0
5,and me,9
,who are you,
6, ,1
7,a\x1eb,4
"""


@pytest.fixture
def joined(tmp_path):
    path, output = tmp_path / "a.csv", tmp_path / "a.parquet"
    path.write_text(ROWS, newline="")
    done = join(path, output, COLUMNS, FIND_OUT, lambda rows: None)
    return done, pd.read_parquet(output)


def test_each_message_has_the_one_that_it_answers_and_its_conversation(joined):
    done, table = joined
    assert done == Joined(rows=8, found=4, missing=2, conversations=3, rejects=0)
    assert table["text"].tolist()[:2] == ['yes, "still" broken', "it is broken"]
    assert table["to"].tolist()[0] == "2.0", "what was there stays as it was"
    parts = [text.split("\x1e") for text in table["text_in_context"]]
    assert [(own[0], *own[1:2]) for own in parts] == [
        ('yes, "still" broken', "Did it help?"),
        ("it is broken", ""),
        ("Did it help?", "it is broken"),
        ("me too", ""),
        ("and me", ""),
        ("who are you", ""),
        ("",),
        ("a b", "me too"),
    ]
    numbers = table["conversation"].tolist()
    assert [own[2] for own in parts if len(own) == 3] == numbers[:6] + numbers[7:]
    assert numbers[0] == numbers[1] == numbers[2] == numbers[6]
    assert numbers[3] == numbers[4] == numbers[7], "they answer the same message, which is missing"
    assert len(set(numbers)) == 3


def test_rows_that_cannot_be_read_are_kept_beside(tmp_path):
    path, output = tmp_path / "a.csv", tmp_path / "a.parquet"
    path.write_text("id,text,to\n1,hello,\n2,a,b,c\n")
    assert join(path, output, COLUMNS, FIND_OUT, lambda rows: None).rejects == 1
    rejects = (tmp_path / "a.parquet.rejects.csv").read_text()
    assert rejects.splitlines()[1].startswith("3,")
    assert "a,b,c" in rejects


def test_rejects_are_utf8_whatever_the_locale_is(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text,to\n1,hello,\n2,a,é😀,c\n", encoding="utf-8")
    code = (
        "from pathlib import Path; from common.data.conversations import ReplyColumns, join; "
        "from common.data.reading import FIND_OUT; "
        "join(Path('a.csv'), Path('a.parquet'), ReplyColumns('text', 'id', 'to'), FIND_OUT, print)"
    )
    latin = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    latin["PYTHONPATH"] = str(ROOT)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=latin, check=True)
    assert "2,a,é😀,c" in (tmp_path / "a.parquet.rejects.csv").read_text("utf-8")


def test_an_output_is_never_there_without_its_rejects(tmp_path):
    path, output = tmp_path / "a.csv", tmp_path / "a.parquet"
    path.write_text("id,text,to\n1,hello,\n2,a,b,c\n")
    (tmp_path / "a.parquet.rejects.csv").mkdir()
    with pytest.raises(InputError, match=r"a\.parquet\.rejects\.csv is not a regular file"):
        join(path, output, COLUMNS, FIND_OUT, lambda rows: None)
    assert not output.exists()


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("id,text\n1,a\n", MissingColumn, "REPLY_COLUMN"),
        ("id,text,to,conversation\n1,a,,x\n", InputError, "has a column conversation already"),
    ],
)
def test_what_cannot_be_joined_is_refused_before_anything_is_written(tmp_path, text, error, said):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(error, match=said):
        join(path, tmp_path / "a.parquet", COLUMNS, FIND_OUT, lambda rows: None)
    assert [found.name for found in tmp_path.iterdir()] == ["a.csv"]
    with pytest.raises(SettingsError, match=r"must end in \.parquet, not 'a\.txt'"):
        run(ContextRequest(path, tmp_path / "a.txt"))


@given(st.lists(st.integers(0, 30), max_size=30))
@settings(max_examples=60)
def test_messages_that_hang_together_are_one_conversation(answered):
    ids = np.arange(1, len(answered) + 1, dtype=np.uint64)
    found = conversations(ids, np.array(answered, np.uint64)).tolist()
    groups = {number: {number} for number in range(31)}
    for own, other in enumerate(answered, 1):
        if other:
            groups[own] |= groups[other]
            for member in groups[own]:
                groups[member] = groups[own]
    for own in range(1, len(answered) + 1):
        together = {k for k in range(1, len(answered) + 1) if found[k - 1] == found[own - 1]}
        assert together == groups[own] & set(range(1, len(answered) + 1))
        assert found[own - 1] in groups[own]


def test_a_later_answer_does_not_move_a_conversation():
    ids, answered = np.array([5, 3], np.uint64), np.array([9, 5], np.uint64)
    more = conversations(np.append(ids, ids[:1] - 4), np.append(answered, ids[1:]))
    assert more.tolist() == [9, 9, 9]
    assert conversations(ids, answered).tolist() == [9, 9]


def test_a_conversation_is_on_one_side_and_no_copy_of_a_message_on_both(tmp_path):
    rows = [
        f"{text}\x1e{answered}\x1e{talk * 7919:016x},{mood}"
        for talk in range(100)
        for text, answered, mood in (
            (f"my order {talk} is late", "", "bad"),
            (f"sorry for {talk}", f"my order {talk} is late", "good"),
            ("thanks a lot", f"sorry for {talk}", "good"),
        )
    ]
    path = tmp_path / "a.csv"
    path.write_text("t,mood\n" + "\n".join(rows) + "\n")
    train, holdout, _ = read_split(path, MessageColumns("t", "mood"), 30)
    sides = [{text[-16:] for text in side.texts} for side in (train, holdout)]
    assert sides[0].isdisjoint(sides[1])
    own = [{message(text) for text in side.texts} for side in (train, holdout)]
    assert own[0].isdisjoint(own[1])
    assert "thanks a lot" in own[0]
    assert len(holdout) == 2 * len(sides[1]), "of each conversation all but the copy"
    assert (split.keys(holdout.texts) % 100 < 30).all()
    assert split.by_conversation(holdout.texts)


@given(st.text(st.sampled_from("ab \x1e0f"), max_size=40))
def test_other_texts_with_separators_are_split_by_all_of_their_words(text):
    assert split.by_conversation([text]) == (message(text) != text)
    if not split.by_conversation([text]):
        plain = split.keys([text.replace("\x1e", " ")])
        assert (split.keys([text]) == plain).all()
