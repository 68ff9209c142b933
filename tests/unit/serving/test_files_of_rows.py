"""Rows that are added to a CSV file survive whatever happens; labels are kept and taken back."""

import csv
import os
from datetime import UTC, datetime

import pytest
from filelock import FileLock
from helpers import largest_file
from hypothesis import given
from hypothesis import strategies as st

from common.data.reader import MessageFile
from common.errors import InputError, SettingsError
from common.masking import Disclosure
from serving.appended_csv import AppendedCsv
from serving.labelled_file import GivenLabel, LabelColumns, LabelledFile
from serving.problems import Problem

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


def test_a_label_that_cannot_replace_another_leaves_it(tmp_path, labelled):
    file = labelled()
    file.add(GivenLabel("1", "where?", "delivery"))
    size = (tmp_path / "labelled.csv").stat().st_size
    with largest_file(size), pytest.raises(Problem):
        file.add(GivenLabel("1", "where?", "billing" * 20))
    assert file.label_of("1") == "delivery"
    assert [row["topic"] for row in rows_of(tmp_path / "labelled.csv")] == ["delivery"]


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


@pytest.fixture
def labelled(tmp_path):
    def open_file(most_bytes=10_000, **shown):
        columns = LabelColumns("tweet_id", "created_at", "text", "topic")
        now = datetime(2026, 3, 1, tzinfo=UTC)
        path = tmp_path / "labelled.csv"
        return LabelledFile(path, columns, most_bytes, Disclosure(**shown), lambda: now)

    return open_file


def test_a_label_is_found_again_by_the_next_process(labelled, tmp_path):
    first = labelled()
    first.add(GivenLabel("1", "where?", "delivery", predicted="praise", version=3, by="ann"))
    first.add(GivenLabel("2", "thanks", "praise", written_at="2026-02-01"))
    first.add(GivenLabel("1", "where?", "billing"))
    first.close()
    again = labelled()
    assert (len(again), again.label_of("1"), again.label_of("9")) == (2, "billing", None)
    times = {row["tweet_id"]: row["created_at"] for row in rows_of(tmp_path / "labelled.csv")}
    assert times == {"1": "2026-03-01T00:00:00+00:00", "2": "2026-02-01"}
    again.remove("1")
    again.close()
    assert len(labelled()) == 1
    with pytest.raises(Problem):
        again.remove("1")


def test_texts_are_masked_where_that_is_set(labelled, tmp_path):
    labelled(mask=True).add(GivenLabel("1", "I am @ann", "a"))
    assert rows_of(tmp_path / "labelled.csv")[0]["text"] == "I am [handle]"


def test_a_file_that_is_full_takes_no_more(labelled):
    file = labelled(most_bytes=200)
    with pytest.raises(Problem) as refused:
        for number in range(20):
            file.add(GivenLabel(str(number), "text", "label"))
    assert refused.value.status_code == 507


def test_a_second_server_is_told_that_another_one_writes(labelled):
    first = labelled()
    first.add(GivenLabel("1", "text", "a"))
    with pytest.raises(SettingsError, match="another server writes"):
        labelled()
    first.close()
    assert labelled().label_of("1") == "a"


def test_where_nothing_can_be_written_only_who_gives_a_label_is_told(
    labelled, tmp_path, monkeypatch
):
    monkeypatch.setattr(FileLock, "acquire", refuse)
    file = labelled()
    with pytest.raises(Problem) as refused:
        file.add(GivenLabel("1", "text", "a"))
    assert refused.value.status_code == 503


def test_a_file_that_was_broken_meanwhile_does_not_make_a_writer(labelled, tmp_path, monkeypatch):
    with monkeypatch.context() as away:
        away.setattr(FileLock, "acquire", refuse)
        file = labelled()
    (tmp_path / "labelled.csv").write_bytes(b"tweet_id,topic\n1,caf\xe9\n")
    for _ in range(2):
        with pytest.raises(Problem) as refused:
            file.add(GivenLabel("1", "text", "a"))
        assert refused.value.status_code == 503


def refuse(*_, **__):
    raise PermissionError(13, "Permission denied")
