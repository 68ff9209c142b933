"""A registry that is moved is the same one in every store, whenever its move was killed."""

import json
import os
import shutil
import signal
import subprocess

import pytest
from helpers import (
    ROOT,
    clean_environment,
    fill,
    mlflow_server,
    postgres,
    small_disk,
    warm_python,
)
from registry_helpers import MODEL, contents, make_registry

from common.registry.store import connect

# Runs the command, and kills it right before the given call of a function.
KILLED = """
import os, runpy, signal, sys
from mlflow import MlflowClient

name, left = sys.argv.pop(1), int(sys.argv.pop(1))
owner = os if hasattr(os, name) else MlflowClient
call = getattr(owner, name)

def killing(*args, **kwargs):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return call(*args, **kwargs)

setattr(owner, name, killing)
runpy.run_module("common.registry", run_name="__main__", alter_sys=True)
"""


def slow(value):
    return pytest.param(value, marks=pytest.mark.slow)


# In the order in which they come, each counted from where the one before was killed.
OF_EXPORT = [
    *(("fsync", 1), ("replace", 1), ("rename", 1), ("get_metric_history", 2), ("rename", 2)),
    *(("list_logged_model_artifacts", 2), ("rename", 3), ("fsync", 8)),
]
OF_IMPORT = [
    *(("create_registered_model", 1), ("create_run", 3), ("create_logged_model", 2)),
    *(("log_batch", 2), ("log_artifacts", 1), ("set_terminated", 1), ("set_tag", 1)),
    *(("log_outputs", 1), ("log_inputs", 2), ("set_terminated", 2), ("log_model_artifacts", 2)),
    *(("finalize_logged_model", 1), ("set_logged_model_tags", 1), ("create_model_version", 3)),
    *(("delete_model_version", 2), ("set_registered_model_alias", 2)),
    ("rename_registered_model", 1),
]


@pytest.fixture
def server(tmp_path):
    """An MLflow server with PostgreSQL, which proxies artifacts."""
    (tmp_path / "server").mkdir()
    with postgres() as database, mlflow_server(tmp_path / "server", database=database) as address:
        yield address


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The address of an embedded store with a registry."""
    folder = tmp_path_factory.mktemp("source")
    uri = f"sqlite:///{folder}/mlflow.db"
    make_registry(uri, folder)
    return uri


@pytest.fixture(scope="module")
def before(source):
    return contents(source)


@pytest.fixture(scope="module")
def exported(source, tmp_path_factory):
    home = tmp_path_factory.mktemp("exported")
    done("export", home / "export", source, home)
    return home / "export"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A new store: making one takes longer than all that is done with it here."""
    folder = tmp_path_factory.mktemp("empty")
    connect(f"sqlite:///{folder}/mlflow.db", folder, MODEL, create=True)
    return folder / "mlflow.db"


@pytest.fixture
def store(empty, tmp_path):
    """The address of an empty embedded store."""
    shutil.copy(empty, tmp_path / "other.db")
    return f"sqlite:///{tmp_path}/other.db"


def run(command, folder, uri, home, *more, start=("-m", "common.registry")):
    """Run `registry export` or `import`."""
    return subprocess.run(
        [*warm_python(), *start, command, str(folder), "--mlflow-tracking-uri", uri, *more],
        cwd=home,
        env=clean_environment() | {"PYTHONPATH": str(ROOT), "TRIAGE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=180,
    )


def done(command, folder, uri, home, *more):
    ended = run(command, folder, uri, home, *more)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def kill(command, folder, uri, home, name, call):
    ended = run(command, folder, uri, home, start=("-c", KILLED, name, str(call)))
    assert ended.returncode == -signal.SIGKILL, (name, call, ended.stderr)


def has_model(uri, home):
    models = connect(uri, home, MODEL).client.search_registered_models()
    return MODEL in [model.name for model in models]


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Who is killed first of the others holds a lock, which is taken over after a minute.
@pytest.mark.parametrize("first", [4, slow(0)])
def test_a_registry_is_the_same_on_a_server_and_back_again_despite_kills(
    first, server, exported, before, store, tmp_path
):
    for name, call in OF_IMPORT[first::8]:
        kill("import", exported, server, tmp_path, name, call)
        assert not has_model(server, tmp_path)
    done("import", exported, server, tmp_path)
    assert contents(server) == before
    for name, call in OF_EXPORT[first::8]:
        kill("export", tmp_path / "back", server, tmp_path, name, call)
    done("export", tmp_path / "back", server, tmp_path)
    done("import", tmp_path / "back", store, tmp_path)
    assert contents(store) == before


def test_numbers_go_on_after_the_highest_that_was_ever_given(exported, store, tmp_path):
    done("import", exported, store, tmp_path)
    client = connect(store, tmp_path, MODEL).client
    numbers = {int(found.version) for found in client.search_model_versions(f"name='{MODEL}'")}
    assert numbers == {1, 3}
    assert int(client.create_model_version(MODEL, "file:///x").version) == 5


def test_json_says_what_was_moved_and_the_same_import_again_does_nothing(
    exported, source, store, tmp_path
):
    moved = json.loads(done("export", tmp_path / "export", source, tmp_path, "--json"))
    assert moved == {
        "model": MODEL,
        "versions": 2,
        "champion": 1,
        "history": 1,
        "runs": 5,
        "models": 2,
        "files": 11,
        "bytes": moved["bytes"],
        "unusable": [],
        "already": False,
    }
    assert json.loads(done("import", exported, store, tmp_path, "--json")) == moved
    there = contents(store)
    again = json.loads(done("import", exported, store, tmp_path, "--json"))
    assert again == moved | {"already": True}
    assert contents(store) == there


def test_what_was_deleted_after_an_import_is_there_again_after_another(
    exported, before, store, tmp_path
):
    done("import", exported, store, tmp_path)
    client = connect(store, tmp_path, MODEL).client
    client.delete_run(client.get_model_version(MODEL, "1").run_id)
    client.delete_registered_model(MODEL)
    done("import", exported, store, tmp_path)
    assert contents(store) == before


def test_a_store_that_has_such_a_model_is_never_written(exported, source, before, tmp_path):
    refused = run("import", exported, source, tmp_path)
    assert refused.returncode == 4
    assert "has a model 'triage' already" in refused.stderr
    assert contents(source) == before


def test_an_export_is_never_overwritten(exported, source, tmp_path):
    there = files(exported)
    refused = run("export", exported, source, tmp_path)
    assert refused.returncode == 3
    assert "holds an export already" in refused.stderr
    assert files(exported) == there


def test_a_folder_of_something_else_is_left_alone(source, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    refused = run("export", tmp_path / "mine", source, tmp_path)
    assert refused.returncode == 3
    assert "is not empty" in refused.stderr
    assert [path.name for path in files(tmp_path / "mine")] == ["notes.txt"]


def test_another_name_is_told_with_the_flag_to_add(exported, tmp_path):
    uri = f"sqlite:///{tmp_path}/none.db"
    refused = run("import", exported, uri, tmp_path, "--model-name", "urgency")
    assert refused.returncode == 2
    assert "--model-name triage" in refused.stderr
    assert not (tmp_path / "none.db").exists()


def test_changed_files_of_a_version_are_moved_as_they_are_and_named(exported, tmp_path, empty):
    shutil.copy(empty, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    done("import", exported, uri, tmp_path)
    for weights in tmp_path.glob("mlartifacts/*/artifacts/model/deep/weights.bin"):
        weights.write_bytes(b"other")
    ended = run("export", tmp_path / "export", uri, tmp_path, "--json")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["unusable"] == [3]
    assert "can't be used" in ended.stderr


@pytest.mark.parametrize("first", [0, slow(1), slow(2), slow(3)])
def test_an_export_goes_on_after_each_of_several_kills(first, source, before, store, tmp_path):
    folder = tmp_path / "export"
    for name, call in OF_EXPORT[first::4]:
        kill("export", folder, source, tmp_path, name, call)
        assert run("import", folder, store, tmp_path).returncode == 3
    done("export", folder, source, tmp_path)
    done("import", folder, store, tmp_path)
    assert contents(store) == before


@pytest.mark.parametrize("first", [0, slow(1), slow(2), slow(3)])
def test_an_import_goes_on_after_each_of_several_kills(first, exported, before, store, tmp_path):
    for name, call in OF_IMPORT[first::4]:
        kill("import", exported, store, tmp_path, name, call)
        assert not has_model(store, tmp_path)
    done("import", exported, store, tmp_path)
    assert contents(store) == before


def test_a_full_disk_is_named_and_with_room_the_export_goes_on(source, store, before, tmp_path):
    with small_disk(tmp_path / "disk", 1000) as disk:
        filler = fill(disk)
        os.truncate(filler, filler.stat().st_size - 40_000)
        full = run("export", disk / "export", source, tmp_path)
        assert full.returncode == 3, full.stderr
        assert str(disk) in full.stderr.splitlines()[-1]
        filler.unlink()
        done("export", disk / "export", source, tmp_path)
        done("import", disk / "export", store, tmp_path)
        assert contents(store) == before


def test_artifacts_that_were_half_sent_are_sent_again(exported, before, store, tmp_path):
    kill("import", exported, store, tmp_path, "set_terminated", 2)
    (page,) = tmp_path.glob("mlartifacts/*/artifacts/pages/card.md")
    page.write_bytes(page.read_bytes()[:10])
    done("import", exported, store, tmp_path)
    assert contents(store) == before
