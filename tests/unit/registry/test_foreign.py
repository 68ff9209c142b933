"""Models that were made elsewhere: fetched, packed, and what they need."""

import io
import sys
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from common.errors import InputError, SettingsError
from common.registry import foreign
from common.registry.foreign import Foreign

INSTALLED = __import__("numpy").__version__


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model" / "data").mkdir(parents=True)
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "model" / "data" / "weights.bin").write_bytes(b"123")
    (tmp_path / "model" / "requirements.txt").write_text(f"numpy=={INSTALLED}\n")
    return tmp_path / "model"


def test_a_folder_is_packed_with_all_its_files(folder):
    found = foreign.fetch(None, str(folder))
    with zipfile.ZipFile(io.BytesIO(found.archive)) as archive:
        assert archive.namelist() == ["MLmodel", "data/weights.bin", "requirements.txt"]
    assert found.requirements == f"numpy=={INSTALLED}\n"
    (folder / "MLmodel").touch()
    assert foreign.fetch(None, str(folder)).sha256 == found.sha256
    (folder / "data" / "weights.bin").write_bytes(b"124")
    assert foreign.fetch(None, str(folder)).sha256 != found.sha256


def test_messages_in_its_files_can_be_found_and_examples_stay_behind(folder):
    """`privacy forget` looks for messages in the bytes of stored models."""
    (folder / "data" / "words.txt").write_text("the parcel never came\n" * 99)
    for example in ("input_example.json", "serving_input_example.json"):
        (folder / example).write_text('["whose message is this"]')
    archive = foreign.fetch(None, str(folder)).archive
    assert archive.count(b"the parcel never came") == 99
    assert b"whose message" not in archive
    assert b"input_example" not in archive


def test_what_is_no_model_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="nowhere is not a folder"):
        foreign.fetch(None, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="has no file MLmodel"):
        foreign.fetch(None, str(folder / "data"))


def test_packages_that_are_not_those_that_it_needs_are_named():
    wanted = f"""
# made by MLflow
numpy=={INSTALLED}
mlflow>=3 # whichever
no-such-package==1.0
pandas==0.1; python_version > "3"
pywin32==1; sys_platform == "win32"
-r others.txt
"""
    package, version = foreign.unmet(wanted)
    assert package == "no-such-package==1.0 (not installed)"
    assert version.startswith('pandas==0.1; python_version > "3" (installed: ')
    foreign.refuse_unmet(Foreign(b"", "numpy"))
    with pytest.raises(SettingsError, match=r"--python\), or have an environment made"):
        foreign.refuse_unmet(Foreign(b"", wanted))


def test_an_interpreter_must_have_mlflow(tmp_path):
    with pytest.raises(SettingsError, match="can't be run: No such file"):
        foreign.python_of(tmp_path / "python")
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(SettingsError, match="has no MLflow"):
        foreign.python_of(tmp_path / "python")


def test_packages_that_can_not_be_installed_are_one_line(tmp_path):
    with pytest.raises(InputError, match="does not say which packages it needs"):
        foreign.make_environment(Foreign(b"", ""), tmp_path)
    wanted = Foreign(b"", "./no/such/package\n")
    with pytest.raises(InputError, match="can't be installed: ") as caught:
        foreign.make_environment(wanted, tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(Path(tmp_path, "environments").glob("*/whole"))


def test_an_environment_without_pip_takes_that_of_the_python_it_was_made_of(tmp_path, monkeypatch):
    venv.create(tmp_path / "bare")
    bare, ours = str(tmp_path / "bare" / "bin" / "python"), sys.executable
    monkeypatch.setattr(sys, "executable", bare)
    monkeypatch.setattr(sys, "_base_executable", ours)
    assert foreign._pip() == [ours, "-m", "pip"]
    monkeypatch.setattr(sys, "_base_executable", bare)
    with pytest.raises(SettingsError, match="--make-environment needs pip"):
        foreign.make_environment(Foreign(b"", "# nothing\n"), tmp_path)
    assert not (tmp_path / "environments").exists()


def test_who_needs_an_environment_that_is_being_made_waits_for_it(tmp_path):
    wanted = Foreign(b"", "./no/such/package\n")
    with pytest.raises(InputError):
        foreign.make_environment(wanted, tmp_path)
    (folder,) = (path for path in Path(tmp_path, "environments").iterdir() if path.is_dir())
    with ThreadPoolExecutor() as pool:
        with FileLock(folder.with_suffix(".lock")):
            waiting = pool.submit(foreign.make_environment, wanted, tmp_path)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            (folder / "whole").touch()
        assert waiting.result() == folder / "bin" / "python"
