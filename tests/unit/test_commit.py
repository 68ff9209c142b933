"""The commit that results name."""

import subprocess

from common.commit import git_commit


def git(folder, *command):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    subprocess.run(["git", "-C", folder, *identity, *command], check=True, capture_output=True)


def test_the_commit_says_whether_files_differ_from_it(tmp_path):
    assert git_commit(tmp_path) == "unknown"
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "a")
    commit = git_commit(tmp_path)
    assert len(commit) == 40
    (tmp_path / "a").write_text("2")
    assert git_commit(tmp_path) == f"{commit}-dirty"


def test_an_image_without_git_knows_its_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAGE_COMMIT", "c7")
    assert git_commit(tmp_path) == "c7"
