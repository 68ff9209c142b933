"""Links to MLflow's pages."""

import socket

import pytest
from helpers import free_port

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


@pytest.mark.slow
def test_the_server_of_an_embedded_store_shows_its_model_and_ends(tmp_path):
    registry = store.connect(None, tmp_path, "triage", create=True)
    registry.client.create_registered_model("triage")
    port = free_port()
    server = pages.serve(registry, port)
    try:
        seen = store.connect(f"http://{pages.HOST}:{port}", tmp_path, "triage")
        assert seen.client.get_registered_model("triage").name == "triage"
        # A command line is seen by all users of the machine.
        assert str(tmp_path) not in " ".join(map(str, server.args))
    finally:
        pages.stop(server)
    assert server.returncode is not None


def test_a_port_that_is_taken_is_one_line(tmp_path):
    registry = store.connect(None, tmp_path, "triage", create=True)
    with socket.socket() as other:
        other.bind((pages.HOST, 0))
        other.listen()
        with pytest.raises(SettingsError, match="make ui PORT="):
            pages.serve(registry, other.getsockname()[1])
