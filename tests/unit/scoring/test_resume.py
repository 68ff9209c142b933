"""An interrupted output is resumed, or begun anew, and never seen half."""

import json
import os
import time

import pytest

from common.errors import InputError
from common.scoring import resume

IDENTITY = {"input": "abc", "settings": {"prefix": ""}}


class Interrupted(BaseException):
    pass


@pytest.fixture(autouse=True)
def _always_checkpoint(monkeypatch):
    monkeypatch.setattr(resume, "SECONDS_BETWEEN_CHECKPOINTS", 0)


@pytest.fixture
def open_draft(tmp_path):
    def open_draft(identity=IDENTITY):
        return resume.open_draft(tmp_path / "out.csv", tmp_path / "out.csv.rejects.csv", identity)

    return open_draft


def write(unfinished, *parts, rejects=b"", interrupt=False):
    unfinished.content.write(b"".join(parts))
    unfinished.rejects.write(rejects)
    if interrupt:
        unfinished.checkpoint({"rows": len(parts)})
        unfinished.content.write(b"what follows the checkpoint")
        unfinished.content.flush()
        raise Interrupted


def publish(unfinished, tmp_path, has_rejects=False):
    whole = unfinished.finish()
    unfinished.publish(whole, has_rejects, tmp_path / "out.csv.manifest.json", {"rows": 2})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def interrupt(open_draft, *parts, **other):
    with pytest.raises(Interrupted), open_draft() as unfinished:
        write(unfinished, *parts, interrupt=True, **other)


def test_nothing_is_seen_under_its_name_before_all_is_published(tmp_path, open_draft):
    with open_draft() as unfinished:
        write(unfinished, b"1", b"2", rejects=b"bad")
        assert not [name for name in names(tmp_path) if not name.startswith(".")]
        publish(unfinished, tmp_path, has_rejects=True)
    assert names(tmp_path) == ["out.csv", "out.csv.manifest.json", "out.csv.rejects.csv"]
    assert (tmp_path / "out.csv").read_bytes() == b"12"
    assert (tmp_path / "out.csv.rejects.csv").read_bytes() == b"bad"
    assert json.loads((tmp_path / "out.csv.manifest.json").read_text()) == {"rows": 2}


def test_an_interrupted_output_goes_on_from_its_last_checkpoint(tmp_path, open_draft):
    interrupt(open_draft, b"1", b"2", rejects=b"bad")
    assert "out.csv" not in names(tmp_path)
    with open_draft() as unfinished:
        assert unfinished.payload == {"rows": 2}
        write(unfinished, b"3", rejects=b"worse")
        publish(unfinished, tmp_path, has_rejects=True)
    assert (tmp_path / "out.csv").read_bytes() == b"123"
    assert (tmp_path / "out.csv.rejects.csv").read_bytes() == b"badworse"
    assert len(names(tmp_path)) == 3


@pytest.mark.parametrize("part", ["", "-rejects", "-state"])
@pytest.mark.parametrize("damage", ["removed", "emptied", "half"])
def test_a_damaged_draft_is_begun_anew(tmp_path, open_draft, part, damage):
    interrupt(open_draft, b"1", b"2", rejects=b"bad")
    path = tmp_path / f".out.csv.draft{part}"
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 1 if damage == "half" else 0])
    with open_draft() as unfinished:
        assert unfinished.payload is None
        write(unfinished, b"12")
        publish(unfinished, tmp_path)
    assert (tmp_path / "out.csv").read_bytes() == b"12"
    assert names(tmp_path) == ["out.csv", "out.csv.manifest.json"]


def test_another_input_model_or_setting_begins_anew_and_says_so(tmp_path, open_draft, caplog):
    interrupt(open_draft, b"1")
    with open_draft(IDENTITY | {"input": "changed"}) as unfinished:
        assert unfinished.payload is None
        publish(unfinished, tmp_path)
    assert "another input" in caplog.text
    assert (tmp_path / "out.csv").read_bytes() == b""


def test_bad_input_leaves_nothing(tmp_path, open_draft):
    with pytest.raises(InputError), open_draft() as unfinished:
        write(unfinished, b"1")
        unfinished.checkpoint({})
        raise InputError("a row too many")
    assert names(tmp_path) == []


def test_a_full_disk_is_one_line_and_keeps_what_was_written(tmp_path, open_draft):
    with pytest.raises(InputError, match=r"No space left.*resumes"), open_draft() as unfinished:
        write(unfinished, b"1")
        unfinished.checkpoint({"rows": 1})
        raise OSError(28, os.strerror(28))
    with open_draft() as unfinished:
        assert unfinished.payload == {"rows": 1}


def test_two_runs_never_write_the_same_output(open_draft):
    with open_draft(), pytest.raises(InputError, match="another run"), open_draft():
        pass


def test_rejects_of_an_earlier_run_go_when_there_are_none(tmp_path, open_draft):
    (tmp_path / "out.csv.rejects.csv").write_text("old")
    with open_draft() as unfinished:
        publish(unfinished, tmp_path)
    assert "out.csv.rejects.csv" not in names(tmp_path)


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    path = tmp_path / "no" / "out.csv"
    with pytest.raises(InputError, match="cannot write in"), resume.open_draft(path, path, {}):
        pass


def test_only_drafts_that_nobody_writes_any_more_are_removed(tmp_path, open_draft):
    interrupt(open_draft, b"1")
    (tmp_path / ".mine.draft-notes").write_text("not ours")
    assert resume.remove_stale(tmp_path, days=1) == []
    long_ago = time.time() - 2 * 86_400
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert resume.remove_stale(tmp_path, days=1) == ["out.csv"]
    assert names(tmp_path) == [".mine.draft-notes"]
