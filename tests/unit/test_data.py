import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data import Chunk, MessageFile, as_text, sha256
from common.errors import InputError, MissingColumn

TEXTS = ["NA", "null", "None", "two\nlines", 'say "hi"', "a,b;c\td", "", "👍", "=1+1", " x "]


def rows(path, **how):
    with MessageFile(path, **how) as messages:
        return [row for chunk in messages for row in chunk.table.to_pylist()]


def rejects(path):
    with MessageFile(path) as messages:
        return [(r.line, r.reason, r.raw) for chunk in messages for r in chunk.rejects]


def refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        rows(path)
    message = str(caught.value)
    assert str(path) in message
    assert len(message.splitlines()) == 1
    return message


def zipped(data: bytes, **others: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"a.csv": data, **others}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


PACK = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd, "zip": zipped}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_cell_is_text_as_it_was_written(tmp_path, delimiter, line_end):
    import csv

    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end)
        writer.writerow(["text", "number"])
        writer.writerows([text, "007"] for text in TEXTS)
    assert rows(path) == [{"text": text, "number": "007"} for text in TEXTS]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("id,text\r\n1,größe 👍\r\n".encode(encoding))
    assert rows(path) == [{"id": "1", "text": "größe 👍"}]


def test_bytes_that_are_no_text_are_replaced_and_counted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n1,caf\xe9\n2,fine\n")
    with MessageFile(path) as messages:
        (chunk,) = messages
    assert chunk.table.column("text").to_pylist() == ["caf\ufffd", "fine"]
    assert chunk.replaced == 1


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("name", ["a.csv.packed", "a.csv"])
def test_compression_is_told_by_content(tmp_path, kind, name):
    path = tmp_path / name
    path.write_bytes(PACK[kind](b"id,text\n1,hello\n"))
    assert rows(path) == [{"id": "1", "text": "hello"}]


@pytest.mark.parametrize("kind", PACK)
def test_an_archive_cut_short_is_one_clear_line(tmp_path, kind):
    path = tmp_path / "a.csv"
    lines = "".join(f"{k},{hashlib.sha256(str(k).encode()).hexdigest()}\n" for k in range(5000))
    packed = PACK[kind](f"id,text\n{lines}".encode())
    path.write_bytes(packed[: len(packed) // 2])
    assert re.search("damaged or cut short|Truncated", refusal(path))


@pytest.mark.parametrize(
    "start", [b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\x00", b"(\xb5/\xfd", b"PK\x03\x04"]
)
def test_what_only_starts_like_an_archive_is_one_clear_line(tmp_path, start):
    path = tmp_path / "a.csv"
    path.write_bytes(start + b"this is something else entirely" * 10)
    assert refusal(path)


def test_a_zip_holds_one_file_not_counting_what_macos_adds(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(b"text\nhello\n", **{"__MACOSX/._a.csv": b"x"}))
    assert rows(path) == [{"text": "hello"}]
    path.write_bytes(zipped(b"text\nhello\n", **{"b.csv": b"x"}))
    assert "2 files" in refusal(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\na,b\n", "blank line"),
        (b"a,b,a\n1,2,3\n", "'a' more than once"),
        (b'a,"b\n1,2\n', "header is broken"),
        (b"\x00\x01\x02" * 100, "binary"),
        ("id,text\n1,x\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"PAR1 no table", "damaged"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, content, says):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert says in refusal(path)


def test_what_is_no_file_is_refused_in_one_line(tmp_path):
    assert "does not exist" in refusal(tmp_path / "missing.csv")
    assert "directory" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "pipe" in refusal(tmp_path / "pipe")


def test_a_header_alone_has_columns_and_no_rows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text")
    assert rows(path) == []
    with MessageFile(path) as messages:
        assert messages.columns == ["id", "text"]
        assert messages.header == "id,text"


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,txt\n1,x\n")
    with MessageFile(path) as messages, pytest.raises(MissingColumn) as caught:
        messages.require("text", "TEXT_COLUMN")
    assert "did you mean 'txt'" in str(caught.value)
    assert "id, txt" in str(caught.value)


def test_rows_with_other_numbers_of_fields_are_set_aside(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"a\nb"\n2\n3,c,d\n\n4,e\n')
    assert [row["id"] for row in rows(path)] == ["1", "4"]
    assert rejects(path) == [
        (4, "expected 2 fields, found 1", "2"),
        (5, "expected 2 fields, found 3", "3,c,d"),
    ]


def test_json_lines_keep_what_was_written(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [{"text": "NA", "n": 1}, {"text": None}, {"late": True, "deep": {"é": [1]}}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"n": 1.10}\n')
    assert rows(path) == [
        {"text": "NA", "n": "1", "late": "", "deep": ""},
        {"text": "", "n": "", "late": "", "deep": ""},
        {"text": "", "n": "", "late": "true", "deep": '{"é": [1]}'},
        {"text": "", "n": "1.10", "late": "", "deep": ""},
    ]


def test_lines_that_are_no_json_objects_are_set_aside(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n\n[1]\nnonsense\n{"text": "b"}\n')
    assert [row["text"] for row in rows(path)] == ["a", "b"]
    assert rejects(path) == [
        (3, "not a JSON object", "[1]"),
        (4, "not a JSON object", "nonsense"),
    ]


def test_a_json_array_is_refused_with_a_remedy(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"text": "a"}]')
    assert "jq" in refusal(path)


def test_parquet_keeps_its_types(tmp_path):
    path = tmp_path / "anything"
    table = pa.table({"text": ["a", None], "n": [1, 2], "yes": [True, None], "l": [[1], []]})
    pq.write_table(table, path)
    with MessageFile(path) as messages:
        assert messages.schema == table.schema
        assert pa.concat_tables([chunk.table for chunk in messages]).equals(table)


@given(st.integers(1, 60), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_chunks_hold_at_most_the_rows_asked_for_and_all_rows(tmp_path_factory, size, count):
    path = tmp_path_factory.mktemp("chunks") / "a.csv"
    path.write_text("id,text\n" + "".join(f'{k},"text {k}"\n' for k in range(count)))
    with MessageFile(path, chunk_rows=size) as messages:
        chunks = list(messages)
    assert all(len(chunk.table) <= size for chunk in chunks)
    assert [row["id"] for c in chunks for row in c.table.to_pylist()] == [*map(str, range(count))]
    done = [chunk.bytes_done for chunk in chunks]
    assert done == sorted(done)
    assert all(at <= path.stat().st_size for at in done)


def test_the_last_chunk_is_at_the_end_of_the_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n" + "1,x\n" * 100_000)
    with MessageFile(path) as messages:
        *_, last = messages
        assert last.bytes_done == messages.size == path.stat().st_size


def test_a_chunk_travels_unparsed_and_is_the_same_after(tmp_path):
    import pickle

    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,x\n2\n")
    with MessageFile(path) as messages:
        (chunk,) = messages
    again: Chunk = pickle.loads(pickle.dumps(chunk))
    assert again.table.equals(chunk.table)
    assert again.rejects == chunk.rejects


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([True, False, None]), ["True", "False", ""]),
        (pa.array([1, None]), ["1", ""]),
        (pa.array(["a", None]), ["a", ""]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
    ],
)
def test_values_as_text(values, expected):
    assert as_text(pa.chunked_array([values]), "a.parquet").to_pylist() == expected


def test_lists_are_no_text():
    with pytest.raises(InputError, match="is no text"):
        as_text(pa.chunked_array([[[1]]]), "a.parquet, column 'text',")


def test_sha256_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc" * 99_999)
    assert sha256(path) == hashlib.sha256(b"abc" * 99_999).hexdigest()
