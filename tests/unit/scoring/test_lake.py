from datetime import UTC, date, datetime

import pytest

from common.errors import InputError
from common.scoring import lake

DAY = date(2026, 3, 1)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_has_its_folder_below_its_day(tmp_path):
    folder = lake.run_folder(tmp_path / "lake", DAY, "nightly")
    assert folder == tmp_path / "lake" / "run_date=2026-03-01" / "run_id=nightly"
    for _ in range(2):
        lake.create_run_folder(folder)
        assert folder.is_dir()


def test_a_run_without_names_is_one_of_now(tmp_path):
    before = datetime.now(UTC)
    folder = lake.run_folder(tmp_path, None, None)
    assert folder.parent.name == f"run_date={before.date()}"
    assert folder.name >= before.strftime("run_id=%Y%m%dT%H%M%SZ")


def test_the_mark_comes_last_and_parts_of_an_interrupted_run_go(tmp_path):
    parts = ("part-00000.csv", "part-00001.csv", "_part-00001.csv.manifest.json")
    for name in (*parts, "mine.txt", "._SUCCESS.x.part", "._manifest.json.x.part"):
        (tmp_path / name).touch()
    assert not lake.is_complete(tmp_path)
    lake.mark_complete(tmp_path, {"part-00000.csv"}, {"rows": 1})
    assert lake.is_complete(tmp_path)
    assert names(tmp_path) == ["_SUCCESS", "_manifest.json", "mine.txt", "part-00000.csv"]


def test_a_complete_run_is_never_changed(tmp_path):
    lake.mark_complete(tmp_path, set(), {"rows": 1})
    before = (tmp_path / "_manifest.json").read_bytes()
    lake.mark_complete(tmp_path, set(), {"rows": 2})
    assert (tmp_path / "_manifest.json").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "lake").touch()
    with pytest.raises(InputError, match="cannot write in"):
        lake.create_run_folder(tmp_path / "lake" / "run_id=nightly")
