"""Beside an output: the messages whose class the challenger would change."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
from json_schema import problems
from scoring_helpers import make_model, make_routed, plan, read, write
from scoring_helpers import score as score_with

from common.scoring import stdio
from common.scoring.file import Options, score_file
from common.scoring.flips import MOST_PAIRS
from common.scoring.model import LoadedModel, ModelIdentity
from common.scoring.shadow import ROWS_OF_PAIR

ROWS = ["1,it is LOST!!,", "2,,", "3", "4,thank you,", '5,"a ""b"", c",', "6,=thank you,"]
HEADER = [
    *("row", "from", "to", "confidence", "confidence_to", "route", "route_to"),
    *("because", "because_to", "message"),
]


@pytest.fixture(scope="module")
def turned():
    """A challenger that takes angry for calm and calm for angry."""
    return make_model("calm", "angry", 'odd, "very"', version=8)


def test_the_first_rows_of_each_pair_are_written_the_most_frequent_first(tmp_path, model, turned):
    own, other = make_routed(model), make_routed(turned, angry=None)
    source = write(tmp_path / "a.csv", *ROWS)
    job, manifest = score_with(own, source, challenger=other, explain=True)
    header, *rows = read(job.flips)
    assert header == HEADER
    assert [(row[0], *row[1:3], *row[5:7]) for row in rows] == [
        ("3", "calm", "angry", "auto", "person"),
        ("5", "calm", "angry", "auto", "person"),
        ("1", "angry", "calm", "auto", "auto"),
    ]
    assert [row[-1] for row in rows] == ["thank you", "=thank you", "it is LOST!!"]
    output = dict(enumerate(read(job.output)[1:], 1))
    for row in rows:
        scored = dict(zip(read(job.output)[0], output[int(row[0])], strict=True))
        assert (row[3], row[5], row[7]) == (
            scored["confidence"],
            scored["route"],
            scored["because"],
        )
        assert row[8]
    assert manifest.comparison.flips == str(job.flips)
    assert not problems(json.loads(job.manifest.read_text()), "predict.manifest.schema.json")


def test_at_most_so_many_of_a_pair_are_written_whatever_the_chunks(tmp_path, model, turned):
    rows = [f"{k},{('thank you', 'it is LOST!!')[k % 3 == 0]} {k}," for k in range(90)]
    source = write(tmp_path / "a.csv", *rows)
    written = set()
    for size, workers in ((7, 1), (1000, 1), (20, 2)):
        job, _ = score_with(
            model,
            source,
            tmp_path / f"{size}.csv",
            challenger=turned,
            chunk_rows=size,
            workers=workers,
        )
        written.add(job.flips.read_bytes())
    (content,) = written
    assert len(content.splitlines()) == 1 + 2 * ROWS_OF_PAIR
    assert [row[5:7] for row in read(job.flips)[1:]] == [["", ""]] * (2 * ROWS_OF_PAIR)


@pytest.mark.parametrize("form", ["csv.gz", "jsonl", "parquet"])
def test_inputs_of_other_forms_give_the_same_rows(tmp_path, model, turned, form):
    import pandas as pd

    source = write(tmp_path / "a.csv", *[row for row in ROWS if "," in row])
    expected, _ = score_with(model, source, challenger=turned)
    frame = pd.read_csv(source, keep_default_na=False)
    other = tmp_path / f"b.{form}"
    match form:
        case "csv.gz":
            other.write_bytes(gzip.compress(source.read_bytes()))
        case "jsonl":
            frame.to_json(other, orient="records", lines=True)
        case "parquet":
            frame.to_parquet(other)
    job, _ = score_with(model, other, challenger=turned, chunk_rows=2)
    assert job.flips.read_bytes() == expected.flips.read_bytes()


def test_without_flips_there_is_no_file_and_an_old_one_goes(tmp_path, model, turned):
    source = write(tmp_path / "a.csv", *ROWS)
    job, _ = score_with(model, source, challenger=turned)
    assert job.flips.exists()
    _, manifest = score_with(model, source, challenger=make_model(version=9))
    assert not job.flips.exists()
    assert manifest.comparison.flips is None
    score_with(model, source, challenger=turned)
    score_with(model, source)
    assert not job.flips.exists()


def test_a_file_that_is_gone_is_made_again(tmp_path, model, turned):
    source = write(tmp_path / "a.csv", *ROWS)
    job, _ = score_with(model, source, challenger=turned)
    content = job.flips.read_bytes()
    assert score_with(model, source, challenger=turned)[1].done_already
    job.flips.unlink()
    assert not score_with(model, source, challenger=turned)[1].done_already
    assert job.flips.read_bytes() == content


def test_where_the_output_has_no_messages_the_file_has_none(tmp_path, model, turned):
    source = write(tmp_path / "a.csv", *ROWS)
    job, _ = score_with(model, source, challenger=turned, keep=["id"])
    assert read(job.flips)[0] == HEADER[:7]
    assert "thank" not in job.flips.read_text()


def test_for_a_spreadsheet_formulas_are_quoted(tmp_path, model, turned):
    source = write(tmp_path / "a.csv", *ROWS)
    job, _ = score_with(model, source, challenger=turned, safe=True)
    assert read(job.flips)[2][-1] == "'=thank you"


def test_what_an_interrupted_run_found_is_in_it(tmp_path, model, turned):
    rows = [f"{k},thank you {k}," for k in range(30)]
    source = write(tmp_path / "a.csv", *rows)
    whole, _ = score_with(model, source, tmp_path / "whole.csv", challenger=turned, chunk_rows=4)

    def stop(units, seen=[]):  # noqa: B006
        seen.append(units)
        if len(seen) == 4:
            raise KeyboardInterrupt

    for advance in (stop, lambda units: None):
        try:
            job, _ = score_with(
                model,
                source,
                tmp_path / "out.csv",
                challenger=turned,
                chunk_rows=4,
                advance=advance,
            )
        except KeyboardInterrupt:
            assert not (tmp_path / "out.csv.flips.csv").exists()
    assert job.flips.read_bytes() == whole.flips.read_bytes()


def test_beside_standard_output_there_is_no_file(tmp_path, model, turned):
    source = write(tmp_path / "a.csv", *ROWS)
    job = replace(plan(source, tmp_path / "out.csv"), shown_output=stdio.OUTPUT)
    manifest = score_file(job, model, Options(), turned)
    assert manifest.comparison.changes
    assert manifest.comparison.flips is None
    assert not job.flips.exists()


class ByNumber:
    """Gives the text "k" the k-th of its classes; it can't explain."""

    def __init__(self, shift):
        self.shift = shift
        self.classes_ = np.array([f"c{k:02}" for k in range(MOST_PAIRS + 9)], object)

    def predict_proba(self, texts):
        best = [(int(str(text)) + self.shift) % len(self.classes_) for text in texts]
        return np.eye(len(self.classes_))[best]


def test_of_many_pairs_the_most_frequent_are_written(tmp_path):
    own, other = (
        LoadedModel(ByNumber(shift), ModelIdentity("triage", 7 + shift, "abc")) for shift in (0, 1)
    )
    texts = [*range(MOST_PAIRS + 9), MOST_PAIRS + 8]
    source = write(tmp_path / "a.csv", *(f"1,{text}," for text in texts))
    job, _ = score_with(own, source, challenger=other)
    rows = read(job.flips)[1:]
    assert len({tuple(row[1:3]) for row in rows}) == MOST_PAIRS
    assert [row[0] for row in rows[:3]] == [str(len(texts) - 1), str(len(texts)), "1"]
    assert {(row[7], row[8]) for row in rows} == {("", "")}
