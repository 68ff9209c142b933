"""Files that nobody looked at: each has one expected outcome, and no row is unaccounted for.

An outcome is either counts of rows (scored, blank, rejected) or a part of the one line that says
what is wrong with the file.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scoring_helpers import make_model, plan

from common.errors import InputError
from common.scoring.file import Options, score_file

HEADER = "id,text\n"
PLAIN = HEADER + "1,hello\n2,where is it?\n"


def zipped(*members, **how):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def nameless(archive):
    """The same, but its directory gives the member, whose name has one letter, no name."""
    data = bytearray(archive)
    entry, end = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = (end - entry - 1).to_bytes(4, "little")
    data[entry + 28 : entry + 30] = b"\0\0"
    del data[entry + 46]
    return bytes(data)


def parquet(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def lines(*records):
    return "".join(f"{json.dumps(record)}\n" for record in records)


# name of the file: content, (scored, blank, rejected) or what the one line says
STRUCTURE = {
    "plain.csv": (PLAIN, (2, 0, 0)),
    "no-last-newline.csv": (PLAIN[:-1], (2, 0, 0)),
    "crlf.csv": (PLAIN.replace("\n", "\r\n"), (2, 0, 0)),
    "cr.csv": (PLAIN.replace("\n", "\r"), (2, 0, 0)),
    "mixed-ends.csv": (HEADER + "1,a\r\n2,b\n3,c\r\n", (3, 0, 0)),
    "empty.csv": ("", "empty"),
    "one-newline.csv": ("\n", "blank line"),
    "spaces-only.csv": ("   \n  \n", "text"),
    "header-only.csv": (HEADER, (0, 0, 0)),
    "header-without-newline.csv": (HEADER[:-1], (0, 0, 0)),
    "blank-lines.csv": (HEADER + "\n\n1,a\n\n2,b\n\n", (2, 0, 0)),
    "text-only.csv": ("text\nhello\n", (1, 0, 0)),
    "text-only-blank.csv": ('text\n""\n" "\n', (0, 2, 0)),
    "no-text-column.csv": ("id,body\n1,a\n", "no column 'text'"),
    "text-in-capitals.csv": ("id,TEXT\n1,a\n", "did you mean"),
    "text-with-spaces.csv": ("id, text \n1,a\n", "no column 'text'"),
    "two-text-columns.csv": ("text,text\na,b\n", "more than once"),
    "two-ids.csv": ("id,id,text\n1,2,a\n", "more than once"),
    "unnamed-columns.csv": (",text,\n1,a,2\n", "more than once"),
    "unnamed-column.csv": (",text\n1,a\n", (1, 0, 0)),
    "prediction-column.csv": ("prediction,text\n1,a\n", "--prefix"),
    "confidence-column.csv": ("text,confidence\na,1\n", "--prefix"),
    "version-column.csv": ("text,model_version\na,1\n", "--prefix"),
    "semicolons.csv": ("id;text\n1;a,b\n2;c\n", (2, 0, 0)),
    "tabs.tsv": ("id\ttext\n1\ta,b\n", (1, 0, 0)),
    "pipes.csv": ("id|text\n1|a\n", "no column 'text'"),
    "too-few.csv": (HEADER + "1\n2,b\n3\n", (1, 0, 2)),
    "too-many.csv": (HEADER + "1,a,b\n2,b\n", (1, 0, 1)),
    "all-too-many.csv": (HEADER + "1,a,b\n2,b,c\n", (0, 0, 2)),
    "trailing-commas.csv": ("id,text,\n1,a,\n2,b,\n", (2, 0, 0)),
    "open-quote.csv": (HEADER + '1,"a\n2,b\n3,c\n', (2, 0, 1)),
    "open-quote-first.csv": (HEADER + '1,"never\n', (0, 0, 1)),
    "open-quote-in-header.csv": ('id,"text\n1,a\n', "header"),
    "quote-in-the-middle.csv": (HEADER + '1,say "hi" now\n2,b\n', (2, 0, 0)),
    "text-after-quote.csv": (HEADER + '1,"a"b\n2,c\n', (1, 0, 1)),
    "doubled-quotes.csv": (HEADER + '1,"a ""b"" c"\n', (1, 0, 0)),
    "only-quotes.csv": (HEADER + '1,""""\n', (1, 0, 0)),
    "backslash-quote.csv": (HEADER + '1,"a \\" b"\n2,c\n', (1, 0, 1)),
    "newline-in-quotes.csv": (HEADER + '1,"a\nb\n\nc"\n2,d\n', (2, 0, 0)),
    "return-in-quotes.csv": (HEADER + '1,"a\rb"\n2,d\n', (2, 0, 0)),
    "comma-in-quotes.csv": (HEADER + '1,"a,b,,c"\n', (1, 0, 0)),
    "quoted-header.csv": ('"id","text"\n"1","a"\n', (1, 0, 0)),
    "newline-in-header.csv": ('"an\nid",text\n1,a\n', (1, 0, 0)),
    "semicolon-in-header.csv": ('"id;no",text\n1,a\n', (1, 0, 0)),
    "single-quotes.csv": (HEADER + "1,'a'\n2,it's\n", (2, 0, 0)),
    "spaces-round-quotes.csv": (HEADER + '1, "a"\n', (1, 0, 0)),
    "header-twice.csv": (PLAIN + PLAIN, (5, 0, 0)),
    "comment.csv": ("# made by X\n" + PLAIN, "no column 'text'"),
    "separator-line.csv": ("sep=,\n" + PLAIN, "no column 'text'"),
    "many-columns.csv": (
        ",".join(["text", *(f"c{k}" for k in range(5000))]) + "\n" + "a" + ",1" * 5000 + "\n",
        (1, 0, 0),
    ),
    "many-rows-one-letter.csv": ("text\n" + "a\n" * 30_000, (30_000, 0, 0)),
    "long-field.csv": (HEADER + "1," + "word " * 400_000 + "\n2,b\n", (2, 0, 0)),
    "long-line-of-commas.csv": (HEADER + "," * 100_000 + "\n1,a\n", (1, 0, 1)),
    "late-ragged.csv": (HEADER + "1,a\n" * 20_000 + "x\n" + "2,b\n" * 20_000, (40_000, 0, 1)),
    "alternating.csv": (HEADER + '1,a\n2\n3,"b\n"\n' * 1000, (2000, 0, 1000)),
}
CONTENT = {
    "na.csv": (HEADER + "1,NA\n2,null\n3,None\n4,nan\n5,NULL\n6,<NA>\n", (6, 0, 0)),
    "blank.csv": (HEADER + '1,\n2,""\n3,"  "\n4,\u3000\n5,a\n', (1, 4, 0)),
    "numbers.csv": (HEADER + "1,1\n2,1.0\n3,1e5\n4,-0\n", (4, 0, 0)),
    "booleans.csv": (HEADER + "1,True\n2,false\n", (2, 0, 0)),
    "dates.csv": (HEADER + "1,2024-01-01\n", (1, 0, 0)),
    "emoji.csv": (HEADER + "1,😡😡\n2,👩‍👩‍👧\n3,🇩🇪\n", (3, 0, 0)),
    "right-to-left.csv": (HEADER + "1,שלום\n2,مرحبا\n3,\u202eevil\n", (3, 0, 0)),
    "combining.csv": (HEADER + "1,e\u0301\n2," + "a" + "\u0301" * 500 + "\n", (2, 0, 0)),
    "zero-width.csv": (HEADER + "1,\u200b\n2,a\u200db\n", (2, 0, 0)),
    "controls.csv": (HEADER + "1,a\x01b\x7f\n2,\x1b[31mred\n", (2, 0, 0)),
    "form-feed.csv": (HEADER + "1,a\x0cb\n2,a\x0bb\n", (2, 0, 0)),
    "line-separators.csv": (HEADER + "1,a\u2028b\n2,a\u2029b\n3,a\x85b\n", (3, 0, 0)),
    "formulas.csv": (HEADER + "1,=cmd|' /C calc'!A0\n2,@SUM(1)\n", (2, 0, 0)),
    "html.csv": (HEADER + "1,<script>alert(1)</script>\n2,&amp;&lt;\n", (2, 0, 0)),
    "sql.csv": (HEADER + "1,'; drop table runs; --\n", (1, 0, 0)),
    "templates.csv": (HEADER + "1,{{7*7}} %s %(x)s ${HOME}\n", (1, 0, 0)),
    "backslashes.csv": (HEADER + "1,a\\nb\\\n2,\\\\\n", (2, 0, 0)),
    "links-only.csv": (HEADER + "1,https://t.co/x\n2,@a @b @c\n", (2, 0, 0)),
    "punctuation-only.csv": (HEADER + "1,!!!\n2,???...\n3,-\n", (3, 0, 0)),
    "one-long-word.csv": (HEADER + "1," + "a" * 1_000_000 + "\n", (1, 0, 0)),
    "many-distinct-words.csv": (
        HEADER + "".join(f"{k},word{k} other{k * 7}\n" for k in range(20_000)),
        (20_000, 0, 0),
    ),
    "cjk.csv": (HEADER + "1,注文はどこですか\n2,我的订单在哪里\n", (2, 0, 0)),
    "thai.csv": (HEADER + "1,สวัสดีครับ\n", (1, 0, 0)),
    "capital-sharp-s.csv": (HEADER + "1,STRASSE STRAẞE\n2,İstanbul\n", (2, 0, 0)),
}
LATIN = "id,text\n1,caf\xe9\n2,na\xefve\n".encode("latin-1")
ENCODINGS = {
    "utf-8-mark.csv": (PLAIN.encode("utf-8-sig"), (2, 0, 0)),
    "utf-8-mark-only.csv": (b"\xef\xbb\xbf", "empty"),
    "two-marks.csv": (b"\xef\xbb\xbf" + ("text,id\n" + "a,1\n").encode("utf-8-sig"), "no column"),
    "utf-16-le.csv": (b"\xff\xfe" + PLAIN.encode("utf-16-le"), (2, 0, 0)),
    "utf-16-be.csv": (b"\xfe\xff" + PLAIN.encode("utf-16-be"), (2, 0, 0)),
    "utf-16-unmarked.csv": (PLAIN.encode("utf-16-le"), "binary file, or UTF-16"),
    "utf-16-half.csv": (b"\xff\xfe" + PLAIN.encode("utf-16-le")[:-1], (2, 0, 0)),
    "utf-32.csv": (b"\xff\xfe\x00\x00" + PLAIN.encode("utf-32-le"), (2, 0, 0)),
    "latin-1.csv": (LATIN, (2, 0, 0)),
    "mixed.csv": (HEADER.encode() + "1,é\n".encode() + b"2,\xe9\n", (2, 0, 0)),
    "cut-in-a-letter.csv": (HEADER.encode() + "1,é".encode()[:-1], (1, 0, 0)),
    "overlong.csv": (HEADER.encode() + b"1,\xc0\xaf\n2,b\n", (2, 0, 0)),
    "surrogates.csv": (HEADER.encode() + b"1,\xed\xa0\x80\n2,b\n", (2, 0, 0)),
    "bad-header.csv": (b"id\xff,text\n1,a\n", (1, 0, 0)),
    "nul-bytes.csv": (HEADER + "1,a\x00b\n2,c\n", None),
    "nul-only.csv": (b"\x00" * 1000, "binary file"),
    "random.csv": (random.Random(1).randbytes(5000), "random.csv"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 500, "binary file"),
    "program.csv": (b"\x7fELF" + b"\x00" * 500, "binary file"),
    "replacement-marks.csv": (HEADER + "1,\ufffd\n2,a\ufffdb\n", (2, 0, 0)),
    "private-use.csv": (HEADER + "1,\ue000\n2,\U0010ffff\n", (2, 0, 0)),
}
BODY = PLAIN.encode()
PACKED = {
    "plain.csv.gz": (gzip.compress(BODY), (2, 0, 0)),
    "plain.csv.bz2": (bz2.compress(BODY), (2, 0, 0)),
    "plain.csv.xz": (lzma.compress(BODY), (2, 0, 0)),
    "plain.csv.zst": (pa.compress(BODY, "zstd", asbytes=True), (2, 0, 0)),
    "plain.zip": (zipped(("a.csv", PLAIN)), (2, 0, 0)),
    "two-streams.csv.gz": (gzip.compress(BODY) + gzip.compress(b"3,c\n"), (3, 0, 0)),
    "two-streams.csv.bz2": (bz2.compress(BODY) + bz2.compress(b"3,c\n"), (3, 0, 0)),
    "wrong-name.csv": (gzip.compress(BODY), (2, 0, 0)),
    "not-packed.csv.gz": (BODY, (2, 0, 0)),
    "cut.csv.gz": (gzip.compress(BODY * 999)[:-5], "damaged or cut short"),
    "cut.csv.bz2": (bz2.compress(BODY * 999)[:-5], "damaged or cut short"),
    "cut.csv.xz": (lzma.compress(BODY * 999)[:-5], "damaged or cut short"),
    "garbage-behind.csv.gz": (gzip.compress(BODY) + b"garbage", "garbage-behind.csv.gz"),
    "empty.csv.gz": (gzip.compress(b""), "empty"),
    "nothing.csv.gz": (b"", "empty"),
    "flipped.csv.gz": (
        (lambda raw: raw[:40] + bytes([raw[40] ^ 255]) + raw[41:])(gzip.compress(BODY * 99)),
        "flipped.csv.gz",
    ),
    "two-members.zip": (zipped(("a.csv", PLAIN), ("b.csv", PLAIN)), "2 files"),
    "no-member.zip": (zipped(), "no-member.zip"),
    "mac-folder.zip": (zipped(("a.csv", PLAIN), ("__MACOSX/._a.csv", "x")), (2, 0, 0)),
    "path-out-of-here.zip": (zipped(("../../evil.csv", PLAIN)), "not to be trusted"),
    "nameless-member.zip": (nameless(zipped(("a", PLAIN))), "damaged or cut short"),
    "cut.zip": (zipped(("a.csv", PLAIN))[:-10], "cut.zip"),
    "nested.zip": (zipped(("a.zip", zipped(("a.csv", PLAIN)))), "nested.zip"),
    "utf-16.csv.gz": (gzip.compress(b"\xff\xfe" + PLAIN.encode("utf-16-le")), (2, 0, 0)),
}
OTHER = {
    "plain.jsonl": (lines({"text": "a"}, {"text": "b"}), (2, 0, 0)),
    "late-keys.jsonl": (lines({"text": "a"}, {"text": "b", "late": 1}), (2, 0, 0)),
    "missing-text.jsonl": (lines({"text": "a"}, {"id": 1}), (1, 1, 0)),
    "null-text.jsonl": (lines({"text": None}, {"text": "a"}), (1, 1, 0)),
    "number-text.jsonl": (lines({"text": 5}, {"text": 1.5}, {"text": True}), (3, 0, 0)),
    "nested.jsonl": (lines({"text": "a", "user": {"name": "x", "tags": [1, "y"]}}), (1, 0, 0)),
    "broken-line.jsonl": (lines({"text": "a"}) + "{broken\n" + lines({"text": "b"}), (2, 0, 1)),
    "list-line.jsonl": (lines({"text": "a"}) + '["text"]\n', (1, 0, 1)),
    "blank-lines.jsonl": ("\n" + lines({"text": "a"}) + "\n\n", (1, 0, 0)),
    "array.json": (json.dumps([{"text": "a"}]), "JSON array"),
    "pretty.json": (json.dumps({"text": "a"}, indent=2), "no JSON object"),
    "csv-inside.jsonl": (PLAIN, "no JSON object"),
    "double-keys.jsonl": ('{"text": "a", "text": "b"}\n', (1, 0, 0)),
    "lone-surrogate.jsonl": ('{"text": "\\ud800 x"}\n', (1, 0, 0)),
    "deep.jsonl": ('{"text": "a", "x": ' + "[" * 500 + "]" * 500 + "}\n", (1, 0, 0)),
    "no-text.jsonl": (lines({"body": "a"}), "no column 'text'"),
    "infinite.jsonl": ('{"text": "a", "x": NaN, "y": Infinity}\n', (1, 0, 0)),
    "plain.parquet": (parquet(text=["a", "b"]), (2, 0, 0)),
    "nulls.parquet": (parquet(text=["a", None, ""]), (1, 2, 0)),
    "no-rows.parquet": (parquet(text=pa.array([], pa.string())), (0, 0, 0)),
    "all-null.parquet": (parquet(text=pa.array([None, None])), (0, 2, 0)),
    "numbers.parquet": (parquet(text=[1, 2]), (2, 0, 0)),
    "categories.parquet": (parquet(text=pa.array(["a", "b"]).dictionary_encode()), (2, 0, 0)),
    "bytes.parquet": (parquet(text=pa.array([b"a", b"\xff"])), "is not text"),
    "lists.parquet": (parquet(text=[["a"], []]), "is not text"),
    "typed.parquet": (
        parquet(text=["a"], when=pa.array([0], pa.timestamp("ns", "UTC")), many=[[1, 2]]),
        (1, 0, 0),
    ),
    "no-text.parquet": (parquet(body=["a"]), "no column 'text'"),
    "cut.parquet": (parquet(text=["a"] * 999)[:-20], "cut.parquet"),
    "wrong-name.parquet": (PLAIN, (2, 0, 0)),
    "parquet-named.csv": (parquet(text=["a"]), (1, 0, 0)),
    "prediction.parquet": (parquet(text=["a"], prediction=["x"]), "--prefix"),
}
NAMES = {
    "with space and 'quotes'.csv": (PLAIN, (2, 0, 0)),
    "ünïcödé-😡.csv": (PLAIN, (2, 0, 0)),
    "-starts-with-a-dash.csv": (PLAIN, (2, 0, 0)),
    "%s {x} $HOME `ls`.csv": (PLAIN, (2, 0, 0)),
    "line\nbreak.csv": (PLAIN, (2, 0, 0)),
    ".hidden.csv": (PLAIN, (2, 0, 0)),
    "noending": (PLAIN, (2, 0, 0)),
    "UPPER.CSV": (PLAIN, (2, 0, 0)),
    "a.b.c.csv": (PLAIN, (2, 0, 0)),
    "[glob]*.csv": (PLAIN, (2, 0, 0)),
    "long-" + "x" * 180 + ".csv": (PLAIN, (2, 0, 0)),
}
FILES = STRUCTURE | CONTENT | ENCODINGS | PACKED | OTHER | NAMES


@pytest.fixture(scope="module")
def model():
    return make_model()


def test_there_are_many():
    assert len(FILES) >= 150


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_has_its_outcome(tmp_path, model, name):
    content, expected = FILES[name]
    source = tmp_path / name
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    before = source.read_bytes()
    try:
        job = plan(source)
        manifest = score_file(job, model, Options(chunk_rows=1000))
    except InputError as error:
        assert isinstance(expected, str), str(error)
        assert expected in str(error)
        assert "\n" not in str(error).replace(name, "")
        assert list(tmp_path.iterdir()) == [source]
        return
    finally:
        assert source.read_bytes() == before
    rows = manifest.rows
    found = (rows.scored, rows.blank, rows.rejected)
    if expected is not None:
        assert found == expected
    assert rows.read == sum(found)
    assert written(job) == rows.scored + rows.blank
    assert rejected(job) == rows.rejected


def written(job):
    if job.settings.format == "parquet":
        return pq.read_table(job.output).num_rows
    csv.field_size_limit(1 << 30)
    delimiter = "\t" if job.source.suffix == ".tsv" else ";" if "semic" in job.source.name else ","
    with job.output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter=delimiter if ";no" not in file.name else ","))
    width = len(rows[0])
    assert all(len(row) == width for row in rows if row)
    return sum(map(bool, rows)) - 1


def rejected(job):
    if not job.rejects.exists():
        return 0
    with job.rejects.open(newline="", encoding="utf-8") as file:
        return len(list(csv.reader(file))) - 1
