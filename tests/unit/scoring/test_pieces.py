"""An input scored in ranges gives what it gives in one go, resumes by range, and leaves nothing."""

import json
import random
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scoring_helpers import IDENTITY, make_model, plan, write

from common.data import lines
from common.errors import InputError, TriageError
from common.scoring import file, pieces, resume
from common.scoring.file import Options, score_file
from common.scoring.manifest import Manifest
from common.scoring.model import LoadedModel
from common.scoring.pieces import Cut

OPTIONS = Options(chunk_rows=7)


@pytest.fixture(autouse=True)
def _cut_small_files(monkeypatch):
    monkeypatch.setattr(pieces, "RANGE_BYTES", 500)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 200)


@pytest.fixture(scope="module")
def challenger():
    return make_model("calm", "angry", 'odd, "very"', version=8)


class Counting:
    """A classifier that counts the texts it was asked about."""

    def __init__(self, classifier):
        self.classifier, self.classes_, self.asked = classifier, classifier.classes_, 0

    def predict_proba(self, texts):
        self.asked += len(texts)
        return self.classifier.predict_proba(texts)


def messy_csv(path):
    rows = [f'{k},"text {k}, ""quoted"" \n {k % 13}!",' for k in range(200)]
    rows[140:140] = ["", "ragged", "9,lone\rreturn,x"]
    rows[60:60] = ["ragged", '1,"stray,x', ",,", "", '5,in "the" middle,', '6,"open']
    write(path, *rows)
    path.write_bytes(path.read_bytes() + b"7,\xff not text,x\n8,late reject\n9,end,x")
    return path


def json_lines(path):
    rows = [json.dumps({"id": k, "text": f"text {k}\n{k % 13}!"}) for k in range(200)]
    path.write_text("\n".join([*rows[:90], "{", *rows[90:]]) + '\n{"text": "x", "late": 1}')
    return path


def parquet(path):
    texts = [f"text {k % 13}!" if k % 7 else None for k in range(200)]
    table = pa.table({"id": range(200), "text": pa.array(texts).dictionary_encode()})
    pq.write_table(table, path, row_group_size=30)
    return path


def cut_of(job, options=OPTIONS, challenger=None):
    made = pieces.cut_input(job, IDENTITY, challenger and challenger.identity, options)
    assert isinstance(made, Cut)
    assert len(made.ranges) > 3
    return made


def in_pieces(job, model, options=OPTIONS, challenger=None):
    cut = cut_of(job, options, challenger)
    numbers = list(range(len(cut.ranges)))
    random.Random(0).shuffle(numbers)
    for number in numbers:
        pieces.score(cut, number, model, options, challenger)
    return pieces.join(cut, model, options, challenger)


def facts(manifest):
    changing = {"seconds", "rows_per_second", "output", "input"}
    found = {key: value for key, value in manifest.to_json().items() if key not in changing}
    if "shadow" in found:
        found["shadow"] = {k: v for k, v in found["shadow"].items() if k != "flips"}
    return found


@pytest.mark.parametrize("make", [messy_csv, json_lines, parquet])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_it_has_the_bytes_and_the_manifest_of_one_go(tmp_path, model, challenger, make, ending):
    endings = {messy_csv: "csv", json_lines: "jsonl", parquet: "parquet"}
    source = make(tmp_path / f"in.{endings[make]}")
    settings = {"with_proba": True, "format": ending}
    whole = plan(source, tmp_path / f"whole.{ending}", **settings)
    job = plan(source, tmp_path / f"pieces.{ending}", **settings)
    expected = score_file(whole, model, OPTIONS, challenger)
    manifest = in_pieces(job, model, challenger=challenger)
    assert facts(manifest) == facts(expected)
    assert job.output.read_bytes() == whole.output.read_bytes()
    assert job.flips.read_bytes() == whole.flips.read_bytes()
    if expected.rows.rejected:
        assert job.rejects.read_bytes() == whole.rejects.read_bytes()
    assert json.loads(job.manifest.read_text()) == manifest.to_json()
    assert not list(tmp_path.glob(".*"))


def test_columns_left_out_and_harmless_cells_are_the_same(tmp_path, model):
    source = messy_csv(tmp_path / "in.csv")
    settings = {"keep": ("note", "text"), "spreadsheet_safe": True}
    whole = plan(source, tmp_path / "whole.csv", **settings)
    job = plan(source, tmp_path / "pieces.csv", **settings)
    score_file(whole, model, OPTIONS)
    in_pieces(job, model)
    assert job.output.read_bytes() == whole.output.read_bytes()


def test_a_complete_piece_is_not_scored_again(tmp_path, model):
    job = plan(messy_csv(tmp_path / "in.csv"))
    first = cut_of(job)
    pieces.score(first, 0, model, OPTIONS, None)
    counting = Counting(model.classifier)
    again = cut_of(job)
    assert again == first
    pieces.score(again, 0, LoadedModel(counting, IDENTITY), OPTIONS, None)
    assert counting.asked == 0
    pieces.score(again, 1, LoadedModel(counting, IDENTITY), OPTIONS, None)
    assert counting.asked > 0


def test_a_piece_of_another_model_is_scored_again(tmp_path, model):
    job = plan(messy_csv(tmp_path / "in.csv"))
    pieces.score(cut_of(job), 0, model, OPTIONS, None)
    other = replace(IDENTITY, version=9)
    cut = pieces.cut_input(job, other, None, OPTIONS)
    counting = Counting(model.classifier)
    pieces.score(cut, 0, LoadedModel(counting, other), OPTIONS, None)
    assert counting.asked > 0


def test_an_output_that_is_complete_is_not_made_again(tmp_path, model):
    job = plan(messy_csv(tmp_path / "in.csv"))
    in_pieces(job, model)
    found = pieces.cut_input(job, IDENTITY, None, OPTIONS)
    assert isinstance(found, Manifest)
    assert found.done_already


def test_a_small_file_is_not_cut(tmp_path):
    job = plan(write(tmp_path / "a.csv", "1,hello,x"))
    assert pieces.cut_input(job, IDENTITY, None, OPTIONS) is None


def test_what_was_begun_in_one_go_is_resumed_in_one_go(tmp_path, model, monkeypatch):
    monkeypatch.setattr(resume, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    job = plan(messy_csv(tmp_path / "in.csv"))
    with pytest.raises(KeyboardInterrupt):
        score_file(job, model, OPTIONS, advance=interrupt_after(3))
    assert pieces.cut_input(job, IDENTITY, None, OPTIONS) is None


def interrupt_after(calls):
    def advance(units):
        nonlocal calls
        calls -= 1
        if not calls:
            raise KeyboardInterrupt

    return advance


def test_pieces_that_were_left_go_when_it_is_scored_in_one_go(tmp_path, model):
    job = plan(messy_csv(tmp_path / "in.csv"))
    pieces.score(cut_of(job), 2, model, OPTIONS, None)
    assert list(tmp_path.glob(".*.draft"))
    score_file(job, model, OPTIONS)
    assert not list(tmp_path.glob(".*"))


def test_pieces_of_an_interrupted_run_are_drafts_that_go_in_time(tmp_path, model):
    job = plan(messy_csv(tmp_path / "in.csv"))
    pieces.score(cut_of(job), 2, model, OPTIONS, None)
    assert resume.remove_stale(tmp_path, -1) == [f"{job.output.name}.range-00002"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("most", [0, 3])
def test_too_many_rejects_in_all_pieces_are_refused(tmp_path, model, most):
    job = plan(messy_csv(tmp_path / "in.csv"))
    with pytest.raises(InputError, match=f"more than {most}"):
        in_pieces(job, model, replace(OPTIONS, most_rejects=most))
    assert not job.output.exists()
    resume.remove_pieces(job.output)
    assert not list(tmp_path.glob(".*"))


def test_an_input_that_was_changed_meanwhile_is_refused(tmp_path, model):
    job = plan(messy_csv(tmp_path / "in.csv"))
    cut = cut_of(job)
    pieces.score(cut, 0, model, OPTIONS, None)
    job.source.write_bytes(job.source.read_bytes() + b"more\n")
    with pytest.raises(InputError, match="changed while it was read"):
        pieces.score(cut, 1, model, OPTIONS, None)
    assert not job.output.exists()


def test_a_piece_that_is_gone_is_told(tmp_path, model):
    job = plan(messy_csv(tmp_path / "in.csv"))
    cut = cut_of(job)
    pieces.score(cut, 0, model, OPTIONS, None)
    with pytest.raises(TriageError, match="share the folder"):
        pieces.join(cut, model, OPTIONS, None)
    assert not job.output.exists()
    assert file.find_done(job, cut.identity, OPTIONS) is None
