"""Which messages a next step would train on: labelled ones that the version has not seen."""

import shlex

import pandas as pd
import pytest

from common.data import files
from common.data.columns import MessageColumns
from common.data.synthetic.messages import generate
from common.monitoring import source
from common.monitoring.windows import Length
from common.pipelines.monitor_look import _look
from common.pipelines.monitor_request import MonitorRequest
from common.registry.versions import Version

COLUMNS = MessageColumns("text", "inbound")


@pytest.fixture
def real(tmp_path, monkeypatch):
    """A file of messages that nobody made up."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my days.csv"
    frame = {"author_id": [f"{k}" for k in range(40)], "text": "late", "inbound": "True"}
    pd.DataFrame(frame).to_csv(path, index=False)
    return path


def version(**tags):
    return Version("triage", 3, "abc", tags)


def look(path, of, **more):
    request = MonitorRequest(path, **more)
    looked_at = source.messages(path, COLUMNS, Length())
    return _look(request, looked_at, of, COLUMNS.needed, [])


def test_what_was_looked_at_is_trained_on_with_its_columns(real):
    train = look(real, version()).train
    assert shlex.join(train) == ("--data 'my days.csv' --text-column text --target-column inbound")


def test_what_the_version_was_fitted_on_is_not_trained_on_again(real):
    assert look(real, version(data_sha256=files.sha256(real))).train is None


def test_made_up_messages_say_nothing_of_a_model_of_real_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["tweet_id", "author_id", "inbound", "created_at", "text"]
    rows = [row[:5] for block in generate(300, seed=1) for row in block]
    path = tmp_path / "made_up.csv"
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    assert look(path, version(synthetic_data="False")).train is None
    assert look(path, version(synthetic_data="True")).train is not None


def test_messages_that_were_named_for_training_come_first(real, tmp_path):
    every = tmp_path / "all.csv"
    every.write_bytes(real.read_bytes() + b"41,again,False\n")
    train = look(real, version(), training_data=every).train
    assert train[:2] == ["--data", "all.csv"]
    gone = look(real, version(), training_data=tmp_path / "gone.csv").train
    assert gone[:2] == ["--data", "my days.csv"]


def test_a_look_is_repeated_with_a_path_from_the_current_directory(real):
    flags = look(real, version(), window="1d", accuracy_floor=0.9).monitor
    assert shlex.join(flags) == "--data 'my days.csv' --window 1d --accuracy-floor 0.9"
