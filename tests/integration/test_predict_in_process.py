"""predict as a notebook or a service calls it: a function of a request, or of messages."""

import os

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from common.errors import InputError, MissingColumn, ModelUnavailable, StoreError
from common.pipelines.predict import PredictRequest, classify, run
from common.registry import runs

ADDED = ["prediction", "confidence", "model_version"]


@pytest.fixture(scope="module")
def project(make_trained):
    return make_trained()


@pytest.fixture
def uri(project, monkeypatch):
    # Connecting sets it for the whole process.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", os.environ.get("MLFLOW_TRACKING_URI", ""))
    return f"sqlite:///{project.root}/mlflow.db"


@pytest.fixture(scope="module")
def messages(project):
    return pyarrow.csv.read_csv(project.sample).slice(0, 300).select(["tweet_id", "text"])


@pytest.fixture
def scored(project, messages, uri, tmp_path):
    """What a file of the messages gets."""
    pq.write_table(messages, tmp_path / "a.parquet")
    done = project.run("predict.py", tmp_path / "a.parquet", "--proba", "--explain")
    assert done.returncode == 0, done.stderr
    return pq.read_table(tmp_path / "a.predictions.parquet")


def test_a_request_scores_files_and_is_logged(messages, uri, tmp_path):
    pyarrow.csv.write_csv(messages, tmp_path / "a.csv")
    metrics = tmp_path / "m.prom"
    result = run(PredictRequest([tmp_path / "a.csv"], tracking_uri=uri, metrics_file=metrics))
    assert (result.total.rows.scored, len(result.manifests)) == (300, 1)
    assert result.manifests[0].output.path == str(tmp_path / "a.predictions.csv")
    assert "triage_predict_rows" in metrics.read_text()
    again = run(PredictRequest([tmp_path / "a.csv"], tracking_uri=uri))
    assert again.manifests[0].done_already


@pytest.mark.parametrize("kind", ["arrow", "pandas"])
def test_a_table_is_scored_as_a_file_of_it_is(messages, scored, uri, tmp_path, kind):
    table = messages if kind == "arrow" else messages.to_pandas()
    output = tmp_path / f"{kind}.parquet"
    request = PredictRequest(table, output=output, tracking_uri=uri, proba=True, explain=True)
    assert run(request).total.rows.scored == 300
    found = pq.read_table(output)
    assert found.column_names == scored.column_names
    assert found.to_pylist() == scored.to_pylist()


def test_a_store_that_fails_at_the_end_keeps_the_result_from_nobody(
    messages, uri, tmp_path, monkeypatch, caplog
):
    shown = []

    def fail(*_):
        assert shown
        raise StoreError("the disk is full")

    monkeypatch.setattr(runs, "log_scoring", fail)
    request = PredictRequest(messages, output=tmp_path / "a.csv", tracking_uri=uri)
    assert run(request, show=shown.append).total.rows.scored == 300
    assert "missing in MLflow: the disk is full" in caplog.text


def test_messages_are_classified_as_in_files(messages, scored, uri):
    arrow = classify(messages, proba=True, explain=True, tracking_uri=uri)
    assert arrow.equals(scored.cast(arrow.schema))
    frame = messages.to_pandas().sample(frac=1, random_state=1)
    found = classify(frame, tracking_uri=uri)
    assert list(found.columns) == ["tweet_id", "text", *ADDED]
    assert list(found.index) == list(frame.index)
    expected = scored.to_pandas().loc[frame.index, "prediction"]
    assert list(found["prediction"]) == list(expected)
    texts = messages["text"].to_pylist()
    assert list(classify(texts, tracking_uri=uri)["prediction"]) == (
        scored["prediction"].to_pylist()
    )


def test_what_has_no_text_has_no_answer(uri):
    found = classify(["hello", None, " "], tracking_uri=uri, model="1")
    assert list(found["prediction"].isna()) == [False, True, True]
    assert list(found["model_version"].dropna()) == [1]
    assert found["model_version"].dtype == "Int64"
    assert len(classify([], tracking_uri=uri)) == 0
    assert classify(pa.table({"text": pa.array([], pa.string())}), tracking_uri=uri).num_rows == 0


@pytest.mark.parametrize(
    ("table", "error", "says"),
    [
        (pd.DataFrame({"txt": ["a"]}), MissingColumn, "did you mean 'txt'"),
        (pd.DataFrame({"text": ["a"], "prediction": ["b"]}), InputError, "'prediction'"),
        (pd.DataFrame({"text": [["a"], ["b"]]}), InputError, "holds list"),
        (pd.DataFrame({"text": ["a", {"b": 1}]}), InputError, "'text', is not text"),
    ],
)
def test_a_table_that_can_not_be_classified_is_one_line(uri, table, error, says):
    with pytest.raises(error, match=says) as caught:
        classify(table, tracking_uri=uri)
    assert len(str(caught.value).splitlines()) == 1


def test_a_table_that_can_not_be_saved_is_one_line(uri, tmp_path):
    table = pd.DataFrame({"text": ["a", "b"], "odd": [1, {"b": 1}]})
    with pytest.raises(InputError, match="can't be saved"):
        run(PredictRequest(table, output=tmp_path / "a.csv", tracking_uri=uri))


def test_a_model_that_is_not_there_is_named(messages, uri, tmp_path):
    with pytest.raises(ModelUnavailable, match="'99'"):
        classify(messages, model="99", tracking_uri=uri)
    with pytest.raises(ModelUnavailable, match="'99'"):
        run(PredictRequest(messages, output=tmp_path / "a.csv", model="99", tracking_uri=uri))
