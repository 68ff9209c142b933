"""An embedded store whose folder was moved or copied finds its artifacts again."""

import logging
import shutil
import sqlite3
from pathlib import Path

import pytest

from common.errors import StoreError
from common.models.boosted import TextClassifier
from common.registry import moving, runs, store, versions

TEXTS = [f"{text} {k}" for k in range(20) for text in ("it is LOST!!", "thank you so much")]
NOTE = "note.txt"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with a version and a note in its run; not to be changed."""
    folder = tmp_path_factory.mktemp("made") / "a project, größer"
    folder.mkdir()
    registry = connect(folder, create=True)
    classifier = TextClassifier().fit(TEXTS, ["no", "yes"] * (len(TEXTS) // 2))
    with runs.training_run(registry, "triage", {}, "data.csv") as run_id:
        uri = runs.log_model(registry, run_id, classifier, ())
        versions.register(registry, uri, run_id, {})
    runs.log_pages(registry, run_id, {NOTE: "as it was"})
    return folder


@pytest.fixture
def project(made, tmp_path):
    """A copy of it that finds its own artifacts already."""
    shutil.copytree(made, tmp_path / "here")
    connect(tmp_path / "here")
    return tmp_path / "here"


def connect(folder, create=False):
    return store.connect(None, folder, "triage", create=create)


def locations(folder):
    with sqlite3.connect(folder / "mlflow.db") as connection:
        return [
            location
            for table, column in moving._LOCATIONS
            for (location,) in connection.execute(f"SELECT {column} FROM {table}")
        ]


def use(folder):
    """Load the model, read the note, and write another; return where that one came to lie."""
    registry = connect(folder)
    version = versions.find(registry, "1")
    assert len(versions.load(registry, version).predict_proba(TEXTS)) == len(TEXTS)
    note = Path(registry.client.download_artifacts(version.run_id, NOTE))
    assert note.read_text() == "as it was"
    with runs.training_run(registry, "triage", {}, "data.csv") as run_id:
        runs.log_pages(registry, run_id, {NOTE: "later"})
    (written,) = [path for path in folder.rglob(NOTE) if path.read_text() == "later"]
    return written


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_moved_store_finds_its_artifacts_and_writes_beside_them(project, caplog):
    moved = project.with_name("there & back")
    project.rename(moved)
    caplog.set_level(logging.INFO)
    assert use(moved).is_relative_to(moved / "mlartifacts")
    assert not project.exists()
    assert not [location for location in locations(moved) if f"{project}/mlartifacts" in location]
    (line,) = [text for text in caplog.messages if "moved or copied" in text]
    assert str(moved / "mlartifacts") in line
    caplog.clear()
    connect(moved)
    assert not caplog.messages  # said once


def test_a_copy_uses_its_own_artifacts_and_leaves_the_original_alone(project):
    copy = project.with_name("copy")
    shutil.copytree(project, copy)
    before = files(project)
    assert use(copy).is_relative_to(copy)
    assert files(project) == before
    assert use(project).is_relative_to(project)


def test_a_copy_of_the_database_alone_reads_the_original_and_never_writes_into_it(project):
    copy = project.with_name("copy")
    copy.mkdir()
    shutil.copy(project / "mlflow.db", copy)
    before = files(project)
    registry = connect(copy)
    assert versions.load(registry, versions.find(registry, "1"))
    with runs.training_run(registry, "triage", {}, "data.csv") as run_id:
        runs.log_pages(registry, run_id, {NOTE: "later"})
    assert (copy / "mlartifacts" / run_id / "artifacts" / NOTE).read_text() == "later"
    assert files(project) == before
    registry = connect(copy)
    assert versions.load(registry, versions.find(registry, "1"))


def test_a_store_that_nobody_moved_is_left_as_it_is(project):
    before = (project / "mlflow.db").read_bytes()
    connect(project)
    assert (project / "mlflow.db").read_bytes() == before


def test_a_place_that_somebody_chose_for_artifacts_stays(project):
    chosen = project.with_name("large disk") / "mlartifacts"
    chosen.mkdir(parents=True)
    client = connect(project).client
    number = client.create_experiment("elsewhere", chosen.as_uri())
    connect(project)
    assert client.get_experiment(number).artifact_location == chosen.as_uri()


def test_artifacts_that_are_out_of_reach_for_now_are_not_given_up(project):
    """A database whose artifacts are on a disk that is not there at the moment."""
    shutil.move(project / "mlartifacts", project.with_name("away"))
    moved = project.with_name("moved")
    project.rename(moved)
    before = locations(moved)
    connect(moved)
    assert locations(moved) == before
    shutil.move(moved.with_name("away"), moved / "mlartifacts")
    assert use(moved).is_relative_to(moved)


def test_a_store_reached_through_a_link_is_where_it_was(project):
    link = project.with_name("link")
    link.symlink_to(project)
    before = locations(project)
    registry = connect(link)
    assert locations(project) == before
    assert versions.load(registry, versions.find(registry, "1"))


def test_a_folder_whose_name_starts_alike_is_another_one(project):
    client = connect(project).client
    other = (project / "mlartifacts2" / "x").as_uri()
    number = client.create_experiment("elsewhere", other)
    moved = project.with_name("moved")
    project.rename(moved)
    assert connect(moved).client.get_experiment(number).artifact_location == other


def test_addresses_change_all_together_or_not_at_all(project):
    moved = project.with_name("moved")
    project.rename(moved)
    with sqlite3.connect(moved / "mlflow.db") as connection:
        connection.execute(
            "CREATE TRIGGER stop BEFORE UPDATE ON model_versions "
            "BEGIN SELECT RAISE(ABORT, 'disk failure'); END"
        )
    before = locations(moved)
    with pytest.raises(StoreError, match="disk failure"):
        connect(moved)
    assert locations(moved) == before
