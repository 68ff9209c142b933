"""Files get the answers that cost least, whatever their form and their chunks are."""

import csv
from dataclasses import replace

import cloudpickle
import numpy as np
import pytest
from scoring_helpers import CLASSES, TEXTS, make_model, plan

from common.evaluation.costs import CostRules
from common.scoring import file
from common.scoring.file import Options
from common.scoring.model import of_targets

ROWS = [*TEXTS[:9], "", "it is a thank you"]


def with_costs(model, *given):
    rules = CostRules({(truth, answer): cost for truth, answer, cost in given})
    return replace(model, costs=rules.of(model.classifier.classes_))


@pytest.fixture(scope="module")
def model():
    """An angry message that is missed is very dear, so that answers and routes change."""
    return with_costs(make_model(), ("angry", "*", 1e4), ("*", "@person", 100))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.csv"
    with path.open("w", newline="") as lines:
        csv.writer(lines).writerows([("id", "text"), *enumerate(ROWS)])
    return path


def scored(model, source, name, chunk_rows=4, challenger=None, **settings):
    job = plan(source, source.with_name(name), **settings)
    return job, file.score_file(job, model, Options(chunk_rows=chunk_rows), challenger)


def rows_of(job):
    with job.output.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_costs_alone_say_who_looks(model, source):
    job, manifest = scored(model, source, "out.csv", with_proba=True)
    rows = [row for row in rows_of(job) if row["prediction"]]
    proba = np.array([[float(row[f"proba_{name}"]) for name in CLASSES] for row in rows])
    answers = np.array([row["prediction"] for row in rows])
    prices = proba @ model.costs.matrix
    assert (answers == np.array(CLASSES)[prices.argmin(axis=1)]).all()
    assert (answers != np.array(CLASSES)[proba.argmax(axis=1)]).any()
    person = prices.min(axis=1) > 100
    assert [row["route"] for row in rows] == ["person" if look else "auto" for look in person]
    assert manifest.routes == {"auto": int((~person).sum()), "person": int(person.sum())}
    assert manifest.model == make_model().identity, "the costs are the version's"


@pytest.mark.parametrize("chunk_rows", [1, 3, 100])
def test_chunks_and_copies_of_the_model_change_nothing(model, source, chunk_rows):
    job, _ = scored(model, source, "out.csv")
    copied = cloudpickle.loads(cloudpickle.dumps(model))  # as an executor of Spark gets it
    other, _ = scored(copied, source, f"{chunk_rows}.csv", chunk_rows)
    assert other.output.read_bytes() == job.output.read_bytes()


def test_the_parts_of_people_and_of_nobody_are_all_rows(model, source):
    whole, _ = scored(model, source, "out.csv")
    ids = {
        only: [row["id"] for row in rows_of(scored(model, source, f"{only}.csv", only=only)[0])]
        for only in ("auto", "person")
    }
    expected = {name: [] for name in ids}
    for row in rows_of(whole):
        expected[row["route"] or "person"].append(row["id"])
    assert ids == expected


def test_a_shadow_answers_by_its_own_costs(model, source):
    plain = replace(make_model(version=8), costs=None)
    _, manifest = scored(model, source, "out.csv", challenger=plain)
    assert manifest.comparison.total.agreeing < manifest.comparison.total.rows
    _, same = scored(model, source, "same.csv", challenger=replace(model, identity=plain.identity))
    assert same.comparison.total.agreeing == same.comparison.total.rows


def test_costs_of_mistakes_without_a_person_add_no_route(source):
    plain = make_model()
    job, manifest = scored(plain, source, "plain.csv")
    # 0 and 1 are the same as nothing.
    alike, _ = scored(with_costs(plain), source, "alike.csv")
    assert alike.output.read_bytes() == job.output.read_bytes()
    dear, manifest = scored(with_costs(plain, ("angry", "*", 1e4)), source, "dear.csv")
    assert "route" not in rows_of(dear)[0]
    assert manifest.routes is None


def test_one_of_several_targets_has_costs_of_its_own(model, source):
    both = of_targets([model, make_model()], ["topic", "mood"])
    job, manifest = scored(both, source, "out.csv")
    rows = [row for row in rows_of(job) if row["prediction_topic"]]
    assert "route_mood" not in rows[0]
    assert any(row["prediction_topic"] != row["prediction_mood"] for row in rows)
    assert [each.routes is None for each in manifest.targets] == [False, True]
