import csv
import gzip
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data import split
from common.data.columns import MessageColumns, message_columns, require
from common.data.csv_reader import Reject
from common.data.labelled import RowCounts, batches, majority, read_split
from common.data.reader import CHUNK_ROWS
from common.data.split import bucket
from common.errors import InputError

COLUMNS = MessageColumns("text", "mood")


def write(tmp_path, rows, header="text,mood"):
    path = tmp_path / "a.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def many(count=200, classes=("good", "bad")):
    return [f"message number {k},{classes[k % len(classes)]}" for k in range(count)]


def test_rows_are_used_or_counted_by_why_not(tmp_path):
    path = write(tmp_path, ["a,good", " ,good", "b,", "c", "d, bad "])
    (batch,) = batches(path, COLUMNS)
    assert (batch.texts, batch.labels) == (["a", "d"], ["good", "bad"])
    counts = batch.counts
    assert (counts.used, counts.blank, counts.unlabelled, counts.rejected) == (2, 1, 1, 1)
    assert counts.read == 5


def test_the_sentence_of_the_counts_says_what_was_left_out():
    counts = RowCounts(
        used=2, rejected=1, blank=1, unlabelled=3, first_reject=Reject(7, "odd", "x")
    )
    sentence = counts.sentence()
    assert sentence.startswith("2 of 7 rows used (")
    for part in ("1 unreadable", "1 without text", "3 without class", "line 7, odd"):
        assert part in sentence
    assert RowCounts(used=4).sentence() == "4 of 4 rows used"


def test_counts_add_up():
    total = RowCounts(1, 2, 3, 4, 5) + RowCounts(10, 20, 30, 40, 50, Reject(1, "r", ""))
    assert (total.used, total.read, total.replaced) == (11, 110, 55)
    assert total.first_reject == Reject(1, "r", "")


def test_a_labeller_makes_the_classes_and_needs_no_column(tmp_path):
    path = write(tmp_path, ["long text", "x", " "], header="text")
    columns = MessageColumns(
        "text", None, lambda texts: ["long" if len(t) > 3 else "" for t in texts]
    )
    (batch,) = batches(path, columns)
    assert (batch.texts, batch.labels) == (["long text"], ["long"])
    assert (batch.counts.unlabelled, batch.counts.blank) == (1, 1)


@pytest.mark.parametrize(
    ("columns", "setting"),
    [(MessageColumns("txt", "mood"), "TEXT"), (MessageColumns("text", "x"), "TARGET")],
)
def test_a_missing_column_is_refused_with_its_setting(tmp_path, columns, setting):
    with pytest.raises(InputError, match=f"{setting}_COLUMN"):
        require(write(tmp_path, ["a,good"]), columns)


def test_text_and_class_may_be_the_same_column(tmp_path):
    (batch,) = batches(write(tmp_path, ["a,good"]), MessageColumns("mood", "mood"))
    assert (batch.texts, batch.labels) == (["good"], ["good"])


def test_sides_share_no_message_and_hold_all(tmp_path):
    path = write(tmp_path, many() * 2)
    train, holdout, counts = read_split(path, COLUMNS, 20)
    assert not set(train.texts) & set(holdout.texts)
    assert len(train) + len(holdout) == counts.used == 400
    assert (holdout.buckets < 20).all()
    assert (train.buckets >= 20).all()


def test_only_messages_since_a_day_are_used_and_the_others_are_counted(tmp_path):
    times = ["2026-03-01", "2026-03-09T23:59:59Z", "2026-03-10T00:30:00+02:00", "?", ""]
    recent = ["2026-03-10", "Tue Mar 31 22:10:47 +0000 2026"]
    rows = [f"message {k},good,{time}" for k, time in enumerate([*times, *recent])]
    path = write(tmp_path, rows, header="text,mood,when")
    columns = MessageColumns("text", "mood", time="when")
    (batch,) = batches(path, columns, since=date(2026, 3, 10))
    assert batch.texts == ["message 5", "message 6"]
    assert batch.days.astype(str).tolist() == ["2026-03-10", "2026-03-31"]
    assert (batch.counts.read, batch.counts.used, batch.counts.older) == (7, 2, 5)
    assert "5 too old, or of no known time" in batch.counts.sentence()
    (batch,) = batches(path, columns)
    assert len(batch.texts) == len(batch.days) == 7


def test_both_sides_know_the_days_of_their_messages(tmp_path):
    rows = [f"{row},2026-03-{1 + k % 20:02}" for k, row in enumerate(many(400))]
    path = write(tmp_path, rows, header="text,mood,when")
    columns = MessageColumns("text", "mood", time="when")
    for side in read_split(path, columns, 20, since=date(2026, 3, 11))[:2]:
        assert len(side.days) == len(side) > 20
        numbers = [int(text.split()[-1]) for text in side.texts]
        assert [str(day) for day in side.days] == [f"2026-03-{1 + k % 20:02}" for k in numbers]
        assert side.days.min() >= np.datetime64("2026-03-11")


def test_spellings_of_a_class_become_one(tmp_path):
    rows = many(99, ("True", "False", "true"))
    train, holdout, _ = read_split(write(tmp_path, rows), COLUMNS, 20)
    assert set(train.labels) | set(holdout.labels) == {"True", "False"}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no row to learn from"),
        ([",good", "a,"], "no row to learn from"),
        (many(50, ["good"]), "too few classes"),
        (["a,good", "b,bad"], "too few"),
        (["same,good", "same,bad"] * 50, "too few"),
        ([f"m {k},id{k % 90}" for k in range(120)], "ids"),
    ],
)
def test_data_that_teaches_nothing_is_refused_in_one_line(tmp_path, rows, says):
    path = write(tmp_path, rows)
    with pytest.raises(InputError, match=says) as caught:
        read_split(path, COLUMNS, 20)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_majority_is_the_most_frequent_class_or_the_first_of_equals():
    assert majority(np.array(["b", "a", "b"], object)) == "b"
    assert majority(np.array(["b", "a"], object)) == "a"


KINDS = {"used": "hi,good", "blank": " ,good", "unlabelled": 'hi," "', "rejected": "hi"}


@given(st.lists(st.sampled_from(list(KINDS)), max_size=30))
@settings(max_examples=60)
def test_every_row_is_counted_once_as_what_it_is(tmp_path_factory, kinds):
    path = write(tmp_path_factory.mktemp("kinds"), [KINDS[kind] for kind in kinds])
    counts = sum((batch.counts for batch in batches(path, COLUMNS)), RowCounts())
    assert {kind: getattr(counts, kind) for kind in KINDS} == {k: kinds.count(k) for k in KINDS}
    assert counts.read == len(kinds)


def test_messages_come_in_the_order_of_the_file_batch_by_batch(tmp_path):
    count = 2 * CHUNK_ROWS + 5
    found = list(batches(write(tmp_path, many(count)), COLUMNS))
    assert len(found) >= 3
    assert all(len(batch.texts) == len(batch.labels) <= CHUNK_ROWS for batch in found)
    assert [text for batch in found for text in batch.texts] == [
        f"message number {k}" for k in range(count)
    ]
    done = [batch.bytes_done for batch in found]
    assert done == sorted(done)


def test_the_first_batch_comes_before_the_damage_at_the_end_is_met(tmp_path):
    path = tmp_path / "a.csv.gz"
    lines = "".join(f"{'long ' * 20}{row}\n" for row in many(15_000))
    path.write_bytes(gzip.compress(f"text,mood\n{lines}".encode())[:-8])
    found = batches(path, COLUMNS)
    assert next(found).counts.used > 0
    with pytest.raises(InputError, match="damaged or cut short"):
        list(found)


def test_the_first_unreadable_row_of_the_file_is_told(tmp_path):
    rows = ["a,good"] * 12_000
    rows[3], rows[7], rows[11_000] = "x", "y", "z"
    counts = sum((b.counts for b in batches(write(tmp_path, rows), COLUMNS)), RowCounts())
    assert counts.rejected == 3
    assert "first unreadable: line 5, expected 2 fields, found 1" in counts.sentence()


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([True, False, None], ["True", "False"]),
        ([1, 0, None], ["1", "0"]),
        (["a", " ", None], ["a"]),
    ],
)
def test_classes_of_parquet_are_text_and_null_is_none(tmp_path, classes, expected):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x", "y", "z"], "mood": classes}), path)
    (batch,) = batches(path, COLUMNS)
    assert batch.labels == expected
    assert batch.counts.unlabelled == 3 - len(expected)


@pytest.mark.parametrize("column", ["text", "mood"])
def test_a_column_of_lists_is_refused_by_its_name(tmp_path, column):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x"], "mood": ["y"]} | {column: [["z"]]}), path)
    with pytest.raises(InputError, match=f"column '{column}', holds list"):
        list(batches(path, COLUMNS))


def test_replaced_cells_are_told_but_their_rows_are_used(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,mood\ncaf\xe9,good\n")
    (batch,) = batches(path, COLUMNS)
    assert batch.texts == ["caf\ufffd"]
    assert batch.counts.sentence() == (
        "1 of 1 rows used (1 cells with bytes that are not text, replaced)"
    )


def test_large_counts_are_told_with_commas():
    assert RowCounts(used=1_234_567, blank=1000).sentence() == (
        "1,234,567 of 1,235,567 rows used (1,000 without text)"
    )


def test_counts_are_metrics_of_a_run():
    assert RowCounts(1, 2, 3, 4, 5).metrics() == {
        "rows_read": 10,
        "rows_used": 1,
        "rows_rejected": 2,
        "rows_blank": 3,
        "rows_unlabelled": 4,
    }


@pytest.mark.parametrize("count", [50, 300])
def test_ids_as_classes_are_refused_with_what_to_change(tmp_path, count):
    path = write(tmp_path, [f"message {k},{k}" for k in range(count)])
    with pytest.raises(InputError, match="TARGET_COLUMN seems to name a column of texts or ids"):
        read_split(path, COLUMNS, 20)


def test_texts_as_classes_are_refused_with_what_to_change(tmp_path):
    with pytest.raises(InputError, match="TARGET_COLUMN seems to name a column of texts or ids"):
        read_split(write(tmp_path, many()), MessageColumns("text", "text"), 20)


def test_too_few_rows_for_a_holdout_are_refused_with_what_to_change(tmp_path):
    kept = [row for row in many() if bucket(row.split(",")[0]) >= 20]
    with pytest.raises(InputError, match=r"none of .* fell into the holdout.*HOLDOUT_PERCENT"):
        read_split(write(tmp_path, kept), COLUMNS, 20)


def test_a_class_of_the_holdout_alone_does_not_make_two_to_learn_from(tmp_path):
    rows = many(100, ["good"])
    held = next(k for k, row in enumerate(rows) if bucket(row.split(",")[0]) < 20)
    rows[held] = rows[held].replace("good", "bad")
    with pytest.raises(InputError, match="at least two are needed on the training side"):
        read_split(write(tmp_path, rows), COLUMNS, 20)


def test_a_message_keeps_its_side_when_rows_are_added_and_shuffled(tmp_path):
    before, _, _ = read_split(write(tmp_path, many(100)), COLUMNS, 20)
    rows = sorted(many(300), key=lambda row: row[::-1])
    after, held, _ = read_split(write(tmp_path, rows), COLUMNS, 20)
    assert set(before.texts) <= set(after.texts)
    assert not set(before.texts) & set(held.texts)


WORDS = ("refund", "WHERE", "order", "late", "thanks", "😡")
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
VARIANTS = st.sampled_from(
    [str.upper, str.title, "  {}  ".format, "@shop {}".format, "{} https://t.co/x".format, str]
)


def content(text):
    return " ".join(
        word for word in text.casefold().split() if not word.startswith(("@", "https://"))
    )


@given(
    old=st.lists(TEXTS, min_size=12, max_size=40),
    new=st.lists(TEXTS, max_size=20),
    changes=st.lists(VARIANTS, min_size=40, max_size=40),
    percents=st.tuples(st.integers(5, 50), st.integers(5, 50)),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_no_retraining_fits_on_the_holdout_or_tests_the_champion_on_what_it_saw(
    tmp_path_factory, old, new, changes, percents, random
):
    again = [change(text) for change, text in zip(changes, old, strict=False)]
    later = [*old, *again, *new]
    random.shuffle(later)
    folder = tmp_path_factory.mktemp("days")
    sides = []
    for name, texts, percent in (("old", old, percents[0]), ("later", later, percents[1])):
        path = folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("text", "class"))
            rows.writerows((text, "ab"[k % 2]) for k, text in enumerate(texts))
        try:
            sides.append(read_split(path, MessageColumns("text", "class"), percent)[:2])
        except InputError:  # too little on one side to learn from or to test on
            return
    (champion_saw, champion_kept), (challenger_saw, kept) = sides
    shared = kept.texts[split.in_holdout(kept.buckets, min(percents))]
    seen = {content(text) for side in (champion_saw, challenger_saw) for text in side.texts}
    assert not {content(text) for text in shared} & seen
    frozen = champion_kept.texts[split.in_holdout(champion_kept.buckets, min(percents))]
    assert {content(text) for text in frozen} <= {content(text) for text in shared}


def test_segments_stay_with_their_rows(tmp_path):
    rows = [f"text {k},{'ab'[k % 2]},brand {k % 3}" for k in range(60)] + ["unlabelled,,brand 9"]
    path = write(tmp_path, rows, header="text,mood,brand")
    columns = message_columns("text", "mood", segment="brand")
    for side in read_split(path, columns, 30)[:2]:
        assert len(side) > 0
        for text, brand in zip(side.texts, side.segments, strict=True):
            assert brand == f"brand {int(text.split()[1]) % 3}"


def test_a_column_of_segments_that_is_missing_is_named(tmp_path):
    path = write(tmp_path, ["hello,good"])
    with pytest.raises(InputError, match="SEGMENT_COLUMN"):
        require(path, message_columns("text", "mood", segment="brand"))
