"""What an output looks like in each format."""

import csv
import datetime as dt
import decimal
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_helpers import ADDED, plan, read, write

from common.errors import InputError, MissingColumn
from common.scoring import formats
from common.scoring.file import Options, score_file
from common.scoring.formats import Format, as_stream, to_parquet
from common.scoring.manifest import Outcomes


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
    assert manifest.classes['odd, "very"'] == 9
    assert {row[3] for row in read(job.output)[1:]} == {'odd, "very"'}


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


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
CELL |= st.text(st.sampled_from("a \"\n\r,;'👍"), max_size=8)


@given(
    st.lists(st.tuples(CELL, CELL, CELL), max_size=8), st.sampled_from(",;\t"), st.integers(1, 9)
)
@settings(max_examples=50)
def test_input_columns_come_back_byte_for_byte(
    tmp_path_factory, model, rows, delimiter, chunk_rows
):
    source = tmp_path_factory.mktemp("any") / "a.csv"
    written = []
    for row in [("id", "text", "note"), *rows]:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, delimiter=delimiter).writerow(row)
        written.append(buffer.getvalue().removesuffix("\r\n").encode())
    source.write_bytes(b"\r\n".join(written))
    job = plan(source)
    manifest = score_file(job, model, Options(chunk_rows))
    rest = job.output.read_bytes()
    for line in written:
        assert rest.startswith(line)
        added, _, rest = rest[len(line) :].partition(b"\n")
        assert added.startswith(delimiter.encode())
    assert manifest.rows.read == len(rows)


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
    assert manifest.rows == Outcomes(read=0, scored=0, blank=0, rejected=0)
    assert manifest.classes == {"angry": 0, "calm": 0, 'odd, "very"': 0}


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
    assert manifest.rows.rejected == 1


def test_tables_written_one_after_the_other_become_one_of_parquet(tmp_path):
    table = pa.table({"n": [1, 2], "kind": pa.array(["x", "y"]).dictionary_encode()})
    other = pa.table({"n": [3], "kind": pa.array(["z"]).dictionary_encode()})
    stream = tmp_path / "a"
    stream.write_bytes(as_stream(table) + as_stream(other))
    found = pq.read_table(to_parquet(stream))
    assert found.to_pydict() == {"n": [1, 2, 3], "kind": ["x", "y", "z"]}


def test_parquet_without_rows_has_its_columns(tmp_path):
    schema = pa.schema([("text", pa.string()), ("n", pa.int8())])
    (tmp_path / "a").write_bytes(as_stream(schema.empty_table()))
    found = pq.read_table(to_parquet(tmp_path / "a"))
    assert found.schema == schema
    assert found.num_rows == 0


class Answers(Format):
    """A line with the class for each row that has a text."""

    name = "answers"
    endings = (".answers",)

    def head(self):
        return b"answers:\n"

    def chunk(self, chunk, cells):
        return "".join(f"{name}\n" for name in cells.columns[0].to_pylist()).encode()

    def finish(self, content):
        content.write_bytes(content.read_bytes() + b"end\n")
        return content


def test_a_new_format_needs_nothing_but_its_class(tmp_path, score, monkeypatch):
    monkeypatch.setitem(formats.FORMATS, Answers.name, Answers)
    monkeypatch.setitem(formats.ENDINGS, ".answers", Answers.name)
    source = write(tmp_path / "a.csv", "1,it is LOST!!,", "2,,", "3,thank you,")
    job, manifest = score(source, tmp_path / "out.answers", chunk_rows=1)
    assert job.output.read_text() == "answers:\nangry\ncalm\nend\n"
    assert manifest.output.size == job.output.stat().st_size


def test_a_link_that_was_planted_where_parquet_is_made_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "a-parquet").symlink_to(precious)
    (tmp_path / "a").write_bytes(as_stream(pa.table({"text": ["hi"]})))
    made = to_parquet(tmp_path / "a")
    assert pq.read_table(made).to_pylist() == [{"text": "hi"}]
    assert not made.is_symlink()
    assert precious.read_text() == "precious"
