"""A challenger's answers are compared, and change nothing."""

import json

from scoring_helpers import make_model, write

from common.scoring.shadow import (
    SHOWN_DIFFERENCES,
    Agreement,
    Comparison,
    DifferingRow,
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


def test_without_rows_there_is_no_share(tmp_path, score):
    _, manifest = score(write(tmp_path / "a.csv"), challenger=make_turned())
    assert manifest.comparison.to_json()["agreement"] is None


def test_a_tally_survives_json():
    shadow = Shadow()
    shadow.pairs["a", "b"] = 2
    shadow.differing.append((1, "a", "b"))
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
