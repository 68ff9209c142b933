"""A registry of the release before, whose models answer wrongly from several threads, is served."""

import csv
from concurrent.futures import ThreadPoolExecutor

import pytest
from before import BEFORE, project_of, upgrade
from serving_helpers import served


@pytest.mark.slow
def test_a_champion_of_before_answers_many_clients_as_predict_does(tmp_path):
    project = project_of(BEFORE, tmp_path / "project")
    trained = project.run("train.py")
    assert trained.returncode == 0, trained.stderr
    upgrade(project)
    scored = project.run("predict.py", project.sample, "-o", "scored.csv")
    assert scored.returncode == 0, scored.stderr
    with (project.root / "scored.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:600]
    with served(project) as server, ThreadPoolExecutor(32) as threads:
        found = list(
            threads.map(lambda row: server.post("/predict", json={"inputs": row["text"]}), rows)
        )
        best = [answer.json()[0][0] for answer in found]
        assert server.get("/health/ready").json()["refused"] == []
    assert [(each["label"], str(each["score"])) for each in best] == [
        (row["prediction"], row["confidence"]) for row in rows
    ]
