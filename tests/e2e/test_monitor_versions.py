"""A promotion in the middle of a history, two floors, and predictions of two versions."""

import json
import shutil

import pandas as pd
import pytest
from helpers import copy_project
from json_schema import problems

OK, WARNING, CRITICAL, UNKNOWN = range(4)
CHANGED = "2026-01-21"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Version 1 of what held for 20 days; version 2, not promoted, of what holds since."""
    project = copy_project(tmp_path_factory.mktemp("versions") / "project")
    flags = ("--scenario", "sudden-drift", "--days", "30", "--change-day", "21", "--out", "history")
    run(project, "-m", "common.data.synthetic", "--class", "inbound", *flags)
    run(project, "train.py", "--data", "history/train.csv")
    recent = project.root / "recent"
    recent.mkdir()
    for path in (project.root / "history").glob("2026-01-2[1-8].csv"):
        shutil.copy(path, recent)
    run(project, "train.py", "--data", "recent", "--promotion", "manual")
    return project


@pytest.fixture
def project(first):
    """The same, with version 1 in use and nothing known of earlier looks."""
    first.run("-m", "common.registry", "promote", "1", "--reason", "as before", "--yes")
    for path in first.root.glob("monitor.db*"):
        path.unlink()
    return first


def run(project, *command, expect=0, **env):
    done = project.run(*command, **env)
    assert done.returncode == expect, f"{done.stdout}\n{done.stderr}"
    return done


def promote(project, version="2"):
    reason = ("--reason", "it knows the new words", "--yes")
    run(project, "-m", "common.registry", "promote", version, *reason)


def days(project, last, folder="days", first=1):
    target = project.root / folder
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in sorted((project.root / "history").glob("2026-*.csv"))[first - 1 : last]:
        shutil.copy(path, target)
    return target


def look(project, data, *flags, expect, **env):
    command = ("monitor.py", "--data", data, "--window", "1d", "--label-days", "9999", "--json")
    found = json.loads(run(project, *command, *flags, expect=expect, **env).stdout)
    assert problems(found, "monitor.schema.json") == []
    return found


def test_a_promotion_keeps_the_past_and_recovers_nothing(project, receiver):
    before = look(project, days(project, 22), expect=CRITICAL, ALERT_URLS=receiver.url)
    promote(project)
    after = look(project, days(project, 29), expect=OK, ALERT_URLS=receiver.url)
    known = {window["name"]: window for window in after["windows"]}
    assert [known[w["name"]] for w in before["windows"]] == before["windows"]
    assert {w["version"] for w in before["windows"]} == {1}
    fitted = [window["name"] for window in after["windows"] if window["fitted"]]
    assert fitted == [f"2026-01-{day}" for day in range(23, 29)]
    assert known["2026-01-29"]["version"] == 2
    assert known["2026-01-29"]["accuracy"] > 0.85
    assert after["version_changes"] == [{"window": "2026-01-23", "before": 1, "after": 2}]
    # Days have themes, and what people write about is news.
    bodies = [body for body in receiver.bodies if body["change"] != "news"]
    told = [(body["finding"], body["change"]) for body in bodies]
    assert told == [("accuracy", "opened"), ("accuracy", "replaced")]
    (incident,) = after["incidents"]
    assert (incident["ended"], incident["version"]) == ("replaced", 1)


def test_two_floors_share_a_book_and_do_not_fight(project, receiver):
    for last in range(20, 25):
        data = days(project, last)
        for floor in ("0.9", "0.6"):
            project.run(
                *("monitor.py", "--data", data, "--window", "1d", "--label-days", "9999"),
                *("--floor", floor, "--remind-hours", "9999"),
                ALERT_URLS=receiver.url,
            )
    changes = [body["change"] for body in receiver.bodies if body["finding"] == "accuracy"]
    assert changes.count("opened") <= 2
    assert set(changes) <= {"opened", "escalated"}


def test_predictions_are_charged_to_the_versions_that_made_them(project):
    scored = project.root / "scored"
    shutil.rmtree(scored, ignore_errors=True)
    run(project, "predict.py", days(project, 24, first=19), "-o", scored, "--model", "1")
    labels = pd.concat(map(pd.read_csv, sorted((project.root / "history").glob("2026-*.csv"))))
    labels[["tweet_id", "inbound"]].to_csv(project.root / "labels.csv", index=False)
    promote(project)
    late = ("--predictions", scored, "--labels", "labels.csv", "--on", "tweet_id")
    command = ("monitor.py", *late, "--window", "1d", "--label-days", "9999", "--json")
    found = json.loads(run(project, *command, expect=CRITICAL).stdout)
    assert found["model"]["version"] == 1, "version 2 is champion and made none of them"
    (incident,) = (i for i in found["incidents"] if i["finding"] == "accuracy")
    assert incident["version"] == 1
    refused = project.run(*command, "--model", "2")
    assert refused.returncode == UNKNOWN
    assert "holds predictions of version 1, none of version 2" in refused.stderr

    run(project, "predict.py", days(project, 30, first=29), "-o", scored, "--model", "2")
    found = json.loads(run(project, *command, expect=OK).stdout)
    assert problems(found, "monitor.schema.json") == []
    assert found["model"]["version"] == 2
    assert [w["version"] for w in found["windows"]] == [1] * 6 + [2] * 2
    (incident,) = (i for i in found["incidents"] if i["finding"] == "accuracy")
    assert (incident["version"], incident["ended"]) == (1, "replaced")
    refused = project.run(*command[:-3], "--window", "500")
    assert refused.returncode == UNKNOWN
    assert "predictions of versions 1 and 2" in refused.stderr


def test_of_the_file_that_it_was_fitted_on_only_what_was_held_out_is_looked_at(project):
    history = project.root / "history"
    grown = project.root / "grown.csv"
    _, *newer = (history / "2026-01-01.csv").read_text().splitlines(keepends=True)
    grown.write_text((history / "train.csv").read_text() + "".join(newer))
    for data in (history / "train.csv", grown):
        done = run(project, "monitor.py", "--data", data, "--json", "--label-days", "9999")
        assert f"The model was fitted on {data.name}" in done.stderr
        assert 3000 < json.loads(done.stdout)["counts"]["used"] < 5000


def test_an_incident_is_acknowledged_and_closed_on_the_command_line(project, receiver):
    look(project, days(project, 22), expect=CRITICAL, ALERT_URLS=receiver.url)
    incidents = ("-m", "common", "incidents")
    (listed,) = json.loads(run(project, *incidents, "list", "--json").stdout)["incidents"]
    run(project, *incidents, "ack", listed["id"], "--reason", "looking into it")
    reminding = ("--remind-hours", "0.0001")
    look(project, days(project, 23), *reminding, expect=CRITICAL, ALERT_URLS=receiver.url)
    assert [body["change"] for body in receiver.bodies] == ["opened"]
    run(project, *incidents, "close", listed["id"], "--reason", "wrong labels")
    found = look(project, days(project, 24), expect=CRITICAL, ALERT_URLS=receiver.url)
    assert [body["change"] for body in receiver.bodies] == ["opened", "opened"]
    assert [i["ended"] for i in found["incidents"]] == [None, "closed"]
    assert found["incidents"][0]["id"] != listed["id"]
