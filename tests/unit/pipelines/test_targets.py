"""What TARGET_COLUMN may name, and what is refused before anything starts."""

import shlex
from pathlib import Path

import pytest

from common.errors import InputError, SettingsError
from common.pipelines import monitor, train
from common.pipelines.monitor import MonitorRequest
from common.pipelines.predict import PredictRequest
from common.pipelines.target_names import one_target, several
from common.pipelines.targets import Each, monitor_each, monitor_requests, train_each
from common.pipelines.train import TrainRequest

pytestmark = pytest.mark.usefixtures("warm_clean_process")


@pytest.mark.parametrize(
    ("written", "names"),
    [("topic", ()), (None, ()), ("a,b", ("a", "b")), (" a b , c ", ("a b", "c"))],
)
def test_a_comma_separates_targets(written, names):
    assert several(written) == names


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a,", "empty name"),
        (",", "empty name"),
        ("a,A", "twice"),
        ("a,b/c", "'b/c'"),
        ("a:,b", "a:"),
    ],
)
def test_names_that_cannot_be_targets_are_refused(written, said):
    with pytest.raises(SettingsError, match=said) as caught:
        several(written)
    assert "\n" not in str(caught.value)


def test_all_columns_are_looked_for_before_the_first_model_is_trained(tmp_path):
    data = tmp_path / "a.csv"
    data.write_text("text,topic\nhello,a\nbye,b\n")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(InputError, match="has no column 'mood'"):
        train_each(TrainRequest(data, target_column="topic,mood", tracking_uri=uri))
    assert list(tmp_path.iterdir()) == [data]


def test_labels_of_a_rule_go_to_a_column_before_they_are_one_of_several_targets():
    with pytest.raises(SettingsError, match=r"common\.prepare") as caught:
        train_each(TrainRequest(target_column="a,b", label_with="critical"))
    assert "--model-name" not in str(caught.value)


def test_flags_of_one_target_can_be_pasted_whatever_its_name():
    flags = shlex.split(one_target("late 'n' lost", "triage"))
    assert flags == ["--target-column", "late 'n' lost", "--model-name", "triage.late 'n' lost"]


def test_one_run_is_of_one_target():
    with pytest.raises(SettingsError, match=r"targets\.train_each"):
        train.run(TrainRequest(target_column="a,b", dry_run=True))
    with pytest.raises(SettingsError, match=r"targets\.monitor_each"):
        monitor.run(MonitorRequest(target_column="a,b"))


@pytest.mark.parametrize("how", [{"metrics_file": Path("x.prom")}, {"model": "3"}])
def test_the_monitor_refuses_what_is_of_one_model(how):
    with pytest.raises(SettingsError, match=r"--target-column a --model-name triage\.a"):
        monitor_each(MonitorRequest(target_column="a,b", **how))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"engine": "spark"}, "--engine spark scores one target"),
        ({"challenger": "latest"}, "--shadow compares one target"),
        ({"metrics_file": Path("x.prom")}, "--metrics-file is of one target"),
        ({"model": "3"}, "each target has versions of its own"),
    ],
)
def test_predict_refuses_what_is_of_one_model(how, said):
    with pytest.raises(SettingsError, match=said):
        PredictRequest([Path("a.csv")], targets=("a", "b"), **how)


def test_the_first_of_the_failures_is_raised():
    Each({"a": 1}, {}).raise_first()
    with pytest.raises(InputError, match="first"):
        Each({}, {"a": InputError("first"), "b": InputError("second")}).raise_first()


def test_what_is_new_in_messages_is_told_once_whatever_the_targets():
    requests = monitor_requests(MonitorRequest(target_column="a,b"))
    assert [each.burst_alerts for each in requests.values()] == [True, False]
    silent = monitor_requests(MonitorRequest(target_column="a,b", burst_alerts=False))
    assert not any(each.burst_alerts for each in silent.values())
