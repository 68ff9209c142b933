"""Labels that people give are kept, corrected and taken back."""

import csv
from datetime import UTC, datetime

import pytest
from filelock import FileLock
from helpers import largest_file

from common.data.labelled_file import LabelColumns
from common.errors import SettingsError
from common.masking import Disclosure
from serving.labelled_file import GivenLabel, LabelledFile
from serving.problems import Problem


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_label_that_cannot_replace_another_leaves_it(tmp_path, labelled):
    file = labelled()
    file.add(GivenLabel("1", "where?", "delivery"))
    size = (tmp_path / "labelled.csv").stat().st_size
    with largest_file(size), pytest.raises(Problem):
        file.add(GivenLabel("1", "where?", "billing" * 20))
    assert file.label_of("1") == "delivery"
    assert [row["topic"] for row in rows_of(tmp_path / "labelled.csv")] == ["delivery"]


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
