"""Reading in blocks finds exactly the rows that the csv module finds, one by one."""

import csv
import io
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.data import csv_reader, lines
from common.data.csv_reader import Dialect, rows_of, take_rows, written
from common.data.lines import Lines, row_ends
from common.data.reader import MessageFile

COLUMNS = ("a", "b", "c")
CELLS = st.text(st.sampled_from('xyé👍 ",;\t\n\r'), max_size=6)
WRITTEN = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=12)
ANYTHING = st.lists(
    st.sampled_from(
        ["x", "é", '"', '""', ",", "\n", "\r\n", "\r", " ", ",,", '","', '"\n', "a,b,c\n"]
    ),
    max_size=40,
).map("".join)


def dialect(delimiter=",", wanted=COLUMNS):
    return Dialect(delimiter, COLUMNS, tuple(wanted))


def in_blocks(data, form, most_rows=10_000):
    parts = [part.parse() for part in rows_of(Lines(io.BytesIO(data)), form, most_rows)]
    return (
        [row for part in parts for row in part.table.to_pylist()],
        [line for part in parts for line in part.raw.to_pylist()],
        [reject for part in parts for reject in part.rejects],
        sum(part.replaced for part in parts),
    )


def one_by_one(data, form):
    rows = take_rows(Lines(io.BytesIO(data)), form)
    return rows.table.to_pylist(), rows.raw.to_pylist(), rows.rejects, rows.replaced


@pytest.mark.parametrize("most_rows", [1, 3, 10_000])
@given(text=ANYTHING)
@example(text='a,b,c\n1,"x,2\n3,y,"4"\n5,6,7\n')
@example(text='1,2,3\r\n"4\r\n5",6,7\r\n\r\n8,9\r\n')
@example(text='1,2,3\n4,5"6,7\n8,"9"" ",10\n11,"12,13')
@settings(max_examples=300)
def test_blocks_find_what_the_csv_module_finds(most_rows, text):
    data = text.encode()
    assert in_blocks(data, dialect(), most_rows) == one_by_one(data, dialect())


@given(st.binary(max_size=30).map(lambda tail: b"1,2,3\n4,\xff" + tail))
@settings(max_examples=100)
def test_bytes_that_are_no_text_change_nothing_else(data):
    assert in_blocks(data, dialect()) == one_by_one(data, dialect())


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@given(rows=WRITTEN)
@settings(max_examples=60)
def test_what_the_csv_module_writes_is_read_back(delimiter, line_end, rows):
    buffer = io.StringIO()
    csv.writer(
        buffer, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL
    ).writerows(rows)
    found, _, rejects, _ = in_blocks(buffer.getvalue().encode(), dialect(delimiter))
    assert [tuple(row.values()) for row in found] == rows
    assert rejects == []


@given(WRITTEN)
@settings(max_examples=60)
def test_what_is_written_is_read_back_with_the_raw_rows(rows):
    import pyarrow as pa

    columns = [pa.array([row[k] for row in rows], pa.string()) for k in range(3)]
    lines = written(columns).to_pylist()
    found, raw, rejects, _ = in_blocks("".join(f"{line}\n" for line in lines).encode(), dialect())
    assert [tuple(row.values()) for row in found] == rows
    assert [cells for line in raw for cells in csv.reader(io.StringIO(line, newline=""))] == [
        list(row) for row in rows
    ]
    assert rejects == []


def test_only_the_wanted_columns_are_parsed_and_in_their_order():
    found, raw, _, _ = in_blocks(b"1,2,3\n", dialect(wanted=("c", "a")))
    assert found == [{"c": "3", "a": "1"}]
    assert raw == ["1,2,3"]


@pytest.mark.parametrize("quotes", ["", '"'])
def test_rejects_name_the_physical_line_after_cells_with_line_breaks(quotes):
    lines = [f'{k},"two\nlines",{quotes}x{quotes}\n' for k in range(3000)]
    lines.insert(2000, "short,row\n")
    data = "".join(lines).encode()
    found, _, rejects, _ = in_blocks(data, dialect())
    assert len(found) == 3000
    assert [(r.line, r.reason, r.raw) for r in rejects] == [
        (4001, "expected 3 fields, found 2", "short,row")
    ]


def test_a_stray_quote_in_a_large_file_costs_its_own_line_only():
    lines = [f"{k},text number {k},x\n" for k in range(60_000)]
    lines[30_000] = '30000,"stray,x\n'
    found, raw, rejects, _ = in_blocks("".join(lines).encode(), dialect())
    assert len(found) == len(raw) == 59_999
    assert [(reject.line, reject.raw) for reject in rejects] == [(30_001, '30000,"stray,x')]


def test_a_row_longer_than_any_block_is_read():
    long = "x" * (lines.LONGEST_BLOCK + 10)
    found, _, rejects, _ = in_blocks(f"1,{long},2\n3,4,5\n".encode(), dialect())
    assert [len(row["b"]) for row in found] == [len(long), 1]
    assert rejects == []


def test_a_field_beyond_the_limit_is_set_aside():
    long = "x" * (csv_reader.FIELD_CHARACTERS + 10)
    found, _, rejects, _ = in_blocks(f"1,{long},2\n3,4,5\n".encode(), dialect())
    assert [row["a"] for row in found] == ["3"]
    assert rejects[0].reason == "row longer than 16,000,000 bytes; raw holds only its beginning"
    assert rejects[0].raw == "1," + "x" * (lines.SHOWN_BYTES - 2)


def seconds(read, *args):
    started = time.process_time()
    read(*args)
    return time.process_time() - started


def test_lines_that_end_with_a_lone_return_take_about_as_long_as_others():
    data = b"1,some words of a message,x\n" * 100_000
    usual = seconds(one_by_one, data, dialect())
    assert seconds(one_by_one, data.replace(b"\n", b"\r"), dialect()) < 4 * usual
    assert seconds(in_blocks, data.replace(b"\n", b"\r"), dialect()) < 4 * usual


def test_small_chunks_do_not_look_at_the_same_rows_again_and_again(monkeypatch):
    data = b'1,"some words of a message",x\n' * 100_000
    looked_at = 0

    def counted(window, *how, row_ends=lines.row_ends):
        nonlocal looked_at
        looked_at += len(window)
        return row_ends(window, *how)

    monkeypatch.setattr(lines, "row_ends", counted)
    assert sum(len(part.parse().table) for part in rows_of(Lines(io.BytesIO(data)), dialect(), 100))
    assert looked_at < 2 * len(data)


def test_replaced_cells_are_counted_and_shown_in_table_and_raw_row():
    found, raw, _, replaced = in_blocks(b"1,\xff\xfe,3\n4,5,6\n", dialect())
    assert found[0]["b"] == "\ufffd\ufffd"
    assert raw == ["1,\ufffd\ufffd,3", "4,5,6"]
    assert replaced == 1


@pytest.mark.parametrize(
    ("data", "final", "expected"),
    [
        (b"", True, []),
        (b"a,b", False, []),
        (b"a,b", True, [3]),
        (b"a\nb\n", False, [2, 4]),
        (b'"a\n",b\nc', False, [7]),
        (b'a"b\nc\n', False, None),
        (b'c\na"b\nd\n', False, [2]),
        (b"a\rb\n", False, None),
        (b"a\r\n", False, [3]),
    ],
)
def test_row_ends(data, final, expected):
    found = row_ends(data, ",", final)
    assert (None if found is None else found.tolist()) == expected


@given(st.lists(st.sampled_from([b"x", b"\n", b"\r", b"\r\n"]), max_size=12).map(b"".join))
def test_line_ends_are_counted_as_universal_newlines_are(data):
    assert lines.count_line_ends(data) == len(re.findall(rb"\r\n?|\n", data))


@pytest.mark.parametrize("most_rows", [1, 2, 100])
def test_a_byte_order_mark_within_the_file_is_kept(tmp_path, most_rows):
    path = tmp_path / "joined.csv"
    path.write_bytes(b"text,n\nfirst,1\n" + "\ufefftext,n\nlast,2\n".encode())
    with MessageFile(path, most_rows) as messages:
        found = [text for chunk in messages for text in chunk.table["text"].to_pylist()]
    assert found == ["first", "\ufefftext", "last"]
