"""After a rollback, trainings do not bring back by themselves what was rolled back from."""

import json

import pytest
from helpers import copy_project

ANY_GAIN = ("--champion-threshold", "-1", "--promote-rules", "accuracy")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Version 2 was champion, and was rolled back from to version 1."""
    project = copy_project(tmp_path_factory.mktemp("rollback") / "project")
    for rows in ("700", "1400"):  # the larger one starts with the smaller one
        run(project, "-m", "common.data.synthetic", "--rows", rows, "--out", rows)
    assert train(project, "700", "1")["promoted"]
    assert train(project, "700", "2")["promoted"]
    run(project, "-m", "common.registry", "rollback", "--reason", "complaints doubled")
    return project


def run(project, *command):
    done = project.run(*command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def train(project, rows, seed, *flags):
    data = f"{rows}/synthetic_messages.csv"
    told = ("--data", data, "--seed", seed, *ANY_GAIN, *flags, "--json")
    return json.loads(run(project, "train.py", *told))


def test_the_same_training_again_waits_for_a_person(project):
    found = train(project, "700", "2")
    assert (found["promoted"], found["verdict"]) == (False, "waiting")
    assert "it is the same model as version 2, rolled back from on" in found["reason"]
    assert "complaints doubled" in found["reason"]
    shown = run(project, "-m", "common.registry", "list")
    assert 'common.registry promote 3 --reason "..."\n' in shown


def test_another_model_on_the_same_rows_waits_too_and_a_dry_run_says_so(project):
    found = train(project, "700", "3", "--dry-run")
    assert found["verdict"] == "waiting"
    assert "none of its rows is newer than those of version 2" in found["reason"]
    rule = found["rules"][-1]
    assert (rule["metric"], rule["passed"], rule["blocks"]) == ("newer rows: 0", False, True)


def test_a_challenger_that_wins_on_newer_rows_is_promoted(project):
    found = train(project, "1400", "3")
    assert found["promoted"], found["reason"]
    assert "rows that are newer than those of version 2" in found["reason"]


def test_the_model_rolled_back_from_still_waits_after_that(project):
    found = train(project, "700", "2")
    assert found["verdict"] == "waiting"
    assert "the same model as version 2" in found["reason"]


def test_a_person_may_promote_it_again_with_a_reason(project):
    done = project.run("-m", "common.registry", "promote", "2", "--reason", "it was the network")
    assert done.returncode == 0, done.stderr
    assert "rolled back from" in done.stderr
    assert "complaints doubled" in done.stderr
    assert train(project, "700", "3")["promoted"]
