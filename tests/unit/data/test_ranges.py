"""The ranges of a file give together what the file gives, wherever it is cut."""

import gzip
import json
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.data import csv_reader, lines
from common.data.csv_reader import Reject
from common.data.lines import ByteRange, Position
from common.data.reader import MessageFile

PIECES = [
    *("x", "é", '"', '""', ",", "\n", "\r\n", "\r", "\r\r\n", "\n\n", " ", ",,", '","', '"\n'),
    *("a,b,c\n", "1,2,3\n", '"q\nr",s,t\n', "\ufeff", "👍"),
]
ANY_CSV = st.lists(
    st.one_of(st.sampled_from([piece.encode() for piece in PIECES]), st.sampled_from([b"\xff"])),
    max_size=60,
).map(b"".join)
MARKS = st.sampled_from([b"", "\ufeff".encode()])
HEADERS = st.sampled_from([b"a,b,c\n", b'"a\nA",b,c\r\n', b"a,b,c\r"])


def everything(path, within=None, chunk_rows=10_000, keys=None):
    """Cells, raw rows, rejects and replaced cells, of a range or of the whole file."""
    with MessageFile(path, chunk_rows, keys=keys) as messages:
        chunks = list(messages.chunks(messages.columns, within))
        raw = [chunk.raw for chunk in chunks if chunk.raw is not None]
        return (
            [row for chunk in chunks for row in chunk.table.to_pylist()],
            [line for part in raw for line in part.to_pylist()],
            [reject for chunk in chunks for reject in chunk.rejects],
            sum(chunk.replaced for chunk in chunks),
        )


def joined(path, size, chunk_rows=10_000):
    with MessageFile(path) as messages:
        found = messages.cut(size)
        columns = messages.columns
    parts = [everything(path, within, chunk_rows, columns) for within in found]
    sums = ([], [], [], 0)
    for part in parts:
        sums = tuple(total + more for total, more in zip(sums, part, strict=True))
    return sums, found


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("ranges") / "in.csv"


@given(
    mark=MARKS,
    header=HEADERS,
    body=ANY_CSV,
    size=st.integers(1, 40),
    window=st.integers(4, 30),
    chunk_rows=st.integers(1, 4),
)
@example(b"", b"a,b,c\n", b'1,"x,2\n3,y,"4"\n5,6,7\n', 1, 4, 2)
@example(b"", b"a,b,c\n", b'1,"x,2\n3,y,4\n5,6,7\n8,9"x,10\n', 1, 4, 1)  # decided after the cut
@example(b"", b"a,b,c\n", b"1,2,3\r4,5,6\r\n7,8,9\r", 1, 4, 1)
@settings(max_examples=1000)
def test_any_cut_of_any_csv_gives_the_whole(path, mark, header, body, size, window, chunk_rows):
    path.write_bytes(mark + header + body)
    whole = everything(path)
    small = {"BLOCK_BYTES": window, "SMALL_WINDOW": window, "LONGEST_BLOCK": 4 * window}
    with (
        mock.patch.multiple(lines, **small),
        mock.patch.multiple(csv_reader, BLOCK_BYTES=window, ROWS_ONE_BY_ONE=2),
    ):
        found, _ = joined(path, size, chunk_rows)
    assert found == whole


@given(body=ANY_CSV, size=st.integers(1, 40))
@settings(max_examples=200)
def test_a_reader_with_usual_windows_reads_what_one_with_small_ones_cut(path, body, size):
    path.write_bytes(b"a,b,c\n" + body)
    with (
        mock.patch.multiple(lines, BLOCK_BYTES=8, SMALL_WINDOW=8),
        mock.patch.multiple(csv_reader, BLOCK_BYTES=8, ROWS_ONE_BY_ONE=1),
        MessageFile(path) as messages,
    ):
        cut = messages.cut(size)
    parts = [everything(path, within) for within in cut]
    for number, whole in enumerate(everything(path)[:3]):
        assert [item for part in parts for item in part[number]] == whole


LINES = st.lists(
    st.sampled_from(['{"text": "a"}', '{"id": 1, "text": "b\\nc"}', "{", "", "[1]", "\ufffd", " "]),
    max_size=20,
)


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 60))
@settings(max_examples=200)
def test_any_cut_of_json_lines_gives_the_whole(path, rows, line_end, size):
    path = path.with_suffix(".jsonl")
    path.write_text(line_end.join(['{"text": "first"}', *rows]), newline="")
    assert joined(path, size)[0] == everything(path)


@pytest.mark.parametrize(("size", "ranges"), [(1, 10), (10**9, 1)])
def test_row_groups_of_parquet_give_the_whole(path, size, ranges):
    path = path.with_suffix(".parquet")
    texts = pa.array([f"text {k}" for k in range(1000)])
    pq.write_table(pa.table({"text": texts}), path, row_group_size=100)
    found, cut = joined(path, size, chunk_rows=70)
    assert found == everything(path)
    assert len(cut) == ranges


def test_a_range_counts_physical_lines_from_the_start_of_the_file(path):
    rows = [f'{k},"two\nlines",x\n' for k in range(90_000)]
    rows[80_000] = "short,row\n"
    path.write_text("a,b,c\n" + "".join(rows))
    with MessageFile(path) as messages:
        *_, last = messages.cut(1_000_000)
    assert last.start.line > 1
    reject = Reject(2 * 80_000 + 2, "expected 3 fields, found 2", "short,row")
    assert everything(path, last)[2] == [reject]


def test_ranges_are_about_as_large_as_asked_for(path):
    path.write_bytes(b"a,b,c\n" + b"1,some words,3\n" * 400_000)
    with MessageFile(path) as messages:
        cut = messages.cut(2_000_000)
    assert cut[0].start == Position(6, 2)
    assert cut[-1].stop == path.stat().st_size
    assert [a.stop for a in cut[:-1]] == [b.start.offset for b in cut[1:]]
    sizes = [within.stop - within.start.offset for within in cut]
    assert all(2_000_000 <= size < 3_100_000 for size in sizes[:-1])


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("in.csv.gz", lambda text: gzip.compress(text.encode())),
        ("in.utf16.csv", lambda text: text.encode("utf-16")),
    ],
)
def test_what_cannot_be_read_from_its_middle_is_not_cut(tmp_path, name, encode):
    (tmp_path / name).write_bytes(encode("a,b\n" + "1,2\n" * 1000))
    with MessageFile(tmp_path / name) as messages:
        assert messages.cut(10) == []


def test_a_file_of_json_lines_is_not_read_for_keys_that_are_known(path):
    path = path.with_suffix(".jsonl")
    path.write_text("".join(json.dumps({"text": f"row {k}"}) + "\n" for k in range(100)))
    within = ByteRange(Position(0, 1), 1)
    assert everything(path, within, keys=["text", "id"])[0] == [{"text": "row 0", "id": ""}]
