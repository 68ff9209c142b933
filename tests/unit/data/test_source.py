"""Which file a training reads, and what it is called."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.data.files import sha256
from common.data.source import choose_source, source_of
from common.errors import InputError

FRAME = pd.DataFrame({"text": ["hello", None], "mood": ["good", "bad"]}, index=[7, 9])


def test_a_given_file_is_taken_as_it_is(tmp_path):
    source = choose_source(tmp_path / "a.csv", tmp_path, 42)
    assert (source.path, source.name, source.synthetic) == (tmp_path / "a.csv", "a.csv", False)
    assert source.location == str(tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_without_a_file_the_sample_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setattr("common.data.synthetic.sample.DEFAULT_ROWS", 20)
    source = choose_source(None, tmp_path, 42)
    assert source.synthetic
    assert source.path.parent == tmp_path / "data"
    source.path.write_text("mine\n")
    assert choose_source(None, tmp_path, 42).path.read_text() == "mine\n"


def test_a_table_is_a_file_only_as_long_as_it_is_used(tmp_path):
    with source_of(FRAME, tmp_path, 42) as source:
        assert (source.name, source.location, source.synthetic) == ("DataFrame", "DataFrame", False)
        stored = pq.read_table(source.path).to_pydict()
        assert stored == {"text": ["hello", None], "mood": ["good", "bad"]}
        assert source.path.parent.stat().st_mode & 0o077 == 0
    assert not source.path.exists()
    assert not list(tmp_path.iterdir())


def test_the_same_columns_have_the_same_digest_in_pandas_and_in_arrow(tmp_path):
    digests = set()
    for table in (FRAME, FRAME.copy(), FRAME.reset_index(drop=True), pa.Table.from_pandas(FRAME)):
        columns = table[["text", "mood"]] if isinstance(table, pd.DataFrame) else table
        if isinstance(columns, pa.Table):
            columns = columns.select(["text", "mood"])
        with source_of(columns, tmp_path, 42) as source:
            digests.add(sha256(source.path))
    assert len(digests) == 1


def test_a_table_that_cannot_be_stored_is_refused_in_one_line(tmp_path):
    odd = pd.DataFrame({"text": ["hello", object()]})
    with (
        pytest.raises(InputError, match="the table can't be saved") as caught,
        source_of(odd, tmp_path, 42),
    ):
        pass
    assert len(str(caught.value).splitlines()) == 1
