"""`mlflow models serve` in a real process, away from the project, answers from the champion."""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import free_port, serving


@pytest.fixture(scope="module")
def ask(make_trained, tmp_path_factory):
    """A function that POSTs a payload to the served champion and returns its predictions."""
    import mlflow

    project = make_trained()
    store = f"sqlite:///{project.root}/mlflow.db"
    champion = mlflow.MlflowClient(store).get_model_version_by_alias("triage", "champion")
    folder = tmp_path_factory.mktemp("model_server")
    address = f"http://127.0.0.1:{free_port()}"
    command = [
        *("mlflow", "models", "serve", "--model-uri", f"models:/triage/{champion.version}"),
        *("--env-manager", "local", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]),
    ]

    def post(payload):
        request = urllib.request.Request(
            f"{address}/invocations",
            json.dumps(payload).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["predictions"]

    log = folder / "serve.log"
    with serving(command, f"{address}/ping", log, MLFLOW_TRACKING_URI=store):
        yield post


def test_one_row(ask):
    (row,) = ask({"dataframe_records": [{"text": "where is my order?! third time this month"}]})
    assert row["prediction"] == "True"
    assert 0.5 <= row["confidence"] <= 1


def test_many_rows_in_order(ask):
    customer, brand = "my order is gone!! what now?", "Hello, which device is it? -JK"
    texts = [[customer], [brand]] * 100
    rows = ask({"dataframe_split": {"columns": ["text"], "data": texts}})
    assert [row["prediction"] for row in rows] == ["True", "False"] * 100


def test_eight_clients_at_once_get_the_answers_that_one_gets(ask):
    def rows(call):
        words = ["order", "gone", "thanks", "DM", "late", "app", "refund"]
        return [[f"{words[(call + k) % 7]} {words[call * k % 7]} new{call}x{k}"] for k in range(8)]

    def answers(call):
        return ask({"dataframe_split": {"columns": ["text"], "data": rows(call)}})

    with ThreadPoolExecutor(8) as clients:
        found = list(clients.map(answers, range(240)))
    assert found == [answers(call) for call in range(240)]
