"""What is promised while training holds from the registry to the file of predictions."""

import csv
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hard_messages import write_messages
from json_schema import problems

from common import ROOT
from common.errors import ModelUnavailable, SettingsError
from common.evaluation.routing import Promise
from common.pipelines import predict, train
from common.registry import routing, store, versions
from common.reports import console
from serving.champion import Follower
from serving.scorer import Question, answer_all

WORDS = {"billing": "invoice charged card money", "delivery": "parcel late courier address"}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("routing")
    return train.TrainRequest(
        write_messages(folder / "in.csv", WORDS, 3000),
        target_column="topic",
        model_family="linear",
        auto_accuracy=0.9,
        auto_accuracy_by_class={"billing": 0.95},
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
    )


@pytest.fixture(scope="module")
def trained(asked):
    return train.run(asked)


@pytest.fixture
def registry(asked, trained):
    return store.connect(asked.tracking_uri, ROOT, asked.model_name)


def scored(asked, path, **options):
    request = predict.PredictRequest(
        [asked.data], output=path, tracking_uri=asked.tracking_uri, **options
    )
    return predict.run(request)


def test_training_says_what_is_automatic(trained):
    text, facts = console.training(trained)
    assert "Automatic: " in text
    assert facts["routing"]["by_class"]["billing"]["lower"] >= 0.95
    assert facts["routing"]["rest"]["lower"] >= 0.9
    assert not problems(json.loads(json.dumps(facts)), "train.schema.json")


def test_the_version_keeps_thresholds_curve_card_and_answers(registry, trained):
    version = versions.champion(registry)
    assert routing.in_force(version) == trained.routing
    run_id = version.run_id
    kept = {item.path for item in registry.client.list_artifacts(run_id)}
    assert routing.ANSWERS in kept
    figures = {item.path for item in registry.client.list_artifacts(run_id, "figures")}
    assert "figures/risk_coverage.png" in figures
    card = registry.client.download_artifacts(run_id, "model_card.md")
    assert "## Automatic answers" in Path(card).read_text()
    # The holdout's own answers, without a message.
    answers = routing.answers(registry, version)
    assert answers.routing(trained.routing.promise) == trained.routing
    assert len(answers.labels) == trained.holdout_rows


def test_predictions_follow_the_version(asked, trained, tmp_path):
    total = scored(asked, tmp_path / "out.csv").total
    with (tmp_path / "out.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    auto = [row for row in rows if row["route"] == "auto"]
    assert total.routes == {"auto": len(auto), "person": len(rows) - len(auto)}
    assert np.mean([row["prediction"] == row["topic"] for row in auto]) > 0.9
    assert 0.2 < len(auto) / len(rows) < 1


def test_a_decision_by_hand_holds_at_once_and_is_kept_for_ever(asked, registry, tmp_path):
    before = scored(asked, tmp_path / "out.csv").total.routes
    version = versions.champion(registry)
    first = routing.decisions(version)
    decision = routing.decide(registry, version, Promise(0.99), "mistakes in May")
    decided = routing.decisions(versions.champion(registry))
    assert decided == [*first, decision]
    after = scored(asked, tmp_path / "out.csv").total
    assert after.routes["auto"] < before["auto"]
    assert not after.done_already
    routing.decide(registry, version, first[-1].routing.promise, "as it was")
    assert scored(asked, tmp_path / "out.csv").total.routes == before


def test_a_server_answers_with_the_route_and_follows_a_decision(asked, registry, trained):
    follower = Follower(registry)

    def routes():
        (served,) = follower.lineup.loaded.values()
        (answer,) = answer_all(
            served, [Question(["invoice charged card money invoice card", "", "late card"])]
        )
        return [answer.route(row) for row in range(3)]

    assert routes() == ["auto", None, "person"]
    promise = trained.routing.promise
    routing.decide(registry, versions.champion(registry), Promise(0.9999), "nothing is sure")
    follower.look()
    assert routes() == ["person", None, "person"]
    routing.decide(registry, versions.champion(registry), promise, "as it was")
    follower.look()
    assert routes() == ["auto", None, "person"]


def test_a_promise_of_an_unknown_class_is_refused(asked, registry):
    with pytest.raises(SettingsError, match=r"'nope', which is no class.*billing and delivery"):
        routing.choose(registry, versions.champion(registry), Promise(0.9, {"nope": 0.9}))
    with pytest.raises(SettingsError, match="'nope'"):
        train.run(replace(asked, auto_accuracy_by_class={"nope": 0.9}, dry_run=True))


def test_a_challenger_that_routes_less_may_be_refused(asked, trained):
    """The same model again: as many answers are automatic."""
    rules = ("accuracy", "coverage")
    held = train.run(replace(asked, promote_rules=rules, dry_run=True)).contest.verdict
    (rule,) = [rule for rule in held.rules if rule.name == "coverage"]
    assert rule.champion == rule.challenger > 0.2
    assert rule.passed
    assert rule.blocks


def test_a_contest_tells_what_would_change(asked, trained, tmp_path):
    other = write_messages(tmp_path / "other.csv", WORDS, rows=1500, seed=1)
    held = train.run(replace(asked, data=other, dry_run=True)).contest
    before, after = held.champion.predicted, held.challenger.predicted
    assert sum(pair.rows for pair in held.changes) == (before != after).sum() > 0
    for pair in held.changes:
        assert 0 <= pair.auto_before <= pair.rows
        for example in pair.examples:
            assert (before[example.row], after[example.row]) == (pair.own, pair.other)
            assert example.automatic is not None
            assert all(example.words), "both models can tell"


def test_a_tag_that_cannot_be_read_is_named_and_no_other_stands_in_the_way(registry, trained):
    version = versions.champion(registry)
    newest = f"{routing.PREFIX}{999999:06d}"
    for damaged in ("{", "[]", '{"at": "", "by": "", "reason": "", "routing": {"promise": 1}}'):
        broken = replace(version, tags={**version.tags, newest: damaged})
        with pytest.raises(ModelUnavailable, match=r"tag routing\.999999 that can't be read"):
            routing.in_force(broken)
    noted = replace(version, tags={**version.tags, "routing.note": "ours", "routing.1": "x"})
    assert routing.in_force(noted) == routing.in_force(version)


def test_half_a_promise_is_refused(asked):
    with pytest.raises(SettingsError, match="AUTO_ACCURACY_BY_CLASS needs AUTO_ACCURACY"):
        replace(asked, auto_accuracy=None)
    with pytest.raises(SettingsError, match="set AUTO_ACCURACY"):
        replace(asked, auto_accuracy=None, auto_accuracy_by_class={}, promote_rules=("coverage",))


def test_a_version_of_before_gets_an_empty_column_and_one_line(asked, registry, tmp_path, caplog):
    version = versions.champion(registry)
    for key in [key for key in version.tags if key.startswith(routing.PREFIX)]:
        registry.client.delete_model_version_tag(version.name, str(version.number), key)
    registry.client.list_artifacts(version.run_id)
    assert scored(asked, tmp_path / "old.csv").total.routes is None
    with (tmp_path / "old.csv").open() as lines:
        assert "route" not in next(lines)
    scored(asked, tmp_path / "asked.csv", auto_accuracy=0.9)
    assert "trained without AUTO_ACCURACY" in caplog.text
    with (tmp_path / "asked.csv").open() as lines:
        assert {row["route"] for row in csv.DictReader(lines)} == {""}


def test_answers_that_were_not_kept_are_told(registry):
    version = versions.champion(registry)
    with pytest.raises(ModelUnavailable, match=r"no answers to its holdout stored.*train again"):
        routing.answers(registry, replace(version, run_id=_empty_run(registry)))


def test_a_class_that_no_holdout_row_has_may_get_a_promise(registry):
    version = versions.champion(registry)
    known = routing.answers(registry, version)
    kept = (known.labels != "billing") & (known.predicted != "billing")
    run = _empty_run(registry)
    fewer = {f.name: getattr(known, f.name)[kept] for f in fields(known)}
    routing.log_answers(registry, run, replace(known, **fewer))
    rare = replace(version, run_id=run)
    found = routing.choose(registry, rare, Promise(0.9, {"billing": 1}))
    assert found.rest.auto > 0
    with pytest.raises(SettingsError, match="--by-class names 'pets', which is no class"):
        routing.choose(registry, rare, Promise(0.9, {"pets": 1}))


def _empty_run(registry):
    return registry.client.create_run(registry.experiment_id("empty")).info.run_id
