"""An interrupted output is resumed, or begun anew, and never seen half."""

import errno
import json
import os
import socket
import stat
import time

import pytest
from helpers import fill, largest_file, small_disk

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


def test_what_can_not_be_flushed_at_the_end_does_not_hide_why(tmp_path, open_draft):
    """The file's close flushes once more, and fails once more."""
    with largest_file(10_000), pytest.raises(InputError, match=r"out\.csv: File too large"):  # noqa: SIM117
        with open_draft() as unfinished:
            write(unfinished, b"1")
            unfinished.checkpoint({"rows": 1})
            unfinished.content.write(b"x" * 8_000)  # waits in the buffer
            unfinished.content.write(b"x" * 8_000)
            unfinished.content.flush()
    with open_draft() as unfinished:
        assert unfinished.payload == {"rows": 1}


def test_a_disk_that_is_full_at_the_last_page_leaves_all_that_was_published_before(tmp_path):
    with small_disk(tmp_path / "disk", 200) as disk:
        output = disk / "out.csv"
        output.write_text("old")

        def score_and_publish(fill_up):
            with resume.open_draft(output, disk / "out.csv.rejects.csv", IDENTITY) as unfinished:
                if not unfinished.payload:
                    write(unfinished, b"1")
                    unfinished.checkpoint({"rows": 1})
                whole = unfinished.finish()
                if fill_up:
                    fill(disk)
                unfinished.publish(whole, False, disk / "out.csv.manifest.json", {"rows": 1})

        with pytest.raises(InputError, match=r"out\.csv: No space left on device.*resumes"):
            score_and_publish(fill_up=True)
        assert output.read_text() == "old"
        assert not (disk / "out.csv.manifest.json").exists()
        (disk / "filler").unlink()
        score_and_publish(fill_up=False)
        assert output.read_bytes() == b"1"
        assert names(disk) == ["out.csv", "out.csv.manifest.json"]


def test_a_draft_that_can_not_be_removed_does_not_hide_what_failed(
    tmp_path, open_draft, monkeypatch
):
    def refuse(*_, **__):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    with pytest.raises(InputError, match="a row too many"), open_draft() as unfinished:
        write(unfinished, b"1")
        monkeypatch.setattr(os, "unlink", refuse)
        raise InputError("a row too many")


PLANTED = ("", "-rejects", "-state", "-state-new", "-manifest", "-lock")


@pytest.mark.parametrize("part", PLANTED)
@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "socket"])
def test_what_others_planted_in_place_of_a_draft_is_not_followed(tmp_path, open_draft, part, kind):
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    folder.mkdir(), elsewhere.mkdir()
    target = elsewhere / "precious.txt"
    target.write_text("precious")
    planted = folder / f".out.csv.draft{part}"
    if kind == "link":
        planted.symlink_to(target)
    elif kind == "hard link":
        planted.hardlink_to(target)
    elif kind == "pipe":
        os.mkfifo(planted)
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(planted))
    output = folder / "out.csv"
    try:
        with resume.open_draft(output, folder / "out.csv.rejects.csv", IDENTITY) as unfinished:
            write(unfinished, b"12", rejects=b"bad")
            unfinished.checkpoint({"rows": 1})
            whole = unfinished.finish()
            unfinished.publish(whole, True, folder / "out.csv.manifest.json", {"rows": 2})
    except InputError as error:
        assert part == "-lock"
        assert "cannot write" in str(error)
    else:
        published = [folder / name for name in names(folder)]
        assert len(published) == 3
        assert all(stat.S_ISREG(path.lstat().st_mode) for path in published)
        assert output.read_bytes() == b"12"
    assert target.read_text() == "precious"


@pytest.mark.parametrize("part", ["", "-rejects", "-state", "-state-new", "-lock"])
def test_a_folder_in_place_of_a_draft_is_one_line_that_names_it(tmp_path, open_draft, part):
    planted = tmp_path / f".out.csv.draft{part}"
    planted.mkdir()
    with pytest.raises(InputError, match="cannot write") as caught, open_draft():
        pass
    assert planted.name in str(caught.value)
    assert planted.is_dir()


def test_a_draft_swapped_for_a_link_while_it_is_written_is_not_published(tmp_path, open_draft):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with pytest.raises(InputError, match="another program"), open_draft() as unfinished:
        whole = unfinished.finish()
        whole.unlink()
        whole.symlink_to(secret)
        unfinished.publish(whole, False, tmp_path / "out.csv.manifest.json", {})
    assert not (tmp_path / "out.csv").exists()
    assert secret.read_text() == "secret"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("part", ["", "-state"])
def test_a_draft_of_another_user_is_not_resumed(tmp_path, open_draft, part, caplog):
    interrupt(open_draft, b"1", b"2")
    os.chown(tmp_path / f".out.csv.draft{part}", 12_345, 12_345)
    with open_draft() as unfinished:
        assert unfinished.payload is None
        publish(unfinished, tmp_path)
    assert "starting over" in caplog.text


def grow_old(folder):
    long_ago = time.time() - 30 * 86_400
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)


def test_only_drafts_that_nobody_writes_any_more_are_removed(tmp_path, open_draft):
    interrupt(open_draft, b"1")
    (tmp_path / ".mine.draft-notes").write_text("not ours")
    assert resume.remove_stale(tmp_path, days=1) == []
    grow_old(tmp_path)
    assert resume.remove_stale(tmp_path, days=1) == ["out.csv"]
    assert names(tmp_path) == [".mine.draft-notes"]


def test_files_of_others_with_such_names_are_not_removed(tmp_path):
    (tmp_path / ".notes.draft").write_text("a letter")
    (tmp_path / ".folder.draft").mkdir()
    (tmp_path / ".state.draft").write_text("a letter")
    (tmp_path / ".state.draft-state").write_text('{"identity": {}, "mood": "good"}')
    (tmp_path / ".pair.draft").write_text("a letter")
    (tmp_path / ".pair.draft-rejects").write_text("")
    (tmp_path / ".gone.draft").symlink_to(tmp_path / "nowhere")
    grow_old(tmp_path)
    before = names(tmp_path)
    assert resume.remove_stale(tmp_path, days=1) == []
    assert names(tmp_path) == before


def test_a_draft_that_is_resumed_meanwhile_is_not_removed(tmp_path, open_draft):
    interrupt(open_draft, b"1")
    grow_old(tmp_path)
    with open_draft() as unfinished:
        assert resume.remove_stale(tmp_path, days=1) == []
        assert unfinished.payload == {"rows": 1}
        publish(unfinished, tmp_path)


def test_a_draft_killed_before_its_first_checkpoint_is_removed(tmp_path, open_draft):
    with pytest.raises(Interrupted), open_draft() as unfinished:
        unfinished.content.write(b"id,text\n")
        raise Interrupted
    grow_old(tmp_path)
    assert resume.remove_stale(tmp_path, days=1) == ["out.csv"]
    assert names(tmp_path) == []


@pytest.mark.parametrize("state", ["before its first checkpoint", "after it"])
def test_a_draft_of_the_release_before_is_removed(tmp_path, state):
    """Its files, as that release wrote them."""
    (tmp_path / ".out.csv.draft").write_text("id,text,prediction,confidence,model_version\n")
    (tmp_path / ".out.csv.draft-rejects").write_text("")
    if state == "after it":
        (tmp_path / ".out.csv.draft-state").write_text(
            '{"identity": {"input": "3155", "model": [], "settings": {"chunk_rows": 2}}, '
            '"content_bytes": 44, "rejects_bytes": 0, "payload": {"tally": {}, "bytes": 37}}'
        )
    grow_old(tmp_path)
    assert resume.remove_stale(tmp_path, days=1) == ["out.csv"]
    assert names(tmp_path) == []
