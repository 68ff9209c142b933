"""Of a data lake, only runs that are complete are read."""

import logging

import pytest

from common.data import runs
from common.data.files import parts
from common.errors import InputError


@pytest.fixture(autouse=True)
def _nothing_said_before():
    runs.say_skipped.cache_clear()


def make(root, date, run_id, complete=True):
    folder = root / f"run_date={date}" / f"run_id={run_id}"
    folder.mkdir(parents=True)
    for name in ("part-00000.parquet", "_part-00000.parquet.left-out.csv", "_manifest.json"):
        (folder / name).touch()
    if complete:
        (folder / "_SUCCESS").touch()
    return folder


def test_complete_runs_are_read_and_others_skipped_aloud_once(tmp_path, caplog):
    old, new = make(tmp_path, "2026-03-01", "a"), make(tmp_path, "2026-03-02", "a")
    half = make(tmp_path, "2026-03-03", "a", complete=False)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            found = parts(tmp_path)
    assert found == [old / "part-00000.parquet", new / "part-00000.parquet"]
    assert [record.message for record in caplog.records] == [
        f"Skipping {half}: it is not complete, _SUCCESS is missing."
    ]


def test_a_run_by_its_own_name_is_read_when_it_is_complete(tmp_path, monkeypatch):
    whole = make(tmp_path, "2026-03-01", "a")
    half = make(tmp_path, "2026-03-03", "a", complete=False)
    assert parts(whole) == [whole / "part-00000.parquet"]
    for place in (half, half.parent):
        with pytest.raises(InputError, match="_SUCCESS is missing"):
            parts(place)
    monkeypatch.chdir(half.parent)
    with pytest.raises(InputError, match=r"^run_id=a has no complete run"):
        parts(half.relative_to(half.parent))


def test_a_mark_above_counts_for_all_below_as_spark_writes_it(tmp_path):
    half = make(tmp_path, "2026-03-03", "a", complete=False)
    (tmp_path / "_SUCCESS").touch()
    for place in (tmp_path, half):
        assert parts(place) == [half / "part-00000.parquet"]


def test_folders_that_are_not_runs_need_no_mark(tmp_path):
    for folder in ("day=1", "run_date=2026-03-01"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").touch()
    assert len(parts(tmp_path)) == 2
