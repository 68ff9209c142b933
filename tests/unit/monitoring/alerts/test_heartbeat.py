"""A heartbeat arrives as one line, takes little time, and tells nobody its address."""

import logging
import time

import pytest
from helpers import free_port
from receivers import dripping, web

from common.monitoring.alerts import deadline, heartbeat

SECRET = "5ca1ab1e"


@pytest.fixture(autouse=True)
def _quick(monkeypatch, caplog):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(deadline, "PAUSES", (0.05,))
    caplog.set_level(logging.DEBUG)


@pytest.mark.parametrize(
    ("address", "ok", "path"),
    [
        ("/ping/x", True, "/ping/x"),
        ("/ping/x", False, "/ping/x/fail"),
        ("/ping/x/", False, "/ping/x/fail"),
        ("/ping/x?rid=1", False, "/ping/x/fail?rid=1"),
    ],
)
def test_success_and_failure_have_their_addresses(address, ok, path):
    with web(200) as receiver:
        heartbeat.ping(receiver.url + address, ok, "CRITICAL: größe\nfell")
    (request,) = receiver.requests
    assert request.path == path
    assert request.body.decode() == "CRITICAL: größe fell"


def test_a_success_is_not_mentioned(caplog):
    with web(200) as receiver:
        heartbeat.ping(f"{receiver.url}/{SECRET}", True, "OK")
    assert not caplog.records


def test_a_hiccup_is_tried_again(caplog):
    with web(503, 200) as receiver:
        heartbeat.ping(f"{receiver.url}/{SECRET}", True, "OK")
    assert len(receiver.requests) == 2
    assert not caplog.records


def warned(caplog):
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert SECRET not in caplog.text
    assert "127.0.0.1" not in caplog.text
    return record.getMessage()


def test_nobody_there_is_one_warning(caplog):
    heartbeat.ping(f"http://127.0.0.1:{free_port()}/{SECRET}", True, "OK")
    assert warned(caplog) == "The heartbeat was not sent: ConnectionError."


@pytest.mark.parametrize("address", [SECRET, f"http://[::1/{SECRET}", f"ftp://x/{SECRET}", ""])
def test_what_is_no_address_is_one_warning(address, caplog):
    heartbeat.ping(address, False, "OK")
    assert warned(caplog)


def test_a_refusal_is_one_warning(caplog):
    with web(404) as receiver:
        heartbeat.ping(f"{receiver.url}/{SECRET}", True, "OK")
    assert warned(caplog) == "The heartbeat was not sent: HTTP 404."


def test_a_receiver_that_drips_is_given_up(caplog, monkeypatch):
    monkeypatch.setattr(heartbeat, "LIMIT_SECONDS", 0.3)
    with dripping() as port:
        started = time.monotonic()
        heartbeat.ping(f"http://127.0.0.1:{port}/{SECRET}", True, "OK")
        took = time.monotonic() - started
    assert took < 2
    assert warned(caplog) == "The heartbeat was not sent: not taken within 0.3 s."
