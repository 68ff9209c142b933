"""A challenger's answers are compared, and change nothing."""

import json
from collections import Counter

import pytest
from json_schema import problems
from scoring_helpers import make_model, make_routed, write
from scoring_helpers import score as score_with

from common.scoring.shadow import (
    ROWS_OF_PAIR,
    SHOWN_DIFFERENCES,
    Agreement,
    Change,
    Comparison,
    DifferingRow,
    Moves,
    Shadow,
    other_classes,
)


def make_turned():
    """A challenger that takes angry for calm and calm for angry."""
    return make_model("calm", "angry", 'odd, "very"', version=8)


def test_a_challenger_is_compared_row_by_row(tmp_path, score):
    rows = ["1,it is LOST!!,", "2,,", "3", "4,thank you,", '5,"a ""b"", c",']
    source = write(tmp_path / "a.csv", *rows)
    alone, _ = score(source, tmp_path / "alone.csv")
    job, manifest = score(source, challenger=make_turned())
    assert job.output.read_bytes() == alone.output.read_bytes()
    found = manifest.comparison
    assert found.challenger.version == 8
    assert found.total == Agreement(rows=3, agreeing=1)
    assert found.by_class["angry"] == Agreement(rows=1, agreeing=0)
    assert found.first_differing_rows == (
        DifferingRow(1, "angry", "calm"),
        DifferingRow(3, "calm", "angry"),
    )


def test_row_numbers_go_on_from_chunk_to_chunk_and_only_the_first_are_shown(tmp_path, score):
    source = write(tmp_path / "a.csv", *["1,thank you,"] * 30)
    _, manifest = score(source, challenger=make_turned(), chunk_rows=7)
    shown = [row.row for row in manifest.comparison.first_differing_rows]
    assert shown == list(range(1, SHOWN_DIFFERENCES + 1))
    assert manifest.comparison.total.rows == 30


def test_a_comparison_survives_json(tmp_path, score):
    source = write(tmp_path / "a.csv", "1,it is LOST!!,", "2,thank you,")
    job, manifest = score(source, challenger=make_turned())
    written = json.loads(job.manifest.read_text())["shadow"]
    assert Comparison.from_json(written) == manifest.comparison
    assert written["changes"] == [
        {"from": "angry", "to": "calm", "rows": 1},
        {"from": "calm", "to": "angry", "rows": 1},
    ]


ROUTED = ["1,it is LOST!!,", "2,thank you,", "3,thank you,", '4,"a ""b"", c",', "5,,"]


def test_routes_are_compared_pair_by_pair(tmp_path, model):
    _, manifest = score_with(
        make_routed(model, angry=None),
        write(tmp_path / "a.csv", *ROUTED),
        challenger=make_routed(make_turned(), angry=None),
        chunk_rows=1,
    )
    found = manifest.comparison
    assert found.routes == Moves(1, 2, 1, 0)
    assert found.changes == (
        Change("calm", "angry", 2, Moves(auto_to_person=2)),
        Change("angry", "calm", 1, Moves(person_to_auto=1)),
    )
    written = json.loads(json.dumps(manifest.to_json()))
    assert not problems(written, "predict.manifest.schema.json")
    assert Comparison.from_json(written["shadow"]) == found


@pytest.mark.parametrize("which", ["model", "challenger"])
def test_where_one_of_the_two_is_not_routed_nothing_is_said_of_routes(tmp_path, model, which):
    models = {"model": model, "challenger": make_turned()}
    models[which] = make_routed(models[which])
    source = write(tmp_path / "a.csv", *ROUTED)
    _, manifest = score_with(models["model"], source, challenger=models["challenger"])
    assert manifest.comparison.routes is None
    assert "routes" not in manifest.to_json()["shadow"]
    assert "routes" not in manifest.to_json()["shadow"]["changes"][0]


def test_a_draft_of_before_goes_on_without_what_it_does_not_know():
    before = Shadow.from_json({"pairs": [["a", "b", 2]], "differing": [[1, "a", "b"]]})
    before.add(Shadow(Counter({("a", "b"): 1}), [(1, "a", "b")], Counter(), {("a", "b"): [1]}), 2)
    assert (before.moves, before.first) == (None, None)
    assert before.pairs["a", "b"] == 3
    begun = Shadow.from_json({"pairs": [], "differing": []})
    assert (begun.moves, begun.first) == (Counter(), {})


def test_of_each_pair_the_first_rows_are_kept_in_whatever_chunks_they_come():
    whole = Shadow()
    for chunk in range(10):
        part = {("a", "b"): [1, 2, 3], ("b", "a"): [4]}
        whole.add(Shadow(first=part), chunk * 4)
    assert whole.first["a", "b"] == [n for n in range(1, 40) if n % 4][:ROWS_OF_PAIR]
    assert whole.first["b", "a"] == list(range(4, 41, 4))


def test_without_rows_there_is_no_share(tmp_path, score):
    _, manifest = score(write(tmp_path / "a.csv"), challenger=make_turned())
    assert manifest.comparison.to_json()["agreement"] is None


def test_a_tally_survives_json():
    shadow = Shadow()
    shadow.pairs["a", "b"] = 2
    shadow.differing.append((1, "a", "b"))
    shadow.moves["a", "b", True, False] = 2
    shadow.first["a", "b"] = [1, 7]
    assert Shadow.from_json(json.loads(json.dumps(shadow.to_json()))) == shadow


def test_other_classes_are_named_and_spellings_are_not_classes():
    assert other_classes(["True", "False"], ["true", "false"]) is None
    found = other_classes(["True", "False"], ["negative", "neutral", "positive"])
    assert found is not None
    assert found.startswith("it alone has 'negative', 'neutral', 'positive', and it lacks 'False'")
    many = other_classes([f"c{k}" for k in range(9)], ["c0"])
    assert (
        many
        == "it lacks 'c1', 'c2', 'c3', 'c4', 'c5' and 3 more: rows of these classes never agree"
    )
