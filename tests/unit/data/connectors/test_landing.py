import pytest
from filelock import FileLock
from sources import fetched

from common.data.connectors import landing
from common.data.connectors.base import Batch, text_table
from common.errors import InputError, StoreError


def batch(*texts, position=None, keys=None):
    return Batch(text_table(("text",), [[text] for text in texts]), position, keys=keys)


def opened(folder, identity="a source", columns=("text",), masked=None):
    return landing.opened(folder, identity, columns, masked)


def test_rows_are_kept_with_the_position_behind_them(tmp_path):
    with opened(tmp_path / "raw") as target:
        assert target.position is None
        target.add(batch("a", None, position=[1]))
        target.commit()
        target.add(batch("b", position=[2]))
    with opened(tmp_path / "raw") as target:  # the last batch was not committed
        assert target.position == [1]
        assert target.landed.rows_in_all == 2
    assert fetched(tmp_path / "raw") == [{"text": "a"}, {"text": None}]


@pytest.mark.parametrize(
    ("name", "limit"), [("PART_ROWS", 2), ("PART_BYTES", 1), ("PART_SECONDS", 0)]
)
def test_a_part_ends_when_it_has_enough(tmp_path, monkeypatch, name, limit):
    monkeypatch.setattr(landing, name, limit)
    with opened(tmp_path) as target:
        target.add(batch("a", "b", position=1))
        assert target.landed.parts == ["part-00000.parquet"]


def test_parts_keep_their_numbers_when_earlier_ones_were_moved_away(tmp_path):
    for number in range(2):
        with opened(tmp_path) as target:
            target.add(batch("a", position=number))
            target.commit()
            (tmp_path / "part-00000.parquet").unlink(missing_ok=True)
    assert target.landed.parts == ["part-00001.parquet"]


def test_a_key_that_was_seen_is_left_out(tmp_path):
    with opened(tmp_path) as target:
        assert target.add(batch("a", "b", "a", keys=[b"1", b"2", b"1"])) == 2
        assert target.add(batch("b", "c", keys=[b"2", b"3"])) == 1
        target.commit()
    with opened(tmp_path) as target:
        assert target.add(batch("c", "d", keys=[b"3", b"4"])) == 1
        target.commit()
        assert (target.landed.rows, target.landed.repeated) == (1, 1)
    assert [row["text"] for row in fetched(tmp_path)] == ["a", "b", "c", "d"]


def test_nothing_new_makes_no_part(tmp_path):
    with opened(tmp_path) as target:
        target.add(batch(position="end"))
        target.commit()
    with opened(tmp_path) as target:
        assert target.position == "end"
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"identity": "another"},
            "holds rows of a source, not of another: fetch into a new folder",
        ),
        ({"columns": ("text", "id")}, "has the columns text, but the source now has text, id"),
        ({"masked": "text"}, "was fetched with no masks: do the same again"),
    ],
)
def test_a_folder_goes_with_one_source_in_one_form(tmp_path, changed, said):
    with opened(tmp_path):
        pass
    with pytest.raises(InputError, match=said), opened(tmp_path, **changed):
        pass


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "part-00000.parquet").write_text("mine")
    with pytest.raises(InputError, match=r"not fetched \(part-00000.parquet\)"), opened(tmp_path):
        pass
    assert (tmp_path / "part-00000.parquet").read_text() == "mine"


def test_two_runs_do_not_share_a_folder(tmp_path):
    with (
        FileLock(tmp_path / ".fetch.lock"),
        pytest.raises(InputError, match="by another run: wait"),
        opened(tmp_path),
    ):
        pass


def test_a_state_that_is_no_database_is_one_line(tmp_path):
    (tmp_path / "_fetch.db").write_text("x" * 5000)
    with pytest.raises(StoreError, match=r"_fetch.db is not a SQLite database"), opened(tmp_path):
        pass
