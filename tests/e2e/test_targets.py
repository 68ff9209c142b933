"""Two targets at once through all three scripts: a model, a column and a verdict of each."""

import csv
import json

import pandas as pd
import pytest
from helpers import copy_project
from json_schema import problems

MOODS = {"angry": "this is awful and late", "calm": "all is well, thank you"}
TOPICS = {"order": "about my parcel", "account": "about my password"}


def messages(first, rows):
    """Every seventh has no mood, every eleventh no topic, and row 5 no text."""
    found = []
    for row in range(first, first + rows):
        topic, mood = list(TOPICS)[row % 2], list(MOODS)[row // 2 % 2]
        found.append(
            {
                "tweet_id": f"m{row}",
                "text": "" if row == 5 else f"{TOPICS[topic]} {row}: {MOODS[mood]}",
                "topic": "" if row % 11 == 0 else topic,
                "mood": "" if row % 7 == 0 else mood,
            }
        )
    return pd.DataFrame(found)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project whose two models are trained, and what training has printed."""
    project = copy_project(tmp_path_factory.mktemp("targets") / "project")
    messages(0, 300).to_csv(project.root / "a.csv", index=False)
    messages(1000, 200).to_csv(project.root / "new.csv", index=False)
    (project.root / ".env").write_text("TARGET_COLUMN=topic,mood\n")
    done = project.run("train.py", "--data", "a.csv", "--json")
    assert done.returncode == 0, done.stderr
    (project.root / "trained.json").write_text(done.stdout)
    return project


@pytest.fixture(scope="module")
def scored(trained):
    done = trained.run("predict.py", "new.csv", "-o", "scored.csv", "--json")
    assert done.returncode == 0, done.stderr
    (trained.root / "scored.json").write_text(done.stdout)
    return trained


def printed(project, name):
    return json.loads((project.root / name).read_text())


def test_each_target_has_a_model_and_a_contest_of_its_own(trained):
    said = printed(trained, "trained.json")
    found = said["targets"]
    assert {name: facts["model"]["name"] for name, facts in found.items()} == {
        "topic": "triage.topic",
        "mood": "triage.mood",
    }
    for facts in found.values():
        assert not problems(facts, "train.schema.json")
        assert facts["verdict"] == "promoted"
    # A row without a class of one target is used for the other.
    assert found["topic"]["rows"]["without_class"] == 28
    assert found["mood"]["rows"]["without_class"] == 43
    assert said["failed"] == {}
    for target in found:
        told = trained.run("-m", "common.registry", "history", "--model-name", f"triage.{target}")
        assert told.returncode == 0, told.stderr
        assert "majority class" in told.stdout


def test_a_file_is_scored_for_all_targets_in_one_pass(scored):
    rows, given = rows_of(scored.root / "scored.csv"), rows_of(scored.root / "new.csv")
    answers = ("prediction", "confidence", "model_version")
    added = [f"{name}_{target}" for target in ("topic", "mood") for name in answers]
    assert list(rows[0]) == [*given[0], *added]
    assert [{k: row[k] for k in given[0]} for row in rows] == given
    right = [row for row in rows if row["prediction_mood"] == row["mood"] or not row["mood"]]
    assert len(right) > 190
    assert {row["prediction_topic"] for row in rows} == set(TOPICS)
    said = printed(scored, "scored.json")
    (manifest,) = said["files"]
    assert not problems(said, "predict.schema.json")
    assert [each["model"]["name"] for each in manifest["targets"]] == [
        "triage.topic",
        "triage.mood",
    ]
    for each in manifest["targets"]:
        assert sum(each["classes"].values()) == manifest["rows"]["scored"] == 200
    again = scored.run("predict.py", "new.csv", "-o", "scored.csv")
    assert "nothing to do" in again.stdout
    for target in TOPICS | MOODS:
        assert target in again.stdout


def test_one_of_the_models_answers_as_it_does_beside_the_other(scored):
    alone = ("--target-column", "mood", "--model-name", "triage.mood")
    done = scored.run("predict.py", "new.csv", "-o", "alone.csv", "--proba", *alone)
    assert done.returncode == 0, done.stderr
    both = scored.run("predict.py", "new.csv", "-o", "both.csv", "--proba", "--chunk-size", "70")
    assert both.returncode == 0, both.stderr
    one, other = rows_of(scored.root / "alone.csv"), rows_of(scored.root / "both.csv")
    for name in ("prediction", "confidence", "model_version"):
        assert [row[name] for row in one] == [row[f"{name}_mood"] for row in other]
    assert [row["proba_calm"] for row in one] == [row["proba_mood_calm"] for row in other]


def test_each_target_is_monitored(scored):
    done = scored.run("monitor.py", "--data", "new.csv", "--json", "--report", "r.html")
    facts = json.loads(done.stdout)
    # The messages are much alike, so that confidences may differ more than usual.
    assert done.returncode == facts["exit_code"] < 2, done.stderr
    statuses = {found["status"] for found in facts["targets"].values()}
    assert facts["status"] == ("WARNING" if "WARNING" in statuses else "OK")
    for target, found in facts["targets"].items():
        assert not problems(found, "monitor.schema.json")
        assert found["model"]["name"] == f"triage.{target}"
        assert f"triage.{target}" in (scored.root / f"r.{target}.html").read_text()
    labels = pd.read_csv(scored.root / "new.csv").assign(mood="angry")
    labels.to_csv(scored.root / "labels.csv", index=False)
    late = ("--predictions", "scored.csv", "--labels", "labels.csv", "--on", "tweet_id")
    done = scored.run("monitor.py", *late, "--json")
    # The worst of both: half of the moods are wrong.
    assert done.returncode == 2, done.stderr
    found = json.loads(done.stdout)["targets"]
    assert found["mood"]["status"] == "CRITICAL" != found["topic"]["status"]
    assert (found["topic"]["counts"]["used"], found["mood"]["counts"]["used"]) == (181, 200)


def test_what_is_of_one_target_is_refused(scored):
    for flags, said in (
        (("predict.py", "new.csv", "--engine", "spark"), "--engine spark scores one target"),
        (("predict.py", "new.csv", "--shadow", "challenger"), "--shadow compares one target"),
        (("predict.py", "new.csv", "--model", "1"), "each target has versions of its own"),
        (
            ("train.py", "--data", "a.csv", "--label-with", "critical"),
            "TARGET_COLUMN names several",
        ),
        (("train.py", "--data", "a.csv", "--reproduce", "1"), "names several columns"),
        (
            ("train.py", "--data", "a.csv", "--target-column", "topic,tpoic"),
            "has no column 'tpoic'",
        ),
        (("train.py", "--data", "a.csv", "--target-column", "topic,"), "has an empty name"),
        (("-m", "common.prepare", "a.csv", "lake"), "duplicates are compared by one"),
    ):
        done = scored.run(*flags)
        assert done.returncode in (2, 3), done.stderr
        assert said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    done = scored.run("monitor.py", "--data", "new.csv", "--init")
    assert done.returncode == 3
    assert "--init looks at one target" in done.stderr


def test_a_target_that_cannot_be_trained_stops_none_of_the_others(scored):
    data = messages(0, 300).assign(topic="order")
    data.to_csv(scored.root / "one.csv", index=False)
    done = scored.run("train.py", "--data", "one.csv", "--dry-run", "--json")
    assert done.returncode == 3
    printed = json.loads(done.stdout)
    assert list(printed["targets"]) == ["mood"]
    assert "too few classes" in printed["failed"]["topic"]
    assert "too few classes" in done.stderr
