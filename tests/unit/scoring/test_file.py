"""A file is scored as a stream: whole or not at all, resumed, and not done twice."""

import gzip
import hashlib
import json
from contextlib import suppress
from dataclasses import replace

import pytest
from scoring_helpers import HEADER, IDENTITY, read, write

from common.errors import InputError
from common.scoring import file, resume
from common.scoring.manifest import InputFile, Outcomes


def test_rows_that_cannot_be_read_are_set_aside(tmp_path, score):
    job, manifest = score(write(tmp_path / "a.csv", "1,hello,x", "2", "3,bye,y"))
    assert [row[0] for row in read(job.output)] == ["id", "1", "3"]
    assert read(job.rejects) == [
        ["line", "reason", "raw"],
        ["3", "expected 3 fields, found 1", "2"],
    ]
    assert manifest.output.rejects == str(job.rejects)


def test_rejects_of_an_earlier_run_go_when_there_are_none(tmp_path, score):
    source = tmp_path / "a.csv"
    job, _ = score(write(source, "1"))
    assert job.rejects.exists()
    score(write(source, "1,hello,"))
    assert not job.rejects.exists()


def test_the_manifest_is_true(tmp_path, score):
    source = write(tmp_path / "a.csv", "1,lost!!,", "2,thank you,", "3,,", "4")
    job, manifest = score(source)
    assert json.loads(job.manifest.read_text()) == manifest.to_json()
    assert manifest.model == IDENTITY
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert manifest.input == InputFile(str(source), source.stat().st_size, digest)
    assert manifest.rows == Outcomes(read=4, scored=2, blank=1, rejected=1)
    predicted = [row[3] for row in read(job.output)[1:] if row[3]]
    assert manifest.classes == {
        name: predicted.count(name) for name in ("angry", "calm", 'odd, "very"')
    }


@pytest.mark.parametrize("how", [{"chunk_rows": 1}, {"chunk_rows": 7}, {"workers": 2}])
def test_the_output_is_the_same_for_any_chunk_size_and_number_of_workers(
    tmp_path, score, monkeypatch, how
):
    monkeypatch.setattr(file, "SMALL_BYTES", 0)
    rows = [f'{k},"text {k}, ""quoted"" \n {k % 13}!",' for k in range(100)]
    rows[40:40] = ["ragged", '1,"stray,x', ",,", "", '5,in "the" middle,']
    source = write(tmp_path / "a.csv", *rows)
    expected, plain = score(source, tmp_path / "plain.csv")
    job, manifest = score(source, tmp_path / "other.csv", **how)
    assert job.output.read_bytes() == expected.output.read_bytes()
    assert job.rejects.read_bytes() == expected.rejects.read_bytes()
    assert manifest.rows == plain.rows


def test_strict_writes_nothing(tmp_path, score):
    source = write(tmp_path / "a.csv", "1,hello,", "2")
    with pytest.raises(InputError, match=r"line 3: expected 3 fields, found 1; nothing was"):
        score(source, most_rejects=0)
    assert list(tmp_path.iterdir()) == [source]


def test_a_failure_midway_leaves_an_earlier_output_alone(tmp_path, score):
    lines = "".join(f"{k},{hashlib.sha256(str(k).encode()).hexdigest()},\n" for k in range(30_000))
    source = tmp_path / "a.csv.gz"
    source.write_bytes(gzip.compress((HEADER + lines).encode())[:-1000])
    earlier = tmp_path / "a.predictions.csv"
    earlier.write_text("earlier")
    with pytest.raises(InputError, match="damaged or cut short"):
        score(source)
    assert earlier.read_text() == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv.gz", "a.predictions.csv"]


def test_a_column_that_is_there_already_is_not_overwritten(tmp_path, score):
    source = write(tmp_path / "a.csv", "1,hello", header="prediction,text\n")
    with pytest.raises(InputError, match="--prefix"):
        score(source)
    assert list(tmp_path.iterdir()) == [source]


def test_replaced_cells_are_in_the_manifest(tmp_path, score):
    source = tmp_path / "a.csv"
    source.write_bytes(b"id,text\n1,caf\xe9\n\xff,\xff\n3,fine\n")
    job, manifest = score(source)
    assert manifest.replaced_cells == 3
    assert [row[1] for row in read(job.output)[1:]] == ["caf\ufffd", "\ufffd", "fine"]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("failure", ["strict", "damage", "taken name"])
def test_a_failure_leaves_all_files_of_an_earlier_run_alone(tmp_path, score, failure):
    source = write(tmp_path / "a.csv", "1,hello,", "2")
    score(source)
    if failure == "damage":
        packed = gzip.compress((HEADER + "1,hello,\n" * 99).encode())
        source.write_bytes(packed[:-4])
    elif failure == "taken name":
        write(source, header="confidence,text\n")
    before = contents(tmp_path)
    with pytest.raises(InputError):
        score(source, most_rejects=0 if failure == "strict" else None)
    assert contents(tmp_path) == before
    assert len(before) == 4


def test_strict_is_content_with_a_file_without_rejects(tmp_path, score):
    _, manifest = score(write(tmp_path / "a.csv", "1,hello,", "", "2,,"), most_rejects=0)
    assert manifest.rows == Outcomes(read=2, scored=1, blank=1, rejected=0)


def test_progress_adds_up_to_the_size_of_the_file(tmp_path, score):
    source = write(tmp_path / "a.csv", *[f"{k},hello," for k in range(50)])
    steps = []
    score(source, chunk_rows=7, advance=steps.append)
    assert sum(steps) == source.stat().st_size
    assert min(steps) >= 0


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("prediction", {}),
        ("confidence", {}),
        ("model_version", {}),
        ("proba_calm", {"proba": True}),
        ("because", {"explain": True}),
        ("new_confidence", {"prefix": "new_"}),
    ],
)
def test_only_names_that_would_be_added_are_taken(tmp_path, score, name, how):
    source = write(tmp_path / "a.csv", "1,hello", header=f"{name},text\n")
    with pytest.raises(InputError, match=f"already has a column '{name}'.*--prefix"):
        score(source, **how)
    free = {} if how else {"prefix": "new_"}
    job, _ = score(source, **free)
    assert read(job.output)[0][:2] == [name, "text"]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_ends_as_an_undisturbed_one(
    tmp_path, score, monkeypatch, ending, workers
):
    monkeypatch.setattr(resume, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(file, "SMALL_BYTES", 0)
    rows = [f"{k},message {k} !," if k % 7 else f"{k}" for k in range(200)]
    source = write(tmp_path / "a.csv", *rows)
    job, expected = score(source, tmp_path / f"whole{ending}", chunk_rows=10)

    class Stop(BaseException):
        pass

    def stop(limit):
        def advance(units):
            nonlocal limit
            limit -= 1
            if limit < 0:
                raise Stop

        return advance

    broken = tmp_path / f"broken{ending}"
    for chunks in (3, 9, 0, 25):
        with suppress(Stop):
            other, manifest = score(
                source, broken, chunk_rows=10, workers=workers, advance=stop(chunks)
            )
    assert broken.read_bytes() == job.output.read_bytes()
    assert other.rejects.read_bytes() == job.rejects.read_bytes()
    for key in ("rows", "classes", "replaced_cells", "mean_confidence"):
        assert getattr(manifest, key) == getattr(expected, key)
    assert not list(tmp_path.glob(".*"))


def test_the_same_again_is_not_done_again(tmp_path, score):
    source = write(tmp_path / "a.csv", "1,hello,", "2")
    job, first = score(source)
    before = job.output.stat().st_mtime_ns
    _, again = score(source)
    assert again == replace(first, done_already=True)
    assert job.output.stat().st_mtime_ns == before
    _, forced = score(source, force=True)
    assert not forced.done_already


@pytest.mark.parametrize("change", ["input", "output", "prefix", "rejects"])
def test_what_has_changed_is_done_again(tmp_path, score, change):
    source = write(tmp_path / "a.csv", "1,hello,", "2")
    job, _ = score(source)
    whole = job.output.read_bytes()
    if change == "input":
        write(source, "1,hallo,", "2")
    elif change == "output":
        job.output.write_bytes(whole[:-1] + b"x")
    elif change == "rejects":
        job.rejects.unlink()
    _, again = score(source, prefix="x_" if change == "prefix" else "")
    assert not again.done_already
    assert (job.output.read_bytes() == whole) is (change in ("output", "rejects"))


@pytest.mark.parametrize("change", ["grown", "gone"])
def test_an_input_that_changes_while_it_is_read_is_refused(tmp_path, score, change):
    source = write(tmp_path / "a.csv", *[f"{k},hello," for k in range(100)])

    def disturb(_units):
        if change == "gone":
            source.unlink(missing_ok=True)
        else:
            with source.open("a") as file:
                file.write("100,more,\n")

    with pytest.raises(InputError, match=r"a\.csv"):
        score(source, advance=disturb)
    assert {path.name for path in tmp_path.iterdir()} <= {"a.csv"}


def test_a_limit_of_rejects_also_holds_for_what_an_interrupted_run_has_read(
    tmp_path, score, monkeypatch
):
    monkeypatch.setattr(resume, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    rows = [f"{k},hello," if k > 2 else f"{k}" for k in range(60)]
    source = write(tmp_path / "a.csv", *rows)

    class Stop(BaseException):
        pass

    def stop_at_the_third_chunk(units, chunks=[]):  # noqa: B006
        chunks.append(units)
        if len(chunks) > 2:
            raise Stop

    with suppress(Stop):
        score(source, chunk_rows=10, advance=stop_at_the_third_chunk)
    with pytest.raises(InputError, match="3 rows can't be read, more than 0; nothing was written"):
        score(source, chunk_rows=10, most_rejects=0)


def test_a_run_that_read_its_input_in_other_parts_is_not_resumed(tmp_path, score, monkeypatch):
    monkeypatch.setattr(resume, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    source = write(tmp_path / "a.csv", *[f"{k},hello," for k in range(60)])
    calm, whole = score(source, tmp_path / "whole.csv")

    class Stop(BaseException):
        pass

    def stop_at_the_third_chunk(units, chunks=[]):  # noqa: B006
        chunks.append(units)
        if len(chunks) > 2:
            raise Stop

    with suppress(Stop):
        score(source, chunk_rows=10, advance=stop_at_the_third_chunk)
    (state,) = tmp_path.glob(".*-state")
    kept = json.loads(state.read_text())
    kept["payload"]["bytes"] -= 1
    state.write_text(json.dumps(kept))
    with pytest.raises(InputError, match="another release cannot be resumed"):
        score(source, chunk_rows=10)
    job, manifest = score(source, chunk_rows=10)
    assert manifest.rows == whole.rows
    assert job.output.read_bytes() == calm.output.read_bytes()
