import os
import stat
from pathlib import Path

import pytest
from helpers import fill, largest_file, small_disk

from common.data.atomic import atomic_path, write_csv, write_text
from common.errors import InputError


def write(path, text="new"):
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, BaseException])
def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path, failure):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(failure), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise failure
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_usual_mode_and_a_replaced_one_keeps_its_own(tmp_path):
    path = tmp_path / "a.txt"
    umask = os.umask(0o027)
    try:
        write(path)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    write(path, "again")
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize("path", ["/dev/null", "/dev"])
def test_what_is_no_regular_file_is_not_replaced(path):
    before = Path(path).stat()
    with pytest.raises(InputError, match="not a regular file"):
        write(Path(path))
    assert Path(path).stat().st_ino == before.st_ino


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="missing"):
        write(tmp_path / "missing" / "a.txt")


def test_a_link_to_nothing_gets_its_target(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_relative_path_starts_where_it_is_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("a.txt"))
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_file_where_a_folder_should_be_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        write(tmp_path / "file" / "a.txt")
    assert str(tmp_path / "file") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write in every folder")
def test_a_folder_without_permission_is_one_clear_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        write(tmp_path / "a.txt")


def test_a_failure_of_the_disk_names_the_file(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(InputError) as caught, atomic_path(path):
        raise OSError(28, "No space left on device")
    assert str(caught.value) == f"cannot write {path}: No space left on device."
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_another_file_is_not_blamed_on_this_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="another"), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "another.txt").read_text()
    assert list(tmp_path.iterdir()) == []


def test_of_two_writers_at_once_the_last_to_end_wins_with_a_whole_file(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_path(path) as slow:
        slow.write_text("slow")
        write(path, "quick")
        assert path.read_text() == "quick"
    assert path.read_text() == "slow"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_may_not_grow_is_one_line_and_the_old_one_stays(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    with largest_file(10_000), pytest.raises(InputError) as caught:
        write_text(path, "x" * 20_000)
    assert str(caught.value) == f"cannot write {path}: File too large."
    with largest_file(10_000), pytest.raises(InputError, match="File too large"):
        write_csv(path, ["a"], (["row"] for _ in range(9_999)))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path):
    with small_disk(tmp_path / "disk", 100) as disk:
        path = disk / "page.html"
        path.write_text("old")
        fill(disk)
        with pytest.raises(InputError) as caught:
            write_text(path, "x" * 20_000)
        assert str(caught.value) == f"cannot write {path}: No space left on device."
        assert path.read_text() == "old"
        assert len(list(disk.iterdir())) == 2


def test_a_temporary_file_that_can_not_be_removed_does_not_hide_what_failed(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(ValueError, match="the reason"), atomic_path(tmp_path / "a.txt"):
        monkeypatch.setattr(os, "unlink", refuse)
        raise ValueError("the reason")
    monkeypatch.undo()
