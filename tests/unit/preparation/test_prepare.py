"""A run of prepare as a function: every row is accounted for, and what is kept is as it was."""

import csv
import gzip
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_schema import problems

from common.errors import InputError, MissingColumn, SettingsError
from common.pipelines import prepare
from common.pipelines.prepare import PrepareRequest
from common.reports import preparation

DAY = date(2026, 3, 1)
RUN = Path("run_date=2026-03-01", "run_id=x")


def write(path, *rows, header="id,text,inbound"):
    path.write_text("\n".join([header, *rows]) + "\n", newline="")
    return path


def run(inputs, folder, **how):
    how = {"run_date": DAY, "run_id": "x", "workers": 1} | how
    return prepare.run(PrepareRequest(inputs, folder, **how))


def table(folder, number=0):
    return pq.read_table(folder / RUN / f"part-{number:05}.parquet", partitioning=None)


def left_out(folder, number=0):
    with (folder / RUN / f"_part-{number:05}.parquet.left-out.csv").open(newline="") as file:
        return list(csv.reader(file))[1:]


def test_the_first_of_a_text_stays_in_order_over_all_inputs(tmp_path):
    one = write(tmp_path / "a.csv", "1,hello,True", "2,,True", "3,hello,false", "4, ,x", "5,Hello,")
    two = write(tmp_path / "b.csv", "6,new,True", "7,Hello,", "8,hello,TRUE", "9,new,True")
    total = run([one, two], tmp_path / "lake")
    assert table(tmp_path / "lake")["id"].to_pylist() == ["1", "5"]
    assert table(tmp_path / "lake", 1)["id"].to_pylist() == ["6"]
    assert left_out(tmp_path / "lake") == [
        ["2", "no text", "", ""],
        ["3", "duplicate with another label", str(one), "1"],
        ["4", "no text", "", ""],
    ]
    assert left_out(tmp_path / "lake", 1) == [
        ["2", "duplicate", str(one), "5"],
        ["3", "duplicate", str(one), "1"],
        ["4", "duplicate", str(two), "1"],
    ]
    assert (total.rows.duplicates, total.rows.of_other_inputs, total.rows.contradicting) == (
        4,
        2,
        1,
    )
    assert total.classes == {"True": 2}
    assert total.class_column == "inbound"


def test_cells_of_csv_stay_as_they_are_and_parquet_keeps_its_types(tmp_path):
    source = write(tmp_path / "a.csv", '007,"a ""b"", \nc",NA', '1.50, d ,"x,y"')
    run([source], tmp_path / "csv")
    assert table(tmp_path / "csv").to_pylist() == [
        {"id": "007", "text": 'a "b", \nc', "inbound": "NA"},
        {"id": "1.50", "text": " d ", "inbound": "x,y"},
    ]
    types = pa.schema(
        [("n", pa.int16()), ("text", pa.string()), ("at", pa.timestamp("us", "UTC"))],
        metadata={"made": "by hand"},
    )
    rows = pa.table([[1, 2, 3], ["a", None, "a"], [0, 1, None]], schema=types)
    pq.write_table(rows, tmp_path / "b.parquet")
    total = run([tmp_path / "b.parquet"], tmp_path / "parquet")
    found = table(tmp_path / "parquet")
    assert found.schema.equals(types, check_metadata=True)
    assert found.equals(rows.slice(0, 1))
    assert (total.class_column, total.classes) == (None, {})


def test_a_text_is_the_same_in_whatever_kind_of_file(tmp_path):
    (tmp_path / "raw").mkdir()
    one = write(tmp_path / "raw" / "a.csv", "1,hello,True", "2,é,True")
    with gzip.open(tmp_path / "raw" / "b.csv.gz", "wb") as file:
        file.write(one.read_bytes())
    (tmp_path / "raw" / "c.jsonl").write_text('{"text": "\\u00e9"}\n{"text": "new", "n": 1}\n')
    pq.write_table(pa.table({"text": ["new", "hello"]}), tmp_path / "raw" / "d.parquet")
    total = run([tmp_path / "raw"], tmp_path / "lake")
    assert [file.rows.written for file in total.files] == [2, 0, 1, 0]
    assert table(tmp_path / "lake", 2).to_pylist() == [{"text": "new", "n": "1"}]
    # The first rows have a class, these have none.
    assert (total.rows.duplicates, total.rows.contradicting) == (5, 2)


def test_what_cannot_be_read_is_set_aside_and_all_of_it_is_described(tmp_path):
    source = write(tmp_path / "a.csv", "1,hello,True", "ragged", "2,hello,True", "3,,", "4,x\xe9,")
    source.write_bytes(source.read_text().encode("latin-1"))
    total = run([source], tmp_path / "lake")
    folder = tmp_path / "lake" / RUN
    rejects = (folder / "_part-00000.parquet.rejects.csv").read_text().splitlines()
    assert rejects[1] == '3,"expected 3 fields, found 1",ragged'
    rows = total.rows
    assert (rows.read, rows.written, rows.blank) == (5, 2, 1)
    assert (rows.duplicates, rows.rejected, total.replaced_cells) == (1, 1, 1)
    written = json.loads((folder / "_part-00000.parquet.manifest.json").read_text())
    assert problems(written, "prepare.manifest.schema.json") == []
    assert written["input"]["sha256"] == written["identity"]["inputs"][0]
    assert json.loads((folder / "_manifest.json").read_text()) == json.loads(
        json.dumps(total.to_json())
    )
    text, data = preparation.summary(total)
    assert problems(json.loads(json.dumps(data)), "prepare.schema.json") == []
    for said in ("duplicates     1", "left-out.csv", "rejects.csv", "inbound: True 50.0%"):
        assert said in text
    assert (folder / "_SUCCESS").exists()
    assert not list(folder.glob(".*"))


CELLS = st.text('ab,"\n\r é', max_size=4)
LINES = st.one_of(st.tuples(CELLS, CELLS), st.just("a,b,c"), st.just('1,"open'), st.just("alone"))


@given(st.lists(st.lists(LINES, max_size=8), min_size=1, max_size=3))
def test_rows_read_are_written_blank_duplicates_or_rejects(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("rows")
    inputs = []
    for number, lines in enumerate(files):
        inputs.append(folder / f"{number}.csv")
        with inputs[-1].open("w", newline="") as file:
            file.write("id,text\n")
            for line in lines:
                if isinstance(line, str):
                    file.write(f"{line}\n")
                else:
                    csv.writer(file, quoting=csv.QUOTE_ALL).writerow(line)
    rows = run(inputs, folder / "lake").rows
    assert rows.read == rows.written + rows.blank + rows.duplicates + rows.rejected
    parts = [table(folder / "lake", number) for number in range(len(files))]
    texts = [text for part in parts for text in part["text"].to_pylist()]
    assert rows.written == len(texts) == len(set(texts))
    assert all(text.strip() for text in texts)
    listed = Counter()
    for number in range(len(files)):
        if (folder / "lake" / RUN / f"_part-{number:05}.parquet.left-out.csv").exists():
            listed.update(row[1].partition(" with")[0] for row in left_out(folder / "lake", number))
    assert listed["no text"] == rows.blank
    assert listed["duplicate"] == rows.duplicates


@pytest.mark.parametrize(
    ("how", "column", "labels"),
    [
        ({"label_with": "keywords"}, "label", ["critical", "normal"]),
        ({"label_with": "vader", "target_column": "mood"}, "mood", ["negative", "positive"]),
    ],
)
def test_a_rule_adds_a_column_of_labels(tmp_path, how, column, labels):
    source = write(tmp_path / "a.csv", "1,this is a SCAM,True", "2,wonderful,True", "3,,True")
    total = run([source], tmp_path / "lake", **how)
    assert table(tmp_path / "lake").column_names == ["id", "text", "inbound", column]
    assert table(tmp_path / "lake")[column].to_pylist() == labels
    assert (total.class_column, total.classes) == (column, dict.fromkeys(labels, 1))


def test_the_same_run_again_does_nothing_and_another_one_is_refused(tmp_path):
    source = write(tmp_path / "a.csv", "1,hello,True", "2,hello,True")
    run([source], tmp_path / "lake")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "lake").rglob("*")}
    again = run([source], tmp_path / "lake")
    assert (again.done_already, again.rows.written) == (1, 1)
    assert "Nothing to do" in preparation.summary(again)[0]
    with pytest.raises(InputError, match="set another --run-id"):
        run([source], tmp_path / "lake", label_with="keywords")
    with pytest.raises(InputError, match="never changed again"):
        run([source], tmp_path / "lake", force=True)
    write(source, "1,other,True")
    with pytest.raises(InputError, match="other inputs or settings"):
        run([source], tmp_path / "lake")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "lake").rglob("*")} == before


def test_parts_of_an_interrupted_run_are_kept_unless_inputs_or_force_say_otherwise(tmp_path):
    sources = [write(tmp_path / f"{name}.csv", f"1,{name},True") for name in "ab"]
    run(sources, tmp_path / "lake")
    folder = tmp_path / "lake" / RUN
    for done_already, how in ((1, {}), (0, {"force": True})):
        for name in ("_SUCCESS", "part-00001.parquet", "_part-00001.parquet.manifest.json"):
            (folder / name).unlink()
        assert run(sources, tmp_path / "lake", **how).done_already == done_already
    (folder / "_SUCCESS").unlink()
    # A duplicate now: the second part can't stay as it is.
    write(sources[0], "1,a,True", "2,b,True")
    total = run(sources, tmp_path / "lake")
    assert (total.done_already, total.rows.written, total.rows.of_other_inputs) == (0, 2, 1)
    assert len(table(tmp_path / "lake", 1)) == 0


def test_workers_change_nothing(tmp_path, monkeypatch):
    from common.preparation import part

    monkeypatch.setattr(part, "SMALL_BYTES", 0)
    source = write(tmp_path / "a.csv", *(f"{k},text {k % 17_000},x" for k in range(30_000)))
    for workers in (1, 2):
        total = run([source], tmp_path / f"lake{workers}", workers=workers)
        assert (total.rows.written, total.rows.duplicates) == (17_000, 13_000)
    first, second = (
        (tmp_path / f"lake{workers}" / RUN / "part-00000.parquet").read_bytes()
        for workers in (1, 2)
    )
    assert first == second


def test_what_cannot_be_prepared_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "raw").mkdir()
    source = write(tmp_path / "raw" / "a.csv", "1,hello,True")
    with pytest.raises(InputError, match="whose files are the input"):
        run([tmp_path / "raw"], tmp_path / "raw" / "lake")
    with pytest.raises(MissingColumn, match="TEXT_COLUMN"):
        run([source], tmp_path / "lake", text_column="body")
    with pytest.raises(InputError, match=r"already has a column 'inbound'.*--target-column"):
        run([source], tmp_path / "lake", label_with="keywords", target_column="inbound")
    with pytest.raises(SettingsError, match="--engine must be"):
        run([source], tmp_path / "lake", engine="dask")
    with pytest.raises(InputError, match="does not exist"):
        run([tmp_path / "none.csv"], tmp_path / "lake")
    assert not list((tmp_path / "lake").rglob("part-*"))


def test_a_column_of_ids_is_not_taken_for_classes(tmp_path):
    source = write(tmp_path / "a.csv", *(f"{k},text {k},{k}" for k in range(1_100)))
    with pytest.raises(InputError, match="TARGET_COLUMN seems to name a column of texts or ids"):
        run([source], tmp_path / "lake")
    total = run([source], tmp_path / "lake", target_column="topic")
    assert (total.class_column, total.rows.written) == (None, 1_100)
    assert "There is no column 'topic'" in preparation.summary(total)[0]


def test_labels_of_a_file_are_added_where_there_is_one(tmp_path):
    source = write(tmp_path / "a.csv", "1,late,True", "2,lovely,True", "3,so so,True")
    labels = tmp_path / "labels.csv"
    labels.write_text("id,mood\n2,glad\n1,cross\n")
    how = {"label_with": "file", "labels_path": labels, "id_column": "id", "target_column": "mood"}
    total = run([source], tmp_path / "lake", **how)
    assert table(tmp_path / "lake")["mood"].to_pylist() == ["cross", "glad", ""]
    assert total.classes == {"cross": 1, "glad": 1}
    assert not problems(json.loads(json.dumps(total.to_json())), "prepare.schema.json")
    assert run([source], tmp_path / "lake", **how).done_already == 1
    labels.write_text("id,mood\n2,glad\n1,glad\n")
    with pytest.raises(InputError, match="set another --run-id"):
        run([source], tmp_path / "lake", **how)
    with pytest.raises(SettingsError, match="LABELS_PATH"):
        run([source], tmp_path / "lake", label_with="file")
