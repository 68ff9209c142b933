import numpy as np
import pytest

from common.delimited import Reject
from common.errors import InputError
from common.labelled import Columns, Counts, batches, majority, read_split

COLUMNS = Columns("text", "mood")


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
    counts = Counts(used=2, rejected=1, blank=1, unlabelled=3, first_reject=Reject(7, "odd", "x"))
    sentence = counts.sentence()
    assert sentence.startswith("2 of 7 rows used (")
    for part in ("1 unreadable", "1 without text", "3 without class", "line 7, odd"):
        assert part in sentence
    assert Counts(used=4).sentence() == "4 of 4 rows used"


def test_counts_add_up():
    total = Counts(1, 2, 3, 4, 5) + Counts(10, 20, 30, 40, 50, Reject(1, "r", ""))
    assert (total.used, total.read, total.replaced) == (11, 110, 55)
    assert total.first_reject == Reject(1, "r", "")


def test_a_labeller_makes_the_classes_and_needs_no_column(tmp_path):
    path = write(tmp_path, ["long text", "x", " "], header="text")
    columns = Columns("text", "none", lambda texts: ["long" if len(t) > 3 else "" for t in texts])
    (batch,) = batches(path, columns)
    assert (batch.texts, batch.labels) == (["long text"], ["long"])
    assert (batch.counts.unlabelled, batch.counts.blank) == (1, 1)


@pytest.mark.parametrize(
    ("columns", "setting"), [(Columns("txt", "mood"), "TEXT"), (Columns("text", "x"), "TARGET")]
)
def test_a_missing_column_is_refused_with_its_setting(tmp_path, columns, setting):
    with pytest.raises(InputError, match=f"{setting}_COLUMN"):
        columns.require(write(tmp_path, ["a,good"]))


def test_text_and_class_may_be_the_same_column(tmp_path):
    (batch,) = batches(write(tmp_path, ["a,good"]), Columns("mood", "mood"))
    assert (batch.texts, batch.labels) == (["good"], ["good"])


def test_sides_share_no_message_and_hold_all(tmp_path):
    path = write(tmp_path, many() * 2)
    train, holdout, counts = read_split(path, COLUMNS, 20)
    assert not set(train.texts) & set(holdout.texts)
    assert len(train) + len(holdout) == counts.used == 400
    assert (holdout.buckets < 20).all()
    assert (train.buckets >= 20).all()


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
