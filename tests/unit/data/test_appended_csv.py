"""Rows that are added to a CSV file survive whatever happens."""

import csv
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data.appended_csv import AppendedCsv
from common.data.reader import MessageFile
from common.errors import InputError

COLUMNS = ("id", "text")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("rows") / "a.csv"
    file = AppendedCsv(path, COLUMNS, "id", "FILE")
    for number, text in enumerate(texts):
        file.append([{"id": str(number), "text": text}])
    with MessageFile(path) as messages:
        found = [text for chunk in messages for text in chunk.texts("text").to_pylist()]
    assert [text.replace("\r", "") for text in found] == [t.replace("\r", "") for t in texts]


def test_a_line_that_was_broken_off_is_ended_and_the_next_is_whole(tmp_path):
    path = tmp_path / "a.csv"
    whole = 'id,text\n1,"one,\nand"\n2,two\n'
    for cut in range(len("id,text\n"), len(whole)):
        path.write_text(whole[:cut])
        file = AppendedCsv(path, COLUMNS, "id", "FILE")
        file.end_last_line()
        file.append([{"id": "3", "text": "three"}])
        with MessageFile(path) as messages:
            rows = [row for chunk in messages for row in chunk.table.to_pylist()]
        assert rows[-1] == {"id": "3", "text": "three"}, whole[:cut]


def test_other_files_are_refused_and_stay(tmp_path):
    path = tmp_path / "a.csv"
    for content in ("id,other\n1,2\n", "id;text\n1;2\n"):
        path.write_text(content)
        with pytest.raises(InputError):
            AppendedCsv(path, COLUMNS, "id", "FILE")
        assert path.read_text() == content


def test_more_columns_may_be_there(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("note,text,id\nx,y,1\n")
    AppendedCsv(path, COLUMNS, "id", "FILE").append([{"id": "2", "text": "t"}])
    assert rows_of(path)[1] == {"note": "", "text": "t", "id": "2"}


def test_rewriting_leaves_all_others(tmp_path):
    path = tmp_path / "a.csv"
    file = AppendedCsv(path, COLUMNS, "id", "FILE")
    file.append([{"id": str(n), "text": f"{n}\n\r"} for n in range(5)])
    file.rewrite("3")
    file.rewrite("9")
    assert [row["id"] for row in rows_of(path)] == ["0", "1", "2", "4"]
    file.rewrite("1", {"id": "1", "text": "new"})
    assert [(row["id"], row["text"]) for row in rows_of(path)] == [
        ("0", "0\n\r"),
        ("2", "2\n\r"),
        ("4", "4\n\r"),
        ("1", "new"),
    ]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("id,text\n1,caf\xe9\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        AppendedCsv(path, COLUMNS, "id", "FILE").values("text")


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    file = AppendedCsv(path, COLUMNS, "id", "FILE")
    file.append([{"id": "1", "text": "one"}])
    before = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, content: write(fd, content[:3]))
    with pytest.raises(InputError, match="no space"):
        file.append([{"id": "2", "text": "two"}])
    assert path.read_bytes() == before


def test_a_row_that_replaces_another_keeps_what_it_does_not_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text,why\n1,old,random\n2,two,\n")
    AppendedCsv(path, COLUMNS, "id", "FILE").rewrite("1", {"id": "1", "text": "new"})
    assert rows_of(path)[1] == {"id": "1", "text": "new", "why": "random"}


def changed(row):
    return {"text": "new", "note": "seen"} if row["id"] == "1" else {}


def test_rows_are_changed_and_added_with_new_columns_in_one_step(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,old\n2,two\nragged\n")
    file = AppendedCsv(path, COLUMNS, "id", "FILE")
    file.edit(changed, [{"id": "3", "note": "n"}], ["note", "text"])
    assert path.read_text() == "id,text,note\n1,new,seen\n2,two,\nragged,\n3,,n\n"
    assert [row["id"] for row in file.rows()] == ["1", "2", "3"]
    file.append([{"id": "4", "note": "m"}])
    assert rows_of(path)[-1] == {"id": "4", "text": "", "note": "m"}


def test_a_file_that_is_made_by_an_edit_is_read_by_nobody_else(tmp_path):
    path = tmp_path / "folder" / "a.csv"
    AppendedCsv(path, COLUMNS, "id", "FILE").edit(changed, [{"id": "1", "text": "t"}])
    assert path.stat().st_mode & 0o777 == 0o600
    assert rows_of(path) == [{"id": "1", "text": "t"}]


def test_an_edit_that_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,old\n")
    file = AppendedCsv(path, COLUMNS, "id", "FILE")
    with pytest.raises(ZeroDivisionError):
        file.edit(lambda row: {"text": str(1 // 0)}, [], ["note"])
    assert path.read_text() == "id,text\n1,old\n"
    file.append([{"id": "2", "text": "two"}])
    assert rows_of(path)[1] == {"id": "2", "text": "two"}
