"""`monitor.py --test-alert` shows that alerts arrive, without a model, data or a store."""

import json
import subprocess
import sys

from helpers import ROOT, clean_environment, free_port
from receivers import mail, web

from common.monitoring.alerts import channels, trial


def monitor(tmp_path, *flags, **env):
    return subprocess.run(
        [sys.executable, ROOT / "monitor.py", "--test-alert", *flags],
        cwd=tmp_path,
        env=clean_environment() | {"TRIAGE_HOME": str(tmp_path), "no_proxy": "*"} | env,
        capture_output=True,
        text=True,
    )


def test_each_address_gets_a_marked_message_and_what_came_back_is_said(tmp_path):
    token = "/hook?token=very-secret"
    with web(200) as well, web(404) as ill:
        urls = f"{well.url}{token},slack+{well.url}{token},{ill.url}{token}"
        done = monitor(tmp_path, "--json", ALERT_URLS=urls)
    assert done.returncode == 3, done.stderr
    answers = [each["problem"] for each in json.loads(done.stdout)["addresses"]]
    assert answers[:2] == [None, None] and "404" in answers[2]
    assert [b"TEST: nothing is wrong" in request.body for request in well.requests] == [True] * 2
    assert [r.json["status"] for r in well.requests if "status" in r.json] == ["OK"]
    assert "very-secret" not in done.stdout + done.stderr
    assert not list(tmp_path.glob("*.db"))


def test_it_is_zero_if_all_have_taken_it(tmp_path):
    with web(200) as receiver:
        done = monitor(tmp_path, ALERT_URLS=receiver.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "address 1 of ALERT_URLS (127.0.0.1): took the test message\n"


def test_a_port_that_nobody_listens_on_is_named(tmp_path):
    done = monitor(tmp_path, ALERT_URLS=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 3
    assert "address 1 of ALERT_URLS (127.0.0.1): " in done.stdout


def test_no_address_is_one_line(tmp_path):
    done = monitor(tmp_path)
    assert done.returncode == 3
    assert "there is no address to test: set ALERT_URLS" in done.stderr.splitlines()[-1]


def test_a_mail_says_in_its_subject_that_it_is_a_test():
    with mail() as server:
        smtp = f"smtp://127.0.0.1:{server.port}", "monitor@example.org"
        receivers = channels.parse(["mailto:ops@example.org"], *smtp)
        (tried,) = trial.send_trial(receivers, "triage").channels
    assert tried.problem is None
    assert "TEST" in str(server.messages[0]["Subject"])
