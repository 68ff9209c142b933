import pandas as pd
import pyarrow as pa
import pytest

from common.data import tables
from common.data.files import sha256
from common.errors import InputError


def test_the_same_columns_give_the_same_bytes_whatever_library_they_are_in(tmp_path):
    frame = pd.DataFrame({"text": ["a", "b"]}, index=[7, 9])
    one = tables.save(frame, tmp_path / "one.parquet")
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    assert sha256(one) == sha256(tables.save(arrow, tmp_path / "two.parquet"))


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame([["a", "b"]], columns=["text", "text"]),
        pd.DataFrame({"text": pd.Series(["\ud83d"], dtype=object)}),
        pd.DataFrame({"text": pd.Series([10**30], dtype=object)}),
        pd.DataFrame({"text": pd.Series([1, "a"], dtype=object)}),
        ["a list"],
    ],
    ids=["one name twice", "half a character", "a huge number", "two types", "not a table"],
)
def test_what_cannot_be_stored_is_refused_in_one_line(tmp_path, table):
    with pytest.raises(InputError) as caught:
        tables.save(table, tmp_path / "a.parquet")
    assert len(str(caught.value).splitlines()) == 1
