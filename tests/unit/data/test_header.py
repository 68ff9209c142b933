import pytest

from common.data.header import missing_header_hint
from common.data.reader import MessageFile
from common.data.reading import Reading
from common.errors import InputError, MissingColumn


def refused(path, content, reading=None):
    path.write_text(content)
    with pytest.raises(InputError) as caught, MessageFile(path) as messages:
        messages.require("body", "TEXT_COLUMN")
    return caught.value


@pytest.mark.parametrize(
    "row", ["1,where is it?", "a,I have been waiting for my order since last monday", "x,@Shop hi"]
)
def test_a_first_row_that_is_data_suggests_names(tmp_path, row):
    found = refused(tmp_path / "a.csv", f"{row}\n2,thanks\n")
    assert isinstance(found, MissingColumn)
    assert str(found).endswith("name its columns, for example --header column1,body.")
    with MessageFile(tmp_path / "a.csv", reading=Reading(header=("column1", "body"))) as messages:
        (chunk,) = messages
    assert len(chunk.table) == 2


def test_a_first_row_with_the_same_cell_twice_suggests_names(tmp_path):
    found = refused(tmp_path / "a.csv", "yes,yes,hi there\nno,yes,thanks\n")
    assert "more than once" in str(found)
    assert str(found).endswith("--header column1,column2,text.")


def test_names_are_not_taken_for_data(tmp_path):
    found = refused(tmp_path / "a.csv", "Ticket No,Customer Message\n1,hi\n")
    assert "--header" not in str(found)


def test_many_columns_are_counted():
    hint = missing_header_hint([str(k) for k in range(40)], "text")
    assert hint == "If it has no header, name its 40 columns with --header."
