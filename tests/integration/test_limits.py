"""The limits of docs/reliability.md: what is beyond one is set aside, or refused in one line."""

import gzip
import io
import json
import subprocess
import sys

import pytest
from helpers import ROOT

from common.data import csv_reader, jsonl_reader, lines
from common.data.csv_reader import Dialect, rows_of
from common.data.lines import Lines
from common.data.reader import CHUNK_CHARACTERS, MessageFile
from common.data.reading import MOST_COLUMNS, Reading
from common.errors import InputError

SMALL = Reading(field_characters=100)  # rows may have a million bytes
TOO_LONG = "row longer than 1,000,000 bytes; raw holds only its beginning"


class Endless:
    """A stream of one letter without a line end, which counts what is read of it."""

    def __init__(self, letters, end=b""):
        self.left, self.end, self.read_ = letters, end, 0

    def read(self, size):
        taken = b"x" * min(size, self.left) or self.end
        self.end = b"" if not self.left else self.end
        self.left -= min(size, self.left)
        self.read_ += len(taken)
        return taken


def read(path, reading=SMALL, chunk_rows=10_000):
    with MessageFile(path, chunk_rows, reading) as messages:
        chunks = list(messages)
    texts = [text for chunk in chunks for text in chunk.table.column("text").to_pylist()]
    return texts, [reject for chunk in chunks for reject in chunk.rejects]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("chunk_rows", [1, 10_000])
def test_a_line_of_csv_that_is_too_long_is_set_aside_with_its_beginning(
    tmp_path, quote, end, chunk_rows
):
    path = tmp_path / "a.csv"
    long = "é" * 1_000_000
    rows = ["id,text", "1,first", f"2,{quote}{long}{quote}", "3,last", "4"]
    path.write_bytes(end.join(rows).encode())
    texts, rejects = read(path, chunk_rows=chunk_rows)
    assert texts == ["first", "last"]
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (3, TOO_LONG),
        (5, "expected 2 fields, found 1"),
    ]
    raw = rejects[0].raw
    assert f"2,{quote}{long}".startswith(raw)
    assert lines.SHOWN_BYTES - 1 <= len(raw.encode()) <= lines.SHOWN_BYTES


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("chunk_rows", [1, 10_000])
def test_a_line_of_json_that_is_too_long_is_set_aside_with_its_beginning(
    tmp_path, packed, chunk_rows
):
    path = tmp_path / ("a.jsonl.gz" if packed else "a.jsonl")
    rows = [{"text": "first"}, {"text": "x" * 1_000_000, "more": 1}, {"text": "last"}]
    content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    texts, rejects = read(path, chunk_rows=chunk_rows)
    assert texts == ["first", "last"]
    assert [(reject.line, reject.reason) for reject in rejects] == [(2, TOO_LONG)]
    assert rejects[0].raw == ('{"text": "' + "x" * 1000)[: lines.SHOWN_BYTES]


def test_a_long_line_is_passed_over_without_being_held():
    stream = Endless(50_000_000, end=b"\nlast\n")
    rows = Lines(stream, longest=1_000_000)
    with pytest.raises(lines.RowTooLong):
        next(rows)
    assert stream.read_ < 2_000_000
    assert rows.skip_line() == "x" * lines.SHOWN_BYTES
    assert len(rows._buffer) < 1_000_000
    assert (next(rows), rows.number) == ("last\n", 2)


def test_lines_of_json_are_not_kept_once_they_are_read():
    content = b'{"text": "hello"}\n' * 200_000
    rows = Lines(io.BytesIO(content))
    parts = jsonl_reader.rows_of(rows, ["text"], 1000, CHUNK_CHARACTERS)
    assert sum(len(part.table) for part in parts) == 200_000
    assert len(rows._buffer) < 200_000


def test_a_header_that_is_too_long_is_one_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x" * 1_000_001 + ",text\n1,2\n")
    with pytest.raises(InputError, match=r"line 1: row longer than 1,000,000 bytes\.$"):
        read(path)


def test_lines_in_which_each_leaves_a_quote_open_are_not_read_again_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "READ_AGAIN", 1 << 20)
    path = tmp_path / "a.csv"
    path.write_text("id,text\n" + 'x",",\n' * 200_000)
    with pytest.raises(InputError, match=r"cannot be read: too many of its rows leave a quote"):
        read(path)


def test_irregular_rows_are_given_on_before_they_are_many_bytes():
    row = '1,say "hi" ' + "x" * 400_000 + "\n"
    parts = rows_of(Lines(io.BytesIO(row.encode() * 20)), Dialect(",", ("id", "text"), ()), 10_000)
    assert [len(part.parse().raw) for part in parts] == [3, 3, 3, 3, 3, 3, 2]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_as_many_columns_as_allowed_are_read_and_one_more_is_one_line(tmp_path, ending):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / f"a.{ending}"
    for columns in (MOST_COLUMNS, MOST_COLUMNS + 1):
        names = ["text", *(f"c{number}" for number in range(columns - 1))]
        if ending == "csv":
            path.write_text(",".join(names) + "\n" + ",".join(names) + "\n")
        elif ending == "jsonl":
            half = columns // 2
            parts = (names[:half], ["text", *names[half:]])
            path.write_text("".join(json.dumps(dict.fromkeys(p, "text")) + "\n" for p in parts))
        else:
            pq.write_table(pa.table({name: ["text"] for name in names}), path)
        if columns == MOST_COLUMNS:
            assert set(read(path)[0]) == {"text"}
        else:
            with pytest.raises(InputError, match=r"10,001 columns|10,000 different keys") as told:
                read(path)
            assert len(str(told.value)) < 300


def test_an_object_with_too_many_keys_is_set_aside(tmp_path):
    path = tmp_path / "a.jsonl"
    many = dict.fromkeys(map(str, range(MOST_COLUMNS + 1)), 1)
    path.write_text(json.dumps({"text": "a"}) + "\n" + json.dumps(many) + "\n")
    texts, rejects = read(path)
    assert texts == ["a"]
    assert [(reject.line, reject.reason) for reject in rejects] == [(2, "more than 10,000 keys")]


def test_chunks_of_json_with_many_keys_have_few_rows(monkeypatch):
    monkeypatch.setattr(jsonl_reader, "CHUNK_CELLS", 30)
    content = "".join(json.dumps({"text": "a", f"k{number}": 1}) + "\n" for number in range(10))
    names = ["text", *(f"k{number}" for number in range(9))]
    parts = list(jsonl_reader.rows_of(Lines(io.BytesIO(content.encode())), names, 10_000, 10**6))
    assert [len(part.table) for part in parts] == [3, 3, 3, 1]


READS_QUICKLY = """
import json, sys
from pathlib import Path
from common.data.reader import MessageFile
from common.errors import InputError

folder = Path(sys.argv[1])
wide = folder / "wide.csv"
wide.write_text(",".join(f"c{k}" for k in range(10_000)) + "\\n" + ("," * 9_999 + "\\n") * 100)
keys = folder / "keys.jsonl"
keys.write_text("".join(json.dumps({"text": "a", f"k{k}": 1}) + "\\n" for k in range(4_000)))
for path in (wide, keys):
    with MessageFile(path) as messages:
        assert sum(len(chunk.table) for chunk in messages) in (100, 4_000)
unclear = folder / "unclear.csv"
unclear.write_text("a," * 5_000 + "b\\n1\\n")
try:
    MessageFile(unclear)
except InputError as error:
    assert "'a' more than once" in str(error)
print("done")
"""


def test_many_columns_take_time_in_proportion_to_their_cells(tmp_path):
    command = [sys.executable, "-c", READS_QUICKLY, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == "done\n", done.stderr


def test_more_classes_than_allowed_are_one_line(tmp_path):
    from common.data.columns import message_columns
    from common.data.labelled import read_split

    path = tmp_path / "a.csv"
    rows = (f"message {number},class {number % 1001}\n" for number in range(4000))
    path.write_text("text,label\n" + "".join(rows))
    with pytest.raises(InputError, match=r"1,001 classes, more than 1,000: TARGET_COLUMN seems"):
        read_split(path, message_columns("text", "label"), 20)


def test_long_names_of_classes_are_cut(tmp_path):
    from common.data.columns import message_columns
    from common.data.labelled import batches

    path = tmp_path / "a.csv"
    path.write_text(f"text,label\na, {'é' * 2000}\nb,short \n")
    (batch,) = batches(path, message_columns("text", "label"))
    assert batch.labels == ["é" * 999, "short"]


def test_csv_and_json_have_the_same_limit_for_rows():
    assert Reading().row_bytes == csv_reader.FIELD_CHARACTERS
    assert SMALL.row_bytes == 1_000_000
