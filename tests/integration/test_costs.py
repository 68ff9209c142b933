"""What mistakes cost while training decides every answer, from the registry to the file."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hard_messages import write_messages
from json_schema import problems

from common import ROOT
from common.errors import InputError, ModelUnavailable, SettingsError
from common.evaluation.routing import Promise
from common.pipelines import monitor, predict, train
from common.registry import costs, routing, store, versions
from common.reports import console
from serving.champion import Follower
from serving.scorer import Question, answer_all

WORDS = {"billing": "invoice charged card money", "urgent": "lawyer fraud stolen hacked"}
GIVEN = "truth,answer,cost\nurgent,billing,6\n*,@person,0.5\n"
# As GIVEN says: true classes down, answers across.
MATRIX, LOOK = np.array([[0, 1], [6, 0]]), 0.5


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("costs")
    (folder / "costs.csv").write_text(GIVEN)
    return train.TrainRequest(
        write_messages(folder / "in.csv", WORDS, 1500),
        target_column="topic",
        model_family="linear",
        costs=folder / "costs.csv",
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
    )


@pytest.fixture(scope="module")
def trained(asked):
    return train.run(asked)


@pytest.fixture
def registry(asked, trained):
    return store.connect(asked.tracking_uri, ROOT, asked.model_name)


def rows_of(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def scored(asked, path, **options):
    request = predict.PredictRequest(
        [asked.data], output=path, tracking_uri=asked.tracking_uri, **options
    )
    return predict.run(request)


@pytest.fixture(scope="module")
def predictions(asked, trained, tmp_path_factory):
    """Rows of the file of predictions, with the probabilities."""
    path = tmp_path_factory.mktemp("scored") / "out.csv"
    scored(asked, path, proba=True)
    return rows_of(path)


def proba_of(rows):
    return np.array([[float(row[f"proba_{name}"]) for name in WORDS] for row in rows])


def test_training_says_what_the_answers_cost(trained):
    text, facts = console.training(trained)
    assert "Cost per 1,000 messages: " in text
    found = facts["costs"]
    assert found["model"] < min(found["all_automatic"], found["all_to_people"])
    assert found["all_to_people"] == 500
    assert found["champion"] is None
    assert found["given"][0] == {"truth": "urgent", "answer": "billing", "cost": 6}
    assert not problems(json.loads(json.dumps(facts)), "train.schema.json")


def test_the_version_keeps_its_costs_and_its_card_tells_them(registry):
    version = versions.champion(registry)
    assert json.loads(version.tags[costs.TAG]) == {"urgent": {"billing": 6}, "*": {"@person": 0.5}}
    card = Path(registry.client.download_artifacts(version.run_id, "model_card.md")).read_text()
    assert "## What mistakes cost" in card
    assert "| urgent | billing | 6 |".replace(" ", "") in card.replace(" ", "")


def test_predictions_are_the_answers_that_cost_least(predictions):
    """Every answer is tried by hand; probabilities have six digits, so near ties are left out."""
    proba = proba_of(predictions)
    prices = np.column_stack([proba @ MATRIX, np.full(len(proba), LOOK)])
    names, by_class = np.array(list(WORDS)), prices[:, :2]
    clear = (abs(by_class[:, 0] - by_class[:, 1]) > 1e-4) & (
        abs(by_class.min(axis=1) - LOOK) > 1e-4
    )
    answers = np.array([row["prediction"] for row in predictions])
    assert (answers == names[by_class.argmin(axis=1)])[clear].all()
    routes = np.array([row["route"] for row in predictions])
    assert (routes == np.where(by_class.min(axis=1) > LOOK, "person", "auto"))[clear].all()
    assert {"person", "auto"} == set(routes)
    likeliest = proba.argmax(axis=1)
    assert (answers != names[likeliest]).sum() > 20, "costs change something"
    confidence = np.array([float(row["confidence"]) for row in predictions])
    assert (confidence == proba[np.arange(len(proba)), np.where(answers == "urgent", 1, 0)]).all()


def test_a_server_gives_the_answers_of_the_file(registry, predictions):
    (served,) = Follower(registry).lineup.loaded.values()
    some = [predictions[k] for k in range(200)]
    (answer,) = answer_all(served, [Question([*(row["text"] for row in some), " "], explain=True)])
    assert [
        (answer.label(k), f"{answer.confidence(k):g}", answer.route(k)) for k in range(200)
    ] == [(row["prediction"], f"{float(row['confidence']):g}", row["route"]) for row in some]
    assert (answer.label(200), answer.route(200)) == (None, None)


def test_the_words_speak_for_the_answer_not_for_the_likeliest_class(asked, predictions):
    """Where "urgent" is said only because missing one is dear, words of it are the reason."""
    changed = [
        row
        for row, p in zip(predictions, proba_of(predictions), strict=True)
        if row["prediction"] == "urgent" and p.argmax() == 0
    ]
    found = predict.classify(
        [row["text"] for row in changed], explain=True, tracking_uri=asked.tracking_uri
    )
    assert list(found["prediction"]) == ["urgent"] * len(changed)
    said = [part.split(" (")[0] for cell in found["because"] for part in cell.split(", ") if part]
    of_urgent = sum(word in WORDS["urgent"] for word in said)
    assert of_urgent > sum(word in WORDS["billing"] for word in said)


def test_the_monitor_measures_the_answers_that_were_given(asked, registry, trained, tmp_path):
    def accuracy(**given):
        request = monitor.MonitorRequest(
            tracking_uri=asked.tracking_uri, state=tmp_path / "book.db", **given
        )
        found = monitor.run(request)
        (measured,) = [each for each in found.findings if each.name == "accuracy"]
        return measured

    held_out = accuracy(data=asked.data, target_column="topic")
    assert held_out.rows == trained.holdout_rows
    kept = routing.answers(registry, versions.champion(registry))
    assert held_out.value == pytest.approx(kept.right.mean())
    assert held_out.value != trained.metrics["accuracy"], "that of the likeliest classes"
    # Scored first, and labelled later.
    with (tmp_path / "new.csv").open("w", newline="") as lines:
        rows = rows_of(asked.data)
        csv.writer(lines).writerows(
            [
                ("tweet_id", "text", "topic"),
                *((k, r["text"], r["topic"]) for k, r in enumerate(rows)),
            ]
        )
    request = predict.PredictRequest(
        [tmp_path / "new.csv"],
        output=tmp_path / "new.predictions.csv",
        columns=["tweet_id"],
        tracking_uri=asked.tracking_uri,
    )
    predict.run(request)
    found = accuracy(
        predictions=tmp_path / "new.predictions.csv",
        labels=tmp_path / "new.csv",
        target_column="topic",
    )
    answers = rows_of(tmp_path / "new.predictions.csv")
    right = [a["prediction"] == r["topic"] for a, r in zip(answers, rows, strict=True)]
    assert found.value == pytest.approx(np.mean(right))


def test_a_promise_routes_among_the_answers_that_costs_leave(
    asked, registry, predictions, tmp_path
):
    version = versions.champion(registry)
    kept = routing.answers(registry, version)
    assert (kept.confidence == -1).any()
    decided = routing.decide(registry, version, Promise(0.94), "a test")
    try:
        threshold = decided.routing.rest.threshold
        assert threshold > 0.7
        scored(asked, tmp_path / "out.csv")
        for row, before in zip(rows_of(tmp_path / "out.csv"), predictions, strict=True):
            both = before["route"] == "auto" and float(row["confidence"]) >= threshold
            assert row["route"] == ("auto" if both else "person")
            assert row["prediction"] == before["prediction"]
    finally:
        for key in versions.champion(registry).tags:
            if key.startswith(routing.PREFIX):
                registry.client.delete_model_version_tag(version.name, str(version.number), key)


def test_training_with_a_promise_too_chooses_among_those_as_well(asked, trained):
    held = train.run(replace(asked, auto_accuracy=0.9, dry_run=True))
    looked_at = held.costs.to_person
    assert 0 < held.routing.coverage <= 1 - looked_at + 1e-9


def test_the_rule_is_reported_and_decides_where_it_is_asked_for(asked, trained):
    """The same model again costs no less."""
    held = train.run(replace(asked, dry_run=True))
    (rule,) = [rule for rule in held.contest.verdict.rules if rule.name == "cost"]
    assert not rule.blocks
    assert rule.champion == rule.challenger == pytest.approx(trained.costs.model)
    assert held.costs.champion == pytest.approx(held.costs.model)
    alone = train.run(replace(asked, dry_run=True, promote_rules=("majority", "cost")))
    assert alone.contest.verdict.outcome == "rejected"
    assert "cost per 1,000 messages is " in alone.contest.verdict.reason
    plain = train.run(replace(asked, dry_run=True, costs=None))
    assert "cost" not in {rule.name for rule in plain.contest.verdict.rules}
    assert plain.costs is None


def test_a_challenger_of_other_costs_is_compared_by_its_own(asked, registry, tmp_path):
    """The same model as a version without costs: it differs where they have changed the answer."""
    first = versions.champion(registry)
    source = registry.client.get_model_version(first.name, str(first.number)).source
    with registry.global_address():
        made = registry.client.create_model_version(
            first.name,
            source,
            first.run_id,
            tags={key: text for key, text in first.tags.items() if key != costs.TAG},
            model_id=source.removeprefix("models:/"),
        )
    plain = versions.find(registry, str(made.version))
    try:
        compared = scored(asked, tmp_path / "out.csv", challenger=str(plain.number))
        manifest = compared.manifests[0]
        rows = rows_of(tmp_path / "out.csv")
        scored(asked, tmp_path / "plain.csv", model=str(plain.number))
        likeliest = rows_of(tmp_path / "plain.csv")
        same = sum(a["prediction"] == b["prediction"] for a, b in zip(rows, likeliest, strict=True))
        assert manifest.comparison.total.agreeing == same < len(rows)
        assert "route" not in likeliest[0]
        flips = rows_of(tmp_path / "out.csv.flips.csv")
        assert flips
        for flip in flips:
            own, other = (found[int(flip["row"]) - 1] for found in (rows, likeliest))
            assert (flip["from"], flip["to"]) == (own["prediction"], other["prediction"])
            assert (flip["confidence"], flip["confidence_to"]) == (
                own["confidence"],
                other["confidence"],
            )
            assert (flip["route"], flip["route_to"]) == (own.get("route", ""), "")
    finally:
        registry.client.delete_model_version(plain.name, str(plain.number))


def test_a_version_without_costs_answers_as_before_there_were_any(
    asked, registry, predictions, tmp_path
):
    version = versions.champion(registry)
    key = (version.name, str(version.number), costs.TAG)
    registry.client.delete_model_version_tag(*key)
    try:
        total = scored(asked, tmp_path / "old.csv", proba=True).total
        rows = rows_of(tmp_path / "old.csv")
        assert "route" not in rows[0]
        assert total.routes is None
        names = list(WORDS)
        assert [row["prediction"] for row in rows] == [
            names[at] for at in proba_of(predictions).argmax(axis=1)
        ]
        (manifest,) = tmp_path.glob("old.csv*manifest*")
        assert set(json.loads(manifest.read_text())["model"]) == {"name", "version", "run_id"}
    finally:
        registry.client.set_model_version_tag(*key, version.tags[costs.TAG])


def test_a_tag_that_nobody_wrote_is_told(registry):
    version = versions.champion(registry)
    broken = replace(version, tags={**version.tags, costs.TAG: "[1]"})
    with pytest.raises(ModelUnavailable, match="has a tag costs that can't be read"):
        costs.of(broken, versions.load(registry, version))


def test_what_can_not_be_meant_is_refused_in_one_line(asked, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("truth,answer,cost\nurgent,nope,1\n")
    with pytest.raises(InputError, match=r"bad\.csv, row 2: 'nope' is no class of the messages"):
        train.run(replace(asked, costs=bad, dry_run=True))
    with pytest.raises(InputError, match=r"cannot read .*gone\.csv"):
        train.run(replace(asked, costs=tmp_path / "gone.csv"))
    with pytest.raises(SettingsError, match=r"PROMOTE_RULES names cost.*set COSTS"):
        replace(asked, costs=None, promote_rules=("cost",))
