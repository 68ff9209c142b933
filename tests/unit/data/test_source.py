"""Which file a training reads, and what it is called."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common.data.files import sha256
from common.data.source import choose_source, source_of
from common.data.synthetic.sample import KINDS, write_sample
from common.errors import InputError

FRAME = pd.DataFrame({"text": ["hello", None], "mood": ["good", "bad"]}, index=[7, 9])


def test_a_given_file_is_taken_as_it_is(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,mood\nhello,good\n")
    source = choose_source(path, tmp_path, 42)
    assert (source.path, source.name, source.synthetic) == (path, "a.csv", False)
    assert (source.location, source.usual_target) == (str(path), "inbound")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_missing_or_a_folder_without_one_is_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError):
            choose_source(path, tmp_path, 42)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "folder", "table"])
def test_a_file_of_made_up_messages_is_known_in_any_form_and_has_its_class(tmp_path, kind, ending):
    frame = pd.read_csv(write_sample(tmp_path / "new", rows=60, kind=kind), dtype=str)
    rows = frame.sample(frac=0.7, random_state=1).drop(columns="tweet_id")
    given = tmp_path / f"mine.{ending}"
    if ending == "table":
        given = rows
    elif ending == "parquet":
        rows.to_parquet(given)
    elif ending == "folder":
        given.mkdir()
        rows.to_csv(given / "part-0.csv", index=False)
    else:
        rows.to_csv(given, index=False)
    with source_of(given, tmp_path, 42) as source:
        assert source.synthetic
        assert source.usual_target == kind.target


@pytest.mark.parametrize("authors", [["ann", "synthetic_7"], [["a"], ["b"]], [None, None], [1, 2]])
def test_authors_that_are_somebody_else_or_no_names_are_real(tmp_path, authors):
    frame = pd.DataFrame({"author_id": authors, "text": ["a", "b"], "topic": ["x", "y"]})
    with source_of(frame, tmp_path, 42) as source:
        assert (source.synthetic, source.usual_target) == (False, "inbound")


def test_a_sample_that_an_earlier_release_has_left_keeps_its_class(tmp_path):
    write_sample(tmp_path, rows=60, kind=KINDS["inbound"])
    source = choose_source(None, tmp_path, 42)
    assert (source.synthetic, source.usual_target) == (True, "inbound")


def test_without_a_file_the_sample_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setattr("common.data.synthetic.sample.DEFAULT_ROWS", 20)
    source = choose_source(None, tmp_path, 42)
    assert (source.synthetic, source.usual_target) == (True, "topic")
    assert source.path.parent == tmp_path
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
