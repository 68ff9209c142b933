"""A version of one family takes the place of another's and gives it back; families compete."""

import csv
import json

import pytest
from checkpoints import write_checkpoint
from helpers import copy_project, write_two_class_sample
from json_schema import problems
from serving_helpers import served

from common.models.families import FAMILIES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A champion of the family `boosted`, version 1, and few messages."""
    project = copy_project(tmp_path_factory.mktemp("families") / "project")
    write_two_class_sample(project, rows=1500)
    done = project.run("train.py")
    assert done.returncode == 0, done.stderr
    return project


def answers(project, *flags, file=None):
    """Rows that predict.py writes."""
    file = file or project.sample
    scored = project.run("predict.py", file, "-o", "out.csv", "--force", *flags)
    assert scored.returncode == 0, scored.stderr
    with (project.root / "out.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def registry(project, *command):
    done = project.run("-m", "common.registry", *command, "--reason", "try it")
    assert done.returncode == 0, done.stderr


def test_linear_goes_all_the_way_and_back(project):
    before = answers(project)
    done = project.run("train.py", "--family", "linear", "--promotion", "manual", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["family"], found["tournament"], found["champion"]) == ("linear", None, 1)
    registry(project, "promote", "2", "--yes")

    rows = answers(project, "--explain")
    assert {row["model_version"] for row in rows} == {"2"}
    assert any(row["because"] for row in rows)
    asked = rows[:40]
    with served(project) as server:
        told = server.post("/api/classify", json={"messages": [row["text"] for row in asked]})
    assert [(each["label"], each["confidence"]) for each in told.json()["answers"]] == [
        (row["prediction"], float(row["confidence"])) for row in asked
    ]

    watched = project.run("monitor.py", "--json")
    assert watched.returncode in (0, 1), watched.stderr
    assert json.loads(watched.stdout)["model"]["version"] == 2
    again = project.run("train.py", "--reproduce", "2", "--json")
    assert json.loads(again.stdout)["identical"] is True, again.stderr

    registry(project, "rollback")
    back = answers(project)
    assert [row["confidence"] for row in back] == [row["confidence"] for row in before]
    registry(project, "promote", "2", "--yes")
    forth = answers(project)
    assert [row["confidence"] for row in forth] == [row["confidence"] for row in rows]


def test_families_of_torch_go_all_the_way_and_back(project, tmp_path):
    if lack := FAMILIES["transformer"].lacks(checkpoint=True):
        pytest.skip(lack)
    few = tmp_path / "few.csv"
    few.write_text("".join(project.sample.read_text().splitlines(keepends=True)[:300]))
    model = ["--model-name", "of-torch"]
    checkpoint = ["--transformer", write_checkpoint(tmp_path / "tiny")]
    for family, told in ("neural", []), ("transformer", checkpoint):
        flags = ["--family", family, "--promotion", "manual", *told, *model]
        done = project.run("train.py", "--data", few, *flags)
        assert done.returncode == 0, done.stderr
    registry(project, "promote", "1", "--yes", *model)
    before = answers(project, "--explain", "--workers", "2", *model, file=few)
    assert {row["model_version"] for row in before} == {"1"}
    assert any(row["because"] for row in before)

    registry(project, "promote", "2", "--yes", *model)
    rows = answers(project, "--workers", "2", *model, file=few)
    assert {row["model_version"] for row in rows} == {"2"}
    assert answers(project, "--workers", "1", "--chunk-size", "97", *model, file=few) == rows
    refused = project.run("predict.py", few, "-o", "why.csv", "--explain", *model)
    assert refused.returncode == 4
    assert "can't explain its answers" in refused.stderr
    watched = project.run("monitor.py", "--data", few, "--json", *model)
    assert json.loads(watched.stdout)["model"]["version"] == 2, watched.stderr
    for version in "1", "2":
        again = project.run("train.py", "--data", few, "--reproduce", version, "--json", *model)
        assert json.loads(again.stdout)["identical"] is True, again.stderr

    registry(project, "rollback", *model)
    after = answers(project, "--explain", "--workers", "1", "--chunk-size", "97", *model, file=few)
    assert after == before


def test_a_checkpoint_that_is_not_there_is_refused_before_anything_is_fitted(project):
    if lack := FAMILIES["transformer"].lacks(checkpoint=True):
        pytest.skip(lack)
    for told, said in ([], "set TRANSFORMER."), (["--transformer", "./gone"], "no config.json."):
        done = project.run("train.py", "--family", "transformer", *told)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].endswith(said)


def test_families_compete_and_the_winner_is_fitted_again_as_what_it_is(project):
    done = project.run("train.py", "--family", "all", "--json", "--model-name", "best")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert problems(found, "train.schema.json") == []
    held = found["tournament"]
    assert [one["family"] for one in held["families"]][:2] == ["linear", "boosted"]
    assert held["winner"] == found["family"]
    assert "set EMBEDDINGS" in held["left_out"]["embedding"]
    shown = project.run("-m", "common.registry", "show", "--json", "--model-name", "best")
    assert json.loads(shown.stdout)["tags"]["model_family"] == held["winner"]
    again = project.run("train.py", "--reproduce", "1", "--json", "--model-name", "best")
    assert json.loads(again.stdout)["identical"] is True, again.stderr


def test_a_family_without_what_it_needs_is_refused_before_anything_is_fitted(project):
    done = project.run("train.py", "--family", "embedding")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        "needs vectors of words or messages: set EMBEDDINGS."
    )
