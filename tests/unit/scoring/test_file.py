import csv
import datetime as dt
import decimal
import gzip
import hashlib
import io
import json
import re
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InputError, MissingColumn, ModelUnavailable
from common.models.boosted import TextClassifier
from common.scoring import draft, jobs
from common.scoring import file as scoring

MODEL = {"name": "triage", "version": 7, "run_id": "abc"}
ADDED = ["prediction", "confidence", "model_version"]
HEADER = "id,text,note\n"


@pytest.fixture(scope="module")
def classifier():
    texts = [f"{text} {k}" for k in range(8) for text in ("it is LOST!!", "thank you", 'a "b", c')]
    return TextClassifier().fit(texts, ["angry", "calm", 'odd, "very"'] * 8)


@pytest.fixture
def score(classifier):
    def score(
        source, output=None, prefix="", proba=False, explain=False, keep=None, safe=False, **how
    ):
        (job,) = jobs.plan(
            [source],
            output,
            "text",
            prefix=prefix,
            with_proba=proba,
            with_reasons=explain,
            keep=keep and tuple(keep),
            spreadsheet_safe=safe,
        )
        return job, scoring.score_file(job, classifier, MODEL, **how)

    return score


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def write(path, *rows, header=HEADER):
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def test_rows_order_and_input_columns_stay_and_predictions_follow(tmp_path, score):
    rows = ['2,"lost, ""again""!",x', "1,thank you,", '3,"two\nlines",NA']
    source = write(tmp_path / "a.csv", *rows)
    job, _ = score(source)
    assert job.output == tmp_path / "a.predictions.csv"
    found = read(job.output)
    assert [row[:3] for row in found] == read(source)
    assert found[0][3:] == ADDED
    assert all(0 <= float(row[4]) <= 1 and row[5] == "7" for row in found[1:])


def test_a_row_is_copied_as_it_stands_in_the_file(tmp_path, score):
    source = write(tmp_path / "a.csv", '"1";"x ""y""";', " 2 ;z;'", header='"id";text;"n"\n')
    job, _ = score(source)
    lines = job.output.read_text().splitlines()
    assert lines[0] == '"id";text;"n";prediction;confidence;model_version'
    assert lines[1].startswith('"1";"x ""y""";;')
    assert lines[2].startswith(" 2 ;z;';")


def test_a_class_with_a_comma_in_its_name_is_quoted(tmp_path, score):
    job, manifest = score(write(tmp_path / "a.csv", *['1,"a ""b"", c 3",'] * 9))
    assert manifest["classes"]['odd, "very"'] == 9
    assert {row[3] for row in read(job.output)[1:]} == {'odd, "very"'}


def test_blank_texts_stay_with_empty_cells(tmp_path, score):
    job, manifest = score(write(tmp_path / "a.csv", "1,,x", "2,  ,y", "3,NA,z", '4," \u3000",'))
    assert [row[3:] == ["", "", ""] for row in read(job.output)[1:]] == [True, True, False, True]
    assert manifest["rows"] == {"read": 4, "scored": 1, "blank": 3, "rejected": 0}


def test_rows_that_cannot_be_read_are_set_aside(tmp_path, score):
    job, manifest = score(write(tmp_path / "a.csv", "1,hello,x", "2", "3,bye,y"))
    assert [row[0] for row in read(job.output)] == ["id", "1", "3"]
    assert read(job.rejects) == [
        ["line", "reason", "raw"],
        ["3", "expected 3 fields, found 1", "2"],
    ]
    assert manifest["output"]["rejects"] == str(job.rejects)


def test_rejects_of_an_earlier_run_go_when_there_are_none(tmp_path, score):
    source = tmp_path / "a.csv"
    job, _ = score(write(source, "1"))
    assert job.rejects.exists()
    score(write(source, "1,hello,"))
    assert not job.rejects.exists()


def test_the_manifest_is_true(tmp_path, score):
    source = write(tmp_path / "a.csv", "1,lost!!,", "2,thank you,", "3,,", "4")
    job, manifest = score(source)
    assert json.loads(job.manifest.read_text()) == manifest
    assert manifest["model"] == MODEL
    assert manifest["input"] == {
        "path": str(source),
        "size": source.stat().st_size,
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
    }
    assert manifest["rows"] == {"read": 4, "scored": 2, "blank": 1, "rejected": 1}
    predicted = [row[3] for row in read(job.output)[1:] if row[3]]
    assert manifest["classes"] == {
        name: predicted.count(name) for name in ("angry", "calm", 'odd, "very"')
    }


@pytest.mark.parametrize("how", [{"chunk_rows": 1}, {"chunk_rows": 7}, {"workers": 2}])
def test_the_output_is_the_same_for_any_chunk_size_and_number_of_workers(
    tmp_path, score, monkeypatch, how
):
    monkeypatch.setattr(scoring, "SMALL_BYTES", 0)
    rows = [f'{k},"text {k}, ""quoted"" \n {k % 13}!",' for k in range(100)]
    rows[40:40] = ["ragged", '1,"stray,x', ",,", "", '5,in "the" middle,']
    source = write(tmp_path / "a.csv", *rows)
    expected, plain = score(source, tmp_path / "plain.csv")
    job, manifest = score(source, tmp_path / "other.csv", **how)
    assert job.output.read_bytes() == expected.output.read_bytes()
    assert job.rejects.read_bytes() == expected.rejects.read_bytes()
    assert manifest["rows"] == plain["rows"]


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


def test_probabilities_of_all_classes_add_up(tmp_path, score):
    job, _ = score(write(tmp_path / "a.csv", "1,lost,", "2,,"), prefix="m_", proba=True)
    header, first, blank = read(job.output)
    assert header[3:6] == ["m_prediction", "m_confidence", "m_model_version"]
    assert header[6:] == ["m_proba_angry", "m_proba_calm", 'm_proba_odd, "very"']
    assert sum(map(float, first[6:])) == pytest.approx(1, abs=1e-5)
    assert float(first[4]) == max(map(float, first[6:]))
    assert blank[3:] == [""] * 6


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_reasons_are_words_of_the_message(tmp_path, score, ending):
    source = write(tmp_path / "a.csv", '1,"it is LOST!!",', "2,,")
    job, _ = score(source, tmp_path / f"out.{ending}", explain=True)
    if ending == "csv":
        (first, blank) = [row[6] for row in read(job.output)[1:]]
    else:
        first, blank = pq.read_table(job.output)["because"].to_pylist()
    assert re.fullmatch(r"(\S+ \(\+\d\.\d\d\)(, )?)+", first)
    assert "lost (+" in first
    assert not blank


def test_a_column_that_is_there_already_is_not_overwritten(tmp_path, score):
    source = write(tmp_path / "a.csv", "1,hello", header="prediction,text\n")
    with pytest.raises(InputError, match="--prefix"):
        score(source)
    assert list(tmp_path.iterdir()) == [source]


def test_parquet_gives_parquet_with_its_types(tmp_path, score):
    table = pa.table({"n": [1, 2, 3], "text": ["lost!!", None, "thank you"], "l": [[1], [], None]})
    pq.write_table(table, tmp_path / "a.parquet")
    job, _ = score(tmp_path / "a.parquet")
    found = pq.read_table(job.output)
    assert job.output.name == "a.predictions.parquet"
    assert found.select(table.column_names).equals(table)
    assert found.column_names[3:] == ADDED
    assert list(found.schema.types[3:]) == [pa.string(), pa.float64(), pa.int64()]
    assert found["prediction"].is_null().to_pylist() == [False, True, False]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_other_formats_become_csv_where_that_is_asked_for(tmp_path, score, ending):
    texts = ["two\nlines", 'a "b", c', "bare\rreturn", "plain"]
    source = tmp_path / f"a.{ending}"
    if ending == "jsonl":
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        pq.write_table(pa.table({"text": texts}), source)
    job, _ = score(source, tmp_path / "out.csv")
    assert [row[0] for row in read(job.output)] == ["text", *texts]


def test_csv_becomes_parquet_where_that_is_asked_for(tmp_path, score):
    job, _ = score(write(tmp_path / "a.csv", "007,NA,", "2,,x"), tmp_path / "out.parquet")
    found = pq.read_table(job.output).to_pylist()
    assert [(row["id"], row["text"], row["note"]) for row in found] == [
        ("007", "NA", ""),
        ("2", "", "x"),
    ]


@pytest.mark.parametrize("name", ["a.csv", "link.csv"])
def test_an_input_is_never_an_output(tmp_path, name):
    source = write(tmp_path / "a.csv", "1,hello,")
    (tmp_path / "link.csv").symlink_to(source)
    with pytest.raises(InputError, match="never changed"):
        jobs.plan([source], tmp_path / name, "text")


def test_two_inputs_never_share_an_output(tmp_path):
    sources = []
    for day in ("monday", "tuesday"):
        (tmp_path / day).mkdir()
        sources.append(write(tmp_path / day / "a.csv", "1,hello,"))
    with pytest.raises(InputError, match="for two inputs"):
        jobs.plan(sources, tmp_path, "text")
    with pytest.raises(InputError, match="no folder"):
        jobs.plan(sources, tmp_path / "out.csv", "text")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("day.csv", "day.predictions.csv"),
        ("day.csv.gz", "day.predictions.csv"),
        ("day.jsonl.zst", "day.predictions.csv"),
        ("day.parquet", "day.predictions.parquet"),
        ("day.2024.tsv", "day.2024.predictions.csv"),
        ("day", "day.predictions.csv"),
    ],
)
def test_the_default_output_is_named_after_the_input(tmp_path, name, expected):
    assert jobs.default_name(tmp_path / name) == expected


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
CELL |= st.text(st.sampled_from("a \"\n\r,;'👍"), max_size=8)


@given(
    st.lists(st.tuples(CELL, CELL, CELL), max_size=8), st.sampled_from(",;\t"), st.integers(1, 9)
)
@settings(max_examples=50, deadline=None)
def test_input_columns_come_back_byte_for_byte(
    tmp_path_factory, classifier, rows, delimiter, chunk_rows
):
    source = tmp_path_factory.mktemp("any") / "a.csv"
    written = []
    for row in [("id", "text", "note"), *rows]:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, delimiter=delimiter).writerow(row)
        written.append(buffer.getvalue().removesuffix("\r\n").encode())
    source.write_bytes(b"\r\n".join(written))
    (job,) = jobs.plan([source], None, "text")
    manifest = scoring.score_file(job, classifier, MODEL, chunk_rows)
    rest = job.output.read_bytes()
    for line in written:
        assert rest.startswith(line)
        added, _, rest = rest[len(line) :].partition(b"\n")
        assert added.startswith(delimiter.encode())
    assert manifest["rows"]["read"] == len(rows)


def test_another_encoding_becomes_utf_8(tmp_path, score):
    source = tmp_path / "a.csv"
    source.write_bytes("id,text\r\n1,größe 👍\r\n".encode("utf-16"))
    job, _ = score(source)
    assert job.output.read_bytes().startswith(
        "id,text,prediction,confidence,model_version\n1,größe 👍,".encode()
    )


def test_a_header_alone_gives_a_header_alone(tmp_path, score):
    job, manifest = score(write(tmp_path / "a.csv"))
    assert read(job.output) == [["id", "text", "note", *ADDED]]
    assert manifest["rows"] == {"read": 0, "scored": 0, "blank": 0, "rejected": 0}
    assert manifest["classes"] == {"angry": 0, "calm": 0, 'odd, "very"': 0}


def test_rejects_keep_all_lines_of_a_row(tmp_path, score):
    job, _ = score(write(tmp_path / "a.csv", '1,"two\nlines"', "2,fine,", '3,"open'))
    assert [(row[0], row[2]) for row in read(job.rejects)[1:]] == [
        ("2", '1,"two\nlines"'),
        ("5", '3,"open'),
    ]


def test_rejects_of_json_lines_are_set_aside_too(tmp_path, score):
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "lost"}\n["x", 1]\n{"text": "thank you"}\n')
    job, manifest = score(source)
    assert [row[0] for row in read(job.output)] == ["text", "lost", "thank you"]
    assert read(job.rejects)[1:] == [["2", "not a JSON object", '["x", 1]']]
    assert manifest["rows"]["rejected"] == 1


def test_replaced_cells_are_in_the_manifest(tmp_path, score):
    source = tmp_path / "a.csv"
    source.write_bytes(b"id,text\n1,caf\xe9\n\xff,\xff\n3,fine\n")
    job, manifest = score(source)
    assert manifest["replaced_cells"] == 3
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
    assert manifest["rows"] == {"read": 2, "scored": 1, "blank": 1, "rejected": 0}


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


def test_an_old_model_that_cannot_explain_itself_says_so(tmp_path):
    (job,) = jobs.plan([write(tmp_path / "a.csv", "1,hello,")], None, "text", with_reasons=True)
    with pytest.raises(ModelUnavailable, match=r"version 7 of triage .*--explain"):
        scoring.score_file(job, object(), MODEL)


PARQUET_COLUMNS = {
    "dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
    "time": pa.array([dt.datetime(2024, 1, 1)] * 3, pa.timestamp("us", "UTC")),
    "decimal": pa.array([decimal.Decimal("1.10")] * 3),
    "structure": pa.array([{"x": 1}, None, {"x": 2}]),
    "bytes": pa.array([b"\xff", None, b""]),
    "short": pa.array([1, None, 3], pa.int8()),
    "long text": pa.array(["a", None, ""], pa.large_string()),
    "nothing": pa.nulls(3),
    "with.dot": pa.array([1, 2, 3]),
}


@pytest.mark.parametrize("name", PARQUET_COLUMNS)
def test_any_column_of_parquet_keeps_type_and_values(tmp_path, score, name):
    column = PARQUET_COLUMNS[name]
    schema = pa.schema([pa.field("text", pa.string(), nullable=False), (name, column.type)])
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table([["lost", "", "thank you"], column], schema=schema), source)
    job, _ = score(source, chunk_rows=2)
    found = pq.read_table(job.output).select(["text", name])
    assert found.equals(pq.read_table(source))
    assert found.schema == schema


def test_a_null_of_parquet_is_an_empty_cell_of_csv(tmp_path, score):
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["lost", None], "n": [None, 1], "yes": [True, None]}), source)
    job, _ = score(source, tmp_path / "out.csv")
    assert [row[:3] for row in read(job.output)[1:]] == [["lost", "", "True"], ["", "1", ""]]


@pytest.mark.parametrize("column", ["text", "note"])
def test_parquet_text_that_is_not_utf_8_is_one_clear_line(tmp_path, score, column):
    offsets, data = (pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe"))
    broken = pa.StringArray.from_buffers(1, offsets, data)
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x"], "note": ["y"]} | {column: broken}), source)
    with pytest.raises(InputError) as caught:
        score(source, tmp_path / "out.csv")
    assert str(source) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == [source]


def test_a_text_column_of_lists_is_refused_by_its_name(tmp_path, score):
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [["lost"]]}), source)
    with pytest.raises(InputError, match=r"a\.parquet, column 'text', holds list"):
        score(source)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("ending", [".rejects.csv", ".manifest.json"])
def test_an_input_is_none_of_the_files_beside_the_output(tmp_path, ending):
    source = tmp_path / f"out.csv{ending}"
    source.write_text("id,text\n" if ending.endswith("csv") else '{"text": "hello"}\n')
    with pytest.raises(InputError, match="never changed"):
        jobs.plan([source], tmp_path / "out.csv", "text")


def test_an_input_named_twice_is_refused(tmp_path):
    source = write(tmp_path / "a.csv", "1,hello,")
    with pytest.raises(InputError, match="for two inputs"):
        jobs.plan([source, source], None, "text")


def test_several_inputs_go_to_a_folder(tmp_path):
    (tmp_path / "out").mkdir()
    sources = [write(tmp_path / name, "1,hello,") for name in ("a.csv", "b.csv")]
    planned = jobs.plan(sources, tmp_path / "out", "text")
    assert [job.output for job in planned] == [
        tmp_path / "out" / "a.predictions.csv",
        tmp_path / "out" / "b.predictions.csv",
    ]


def test_a_plan_refuses_what_lacks_the_text_column(tmp_path):
    good = write(tmp_path / "a.csv", "1,hello,")
    bad = write(tmp_path / "b.csv", header="id,txt\n")
    with pytest.raises(MissingColumn, match="TEXT_COLUMN"):
        jobs.plan([good, bad], None, "text")


def test_a_manifest_never_replaces_an_input(tmp_path):
    source = tmp_path / "day.csv.manifest.json"
    source.write_text('{"text": "precious"}\n')
    with pytest.raises(InputError, match="never changed"):
        jobs.plan([source], tmp_path / "day.csv", "text")


def test_a_folder_where_a_file_would_go_is_named_before_work_starts(tmp_path):
    source = write(tmp_path / "a.csv", "1,hello,")
    (tmp_path / "a.predictions.csv.manifest.json").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        jobs.plan([source], None, "text")


def test_an_output_that_is_a_circle_of_links_is_one_line(tmp_path):
    source = write(tmp_path / "a.csv", "1,hello,")
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    with pytest.raises(InputError, match="can't be written"):
        jobs.plan([source], tmp_path / "circle.csv", "text")


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_ends_as_an_undisturbed_one(
    tmp_path, score, monkeypatch, ending, workers
):
    monkeypatch.setattr(draft, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    monkeypatch.setattr(scoring, "SMALL_BYTES", 0)
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
        assert manifest[key] == expected[key]
    assert not list(tmp_path.glob(".*"))


def test_the_same_again_is_not_done_again(tmp_path, score):
    source = write(tmp_path / "a.csv", "1,hello,", "2")
    job, first = score(source)
    before = job.output.stat().st_mtime_ns
    _, again = score(source)
    assert again == first | {"done_already": True}
    assert job.output.stat().st_mtime_ns == before
    _, forced = score(source, force=True)
    assert "done_already" not in forced


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
    assert "done_already" not in again
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


def test_only_the_chosen_columns_are_kept(tmp_path, score):
    source = write(tmp_path / "a.csv", '1,"a, b",x', "2,thank you,y")
    job, _ = score(source, keep=["note", "id"])
    found = read(job.output)
    assert found[0] == ["note", "id", *ADDED]
    assert [row[:2] for row in found[1:]] == [["x", "1"], ["y", "2"]]
    with pytest.raises(MissingColumn, match="--columns"):
        score(source, keep=["nothing"])


def test_json_lines_keep_all_cells_and_add_typed_ones(tmp_path, score):
    source = write(tmp_path / "a.csv", '1,"two\nlines 😡",NA', "2,,")
    job, _ = score(source, tmp_path / "a.jsonl")
    first, second = map(json.loads, job.output.read_text("utf-8").splitlines())
    assert (first["text"], first["note"]) == ("two\nlines 😡", "NA")
    assert isinstance(first["confidence"], float)
    assert (second["prediction"], second["model_version"]) == (None, None)


def test_cells_that_look_like_formulas_are_quoted_where_that_is_asked_for(tmp_path, score):
    source = write(tmp_path / "a.csv", "=1+1,@shop why,-2", "x,a=b,'=c'", header="id,text,+n\n")
    job, _ = score(source, safe=True)
    found = read(job.output)
    assert found[0][:3] == ["id", "text", "'+n"]
    assert [row[:3] for row in found[1:]] == [["'=1+1", "'@shop why", "'-2"], ["x", "a=b", "'=c'"]]
    plain, _ = score(source, tmp_path / "plain.csv")
    assert read(plain.output)[1][:3] == ["=1+1", "@shop why", "-2"]


@pytest.mark.parametrize("ending", [".csv.gz", ".zip", ".jsonl.zst"])
def test_an_output_that_would_not_be_compressed_is_refused(tmp_path, ending):
    source = write(tmp_path / "a.csv", "1,hello,")
    with pytest.raises(InputError, match="would not be compressed"):
        jobs.plan([source], tmp_path / f"b{ending}", "text")


def test_a_second_model_is_compared_row_by_row(tmp_path, score, classifier):
    texts = [f"{text} {k}" for k in range(8) for text in ("it is LOST!!", "thank you", 'a "b", c')]
    turned = TextClassifier().fit(texts, ["calm", "angry", 'odd, "very"'] * 8)
    rows = ["1,it is LOST!!,", "2,,", "3", "4,thank you,", '5,"a ""b"", c",']
    source = write(tmp_path / "a.csv", *rows)
    alone, _ = score(source, tmp_path / "alone.csv")
    job, manifest = score(source, shadow=(turned, MODEL | {"version": 8}))
    assert job.output.read_bytes() == alone.output.read_bytes()
    found = manifest["shadow"]
    assert (found["rows"], found["agreeing"]) == (3, 1)
    assert found["by_class"]["angry"] == {"rows": 1, "agreeing": 0, "agreement": 0.0}
    assert found["first_differing_rows"] == [
        {"row": 1, "from": "angry", "to": "calm"},
        {"row": 3, "from": "calm", "to": "angry"},
    ]


def test_a_folder_gives_a_job_for_each_of_its_files(tmp_path):
    days, out = tmp_path / "days", tmp_path / "out"
    for folder in (days, out, days / "deeper"):
        folder.mkdir()
    for name in ("b.csv", "a.csv", ".hidden.csv", "_SUCCESS"):
        write(days / name, "1,hello,")
    planned = jobs.plan([days], out, "text")
    assert [job.source.name for job in planned] == ["a.csv", "b.csv"]
    assert [job.output.parent for job in planned] == [out, out]
    for output in (None, days):
        with pytest.raises(InputError, match="name another one for the output"):
            jobs.plan([days], output, "text")
    with pytest.raises(InputError, match="without files"):
        jobs.plan([days / "deeper"], out, "text")
