"""No call to a server waits for ever, and what it gives or raises is what the caller gets."""

import threading
import time

import pytest
from faulty_store import faulty_store
from mlflow.exceptions import MlflowException

from common.errors import StoreError
from common.registry import patience, store


def test_a_call_gives_what_it_gives_and_raises_what_it_raises():
    def fail():
        raise TimeoutError("my own")

    assert patience.within(5, lambda: 3, "late") == 3
    with pytest.raises(TimeoutError, match="my own"):
        patience.within(5, fail, "late")


def test_a_call_that_does_not_end_is_left():
    free = threading.Event()
    began = time.monotonic()
    with pytest.raises(StoreError, match="late"):
        patience.within(0.2, free.wait, "late")
    with patience.hurried(), pytest.raises(StoreError, match="late"):
        patience.within(3600, free.wait, "late")
    assert time.monotonic() - began < patience.TIDYING_SECONDS + 2
    free.set()


@pytest.mark.parametrize("kind", ["drips", "drips headers", "silent"])
def test_a_later_call_to_a_store_that_drips_ends_too(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(patience, "CALL_SECONDS", 1.5)
    with faulty_store(kind, after_probe=True) as server:
        registry = store.connect(server.address, tmp_path, "triage")
        began = time.monotonic()
        with pytest.raises(StoreError, match=f"{server.address} does not answer"):
            registry.client.get_registered_model("triage")
        assert time.monotonic() - began < 5


def test_calls_that_carry_files_have_longer_than_others(tmp_path, monkeypatch):
    monkeypatch.setattr(patience, "CALL_SECONDS", 0.1)

    class Slow:
        def log_text(self, text):
            time.sleep(0.5)
            return text

        get_run = log_text

    client = patience.PatientClient(Slow(), "a server")
    assert client.log_text("hi") == "hi"
    with pytest.raises(StoreError):
        client.get_run("hi")


def test_what_tidies_up_after_a_failure_hides_it_from_nobody(tmp_path):
    registry = store.Registry("http://127.0.0.1:9", "triage")
    with registry.tidying():
        raise MlflowException("gone")
