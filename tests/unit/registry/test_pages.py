"""Links to MLflow's pages."""

import pytest

from common.errors import SettingsError
from common.registry import pages, store
from common.registry.pages import Links


def test_links_open_on_the_model_and_the_runs():
    links = Links("http://mlflow:5000", "3", "my model")
    assert links.model == "http://mlflow:5000/#/models/my%20model"
    assert links.runs == "http://mlflow:5000/#/experiments/3/runs?workflowType=machine_learning"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://ann:se/cr@et@mlflow:5000/", "http://mlflow:5000"),
        ("https://ann:secret@mlflow.example/team?token=secret", "https://mlflow.example/team"),
        ("postgresql://ann:secret@db/mlflow", None),
        ("sqlite:////srv/mlflow.db", None),
    ],
)
def test_no_link_shows_a_password(uri, shown):
    assert pages.public_address(uri) == shown


def test_an_embedded_store_says_how_to_see_it(tmp_path):
    registry = store.connect(None, tmp_path, "triage", create=True)
    links = pages.links(registry, "triage")
    assert links.text() == "To see it in MLflow: make ui"
    assert links.to_json() == {"model": None, "runs": None}


def test_a_port_that_is_taken_is_one_line(tmp_path):
    import socket

    registry = store.connect(None, tmp_path, "triage", create=True)
    with socket.socket() as other:
        other.bind((pages.HOST, 0))
        other.listen()
        with pytest.raises(SettingsError, match="make ui PORT="):
            pages.serve(registry, other.getsockname()[1])
