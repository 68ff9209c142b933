"""Notices reach real receivers, ill ones hold nobody up, and no address is ever told."""

import logging
import os
import subprocess
import sys
import threading
import time
from unittest.mock import patch

import pytest
from helpers import ROOT, free_port
from receivers import NOTICE, dripping, mail, silent, web

from common.monitoring.alerts import channels, deadline, formats, send

TOKEN = "t0ken-of-the-hook"
PATH = f"/hook/{TOKEN}?key={TOKEN}"
ID = NOTICE["incident"]


@pytest.fixture(autouse=True)
def _direct(monkeypatch, caplog):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(deadline, "PAUSES", (0.05, 0.05))
    caplog.set_level(logging.DEBUG)


def deliver(*addresses, notices=(NOTICE,), seconds=10.0, smtp=()):
    """What became of each notice at each address."""
    found = channels.parse(addresses, *smtp)
    keyed = {
        send.Dispatch(channel.key, f"{k}"): notice
        for channel in found
        for k, notice in enumerate(notices)
    }
    with patch.object(send, "DEADLINE_SECONDS", seconds):
        told = send.deliver(keyed, found)
    assert set(told) == set(keyed)
    return list(told.values())


def test_a_notice_arrives_as_json_with_its_incident():
    with web(200) as receiver:
        assert deliver(receiver.url + PATH) == [None]
    (request,) = receiver.requests
    assert request.path == PATH
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Incident-Id"] == ID
    assert request.json == NOTICE


@pytest.mark.parametrize(
    ("kind", "form"), [("slack", formats.for_slack), ("teams", formats.for_teams)]
)
def test_slack_and_teams_get_what_they_take(kind, form):
    with web(200) as receiver:
        assert deliver(f"{kind}+{receiver.url}{PATH}") == [None]
    (request,) = receiver.requests
    assert request.json == form(NOTICE)
    assert request.headers["X-Incident-Id"] == ID


def test_mail_arrives():
    with mail() as taken:
        smtp = f"smtp://ann:{TOKEN}@127.0.0.1:{taken.port}", "triage@example.org"
        assert deliver("mailto:ops@example.org", smtp=smtp) == [None]
    (message,) = taken.messages
    assert message["X-Incident-Id"] == ID
    assert message["Subject"] == formats.subject(NOTICE)


def test_a_channel_gets_its_notices_in_their_order():
    changes = [NOTICE | {"change": f"change {k}"} for k in range(5)]
    with web(200) as receiver:
        assert deliver(receiver.url, notices=changes) == [None] * 5
    assert [request.json for request in receiver.requests] == changes


def test_a_notice_goes_to_its_own_channel_alone():
    with web(200) as receiver:
        first, second = channels.parse([f"{receiver.url}/1", f"{receiver.url}/2"])
        told = send.deliver({send.Dispatch(second.key, "n"): NOTICE}, [first, second])
    assert told == {send.Dispatch(second.key, "n"): None}
    assert [request.path for request in receiver.requests] == ["/2"]


def test_a_channel_that_is_gone_keeps_its_notice():
    told = send.deliver({send.Dispatch("gone", "n"): NOTICE}, [])
    assert told == {send.Dispatch("gone", "n"): "not in ALERT_URLS any more"}


def test_text_that_is_no_text_is_delivered_all_the_same():
    with web(200) as receiver:
        notice = NOTICE | {"reason": "größe \ud800 👍", "incident": "größe\n1"}
        addresses = [receiver.url, f"slack+{receiver.url}", f"teams+{receiver.url}"]
        assert deliver(*addresses, notices=[notice]) == [None] * 3
    assert {request.headers["X-Incident-Id"] for request in receiver.requests} == {"gr__e_1"}


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_counts_as_delivered(status):
    with web(status) as receiver:
        assert deliver(receiver.url) == [None]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_receiver_that_is_out_of_sorts_is_asked_again(status):
    with web(status, 200) as receiver:
        assert deliver(receiver.url) == [None]
    assert len(receiver.requests) == 2


def test_a_receiver_that_stays_out_of_sorts_is_given_up():
    with web(500) as receiver:
        assert deliver(receiver.url) == ["HTTP 500"]
    assert len(receiver.requests) == 1 + len(deadline.PAUSES)


def test_a_receiver_cannot_ask_for_an_hour():
    with web(503, 200, Retry_After="3600") as receiver:
        assert deliver(receiver.url) == [None]


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_refusal_is_final(status):
    with web(status) as receiver:
        assert deliver(receiver.url) == [f"HTTP {status}"]
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_not_delivered(status):
    with web(200) as elsewhere, web(status, Location=elsewhere.url) as receiver:
        assert deliver(receiver.url) == [f"HTTP {status}"]
    assert not elsewhere.requests


def test_teams_may_fail_after_it_said_yes():
    said = b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP 429"
    with web(200, body=said) as receiver:
        assert deliver(f"teams+{receiver.url}") == ["it took the message and then failed"]
    with web(200, body=b"1") as receiver:
        assert deliver(f"teams+{receiver.url}") == [None]


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("kind", ["", "slack+", "teams+"])
def test_a_huge_answer_is_not_read(status, kind):
    with web(status, 200, body=bytes(1_000_000), times=1000) as receiver:
        assert deliver(kind + receiver.url) == [None]
    assert receiver.body_bytes_sent < 50_000_000


def test_a_receiver_that_is_down_is_named_by_position_and_host_alone(caplog):
    with web(200) as well, web(500) as ill:
        closed = f"http://ann:{TOKEN}@127.0.0.1:{free_port()}"
        told = deliver(well.url + PATH, ill.url + PATH, closed + PATH)
    assert told == [None, "HTTP 500", "ConnectionError"]
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert [error.partition(":")[0] for error in errors] == [
        f"Notice of {ID} not delivered to address {k} of ALERT_URLS (127.0.0.1)" for k in (2, 3)
    ]
    assert TOKEN not in caplog.text


def test_no_secret_is_logged_where_mail_is_refused(caplog):
    with mail({"AUTH": [f"535 {TOKEN} is wrong"] * 2}) as taken:
        smtp = f"smtp://ann:{TOKEN}@127.0.0.1:{taken.port}", "triage@example.org"
        assert deliver("mailto:ops@example.org", smtp=smtp) == ["SMTP 535"]
    assert "address 1 of ALERT_URLS (127.0.0.1)" in caplog.text
    assert TOKEN not in caplog.text
    assert "ops@" not in caplog.text


@pytest.mark.parametrize("kind", ["", "slack+", "teams+"])
def test_a_receiver_that_drips_is_given_up_at_the_deadline(kind, caplog):
    with dripping() as port, web(200) as receiver:
        started = time.monotonic()
        told = deliver(f"{kind}http://127.0.0.1:{port}{PATH}", receiver.url, seconds=0.5)
        took = time.monotonic() - started
    assert told == ["not taken within 0.5 s", None]
    assert took < 2
    assert TOKEN not in caplog.text


def test_a_mail_server_that_drips_is_given_up_at_the_deadline():
    with dripping(b"220 ") as port:
        started = time.monotonic()
        smtp = f"smtp://127.0.0.1:{port}", "triage@example.org"
        told = deliver("mailto:ops@example.org", smtp=smtp, seconds=0.5)
        took = time.monotonic() - started
    assert told == ["not taken within 0.5 s"]
    assert took < 2


def test_a_slow_receiver_is_given_up_and_its_other_notices_are_kept():
    with silent() as port:
        started = time.monotonic()
        told = deliver(f"http://127.0.0.1:{port}", notices=[NOTICE] * 3, seconds=0.5)
        took = time.monotonic() - started
    assert all(told)
    assert took < 2


def test_after_the_deadline_nothing_more_is_sent():
    def slowly():
        time.sleep(0.4)

    with web(200, before=slowly) as receiver:
        told = deliver(receiver.url, notices=[NOTICE] * 4, seconds=0.6)
        assert told[0] is None
        assert told[2:] == ["not taken within 0.6 s"] * 2
        time.sleep(0.8)
        assert len(receiver.requests) == 2


def test_all_channels_are_told_at_once():
    together = threading.Barrier(3)
    with web(200, before=lambda: together.wait(timeout=10)) as receiver:
        assert deliver(*(f"{receiver.url}/{k}" for k in range(3))) == [None] * 3


def test_a_receiver_that_drips_keeps_no_script_from_ending():
    script = """
import sys
from common.monitoring.alerts import channels, send
from receivers import NOTICE
found = channels.parse(sys.argv[1:])
send.DEADLINE_SECONDS = 0.2
send.deliver({send.Dispatch(found[0].key, "n"): NOTICE}, found)
"""
    with dripping() as port:
        subprocess.run(
            [sys.executable, "-c", script, f"http://127.0.0.1:{port}"],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
            check=True,
            timeout=30,
        )
