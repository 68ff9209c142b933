"""The monitor called as a function, on a table in memory, as from a notebook."""

import logging

import pandas as pd
import pyarrow as pa
import pytest
from json_schema import problems

from common.errors import StoreError
from common.pipelines.monitor import MonitorRequest, run
from common.registry import runs


@pytest.fixture
def request_of(trained, monkeypatch):
    """Makes requests to the registry and the messages of a project."""
    monkeypatch.chdir(trained.root)
    frame = pd.read_csv(trained.sample).iloc[:3000]

    def request_of(data, **more):
        return MonitorRequest(
            data(frame),
            tracking_uri=f"sqlite:///{trained.root}/mlflow.db",
            state=trained.root / "book.db",
            accuracy_floor=0.5,
            **more,
        )

    return request_of


@pytest.mark.parametrize("kind", ["pandas", "arrow"])
def test_a_table_is_monitored_and_the_result_is_as_its_schema_says(request_of, kind, capsys):
    arrow = kind == "arrow"
    make = pa.Table.from_pandas if arrow else (lambda frame: frame)
    result = run(request_of(make, segment_column="author_id"))
    assert result.exit_code in (0, 1)
    assert result.counts.read == 3000
    assert 400 < result.counts.used < 800, "those that were held out: it was fitted on the others"
    assert result.file == "table.parquet"
    assert not any("table.parquet" in step for step in result.next_steps)
    assert problems(result.to_json(), "monitor.schema.json") == []
    assert capsys.readouterr().out == "", "it prints nothing"


def test_a_store_that_fails_at_the_end_keeps_the_result_from_nobody(
    request_of, monkeypatch, caplog
):
    shown = []

    def fail(*_):
        assert shown, "the result was shown before"
        raise StoreError("the store is gone")

    monkeypatch.setattr(runs, "log_monitoring", fail)
    with caplog.at_level(logging.ERROR):
        result = run(request_of(lambda frame: frame), show=shown.append)
    assert shown == [result]
    assert "missing in MLflow: the store is gone" in caplog.text
