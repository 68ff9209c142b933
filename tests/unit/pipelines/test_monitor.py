"""A request says what monitor.py's flags and settings say, with the same defaults."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from helpers import ROOT

import monitor
from common.errors import SettingsError
from common.pipelines.monitor import MonitorRequest, run, training_settings
from common.pipelines.monitor_request import flags_of, registry_flags, training_flags
from common.registry.columns import TrainedColumns
from common.settings import Settings
from common.settings_reader import load

# Fields that are called otherwise than their settings.
SETTINGS = {
    "data": "monitor_data_path",
    "training_data": "data_path",
    "tracking_uri": "mlflow_tracking_uri",
    "experiment_name": "mlflow_experiment_name",
    "state": "monitor_state",
}
# Without a word from the user these are as the version was trained.
OF_THE_VERSION = {
    *("text_column", "target_column", "segment_column", "label_with", "critical_keywords"),
    "id_column",
}
LATE = {"predictions": Path("b"), "labels": Path("c")}
# Settings whose value is secret are of another type there.
SECRET = ("alert_urls", "smtp_url", "tracking_uri")


def request_of(*arguments, dotenv=Path("none")):
    args = monitor.build_parser().parse_args(arguments)
    given = {field: vars(args)[field] for field in Settings.model_fields if field in vars(args)}
    return monitor.build_request(args, load(given, dotenv))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)


def test_defaults_are_those_of_the_settings_and_flags():
    assert request_of() == MonitorRequest()
    defaults = {field.name: field.default for field in fields(MonitorRequest)}
    for name, default in defaults.items():
        setting = SETTINGS.get(name, name)
        if name in OF_THE_VERSION:
            assert default is None, name
        elif setting in Settings.model_fields and name not in SECRET:
            assert Settings.model_fields[setting].default == default, name


def test_every_flag_reaches_the_request():
    request = request_of(
        *("--data", "a.csv", "--window", "2w", "--floor", "0.9", "--segment-column", "brand"),
        *("--challenger", "latest", "--retrain-on", "critical", "--retrain-data", "b.csv"),
        *("--retrain-days", "14"),
        *("--report", "r.html", "--metrics-file", "m.prom", "--workers", "3", "--model", "2"),
        *("--alert-urls", "https://a.org/x,https://b.org/y", "--label-days", "3"),
    )
    assert request == MonitorRequest(
        data=Path.cwd() / "a.csv",
        window="2w",
        accuracy_floor=0.9,
        segment_column="brand",
        challenger="latest",
        retrain_on="critical",
        retrain_data=Path("b.csv"),
        retrain_days=14,
        report=Path("r.html"),
        metrics_file=Path("m.prom"),
        workers=3,
        model="2",
        alert_urls=("https://a.org/x", "https://b.org/y"),
        label_days=3,
    )


def test_columns_that_the_environment_names_reach_the_request_even_if_they_are_the_defaults(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("TARGET_COLUMN", "inbound")
    (tmp_path / ".env").write_text("TEXT_COLUMN=text\n")
    request = request_of("--label-with", "column", dotenv=tmp_path / ".env")
    monkeypatch.delenv("TEXT_COLUMN")  # loading .env has set it
    assert (request.target_column, request.text_column) == ("inbound", "text")
    assert request.label_with == "column"


def test_predictions_take_the_place_of_the_data_of_the_settings_but_not_of_the_flag(monkeypatch):
    monkeypatch.setenv("MONITOR_DATA_PATH", "/a.csv")
    assert request_of().data == Path("/a.csv")
    late = ("--predictions", "p.csv", "--labels", "l.csv")
    assert request_of(*late).data is None
    with pytest.raises(SettingsError, match="two places"):
        request_of(*late, "--data", "/b.csv")


def test_late_labels_and_none_take_the_place_of_label_with_of_the_settings_but_not_of_the_flag(
    monkeypatch,
):
    monkeypatch.setenv("LABEL_WITH", "file")
    monkeypatch.setenv("LABELS_PATH", "/l.csv")
    late = ("--predictions", "p.csv", "--labels", "l.csv")
    none = ("--data", "a.csv", "--no-labels")
    assert request_of("--data", "a.csv").label_with == "file"
    for given in (late, none):
        assert request_of(*given).label_with is None
        with pytest.raises(SettingsError, match="LABEL_WITH"):
            request_of(*given, "--label-with", "file")


def test_the_flags_of_a_request_make_the_same_request_again():
    flags = [
        *("--text-column", "message", "--time-column", "when", "--encoding", "cp1252"),
        *("--header", "id,when,message", "--model-name", "urgency", "--accuracy-floor", "0.7"),
        *("--window", "1d", "--monitor-state", "/elsewhere/book.db", "--label-days", "3.0"),
        *("--mlflow-tracking-uri", "sqlite:////elsewhere/mlflow.db", "--mask", "True"),
        *("--examples", "0", "--model", "2", "--prefix", "p_", "--challenger", "latest"),
        *("--id-column", "id"),
        "--no-labels",
    ]
    request = request_of("--data", "a.csv", *flags)
    assert sorted(flags_of(request)) == sorted(flags)
    assert request_of("--data", "a.csv", *flags_of(request)) == request


def test_a_look_is_repeated_with_its_window_and_floor_whatever_the_settings_say_by_then():
    always = ["--window", "file", "--accuracy-floor", "0.8"]
    assert flags_of(MonitorRequest(Path("a.csv"))) == always


def test_no_command_shows_a_password():
    uri = "https://ann:secret@host"
    request = MonitorRequest(Path("a.csv"), tracking_uri=uri)
    assert not any("secret" in word for word in [*flags_of(request), *registry_flags(request)])


def test_training_reads_messages_as_the_look_did():
    request = MonitorRequest(Path("a.csv"), encoding="cp1252", header=("id", "body"))
    flags = training_flags(request, {"TEXT_COLUMN": "body", "TIME_COLUMN": "when"})
    assert flags == ["--text-column", "body", "--encoding", "cp1252", "--header", "id,body"]


@pytest.mark.parametrize(
    ("label_with", "own"),
    [
        ("column", {}),
        ("critical", {}),
        ("keywords", {"CRITICAL_KEYWORDS": "fire,flood"}),
        ("file", {"LABELS_PATH": "/srv/l.csv", "ID_COLUMN": "key"}),
    ],
)
def test_training_labels_as_the_version_was_labelled_whatever_late_labels_say(label_with, own):
    trained = TrainedColumns(
        *("body", "mood", None, label_with, ("fire", "flood"), Path("/srv/l.csv"), "key")
    )
    late = MonitorRequest(**LATE, id_column="id")
    found = training_settings(late, trained)
    assert found == own | {
        "TEXT_COLUMN": "body",
        "TARGET_COLUMN": "mood",
        "TIME_COLUMN": "created_at",
        "LABEL_WITH": label_with,
    }
    flags = training_flags(late, found)
    assert flags[flags.index("--label-with") + 1] == label_with
    assert all(value in flags for value in own.values())


def test_training_labels_as_the_look_did_if_that_was_asked_for():
    trained = TrainedColumns("body", "mood", None, "critical", ("fire",), None, "key")
    request = MonitorRequest(Path("a.csv"), label_with="column", target_column="topic")
    found = training_settings(request, trained)
    assert (found["LABEL_WITH"], found["TARGET_COLUMN"]) == ("column", "topic")


def test_late_labels_are_repeated_with_one_flag_for_the_identifier():
    assert "--id-column" not in flags_of(MonitorRequest(**LATE, id_column="id"))


def test_a_request_does_not_show_what_may_hold_a_secret():
    request = MonitorRequest(
        alert_urls=("https://a.org/token",),
        smtp_url="smtp://ann:token@host",
        tracking_uri="https://ann:token@host",
    )
    assert "token" not in repr(request)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"predictions": Path("a")}, "belong together"),
        ({"labels": Path("a")}, "belong together"),
        (LATE | {"data": Path("a")}, "two places"),
        (LATE | {"label_with": "vader"}, "LABEL_WITH"),
        (LATE | {"challenger": "latest"}, "--challenger"),
        ({"retrain_data": Path("a")}, "--retrain-on"),
        ({"retrain_days": 14}, "--retrain-on"),
        ({"retrain_days": 14, "retrain_on": "critical"}, "WINDOW of days"),
        ({"data": Path("a"), "window": "1m"}, "WINDOW"),
        ({"alert_urls": ("gopher://x",)}, "ALERT_URLS"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_opened(given, says):
    with pytest.raises(SettingsError, match=says):
        run(MonitorRequest(**given))


def test_a_request_is_made_without_any_heavy_library():
    code = """
import sys
from common.pipelines.monitor import MonitorRequest, run, training_settings
MonitorRequest()
print({name.split(".")[0] for name in sys.modules}
      & {"mlflow", "sklearn", "catboost", "pandas", "numpy", "pyarrow", "scipy", "jinja2"})
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"retrain_on": "ok"}, "--retrain-on"),
        ({"accuracy_floor": 1.0}, "ACCURACY_FLOOR"),
        ({"workers": 0}, "--workers"),
    ],
)
def test_a_value_out_of_range_is_refused_before_anything_is_read(given, says):
    with pytest.raises(SettingsError, match=says):
        MonitorRequest(Path("a.csv"), **given)
