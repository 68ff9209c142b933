import re

import pytest

from common.data.lexicon import VADER, read_lexicon
from common.errors import InputError


def read(folder, content):
    path = folder / "words.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_lexicon(path)


@pytest.mark.parametrize(
    "content",
    [
        "good,1.5\nbad,-2\n",
        "word,value\ngood,1.5\n\nbad,-2\n",
        "good;1.5\r\nbad;-2",
        "\ufeffgood\t1.5\t0.8\t[1, 2]\nbad\t-2\t0.3\t[-2]\n",
        '"good",1.5\nbad,-2\nfed up,-1\n',
        "good,1.5\ngood,1.5\nbad,-2\n",
    ],
    ids=["commas", "names and a blank row", "semicolons", "VADER's form", "quotes", "twice"],
)
def test_two_columns_are_words_and_values(tmp_path, content):
    assert read(tmp_path, content) == {"good": 1.5, "bad": -2.0}


def test_a_word_may_hold_what_stands_between_columns(tmp_path):
    assert read(tmp_path, ";,)\t-1\n:,,1\n") == {";,)": -1.0, ":,": 1.0}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("good,1\nbad\n", "words.csv, row 2: no word with a number: write them as good,1.9."),
        ("good,1\n\nbad,x\n", "words.csv, row 3: no word with a number: write them as good,1.9."),
        ("good,1\nbad,inf\n", "row 2: no word with a number: write them as good,1.9."),
        ("good,1\n,2\n", "row 2: no word with a number: write them as good,1.9."),
        ("good,1\nbad,-1\ngood,2\n", "row 3: the word of row 1 again, with another value."),
        (b"good,1\nsch\xf6n,2\n", "row 2: not UTF-8."),
        ("", "words.csv has no word with a value other than 0."),
        ("fed up,-1\ndull,0\n", "has no word with a value other than 0."),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_row(tmp_path, content, said):
    with pytest.raises(InputError, match=re.escape(said)) as raised:
        read(tmp_path, content)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*words.csv: No such file"):
        read_lexicon(tmp_path / "words.csv")


def test_the_list_that_comes_along_has_its_licence_beside_it():
    words = read_lexicon(VADER)
    assert len(words) > 7000
    assert words["good"] > 0 > words["terrible"]
    assert "C.J. Hutto" in VADER.with_name("LICENSE-vader.txt").read_text()
