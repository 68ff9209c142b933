"""Each answer says who looks at it; a part can be written alone, and nothing falls between."""

import csv
import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from json_schema import problems
from scoring_helpers import TEXTS, make_model, plan

from common.evaluation.routing import Group, Promise, Routing
from common.scoring import file
from common.scoring.file import Options
from common.scoring.manifest import Identity, Manifest
from common.scoring.model import of_targets
from common.scoring.total import total_of_manifests

ROWS = [*TEXTS[:9], "", "  "]


@pytest.fixture(scope="module")
def model():
    found = make_model()
    never = Group(0.99, None, 10)
    routing = Routing(Promise(0.9, {"calm": 0.99}), Group(0.9, 0.5, 20), {"calm": never})
    identity = replace(found.identity, routing=routing.key)
    return replace(found, routing=routing, identity=identity)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.csv"
    with path.open("w", newline="") as lines:
        csv.writer(lines).writerows([("id", "text"), *enumerate(ROWS)])
    return path


def scored(model, source, name, **settings):
    job = plan(source, source.with_name(name), **settings)
    return job, file.score_file(job, model, Options(chunk_rows=4))


def rows_of(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_route_follows_from_class_and_confidence(model, source):
    job, manifest = scored(model, source, "out.csv")
    rows = rows_of(job.output)
    assert list(rows[0])[2:] == ["prediction", "confidence", "model_version", "route"]
    assert [row["route"] for row in rows] == [
        ""
        if not row["prediction"]
        else "auto"
        if row["prediction"] != "calm" and float(row["confidence"]) >= 0.5
        else "person"
        for row in rows
    ]
    assert manifest.routes == {"auto": 6, "person": 3}
    assert not problems(json.loads(job.manifest.read_text()), "predict.manifest.schema.json")


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_the_two_parts_together_are_all_rows(model, source, form):
    parts = {
        only: scored(model, source, f"{only}.{form}", only=only, format=form)
        for only in ("auto", "person")
    }
    ids = {}
    for only, (job, manifest) in parts.items():
        assert manifest.rows.read == len(ROWS)
        assert manifest.routes == {"auto": 6, "person": 3}
        if form == "parquet":
            ids[only] = pq.read_table(job.output).column("id").to_pylist()
        elif form == "csv":
            ids[only] = [row["id"] for row in rows_of(job.output)]
        else:
            ids[only] = [json.loads(line)["id"] for line in job.output.read_text().splitlines()]
    assert len(ids["auto"]) == 6
    # What has no text has no answer either: a person looks at it.
    assert len(ids["person"]) == 5
    assert sorted(map(int, [*ids["auto"], *ids["person"]])) == list(range(len(ROWS)))


def test_a_part_is_copied_byte_by_byte_from_the_input(model, tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(b'id;text\r\n1;"it is ""LOST"" 0"\r\n2;thank you 0\r\n')
    job, _ = scored(model, source, "person.csv", only="person")
    assert job.output.read_bytes().splitlines()[1].startswith(b"2;thank you 0;")


def test_without_thresholds_there_is_no_column_unless_one_is_expected(source):
    model = make_model()
    job, manifest = scored(model, source, "plain.csv")
    assert "route" not in rows_of(job.output)[0]
    assert manifest.routes is None
    job, _ = scored(model, source, "expected.csv", with_route=True)
    assert {row["route"] for row in rows_of(job.output)} == {""}
    job, _ = scored(model, source, "nobody.csv", with_route=True, only="auto")
    assert rows_of(job.output) == []
    job, _ = scored(model, source, "all.csv", with_route=True, only="person")
    assert len(rows_of(job.output)) == len(ROWS)


def test_another_threshold_scores_again_and_the_same_does_not(model, source):
    scored(model, source, "out.csv")
    _, again = scored(model, source, "out.csv")
    assert again.done_already
    higher = replace(model.routing, rest=Group(0.9, 0.999999, 20))
    identity = replace(model.identity, routing=higher.key)
    _, changed = scored(replace(model, routing=higher, identity=identity), source, "out.csv")
    assert not changed.done_already
    assert changed.routes == {"auto": 0, "person": 9}


def test_a_manifest_without_routes_is_as_it_was_before_there_were_any(source):
    model = make_model()
    job, _ = scored(model, source, "out.csv")
    document = json.loads(job.manifest.read_text())
    assert document["model"] == {"name": "triage", "version": 7, "run_id": "abc"}
    assert not {"with_route", "only"} & set(document["identity"]["settings"])
    assert "routes" not in document
    identity = Identity.of(job, model.identity, None, 4)
    assert Manifest.from_json(document).identity == identity


def test_counts_of_several_files_add_up(model, source):
    _, one = scored(model, source, "one.csv")
    _, two = scored(model, source, "two.csv")
    total = total_of_manifests([one, two])
    assert total.routes == {"auto": 12, "person": 6}
    assert total.metrics()["share_automatic"] == 12 / 18
    assert Manifest.from_json(one.to_json()).routes == one.routes


def test_one_of_several_targets_has_a_route_of_its_own(model, source):
    both = of_targets([model, make_model()], ["topic", "mood"])
    job, manifest = scored(both, source, "out.csv")
    assert [name for name in rows_of(job.output)[0] if name.startswith("route")] == ["route_topic"]
    assert [each.routes for each in manifest.targets] == [{"auto": 6, "person": 3}, None]
    assert not problems(json.loads(job.manifest.read_text()), "predict.manifest.schema.json")
