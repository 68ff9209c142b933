import bz2
import csv
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

from common.data import compression
from common.data.files import parts, sha256
from common.data.reader import Chunk, MessageFile, as_text
from common.data.reading import Reading
from common.errors import InputError, MissingColumn

ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
CELLS = st.one_of(ANY_TEXT, st.text(st.sampled_from("x\"',;\t\n\r 👍"), max_size=8))
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
    written = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(written + '{"n": 1.10}\n')
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
@settings(max_examples=40)
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
    with pytest.raises(InputError, match="is not text"):
        as_text(pa.chunked_array([[[1]]]), "a.parquet, column 'text',")


def test_sha256_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc" * 99_999)
    assert sha256(path) == hashlib.sha256(b"abc" * 99_999).hexdigest()


@st.composite
def tables(draw):
    """A delimiter, unlike names of columns and rows of any text."""
    delimiter = draw(st.sampled_from(",;\t"))
    width = draw(st.integers(1 if delimiter == "," else 2, 4))
    name = st.text(st.sampled_from('ab é👍"\n' + delimiter), min_size=1, max_size=4)
    names = draw(st.lists(name, min_size=width, max_size=width, unique=True))
    cells = st.lists(CELLS, min_size=width, max_size=width)
    return delimiter, names, draw(st.lists(cells, max_size=10))


@given(tables(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
@settings(max_examples=100)
def test_what_the_csv_module_writes_is_read_cell_by_cell(tmp_path_factory, table, encoding):
    delimiter, names, cells = table
    path = tmp_path_factory.mktemp("written") / "a.csv"
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows([names, *cells])
    with MessageFile(path) as messages:
        chunks = list(messages)
        assert messages.columns == names
    assert [list(row.values()) for chunk in chunks for row in chunk.table.to_pylist()] == cells
    assert not any(chunk.rejects for chunk in chunks)


@given(
    st.lists(st.dictionaries(ANY_TEXT, CELLS, min_size=1), min_size=1, max_size=8), st.booleans()
)
@settings(max_examples=60)
def test_what_the_json_module_writes_is_read_cell_by_cell(tmp_path_factory, records, escaped):
    path = tmp_path_factory.mktemp("written") / "a.jsonl"
    lines = [json.dumps(record, ensure_ascii=escaped) for record in records]
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    columns = list(dict.fromkeys(name for record in records for name in record))
    found = rows(path)
    assert list(found[0]) == columns
    assert found == [{name: record.get(name, "") for name in columns} for record in records]


def everything(path, chunk_rows):
    """All that is read, and how many rows each chunk has."""
    with MessageFile(path, chunk_rows) as messages:
        chunks = list(messages)
    return (
        [row for chunk in chunks for row in chunk.table.to_pylist()],
        [reject for chunk in chunks for reject in chunk.rejects],
        [line for chunk in chunks if chunk.raw is not None for line in chunk.raw.to_pylist()],
        sum(chunk.replaced for chunk in chunks),
    ), [len(chunk.table) + len(chunk.rejects) for chunk in chunks]


MESSY_CSV = st.lists(
    st.sampled_from(
        [b"1,x", b'2,"a\nb"', b'3,"open', b"4", b"5,b,c", b"", b'6,a"b', b"7,\xff", b'8,"\r"']
    ),
    max_size=20,
).map(lambda lines: b"\n".join([b"id,text", *lines]))
MESSY_JSON = st.lists(
    st.sampled_from([b'{"a": 1}', b"[2]", b"", b'{"a": "\xff", "b": ""}', b"nonsense"]), max_size=20
).map(lambda lines: b"\n".join([b'{"first": 0}', *lines]))


@pytest.mark.parametrize(("name", "contents"), [("a.csv", MESSY_CSV), ("a.jsonl", MESSY_JSON)])
def test_the_size_of_chunks_changes_nothing_but_their_number(tmp_path_factory, name, contents):
    @given(contents, st.integers(1, 8))
    @settings(max_examples=60)
    def check(content, chunk_rows):
        path = tmp_path_factory.mktemp("sizes") / name
        path.write_bytes(content)
        try:
            whole, _ = everything(path, 10_000)
        except InputError:  # it looks like another encoding
            with pytest.raises(InputError):
                everything(path, chunk_rows)
            return
        found, sizes = everything(path, chunk_rows)
        assert found == whole
        assert all(size <= chunk_rows for size in sizes)

    check()


def test_chunks_of_parquet_may_span_its_row_groups(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"n": range(50), "text": [f"text {k}" for k in range(50)]})
    pq.write_table(table, path, row_group_size=7)
    found, sizes = everything(path, 10)
    assert found[0] == table.to_pylist()
    assert max(sizes) <= 10


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst"])
def test_progress_in_an_archive_grows_to_its_size(tmp_path, kind):
    path = tmp_path / "a.csv"
    lines = "".join(f"{k},{hashlib.sha256(str(k).encode()).hexdigest()}\n" for k in range(9000))
    path.write_bytes(PACK[kind](f"id,text\n{lines}".encode()))
    with MessageFile(path, chunk_rows=1000) as messages:
        done = [chunk.bytes_done for chunk in messages]
    assert done == sorted(done)
    assert done[-1] == path.stat().st_size


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_archives_put_one_after_the_other_are_read_to_the_end(tmp_path, kind):
    path = tmp_path / "a.csv"
    path.write_bytes(PACK[kind](b"id,text\n1,a\n") + PACK[kind](b"2,b\n"))
    assert [row["id"] for row in rows(path)] == ["1", "2"]


@pytest.mark.parametrize("kind", PACK)
@given(share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=15)
def test_an_archive_cut_anywhere_never_passes_for_a_shorter_file(tmp_path_factory, kind, share):
    path = tmp_path_factory.mktemp("cut") / "a.csv"
    packed = PACK[kind]("".join(f"{k},message {k * 7919}\n" for k in range(500)).encode())
    path.write_bytes(packed[: 6 + int(share * (len(packed) - 6))])
    refusal(path)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip"])
def test_a_flipped_byte_of_an_archive_is_one_clear_line(tmp_path, kind):
    path = tmp_path / "a.csv"
    lines = "".join(f"{k},{hashlib.sha256(str(k).encode()).hexdigest()}\n" for k in range(500))
    packed = bytearray(PACK[kind](f"id,text\n{lines}".encode()))
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    refusal(path)


@pytest.mark.parametrize(("start", "end"), [(-40, -8), (-8, -4)], ids=["footer", "its length"])
def test_damaged_parquet_is_one_clear_line(tmp_path, start, end):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", "b"]}), path)
    content = bytearray(path.read_bytes())
    content[start:end] = b"\xff" * (end - start)
    path.write_bytes(content)
    refusal(path)


def test_damage_inside_of_parquet_is_one_clear_line(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"text {k}" for k in range(100)]}), path)
    content = bytearray(path.read_bytes())
    content[4:20] = b"\xff" * 16
    path.write_bytes(content)
    refusal(path)


def test_a_zip_with_a_password_is_one_clear_line(tmp_path):
    path = tmp_path / "a.zip"
    packed = bytearray(zipped(b"text\nhello\n"))
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(signature) + flags_at] |= 1
    path.write_bytes(packed)
    assert "password" in refusal(path)


def test_a_zip_may_hold_its_file_in_a_folder(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/a.csv", "text\nhello\n")
    assert rows(path) == [{"text": "hello"}]


def test_a_quote_that_is_never_closed_costs_its_own_line_only(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"two\nlines"\n2,"open\n3,fine\n4,too\n')
    assert [row["id"] for row in rows(path)] == ["1", "3", "4"]
    assert [(line, raw) for line, _, raw in rejects(path)] == [(4, '2,"open')]


def test_a_row_after_a_rejected_one_keeps_its_raw_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,text\r\n1\r\n2,"a ""b"""\r\n3, c \r\n')
    (found, _, raw, _), _ = everything(path, 10)
    assert found == [{"id": "2", "text": 'a "b"'}, {"id": "3", "text": " c "}]
    assert raw == ['2,"a ""b"""', "3, c "]


@pytest.mark.parametrize(
    "content",
    [b"id,text\r1,x\r2,y", b"id,text\n1,x\r\n2,y\n", b'\xef\xbb\xbf"id",text\n1,x\n\n2,y'],
    ids=["CR", "mixed", "mark and quotes"],
)
def test_any_line_end_ends_a_row(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert rows(path) == [{"id": "1", "text": "x"}, {"id": "2", "text": "y"}]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ('id,"a;b;c"', ["id", "a;b;c"]),
        ('"a\tb\tc";id', ["a\tb\tc", "id"]),
        ('id,"say ""a;b;c""",n', ["id", 'say "a;b;c"', "n"]),
        ('5" x,text,10" y', ['5" x', "text", '10" y']),
        ('5" x;a,b', ['5" x;a', "b"]),
    ],
)
def test_a_delimiter_inside_of_a_quoted_name_is_none(tmp_path, header, names):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n")
    with MessageFile(path) as messages:
        assert messages.columns == names


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_file_can_be_read_again(tmp_path, name):
    path, found = tmp_path / name, [{"id": "1", "text": "x"}, {"id": "2", "text": "y"}]
    pq.write_table(pa.Table.from_pylist(found), path)
    if name == "a.csv":
        path.write_text("id,text\n1,x\n2,y\n")
    elif name == "a.jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in found))
    with MessageFile(path) as messages:
        first, second = ([c.table.to_pylist() for c in messages] for _ in range(2))
    assert first == second == [found]


def test_half_a_character_of_utf_16_is_replaced_and_counted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("id,text\n1,".encode("utf-16") + b"\x00\xd8" + "\n2,x\n".encode("utf-16-le"))
    (found, _, _, replaced), _ = everything(path, 10)
    assert [row["text"] for row in found] == ["\ufffd", "x"]
    assert replaced == 1


def test_replaced_cells_are_counted_not_bytes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n\xff,\xff\xff x\n2,\xff\n3,\xef\xbf\xbd\n")
    (found, _, _, replaced), _ = everything(path, 10)
    assert found[2]["text"] == "\ufffd"
    assert replaced == 3


@pytest.mark.parametrize("content", ["\\ud800", "\\udfff", "\\ud83d \\ude00"])
def test_an_escaped_half_of_a_character_is_replaced_and_counted(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "{content}"}}\n')
    (found, _, _, replaced), _ = everything(path, 10)
    assert found == [{"text": re.sub(r"\\u\w{4}", "\ufffd", content)}]
    assert replaced == 1


@pytest.mark.parametrize(
    "number",
    ["1.10", "1e5", "-0", "-0.0", "1E400", "12345678901234567890", "0.1000000000000000055"],
)
@pytest.mark.parametrize("around", ["{}", "[{}]", '{{"b":  [1, {}, "é\\u00e9\\n"]}}'])
def test_numbers_of_json_lines_keep_their_spelling(tmp_path, number, around):
    path = tmp_path / "a.jsonl"
    value = around.format(number)
    path.write_text(f'{{"t" : "x", "n":{value} ,"a \\"}}": null}}\n', encoding="utf-8")
    assert rows(path) == [{"t": "x", "n": value, 'a "}': ""}]


@pytest.mark.parametrize("content", ['{"a": ' + "[" * 100_000, '{"a": ' + "1" * 5000 + "}"])
def test_json_beyond_what_python_reads_is_set_aside(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"a": 1}}\n{content}\n{{"a": 2}}\n')
    assert [row["a"] for row in rows(path)] == ["1", "2"]
    assert [line for line, _, _ in rejects(path)] == [2]


@pytest.mark.parametrize("content", ["", "\n", '{\n"text": "a"\n}\n'])
def test_json_lines_without_an_object_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    assert "no JSON object" in refusal(path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.NDJSON", "a.json", "a.jsonl.gz", "a.json.zip"])
def test_json_lines_are_told_by_the_name(tmp_path, name):
    path = tmp_path / name
    path.write_text('{"text": "a"}\n')
    assert rows(path) == [{"text": "a"}]


@pytest.mark.parametrize("name", ["a.csv", "a.json.csv", "a.jsonl.tsv", "json"])
def test_a_name_that_ends_otherwise_is_not_json_lines(tmp_path, name):
    path = tmp_path / name
    path.write_text("id,text\n1,x\n")
    assert rows(path) == [{"id": "1", "text": "x"}]


def test_a_missing_column_is_one_line_even_where_names_have_line_breaks(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,"the\ntext"\n1,x\n')
    with MessageFile(path) as messages, pytest.raises(MissingColumn) as caught:
        messages.require("text", "TEXT_COLUMN")
    assert len(str(caught.value).splitlines()) == 1


def test_of_very_many_columns_some_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"column{k}" for k in range(500)) + "\n")
    with MessageFile(path) as messages, pytest.raises(MissingColumn, match="and 470 more"):
        messages.require("text", "TEXT_COLUMN")


def test_a_column_that_is_there_is_no_complaint(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n")
    with MessageFile(path) as messages:
        messages.require("text", "TEXT_COLUMN")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_only_the_columns_asked_for_are_read_and_in_their_order(tmp_path, name):
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(pa.table({"a": ["1"], "b.c": ["2"], "d": ["3"]}), path)
    else:
        path.write_text("a,b.c,d\n1,2,3\n" if name == "a.csv" else '{"a": 1, "b.c": 2, "d": 3}')
    with MessageFile(path) as messages:
        (chunk,) = messages.chunks(["d", "b.c"])
    assert chunk.table.to_pydict() == {"d": ["3"], "b.c": ["2"]}


def test_a_link_to_itself_is_refused_in_one_line(tmp_path):
    path = tmp_path / "a.csv"
    path.symlink_to(path)
    assert "cannot be read" in refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_refused_in_one_line(tmp_path):
    path = tmp_path / "a.csv"
    path.touch(mode=0)
    assert "permission denied" in refusal(path)


@pytest.mark.parametrize("read", [rows, sha256])
def test_a_file_that_vanished_is_refused_in_one_line(tmp_path, read):
    with pytest.raises(InputError, match=r"gone\.csv does not exist\.$"):
        read(tmp_path / "gone.csv")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([], pa.string()), []),
        (pa.nulls(2), ["", ""]),
        (pa.array([b"caf\xc3\xa9"]), ["café"]),
        (pa.array([0], pa.date32()), ["1970-01-01"]),
    ],
    ids=["no value", "nothing", "bytes", "date"],
)
def test_further_values_as_text(values, expected):
    assert as_text(pa.chunked_array([values]), "a.parquet").to_pylist() == expected


@pytest.mark.parametrize("values", [pa.array([b"\xff"]), pa.array([{"a": 1}]), pa.array([[b"x"]])])
def test_what_is_no_text_is_refused_in_one_line(values):
    with pytest.raises(
        InputError, match=r"^a\.parquet, column 'text', holds .* not text"
    ) as caught:
        as_text(pa.chunked_array([values]), "a.parquet, column 'text',")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("delimiter", ["|", ",", "\t", " "])
def test_a_given_delimiter_is_taken_whatever_the_header_shows(tmp_path, delimiter):
    path = tmp_path / "a.csv"
    path.write_text(f'id;x{delimiter}text\n1{delimiter}"a {delimiter} ""b"""\n')
    found = rows(path, reading=Reading(delimiter=delimiter))
    assert found == [{"id;x": "1", "text": f'a {delimiter} "b"'}]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16", "shift_jis", "utf-8-sig"])
def test_a_given_encoding_is_taken(tmp_path, encoding):
    path = tmp_path / "a.csv"
    text = "id,text\n1,naïve\n" if encoding != "shift_jis" else "id,text\n1,日本\n"
    path.write_bytes(text.encode(encoding))
    found = rows(path, reading=Reading(encoding=encoding))
    assert found == [{"id": "1", "text": text[10:-1]}]


def test_a_byte_order_mark_is_no_part_of_the_header_whatever_encoding_is_given(tmp_path):
    path = tmp_path / "a.csv"
    for encoding in ("utf-8", "utf-16-le"):
        path.write_bytes("\ufefftext\nhello\n".encode(encoding))
        assert rows(path, reading=Reading(encoding=encoding)) == [{"text": "hello"}]


def test_bytes_that_a_given_encoding_does_not_know_are_replaced_and_counted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\na\xff\n")
    with MessageFile(path, reading=Reading(encoding="ascii")) as messages:
        (chunk,) = messages
        assert (chunk.table.to_pylist(), chunk.replaced) == ([{"text": "a\ufffd"}], 1)


def test_a_file_without_a_header_gets_the_names_that_are_given(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('1,"a ""b"""\n2,c,d\n3,e\n')
    with MessageFile(path, reading=Reading(header=("id", "text"))) as messages:
        (chunk,) = messages
        assert messages.header == "id,text"
        assert [row["text"] for row in chunk.table.to_pylist()] == ['a "b"', "e"]
        assert [reject.line for reject in chunk.rejects] == [2]


@pytest.mark.parametrize("line", ["1,{}", '1,"{}"', '1,"{}\n"'])
def test_a_field_longer_than_allowed_is_set_aside_and_its_neighbours_are_not(tmp_path, line):
    path = tmp_path / "a.csv"
    path.write_text(f"id,text\n0,short\n{line.format('x' * 101)}\n2,{'y' * 100}\n")
    with MessageFile(path, reading=Reading(field_characters=100)) as messages:
        chunks = list(messages)
    kept = [row["text"] for chunk in chunks for row in chunk.table.to_pylist()]
    assert kept == ["short", "y" * 100]
    first = next(reject for chunk in chunks for reject in chunk.rejects)
    assert first.line == 3
    assert "field larger than field limit (100)" in first.reason


def test_the_named_member_of_an_archive_is_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(b"text\nhello\n", **{"days/b.csv": b"text\nbye\n"}))
    assert rows(path, reading=Reading(member="days/b.csv")) == [{"text": "bye"}]
    with pytest.raises(InputError, match=r"it holds 'a\.csv', 'days/b\.csv'"):
        rows(path, reading=Reading(member="c.csv"))
    with pytest.raises(InputError, match="choose with --member"):
        rows(path)


def test_a_member_of_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\nhello\n")
    with pytest.raises(InputError, match="is not a zip archive"):
        rows(path, reading=Reading(member="a.csv"))


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(compression, "UNCHECKED_BYTES", 1_000_000)
    path = tmp_path / f"a.csv.{kind}"
    # A text that no chunk of its own ends, and rows.
    path.write_bytes(PACK[kind](b"text\n" + b"x" * 8_000_000 + b"\n" + b"a\n" * 8_000_000))
    assert path.stat().st_size < 60_000
    assert "as bombs do" in refusal(path)


def test_what_shrinks_well_is_no_bomb(tmp_path):
    path = tmp_path / "a.csv.gz"
    content = b"text\n" + b"is my order lost? please help me now\n" * 500_000
    path.write_bytes(gzip.compress(content))
    assert sum(len(chunk.table) for chunk in MessageFile(path)) == 500_000


def test_a_folder_has_its_files_but_not_marks_of_others(tmp_path):
    marks = ("_SUCCESS", ".b.csv.crc", "_temporary/0/c.csv", "b.csv.manifest.json")
    for name in ("b.csv", "day=1/a.csv", *marks, "b.csv.rejects.csv", "b.csv.flips.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text\nhello\n")
    assert parts(tmp_path) == [tmp_path / "b.csv", tmp_path / "day=1" / "a.csv"]
    assert parts(tmp_path / "b.csv") == [tmp_path / "b.csv"]
    before = sha256(tmp_path)
    (tmp_path / "b.csv").rename(tmp_path / "c.csv")
    assert sha256(tmp_path) != before
