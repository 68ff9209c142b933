"""Commands that fail say why in one line; those that printed something else too."""

import pytest

from flows import scripts
from flows.scripts import Call, MayPass, ScriptFailed


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder whose scripts are written by the test, and an interpreter that runs them."""
    (tmp_path / "python").write_text('#!/bin/sh\nexec sh "$@"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(scripts, "ROOT", tmp_path)
    monkeypatch.setattr(scripts, "PYTHON", tmp_path / "python")
    return tmp_path


def fetch(*arguments):
    scripts.fetch(Call(arguments, 10), lambda line: None)


def test_what_fetches_runs_in_the_project_and_nothing_of_its_stdout_is_kept(project, capfd):
    fetch("sh", "-c", "echo secret; echo told >&2; touch brought")
    assert (project / "brought").exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("command", "error", "said"),
    [
        (["sh", "-c", "echo no route >&2; exit 7"], MayPass, "sh ended with exit code 7: no route"),
        (["sh", "-c", "exit 2"], ScriptFailed, "sh ended with exit code 2"),
        (["./not-there"], ScriptFailed, "not-there can't be run: No such file or directory"),
    ],
)
def test_a_fetch_that_failed_says_why(project, command, error, said):
    with pytest.raises(ScriptFailed, match=f"^{said}$") as raised:
        fetch(*command)
    assert type(raised.value) is error


def test_a_script_that_was_told_to_do_something_else_has_no_result(project):
    (project / "train.py").write_text("echo usage: train.py")
    with pytest.raises(ScriptFailed, match=r"train\.py printed no result that can be read"):
        scripts.train(Call(["--help"], 10), lambda line: None)


def test_a_folder_is_empty_until_a_file_is_in_it(project):
    call = Call(["incoming/", "-o", "scored/"], 10)
    assert scripts.empty_folder(call) is None  # it is not there, which predict.py says
    (project / "incoming").mkdir()
    assert scripts.empty_folder(call) == "incoming/"
    (project / "incoming" / "day.csv").touch()
    assert scripts.empty_folder(call) is None


def test_without_the_projects_python_it_is_said_how_to_make_it(project):
    (project / "python").unlink()
    with pytest.raises(ScriptFailed, match="python is not there: make setup"):
        scripts.monitor(Call([], 10), lambda line: None)
