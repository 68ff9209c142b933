import gzip
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.data import word_vectors
from common.data.word_vectors import read_word_vectors
from common.errors import InputError

EXPECTED = [("good", [1.5, -2.0]), ("bad", [0.0, 3e-05])]


def read(folder, content, most=None):
    path = folder / "words.vec"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_word_vectors(path, most)


def pairs(found):
    return list(zip(found.words, found.vectors.astype(float).round(9).tolist(), strict=True))


@pytest.mark.parametrize(
    "content",
    [
        "good 1.5 -2\nbad 0 3e-05\n",
        "2 2\ngood 1.5 -2 \nbad 0 3e-05 \n",
        "\ufeffgood\t1.5\t-2\r\n\nbad\t0\t3e-05",
        "good 1.5 -2\nnew york 1 1\nbad 0 3e-05\n",
        b"good 1.5 -2\nsch\xf6n 1 1\nbad 0 3e-05\n",
        gzip.compress(b"2 2\ngood 1.5 -2\nbad 0 3e-05\n"),
    ],
    ids=["plain", "word2vec", "tabs", "two words", "not UTF-8", "compressed"],
)
def test_a_line_is_a_word_and_its_numbers(tmp_path, content):
    assert pairs(read(tmp_path, content)) == EXPECTED


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float32(), 2)],
    ids=str,
)
def test_parquet_has_a_column_of_words_and_one_of_lists(tmp_path, kind):
    words, vectors = zip(("new york", [1.0, 1.0]), *EXPECTED, strict=True)
    table = pa.table({"word": words, "more": [1, 2, 3], "vector": pa.array(vectors, kind)})
    pq.write_table(table, tmp_path / "words.parquet")
    assert pairs(read_word_vectors(tmp_path / "words.parquet")) == EXPECTED


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("good 1 2\nbad 1\n", "words.vec, line 2: not a word and 2 finite numbers, as in: good 0"),
        ("good 1 2\nbad 1 2 3\n", "line 2: not a word and 2 finite numbers"),
        ("good 1 2\n\nbad 1 x\n", "line 3: not a word and 2 finite numbers"),
        ("good 1 2\nbad 1 nan\n", "line 2: not a word and 2 finite numbers"),
        ("9 3\ngood 1 2\n", "line 2: not a word and 3 finite numbers"),
        ("good,1,2\n", "line 1: not a word and some finite numbers"),
        ("text,mood\nall is lost,bad\n", "line 1: not a word and some finite numbers"),
        ("", "words.vec has no word with numbers."),
        (gzip.compress(b"good 1 2\n" * 99, mtime=0)[:30], "cannot read "),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(tmp_path, content, said):
    with pytest.raises(InputError, match=re.escape(said)) as raised:
        read(tmp_path, content)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        ([[1.0, 2.0], None], "row 2: not a word and 2 finite numbers"),
        ([[1.0, 2.0], [1.0]], "row 2: not a word and 2 finite numbers"),
        ([[1.0, 2.0], [1.0, None]], "row 2: not a word and 2 finite numbers"),
        ([[1.0], [1.0]], "row 1: not a word and some finite numbers"),
        (["x", "y"], "cannot read "),
    ],
)
def test_parquet_says_its_row(tmp_path, vectors, said):
    pq.write_table(pa.table({"word": ["a", "b"], "vector": vectors}), tmp_path / "words.parquet")
    with pytest.raises(InputError, match=said):
        read_word_vectors(tmp_path / "words.parquet")


def test_a_column_that_parquet_lacks_is_named(tmp_path):
    pq.write_table(pa.table({"word": ["a"], "numbers": [[1.0, 2.0]]}), tmp_path / "words.parquet")
    with pytest.raises(InputError, match=r"words.parquet has no column 'vector': in Parquet, word"):
        read_word_vectors(tmp_path / "words.parquet")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*words.vec: No such file"):
        read_word_vectors(tmp_path / "words.vec")


def test_of_more_words_than_fit_the_first_ones_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(word_vectors, "MOST_BYTES", 16)
    content = "a 1 2\nb 3 4\nc 5 6\n"
    found = read(tmp_path, content)
    assert (found.words, found.cut) == (["a", "b"], True)
    assert found.vectors.tolist() == [[1, 2], [3, 4]]
    assert read(tmp_path, content, most=1).words == ["a"]
    assert not read(tmp_path, "a 1 2\nb 3 4\n").cut
    assert np.isfinite(found.vectors).all()
