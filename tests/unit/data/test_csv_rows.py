"""Rows of CSV that read back as they were, with every Python."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from common.data import csv_rows
from common.data.atomic import write_csv

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=4), st.sampled_from(",;\t"))
def test_any_rows_read_back(rows, delimiter):
    text = io.StringIO(newline="")
    csv_rows.write(text, rows, delimiter)
    assert list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter)) == rows


def test_a_cell_with_a_bare_carriage_return_stays_one_row_in_a_file(tmp_path):
    write_csv(tmp_path / "a.csv", ["id", "text"], [["1", "\r0"], ["2", "b"]])
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["id", "text"], ["1", "\r0"], ["2", "b"]]
