"""Scoring and monitoring use the columns that a version was trained with, unless told otherwise."""

import csv
import json

import pandas as pd
import pytest
from helpers import copy_project

from common.errors import InputError, MissingColumn
from common.pipelines.monitor import MonitorRequest
from common.pipelines.monitor import run as monitor
from common.pipelines.predict import PredictRequest, classify
from common.pipelines.predict import run as predict
from common.pipelines.train import TrainRequest
from common.pipelines.train import run as train
from common.registry import columns, store, versions

pytestmark = pytest.mark.usefixtures("warm_clean_process")

ANGRY, CALM = "my order {} is lost and late, I want a refund", "thanks {}, all is well, great team"


def new(rows=300, first=400):
    """Messages that the version was not fitted on."""
    return table(first + rows).iloc[first:].reset_index(drop=True)


def table(rows=400, moods=("angry", "calm")):
    return pd.DataFrame(
        {
            "id": [f"m{row}" for row in range(rows)],
            "body": [(ANGRY, CALM)[row % 2].format(row) for row in range(rows)],
            "mood": [moods[row % 2] for row in range(rows)],
            "shop": [("north", "south")[row // 2 % 2] for row in range(rows)],
            "day": "2026-03-01T09:00:00",
        }
    )


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(scope="module")
def trained(uri):
    request = TrainRequest(
        table(),
        text_column="body",
        target_column="mood",
        segment_column="shop",
        tracking_uri=uri,
    )
    return train(request).version


@pytest.fixture
def request_of(trained, uri, tmp_path):
    """Makes requests that name no column."""

    def request_of(data=None, **more):
        more = {"state": tmp_path / "book.db", "accuracy_floor": 0.5, "id_column": "id"} | more
        return MonitorRequest(data, tracking_uri=uri, time_column="day", **more)

    return request_of


def saved(frame, path):
    frame.to_csv(path, index=False)
    return path


def test_a_version_is_tagged_with_its_columns(trained):
    assert {name: trained.tags[name] for name in columns.FIELDS if name in trained.tags} == {
        "text_column": "body",
        "target_column": "mood",
        "segment_column": "shop",
        "label_with": "column",
    }


@pytest.mark.parametrize("recorded", ["tags", "run", "nothing"])
def test_of_a_version_that_was_registered_before_the_run_is_asked(trained, uri, tmp_path, recorded):
    registry = store.connect(uri, tmp_path, "triage")
    tags = dict(trained.tags) if recorded == "tags" else {}
    run_id = trained.run_id
    if recorded == "nothing":
        experiment = registry.experiment_id("elsewhere")
        run_id = registry.client.create_run(experiment).info.run_id
    found = columns.trained_columns(registry, versions.Version("triage", 1, run_id, tags))
    expected = ("text", "inbound", None) if recorded == "nothing" else ("body", "mood", "shop")
    assert (found.text_column, found.target_column, found.segment_column) == expected
    assert found.label_with == "column"
    assert "refund" in found.critical_keywords


def test_files_and_tables_are_scored_without_naming_the_column(trained, uri, tmp_path):
    path = saved(table(20), tmp_path / "a.csv")
    done = predict(PredictRequest([path], output=tmp_path / "o.csv", tracking_uri=uri))
    assert done.total.rows.scored == 20
    assert list(classify(table(4), tracking_uri=uri)["prediction"]) == ["angry", "calm"] * 2
    assert list(classify([CALM], tracking_uri=uri)["body"]) == [CALM]


def test_a_column_that_the_user_names_comes_first(trained, uri, tmp_path):
    other = table(20).rename(columns={"body": "message"})
    path = saved(other, tmp_path / "a.csv")
    request = PredictRequest([path], "message", output=tmp_path / "o.csv", tracking_uri=uri)
    assert predict(request).total.rows.scored == 20
    with pytest.raises(MissingColumn, match=r"has no column 'body'.*message.*Set TEXT_COLUMN"):
        predict(PredictRequest([path], output=tmp_path / "o.csv", tracking_uri=uri))
    with pytest.raises(MissingColumn, match="'text'"):
        predict(PredictRequest([path], "text", output=tmp_path / "o.csv", tracking_uri=uri))


def test_a_file_that_is_missing_is_named_before_the_store_is_asked(tmp_path):
    nowhere = f"sqlite:///{tmp_path}/none.db"
    with pytest.raises(InputError, match="does not exist"):
        predict(PredictRequest([tmp_path / "none.csv"], tracking_uri=nowhere))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("window", ["file", "1d", "100"])
def test_the_monitor_knows_text_class_and_segment(request_of, window):
    found = monitor(request_of(new(), window=window, label_days=9999))
    assert found.counts.used == 300
    assert {finding.name for finding in found.findings} >= {"accuracy", "segment_accuracy"}


def test_late_labels_are_looked_for_in_the_column_of_the_version(request_of, uri, tmp_path):
    path = saved(new(), tmp_path / "a.csv")
    scored, labels = tmp_path / "o.csv", saved(new()[["id", "mood"]], tmp_path / "l.csv")
    predict(PredictRequest([path], output=scored, tracking_uri=uri))
    assert monitor(request_of(predictions=scored, labels=labels)).counts.used == 300


def unknown(request_of, uri, tmp_path, way):
    """A request whose labels are all of no class of the model."""
    strange = table(300, moods=("red\nalert", "y" * 300))
    if way == "late labels":
        scored = tmp_path / "o.csv"
        predict(
            PredictRequest([saved(strange, tmp_path / "a.csv")], output=scored, tracking_uri=uri)
        )
        return request_of(predictions=scored, labels=saved(strange, tmp_path / "l.csv"))
    if way == "table":
        return request_of(strange)
    return request_of(saved(strange, tmp_path / "a.csv"), window=way)


@pytest.mark.parametrize("way", ["file", "1d", "100", "table", "late labels"])
def test_labels_of_which_the_model_knows_none_are_a_question_and_no_incident(
    request_of, uri, tmp_path, way
):
    with pytest.raises(InputError) as caught:
        monitor(unknown(request_of, uri, tmp_path, way))
    said = str(caught.value)
    assert "none of the 300 labels in column 'mood' is a class of the model" in said
    assert r"'red\nalert'" in said
    assert f"'{'y' * 40}...'" in said
    assert "'angry', 'calm'" in said
    assert said.endswith("Is TARGET_COLUMN right?")
    assert "\n" not in said
    assert not (tmp_path / "book.db").exists()


def test_a_day_of_unknown_labels_among_others_is_no_incident_of_accuracy(request_of, tmp_path):
    days = pd.concat(
        [
            table(300),
            table(300, moods=("red", "green")).assign(day="2026-03-02T09:00:00"),
        ]
    )
    found = monitor(request_of(days, window="1d", label_days=9999))
    (accuracy,) = (finding for finding in found.findings if finding.name == "accuracy")
    assert accuracy.status.name == "UNKNOWN"
    assert "TARGET_COLUMN" in accuracy.reason
    assert found.status.name != "CRITICAL"


def test_the_scripts_take_a_column_from_the_environment_before_that_of_the_version(
    project, tmp_path
):
    path = saved(table(), project.root / "mine.csv")
    flags = ("--text-column", "body", "--target-column", "mood")
    assert project.run("train.py", "--data", path, *flags).returncode == 0
    assert project.run("predict.py", path, "-o", "o.csv").returncode == 0
    with (project.root / "o.csv").open() as file:
        assert {row["prediction"] for row in csv.DictReader(file)} == {"angry", "calm"}
    looked = project.run("monitor.py", "--data", path, "--json")
    assert looked.returncode in (0, 1), looked.stderr
    assert json.loads(looked.stdout)["status"] in ("OK", "WARNING")

    wrong = project.run("monitor.py", "--data", path, TARGET_COLUMN="shop")
    (line,) = (line for line in wrong.stderr.splitlines() if "UNKNOWN" in line)
    assert wrong.returncode == 3
    assert "labels in column 'shop'" in line
    assert "Is TARGET_COLUMN right?" in line
    (project.root / ".env").write_text("TEXT_COLUMN=text\n")
    refused = project.run("predict.py", path, "-o", "o2.csv")
    assert refused.returncode == 3
    assert "has no column 'text'" in refused.stderr


def test_a_file_of_one_s_own_is_not_blamed_for_the_columns_of_the_sample(tmp_path):
    project = copy_project(tmp_path / "project")
    made = project.run("-m", "common.data.synthetic", "--rows", "400", "--out", "data")
    assert made.returncode == 0, made.stderr
    assert project.run("train.py").returncode == 0
    table(20).to_csv(project.root / "own.csv", index=False)
    refused = project.run("predict.py", "own.csv")
    assert refused.returncode == 3
    assert "Version 1 was fitted on SYNTHETIC messages" in refused.stderr


def test_bare_monitoring_asks_for_data_once_the_model_is_one_s_own(request_of):
    with pytest.raises(InputError, match=r"was not fitted on the sample: name .*--data FILE"):
        monitor(request_of())


def test_times_that_nobody_can_read_are_said_to_be_so(request_of):
    undated = table(60).assign(day="24 Feb")
    with pytest.raises(InputError, match="no cell of column 'day' is a time"):
        monitor(request_of(undated, window="1d"))
