import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import workbooks
from workbooks import boolean, number, text

from common.data.excel_reader import is_excel
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.errors import InputError

pytest.importorskip("python_calamine", reason="make excel")
ROWS = workbooks.texts([["id", "text"], ["1", "where is my order?"], ["2", "NA"]])


def read(path, reading=FIND_OUT, chunk_rows=10_000):
    with MessageFile(path, chunk_rows, reading) as messages:
        chunks = list(messages)
        assert not any(chunk.rejects for chunk in chunks)
        return [row for chunk in chunks for row in chunk.table.to_pylist()]


def test_a_sheet_is_read_like_csv_whatever_the_file_is_called(tmp_path):
    for name in ("a.xlsx", "a.csv", "a.bin"):
        path = workbooks.write(tmp_path / name, {"S": ROWS})
        assert read(path) == [{"id": "1", "text": "where is my order?"}, {"id": "2", "text": "NA"}]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (number(7), "7"),
        (number(-2.50), "-2.5"),
        (number("0.30000000000000004"), "0.3"),
        (number("568198336651649000"), "568198336651649000"),
        (number("1e300"), "1e+300"),
        (boolean(True), "TRUE"),
        (number("45355.25", style=1), "2024-03-04T06:00:00"),
        (number("45355", style=2), "2024-03-04"),
        (number("1.25", style=3), "30:00:00"),
        (text("00123"), "00123"),
        (text('line\nbreak, "quoted"'), 'line\nbreak, "quoted"'),
        (text("a_x000D_b"), "a\rb"),
        (text("😀 größe"), "😀 größe"),
        ("<c/>", ""),
        ('<c t="e"><v>#N/A</v></c>', ""),
    ],
)
def test_cells_are_as_excel_shows_them(tmp_path, cell, shown):
    path = workbooks.write(tmp_path / "a.xlsx", {"S": [[text("id"), text("x")], [text("1"), cell]]})
    assert read(path) == [{"id": "1", "x": shown}]


def test_blank_rows_are_left_out_and_columns_without_a_name_are_called_by_their_letter(tmp_path):
    rows = [[], [text("id"), "<c/>", text("text")], [text("1"), text("x"), text("hi")], ["<c/>"]]
    rows += [["<c/>", "<c/>", text("only")]]
    path = workbooks.write(tmp_path / "a.xlsx", {"S": rows})
    assert read(path) == [
        {"id": "1", "B": "x", "text": "hi"},
        {"id": "", "B": "", "text": "only"},
    ]


def test_letters_count_the_columns_of_the_sheet(tmp_path):
    rows = [["<c/>", "<c/>", text("text"), "<c/>"], ["<c/>", "<c/>", text("hi"), text("x")]]
    path = workbooks.write(tmp_path / "a.xlsx", {"S": rows})
    assert read(path) == [{"text": "hi", "D": "x"}]


def test_the_first_sheet_that_people_see_is_read_unless_another_is_named(tmp_path):
    sheets = {"Codes": workbooks.texts([["code"], ["x"]]), "Tickets": ROWS, "Old": ROWS[:2]}
    path = workbooks.write(tmp_path / "a.xlsx", sheets, hidden="Codes")
    assert len(read(path)) == 2
    assert len(read(path, Reading(sheet="Old"))) == 1
    assert read(path, Reading(sheet="Codes")) == [{"code": "x"}]
    with pytest.raises(InputError, match="no sheet 'Nope'; its sheets are: 'Codes', 'Tickets'"):
        read(path, Reading(sheet="Nope"))


def test_names_may_be_given_where_the_sheet_has_none(tmp_path):
    path = workbooks.write(tmp_path / "a.xlsx", {"S": ROWS[1:]})
    assert read(path, Reading(header=("id", "text")))[0] == {
        "id": "1",
        "text": "where is my order?",
    }


def test_the_size_of_chunks_changes_nothing(tmp_path):
    rows = [*ROWS[:1], *workbooks.texts([[str(k), f"message {k}"] for k in range(50)])]
    path = workbooks.write(tmp_path / "a.xlsx", {"S": rows})
    assert read(path, chunk_rows=7) == read(path)
    with MessageFile(path, 7) as messages:
        done = [chunk.bytes_done for chunk in messages]
    assert done == sorted(done) and done[-1] == path.stat().st_size


def test_what_was_read_leaves_nothing_behind(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path = workbooks.write(tmp_path / "a.xlsx", {"S": ROWS})
    with MessageFile(path) as messages:
        assert [folder.stat().st_mode & 0o077 for folder in scratch.iterdir()] == [0]
        list(messages)
    assert not list(scratch.iterdir())


def test_a_blank_sheet_is_named_so(tmp_path):
    path = workbooks.write(tmp_path / "a.xlsx", {"S": [[], []]})
    with pytest.raises(InputError, match=r"the sheet is blank"):
        read(path)


FAR = '<c r="XFD1048576"><v>1</v></c>'
BEYOND = '<c r="A99999999999999999"><v>1</v></c>'


@pytest.mark.parametrize("cell", [FAR, BEYOND, '<c r="&#9731;"><v>1</v></c>'])
def test_a_cell_far_away_takes_neither_memory_nor_the_process(tmp_path, cell):
    path = workbooks.write(tmp_path / "a.xlsx", {"S": [*ROWS, [cell]]})
    with pytest.raises(InputError, match="save the sheet as CSV"):
        read(path)


def test_a_file_that_swells_is_refused(tmp_path):
    rows = [*ROWS, [text("x" * 300_000_000), text("y")]]
    path = workbooks.write(tmp_path / "a.xlsx", {"S": rows})
    with pytest.raises(InputError, match="as bombs do"):
        read(path)


def test_a_file_that_was_cut_short_is_damaged(tmp_path):
    path = workbooks.write(tmp_path / "a.xlsx", {"S": ROWS})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="damaged or cut short"):
        read(path)


def test_a_sheet_that_is_not_xml_can_not_be_read_as_excel(tmp_path):
    path = workbooks.write(tmp_path / "a.xlsx", {"S": [["</row></sheetData><c r='A1'>"]]})
    with pytest.raises(InputError, match="Excel"):
        read(path)


def test_old_and_protected_files_are_named_with_the_remedy(tmp_path):
    path = tmp_path / "a.xls"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(3000))
    with pytest.raises(InputError, match=r"old Excel file.*\.xlsx without a password"):
        read(path)


def test_without_the_library_the_file_is_named_with_the_remedy(tmp_path):
    path = workbooks.write(tmp_path / "a.xlsx", {"S": ROWS})
    code = f"""
import importlib.util as util, pathlib
find = util.find_spec
util.find_spec = lambda name, *more: None if name == "python_calamine" else find(name, *more)
from common.data.reader import MessageFile
MessageFile(pathlib.Path({str(path)!r}))
"""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert "is an Excel file: run make excel" in done.stderr


def test_an_archive_of_something_else_is_not_excel(tmp_path):
    import zipfile

    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "id,text\n1,hi\n")
    with path.open("rb") as raw:
        assert not is_excel(raw, path)
    assert read(path) == [{"id": "1", "text": "hi"}]
