"""A family of models is one file and one line: nothing else knows its name."""

import csv
import json

import pytest
from helpers import copy_project, write_two_class_sample

FILE = '''
"""Naive Bayes over the words of a text."""

import math
from collections import Counter

import numpy as np
import pandas as pd


class KeywordClassifier:
    concurrent = True

    def __init__(self, text_column, class_weight, seed):
        self.text_column = text_column

    def fit(self, texts, labels, advance=lambda steps: None):
        self.classes_ = np.unique(np.asarray(labels, object))
        self.words_ = {str(name): Counter() for name in self.classes_}
        for text, label in zip(texts, labels):
            self.words_[str(label)].update(set(text.lower().split()))
        advance(1)
        return self

    def predict_proba(self, texts):
        texts = texts.to_pylist() if hasattr(texts, "to_pylist") else list(texts)
        scores = np.array([self._scores(text) for text in texts]).reshape(-1, len(self.classes_))
        odds = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict_frame(self, texts):
        column = texts[self.text_column] if isinstance(texts, pd.DataFrame) else texts
        proba = self.predict_proba(list(column))
        return pd.DataFrame(
            {"prediction": self.classes_[proba.argmax(axis=1)], "confidence": proba.max(axis=1)}
        )

    def _scores(self, text):
        words = [] if text is None or text is pd.NA or text != text else set(text.lower().split())
        return [
            sum(math.log((known[word] + 1) / (known.total() + 2)) for word in sorted(words))
            for known in self.words_.values()
        ]
'''
LINE = '    Family("keyword", "words of each class", "keyword.KeywordClassifier", ("pandas",)),\n'


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with the family, and a champion of it, version 1."""
    project = copy_project(tmp_path_factory.mktemp("family") / "project")
    models = project.root / "common" / "models"
    (models / "keyword.py").write_text(FILE)
    families = (models / "families.py").read_text()
    assert families.count("_FAMILIES = (\n") == 1
    (models / "families.py").write_text(
        families.replace("_FAMILIES = (\n", f"_FAMILIES = (\n{LINE}")
    )
    write_two_class_sample(project)
    done = project.run("train.py", "--model-family", "keyword", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["promoted"] is True
    return project


def test_it_is_listed_in_the_help(project):
    assert "keyword (words of each class)" in " ".join(
        project.run("train.py", "--help").stdout.split()
    )


def test_its_version_names_the_family_and_needs_no_other_ones_packages(project):
    done = project.run("-m", "common.registry", "show", "champion", "--json")
    assert json.loads(done.stdout)["tags"]["model_family"] == "keyword"
    (requirements,) = project.root.glob("mlartifacts/**/requirements.txt")
    assert "catboost" not in requirements.read_text()
    names = {path.name for path in project.root.glob("mlartifacts/**/*") if path.is_file()}
    assert {"worst_errors.json", "roc.png", "contest.html", "model_card.md"} <= names
    assert not {"telling_terms.json", "telling_terms.png"} & names


def test_it_scores(project):
    done = project.run("predict.py", project.sample, "-o", "scored.csv", "--proba", "--json")
    assert done.returncode == 0, done.stderr
    with (project.root / "scored.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10_000
    assert sum(row["prediction"] == row["inbound"] for row in rows) > 8_000


def test_an_explanation_it_does_not_have_is_refused_in_one_line(project):
    done = project.run("predict.py", project.sample, "-o", "why.csv", "--explain")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert "version 1 of triage" in line
    assert "--explain" in line


def test_it_is_monitored(project):
    done = project.run("monitor.py", "--json")
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["model"]["version"] == 1


def test_it_is_fitted_again_as_what_it_is(project):
    done = project.run("train.py", "--reproduce", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["identical"] is True


def test_a_challenger_of_another_family_is_tested_against_it(project):
    done = project.run("train.py", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["champion"] == 1
    assert found["contest_rows"] == found["holdout_rows"]
