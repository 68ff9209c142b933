"""monitor.py from the outside: histories, people who are told, late labels, reports, retraining."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
from helpers import clean_environment, copy_project, free_port
from json_schema import problems

OK, WARNING, CRITICAL, UNKNOWN = range(4)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A model, and 30 days of which the last ten have other classes than it learnt."""
    project = copy_project(tmp_path_factory.mktemp("monitor") / "project")
    flags = ("--scenario", "sudden-drift", "--days", "30", "--change-day", "21", "--out", "history")
    made = project.run("-m", "common.data.synthetic", "--class", "inbound", *flags)
    assert made.returncode == 0, made.stderr
    trained = project.run("train.py", "--data", "history/train.csv")
    assert trained.returncode == 0, trained.stderr
    return project


@pytest.fixture
def project(first):
    """The same, with nothing known of earlier runs."""
    (first.root / "monitor.db").unlink(missing_ok=True)
    return first


def days(project, last, folder="days"):
    """A folder with the first days of the history."""
    target = project.root / folder
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in sorted((project.root / "history").glob("2026-*.csv"))[:last]:
        shutil.copy(path, target)
    return target


def look(project, data, *flags, **env):
    flags = ("--window", "1d", "--label-days", "9999", *flags)
    return project.run("monitor.py", "--data", data, *flags, **env)


@contextmanager
def serving(answers):
    """A receiver that answers with these codes in turn, the last one for ever."""
    bodies, paths = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            paths.append(self.path)
            code = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies, paths
        finally:
            server.shutdown()
            thread.join()


def test_a_drop_is_told_once_and_reminded_of_and_recovery_too(project, receiver):
    told = []
    for last in (20, 21, 22):
        done = look(project, days(project, last), ALERT_URLS=receiver.url)
        assert done.returncode == (OK if last == 20 else CRITICAL), done.stderr
        told.append([(body["finding"], body["change"]) for body in receiver.bodies])
    assert told == [[], [("accuracy", "opened")], [("accuracy", "opened")]]
    (alert,) = receiver.bodies
    assert alert["window"] == "2026-01-21"
    assert alert["incident"] in project.log("monitor")
    assert any("train.py --data days" in step for step in alert["next_steps"])
    later = look(
        project, project.root / "days", "--remind-hours", "0.0001", ALERT_URLS=receiver.url
    )
    assert later.returncode == CRITICAL
    assert receiver.bodies[-1]["change"] == "reminded"
    # Two days of good answers, as after a model has learnt the new classes.
    for day in ("2026-01-31", "2026-02-01"):
        text = (project.root / "history" / "2026-01-05.csv").read_text()
        (project.root / "days" / f"{day}.csv").write_text(
            text.replace("Jan 05", "Jan 31" if day == "2026-01-31" else "Feb 01")
        )
        look(project, project.root / "days", ALERT_URLS=receiver.url)
    accuracy = [body for body in receiver.bodies if body["finding"] == "accuracy"]
    assert [body["change"] for body in accuracy] == ["opened", "reminded", "recovered"]
    assert len({body["incident"] for body in accuracy}) == 1


@pytest.mark.parametrize("answer", [500, 307], ids=["fails", "redirects"])
def test_an_alert_that_nobody_took_is_delivered_later(project, answer):
    data = days(project, 22)
    with serving([answer]) as (address, _, paths):
        url = f"{address}/hook?token=very-secret"
        done = look(project, data, ALERT_URLS=url)
        assert done.returncode == CRITICAL
        assert "not delivered" in done.stderr
        assert set(paths) == {"/hook?token=very-secret"}
    port = int(address.rpartition(":")[2])
    down = look(project, data, ALERT_URLS=url)
    assert down.returncode == CRITICAL
    assert "not delivered" in down.stderr
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for _ in range(2):
            assert look(project, data, ALERT_URLS=url).returncode == CRITICAL
        server.shutdown()
        thread.join()
    assert [body["finding"] for body in taken] == ["accuracy"]
    assert "very-secret" not in project.log("monitor") + done.stderr + done.stdout
    assert b"very-secret" not in (project.root / "monitor.db").read_bytes()


def test_two_monitors_at_once_tell_each_incident_once(project, receiver):
    data = days(project, 22)
    command = [sys.executable, "monitor.py", "--data", str(data), "--window", "1d"]
    env = clean_environment() | {"ALERT_URLS": receiver.url, "LABEL_DAYS": "9999"}
    running = [
        subprocess.Popen(
            command, cwd=project.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in running:
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == CRITICAL, stderr
    assert [body["finding"] for body in receiver.bodies] == ["accuracy"]


def test_a_monitor_that_is_killed_leaves_the_rest_to_the_next(project, receiver):
    data = days(project, 22)
    command = [sys.executable, "monitor.py", "--data", str(data), "--window", "1d"]
    env = clean_environment() | {"ALERT_URLS": receiver.url, "LABEL_DAYS": "9999"}
    process = subprocess.Popen(command, cwd=project.root, env=env, stderr=subprocess.PIPE)
    for line in process.stderr:
        if b"ALERT" in line:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate(timeout=60)
    done = look(project, data, ALERT_URLS=receiver.url)
    assert done.returncode == CRITICAL
    # A claim of a killed monitor ends by itself; here it may still hold.
    assert len(receiver.bodies) <= 2


def test_labels_that_come_later_are_joined(project, tmp_path):
    made = project.run(
        *("-m", "common.data.synthetic", "--class", "inbound"),
        *("--scenario", "label-delay", "--days", "12"),
        "--out",
        tmp_path / "h",
    )
    assert made.returncode == 0, made.stderr
    messages, labels, scored = (tmp_path / name for name in ("messages", "labels", "scored"))
    for folder in (messages, labels, scored):
        folder.mkdir()
    for path in (tmp_path / "h").glob("2026-*.csv"):
        shutil.copy(path, messages)
    for path in (tmp_path / "h").glob("labels-*.csv"):
        shutil.copy(path, labels)
    done = project.run("predict.py", messages, "-o", scored)
    assert done.returncode == 0, done.stderr
    flags = ("--predictions", scored, "--labels", labels, "--window", "1d", "--json")
    looked = project.run("monitor.py", *flags, "--label-days", "9999")
    assert looked.returncode in (OK, WARNING), looked.stderr
    facts = json.loads(looked.stdout)
    assert len(facts["windows"]) == 12
    assert all(0.85 < window["accuracy"] < 0.98 for window in facts["windows"])
    assert facts["counts"]["unlabelled"] > 50
    names = {finding["name"] for finding in facts["findings"]}
    assert {"label_delay", "estimated_accuracy", "text"} <= names


def test_a_heartbeat_follows_each_run(project):
    with serving([200]) as (address, bodies, paths):
        url = f"{address}/ping/secret-uuid"
        assert look(project, days(project, 5), HEARTBEAT_URL=url).returncode == OK
        assert look(project, "none.csv", HEARTBEAT_URL=url).returncode == UNKNOWN
    assert paths == ["/ping/secret-uuid", "/ping/secret-uuid/fail"]
    assert bodies[0].startswith(b"OK: ")
    assert b"none.csv" in bodies[1]
    assert "secret-uuid" not in project.log("monitor")


def test_figures_for_prometheus_and_a_page_for_people(project):
    flags = ("--metrics-file", "m.prom", "--report", "report.html", "--segment-column", "brand")
    done = look(project, days(project, 22), *flags)
    assert done.returncode == CRITICAL, done.stderr
    figures = (project.root / "m.prom").read_text()
    assert "triage_monitor_status 2.0" in figures
    assert "triage_monitor_open_incidents 1.0" in figures
    page = (project.root / "report.html").read_text()
    assert "<h2>Each segment</h2>" in page
    assert "2026-01-21" in page


def test_training_again_is_told_in_the_same_incident(project, receiver):
    flags = ("--retrain-on", "critical", "--retrain-data", "history/2026-01-25.csv")
    done = look(project, days(project, 22), *flags, ALERT_URLS=receiver.url)
    assert done.returncode == CRITICAL, done.stderr
    opened, retrained = receiver.bodies
    assert (opened["change"], retrained["change"]) == ("opened", "retrained")
    assert opened["incident"] == retrained["incident"]
    assert retrained["detail"]["trained"]
    assert "champion" in retrained["reason"]
    history = project.run("-m", "common.registry", "history").stdout
    assert history
    again = look(project, project.root / "days", *flags, ALERT_URLS=receiver.url)
    assert again.returncode == CRITICAL
    assert len(receiver.bodies) == 2


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--predictions", "a.csv"), "belong together"),
        (("--predictions", "a.csv", "--labels", "b.csv", "--data", "c.csv"), "two places"),
        (("--retrain-data", "a.csv"), "is for --retrain-on"),
        (
            ("--data", "history/2026-01-05.csv", "--challenger", "champion"),
            "the challenger champion is version 1",
        ),
        (("--window", "1m"), "WINDOW"),
        (("--alert-urls", "gopher://x"), "ALERT_URLS"),
        (("--heartbeat-url", "gopher://x"), "HEARTBEAT_URL"),
        (
            ("--data", "history/2026-01-05.csv", "--window", "1d", "--time-column", "when"),
            "TIME_COLUMN",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_unknown(project, flags, says):
    done = project.run("monitor.py", *flags)
    assert done.returncode == UNKNOWN
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def without(project, *columns, rows=None, name="unlabelled.csv"):
    """A day's messages without some of their columns."""
    frame = pd.read_csv(project.root / "history" / "2026-01-05.csv", dtype=str).iloc[:rows]
    path = project.root / name
    frame.drop(columns=list(columns)).to_csv(path, index=False)
    return path


def test_messages_without_labels_give_an_estimate_and_drift(project):
    done = project.run("monitor.py", "--data", without(project, "inbound"))
    assert done.returncode == OK, done.stderr
    assert "unlabelled.csv has no labels; accuracy is estimated." in done.stderr
    *drift, verdict = done.stdout.splitlines()
    assert re.match(r"OK: triage version 1 on unlabelled\.csv: an estimated \d+\.\d %", verdict)
    told = "\n".join(drift)
    assert "OK       The model gives the answers it gave" in told
    assert "messages can't be told better than usual from the reference" in told


def test_a_label_column_that_is_empty_everywhere_has_no_labels(project):
    path = without(project, "inbound")
    pd.read_csv(path, dtype=str).assign(inbound="").to_csv(path, index=False)
    done = project.run("monitor.py", "--data", path, "--target-column", "inbound", "--json")
    assert done.returncode == OK, done.stderr
    assert "has no labels: column 'inbound' is empty" in done.stderr
    found = json.loads(done.stdout)
    assert problems(found, "monitor.schema.json") == []
    assert (found["classes"], found["counts"]["used"]) == (None, 0)
    assert found["metrics"]["finding_estimated_accuracy"] > 0.8


def test_other_messages_warn_and_few_are_unknown(project):
    path = project.root / "other.csv"
    texts = [f"wholly different words about subject {k}" for k in range(300)]
    pd.DataFrame({"text": texts}).to_csv(path, index=False)
    done = project.run("monitor.py", "--data", path)
    assert done.returncode == WARNING, done.stdout
    assert "WARNING" in done.stdout
    done = project.run("monitor.py", "--data", without(project, "inbound", rows=29))
    assert done.returncode == UNKNOWN
    assert "too few rows to judge: 29 here" in done.stdout


def test_a_label_column_that_was_named_must_be_there(project):
    path = without(project, "inbound")
    done = project.run("monitor.py", "--data", path, TARGET_COLUMN="inbound")
    assert done.returncode == UNKNOWN
    assert "has no column 'inbound'" in done.stderr and "--no-labels" in done.stderr
    done = project.run("monitor.py", "--data", path, "--no-labels", TARGET_COLUMN="inbound")
    assert done.returncode == OK, done.stderr


def test_labels_that_only_some_files_have_are_not_done_without(project):
    folder = days(project, 2)
    without(project, "inbound", name="days/2026-01-00.csv")
    done = look(project, folder)
    assert done.returncode == UNKNOWN
    assert "2026-01-00.csv has no column 'inbound'" in done.stderr


def test_a_segment_column_that_is_missing_is_a_finding(project):
    done = look(project, days(project, 5), "--segment-column", "product", "--json")
    assert done.returncode == WARNING
    assert "no column 'product'" in json.loads(done.stdout)["reason"]


def test_a_damaged_book_is_one_line(project):
    (project.root / "monitor.db").write_bytes(b"not a database at all" * 500)
    done = look(project, days(project, 5))
    assert done.returncode == UNKNOWN
    assert "monitor.db" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_port_that_nobody_listens_on_changes_nothing(project):
    url = f"http://127.0.0.1:{free_port()}"
    done = look(project, days(project, 22), ALERT_URLS=url, HEARTBEAT_URL=url)
    assert done.returncode == CRITICAL
    assert "The heartbeat was not sent" in done.stderr
