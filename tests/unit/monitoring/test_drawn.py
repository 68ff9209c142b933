"""Accuracy of windows whose labelled rows say how they were drawn."""

import csv
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from common.data import label_file
from common.data.columns import MessageColumns, PredictionColumns
from common.data.files import parts
from common.errors import InputError
from common.evaluation import profile
from common.evaluation.drawn_rows import DrawnAnswers, with_drawn
from common.evaluation.two_samples import Share
from common.monitoring import observe, source, windows
from common.monitoring.checks.finding import Status
from common.monitoring.checks.suite import Baseline
from common.monitoring.feed import Feed
from common.monitoring.history import WindowRecord
from common.monitoring.incidents.book import open_book
from common.monitoring.observe import Observer
from common.monitoring.run import judge_windows, record_windows
from common.monitoring.sentences import sentence
from common.monitoring.summaries import Summary

COLUMNS = MessageColumns("text", "mood", segment="brand")
HEADER = ("id", "text", "mood", "brand", "why", "inclusion_probability", "copies")
FEED = Feed("triage", floor=0.8)


class Loud:
    classes_ = np.array(["angry", "calm"], object)

    def predict_proba(self, texts):
        loud = np.array(["!" in text for text in texts.to_pylist()], bool)
        sure = np.where(loud, 0.9, 0.2)
        return np.column_stack([sure, 1 - sure]) if len(loud) else np.empty((0, 2))


def write(path, rows, header=HEADER):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def look(path, columns=COLUMNS, **how):
    observer = Observer(columns, Loud(), windows.length("file"), **how)
    return observe.by_window(observe.by_file(parts(path), observer, 1))[windows.WHOLE]


def at_random(number, chance="0.1", copies=""):
    mood = "calm" if number < 90 else "angry"
    return (f"r{number}", f"fine {number}", mood, "x", "random", chance, copies)


def hard(number, chance="1"):
    mood = "angry" if number < 20 else "calm"
    return (f"u{number}", f"loud {number}!", mood, "x", "uncertain", chance, "1")


# Of 1,000 messages 90 of 100 that were drawn are answered right, of 100 hard ones 20.
ROWS = [*map(at_random, range(100)), *map(hard, range(100))]
ACCURACY = (90 * 10 + 20) / 1100


def test_rows_count_for_what_they_stand_for_and_hard_ones_in_nothing_else(tmp_path):
    found = look(write(tmp_path / "a.csv", ROWS))
    assert found.weighted.value == pytest.approx(ACCURACY)
    assert found.weighted.messages == 1100
    assert (found.read, found.rows, found.correct) == (200, 100, 90)
    assert found.predicted == Counter(calm=100)
    assert found.segments == {"x": (90, 100)}
    assert not any("loud" in text for text in found.texts())


def test_hard_rows_without_a_probability_are_left_out_and_counted(tmp_path, caplog):
    path = write(tmp_path / "a.csv", [*ROWS[:100], *(hard(n, "") for n in range(10))])
    found = look(path)
    assert (found.left_out, found.weighted.rows, found.weighted.value) == (10, 100, 0.9)
    with caplog.at_level("INFO"):
        source.messages(path, COLUMNS, windows.length("file")).say_if_left_out({"w": found})
    assert "10 labelled rows were chosen for being hard" in caplog.text


def test_copies_count(tmp_path):
    rows = [at_random(1, copies="9"), at_random(95, copies="1")]
    assert look(write(tmp_path / "a.csv", rows)).weighted.value == 0.9


def test_without_these_columns_or_with_empty_ones_all_is_as_it_was(tmp_path):
    plain = [row[:4] for row in ROWS]
    without = look(write(tmp_path / "a.csv", plain, HEADER[:4]))
    empty = look(write(tmp_path / "a.csv", [(*row, "", "", "") for row in plain]))
    assert without.weighted is None
    assert empty.weighted is None
    for name in ("read", "pairs", "predicted", "segments", "share", "unlabelled", "left_out"):
        assert getattr(empty, name) == getattr(without, name)
    assert sorted(empty.texts()) == sorted(without.texts())
    assert without.counts_json().keys().isdisjoint({"drawn", "left_out"})


@pytest.mark.parametrize("cell", ["0", "1.5", "often", "-1"])
def test_a_probability_that_is_none_is_refused(tmp_path, cell):
    path = write(tmp_path / "a.csv", [at_random(1, cell)])
    with pytest.raises(InputError, match=f"inclusion_probability.*holds '{cell}'"):
        look(path)


@pytest.mark.parametrize("cell", ["0", "1,000", "1.5", "many"])
def test_copies_that_are_no_whole_number_are_refused(tmp_path, cell):
    path = write(tmp_path / "a.csv", [at_random(1, copies=cell)])
    with pytest.raises(InputError, match=f"'copies' should hold a whole number.*holds '{cell}'"):
        look(path)


def test_labels_that_came_later_say_it_too_and_the_stream_stays_whole(tmp_path):
    ids = [row[0] for row in ROWS] + [f"s{n}" for n in range(300)]
    scored = [(id, "calm" if id[0] != "u" else "angry", 0.9) for id in ids]
    path = write(tmp_path / "s.csv", scored, ("id", "prediction", "confidence"))
    labels = write(tmp_path / "l.csv", ROWS)
    late = label_file.read(labels, "id", "mood", None)
    found = look(path, PredictionColumns("prediction", "confidence", "id"), late=late)
    assert found.weighted.value == pytest.approx(ACCURACY)
    assert (found.read, found.rows, found.predicted.total()) == (500, 100, 500)


def test_of_labels_in_a_folder_some_may_say_it(tmp_path):
    write(tmp_path / "a.csv", ROWS[:2])
    write(tmp_path / "b.csv", [("b", "calm")], ("id", "mood"))
    late = label_file.read(tmp_path, "id", "mood", None)
    found = late.drawn_of(pa.array(["b", "r1", "none"], pa.large_string()))
    assert found.why.tolist() == ["", "random", ""]
    assert str(found.weight.tolist()) == "[nan, 10.0, nan]"


def judge(window, book, day=1):
    names = {f"2026-03-0{day}": window}
    baseline = Baseline(Loud(), None, FEED.floor)
    at = datetime(2026, 3, 20, tzinfo=UTC)
    run = judge_windows(FEED, 3, names, baseline, book, at, days=1, label_days=None)
    record_windows(run, book, (), 24)
    return run


def of(right, hard_right, rows=200):
    """A window of so many rows at random, of which each stands for 50, and of 200 hard ones."""
    labels = np.full(rows, "calm", object)
    predicted = np.where(np.arange(rows) < right, "calm", "angry").astype(object)
    texts = pa.array(["hello"] * rows, pa.large_string())
    even = profile.of_rows(texts, labels, predicted, np.full(rows, 0.9))
    strata = np.array(["random"] * rows + ["uncertain"] * 200, object)
    weights = np.where(strata == "random", 50.0, 1.0)
    answers = np.concatenate([predicted == "calm", np.arange(200) < hard_right])
    said = np.concatenate([predicted, np.full(200, "calm", object)])
    return with_drawn(even, DrawnAnswers(strata, weights, answers, said), hard=200)


def test_what_looks_hard_alarms_nobody_and_a_real_drop_does(tmp_path):
    with open_book(tmp_path / "m.db") as book:
        fine = judge(of(180, 60), book)  # 240 of the 400 rows are answered right
        assert fine.status is Status.OK
        (first,) = [f for f in fine.findings if f.name == "accuracy"]
        assert first.value == pytest.approx((180 * 50 + 60) / (200 * 50 + 200))
        assert "by 400 labelled ones" in sentence(first)
        assert judge(of(130, 60), book, day=2).status is Status.CRITICAL
        record = {record.window: record for record in book.windows(FEED)}["2026-03-01"]
    assert record.measured.value == first.value
    assert record.measured.lower == first.lower
    assert record.share.rows == pytest.approx(200, rel=0.1)
    assert record.is_of(of(180, 60))
    assert not record.is_of(of(180, 200))
    assert WindowRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_few_rows_at_random_are_too_few_however_many_hard_ones_there_are(tmp_path):
    with open_book(tmp_path / "m.db") as book:
        assert judge(of(18, 200, rows=20), book).status is Status.UNKNOWN


def test_a_record_of_an_earlier_release_is_read():
    record = WindowRecord("w", Status.OK, 10, 9, 8)
    older = record.to_json()
    del older["worth"]
    assert WindowRecord.from_json(older) == record
    assert record.share == Share(8, 9)


def test_a_summary_keeps_what_was_drawn():
    window = replace(of(180, 60), newest_label=np.datetime64("2026-03-01", "s"))
    kept = Summary({"2026-03-01": window}).to_json()
    again = Summary.from_json(json.loads(json.dumps(kept))).windows["2026-03-01"]
    assert again.weighted == window.weighted
