"""`python -m common.registry adopt`: a model made elsewhere works like any other."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import Project, copy_project, write_two_class_sample
from serving_helpers import served

from common.data import split
from common.errors import ModelUnavailable
from common.registry import foreign, store

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Adopted:
    """A project whose champion is a pipeline of scikit-learn."""

    project: Project
    pipeline: Any
    model: Path
    seen: set[int]
    result: dict[str, Any]


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def adopt(project, model, *flags):
    data = ("--data", project.sample, "--target-column", "inbound", "--json")
    done = project.run("-m", "common.registry", "adopt", model, *data, *flags, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def adopted(tmp_path_factory):
    import mlflow
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    folder = tmp_path_factory.mktemp("adopted")
    project, model, fitted_on = copy_project(folder / "p"), folder / "model", folder / "fitted.csv"
    write_two_class_sample(project, 2000)
    rows = rows_of(project.sample)[:1000]
    texts = [row["text"] for row in rows]
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    pipeline.fit(texts, [row["inbound"] for row in rows])
    mlflow.sklearn.save_model(pipeline, model, serialization_format="cloudpickle")
    with fitted_on.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])
    result = adopt(project, model, "--fitted-on", fitted_on)
    return Adopted(project, pipeline, model, set(split.keys(texts).tolist()), result)


def test_it_is_tested_on_rows_that_it_was_not_fitted_on_and_promoted(adopted):
    assert (adopted.result["verdict"], adopted.result["model"]["version"]) == ("promoted", 1)
    texts = [row["text"] for row in rows_of(adopted.project.sample)]
    held = [text for text in texts if split.bucket(text) < 20]
    unseen = [key for key in split.keys(held).tolist() if key not in adopted.seen]
    assert adopted.result["holdout_rows"] == len(unseen)


def test_it_scores_and_serves_as_its_makers_would(adopted):
    project = adopted.project
    done = project.run("predict.py", project.sample, "-o", "out.csv", "--workers", "2")
    assert done.returncode == 0, done.stderr
    scored = rows_of(project.root / "out.csv")
    assert scored[0]["model_version"] == "1"
    texts = [row["text"] for row in scored]
    expected = list(adopted.pipeline.predict(texts))
    assert [row["prediction"] for row in scored] == expected
    with served(project) as server:
        assert server.labels(texts[:9]) == expected[:9]


def test_it_is_monitored_on_rows_that_it_was_not_fitted_on(adopted):
    def looked_at(path):
        data = ("--data", path, "--target-column", "inbound", "--json")
        done = adopted.project.run("monitor.py", *data)
        (window,) = json.loads(done.stdout)["windows"]
        return done.returncode, window["rows"], window["fitted"]

    sample = adopted.project.sample
    assert looked_at(sample) == (0, adopted.result["holdout_rows"], False)
    theirs = adopted.project.root / "theirs.csv"
    rows = rows_of(sample)[:500]
    with theirs.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [["text", "inbound"], *([r["text"], r["inbound"]] for r in rows)]
        )
    assert looked_at(theirs) == (3, 500, True)


def test_a_model_that_the_store_does_not_know_is_named(adopted):
    root = adopted.project.root
    registry = store.connect(f"sqlite:///{root}/mlflow.db", root, "triage")
    with pytest.raises(ModelUnavailable, match=r"^there is no model models:/no/3\.$"):
        foreign.fetch(registry, "models:/no/3")


def test_rows_that_it_was_fitted_on_decide_no_later_contest(adopted):
    """And nobody says what the second one was fitted on."""
    second = adopt(adopted.project, adopted.model)
    assert second["contest_rows"] == adopted.result["holdout_rows"]
    assert "nobody knows what version 2 was fitted on" in second["reason"]
    assert second["verdict"] == "rejected"
