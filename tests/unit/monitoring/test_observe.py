import csv
from collections import Counter

import numpy as np
import pytest

from common.data import label_file, split
from common.data.columns import MessageColumns, PredictionColumns, require
from common.data.files import parts
from common.errors import InputError, MissingColumn
from common.evaluation import profile
from common.evaluation.costs import CostRules
from common.evaluation.routing import Group, Promise, Routing
from common.monitoring import observe as observed
from common.monitoring import source, windows
from common.monitoring.observe import Observer
from common.pipelines.progress import no_progress

COLUMNS = MessageColumns("text", "mood", time="at", segment="brand")


class Loud:
    """Takes every message with an exclamation mark for an angry one."""

    classes_ = np.array(["Angry", "calm"], object)

    def predict_proba(self, texts):
        loud = np.array(["!" in text for text in texts.to_pylist()], bool)
        sure = np.where(loud, 0.9, 0.2)
        return np.column_stack([sure, 1 - sure]) if len(loud) else np.empty((0, 2))


def write(path, rows, header=("text", "mood", "at", "brand")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def look(path, columns=COLUMNS, length="1d", workers=1, **how):
    observer = Observer(columns, Loud(), windows.length(length), **how)
    return observed.by_window(observed.by_file(parts(path), observer, workers))


ROWS = [
    ("help!", "Angry", "2026-03-01 10:00", "x"),
    ("thanks", "Angry", "2026-03-01T23:59:59Z", "y"),
    ("thanks", " calm ", "2026-03-02", "x"),
    ("no class!", "", "2026-03-02", "x"),
    ("  ", "calm", "2026-03-02", "x"),
    ("no time", "calm", "soon", "x"),
    ("new class", "sad", "2026-03-03", ""),
]


def test_messages_are_summed_up_by_day(tmp_path):
    found = look(write(tmp_path / "a.csv", ROWS))
    assert list(found) == ["2026-03-01", "2026-03-02", "2026-03-03"]
    first = found["2026-03-01"]
    assert first.pairs == Counter({("Angry", "Angry"): 1, ("Angry", "calm"): 1})
    assert first.segments == {"x": (1, 1), "y": (0, 1)}
    assert (first.rows, first.correct) == (2, 1)
    assert found["2026-03-02"].unlabelled == 1
    assert found["2026-03-03"].pairs == Counter({("sad", "calm"): 1})
    assert sum(seen.read for seen in found.values()) == len(ROWS)
    assert sum(seen.blank for seen in found.values()) == 1
    assert sum(seen.undated for seen in found.values()) == 1


def test_rows_that_cannot_be_read_count_where_their_neighbours_are(tmp_path):
    path = write(tmp_path / "a.csv", ROWS[:2])
    path.write_text(path.read_text() + "ragged\n")
    found = look(path)
    assert (found["2026-03-01"].rejected, found["2026-03-01"].read) == (1, 3)


def test_windows_of_rows_go_on_over_chunks_and_files_are_one_window(tmp_path):
    path = write(tmp_path / "a.csv", [("hi", "calm", "", "")] * 25_000)
    found = look(path, length="8000")
    assert [seen.read for seen in found.values()] == [8000, 8000, 8000, 1000]
    assert list(look(path, length="file")) == [windows.WHOLE]


def test_any_number_of_processes_finds_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(observed, "SMALL_BYTES", 0)
    rows = [
        (f"hi {k}{'!' * (k % 3)}", "calm", f"2026-03-{k % 9 + 1:02}", "x") for k in range(30_000)
    ]
    path = write(tmp_path / "a.csv", rows)
    one, two = look(path), look(path, workers=2)
    assert list(one) == list(two)
    for name, seen in one.items():
        assert seen.pairs == two[name].pairs
        samples = [
            side.sample.sort_by("order").drop_columns("delay_days") for side in (seen, two[name])
        ]
        assert samples[0].equals(samples[1])


def test_a_folder_of_files_is_looked_at_as_one(tmp_path):
    for number in (1, 2):
        write(tmp_path / f"{number}.csv", ROWS[:2])
    assert look(tmp_path)["2026-03-01"].read == 4


def test_spellings_of_a_class_are_one(tmp_path):
    class Booleans(Loud):
        classes_ = np.array(["True", "False"], object)

    path = write(tmp_path / "a.csv", [("a!", "TRUE"), ("b", " false")], ("text", "mood"))
    observer = Observer(MessageColumns("text", "mood"), Booleans(), windows.Length())
    found = observed.by_window(observed.by_file([path], observer))[windows.WHOLE]
    assert (found.rows, found.correct) == (2, 2)


def test_labels_that_come_later_are_joined_by_identifier(tmp_path):
    predictions = write(
        tmp_path / "p.csv",
        [
            ("1", "Angry", "0.9", "2026-03-01"),
            ("2", "calm", "0.8", "2026-03-01"),
            ("3", "calm", "", "2026-03-01"),
            ("4", "", "", "2026-03-01"),
        ],
        ("id", "prediction", "confidence", "at"),
    )
    labels = write(
        tmp_path / "l.csv",
        [
            ("1", "calm", "2026-03-02"),
            ("1", "angry", "2026-03-03"),
            ("1", "Angry", "2026-03-04"),
            ("2", "Angry", "2026-03-05"),
            ("9", "calm", "2026-03-06"),
            ("3", "", ""),
        ],
        ("id", "mood", "labelled_at"),
    )
    late = label_file.read(labels, "id", "mood", "labelled_at")
    assert late.repeated == 2
    columns = PredictionColumns("prediction", "confidence", "id", time="at")
    found = look(predictions, columns, late=late)["2026-03-01"]
    assert found.pairs == Counter({("Angry", "Angry"): 1, ("Angry", "calm"): 1})
    assert (found.unlabelled, found.blank, found.read) == (1, 1, 4)
    assert sorted(found.delays().tolist()) == [3.0, 4.0]
    assert found.newest_label == np.datetime64("2026-03-05")


def test_without_any_label_there_is_still_what_the_model_answers(tmp_path):
    labels = write(tmp_path / "l.csv", [], ("id", "mood"))
    late = label_file.read(labels, "id", "mood", None)
    columns = PredictionColumns("prediction", "confidence", "id", "text")
    header = ("id", "text", "prediction", "confidence")
    path = write(tmp_path / "a.csv", [("1", "hi!", "Angry", "0.9")], header)
    found = look(path, columns, "file", late=late)[windows.WHOLE]
    assert (found.rows, found.predicted) == (0, Counter({"Angry": 1}))
    assert np.isnat(found.newest_label)


def test_only_the_holdout_is_looked_at_where_the_rest_was_fitted_on(tmp_path):
    path = write(tmp_path / "a.csv", [(f"message {k}", "calm", "", "") for k in range(2000)])
    found = look(path, length="file", holdout_percent=20)[windows.WHOLE]
    assert 300 < found.read < 500
    assert found.blank == 0
    seen = split.keys([f"MESSAGE {k} @ann" for k in range(1000)])
    rest = look(path, length="file", holdout_percent=20, seen=seen)[windows.WHOLE]
    held = [k for k in range(1000, 2000) if split.bucket(f"message {k}") < 20]
    assert rest.read == len(held)


def test_a_column_that_is_missing_is_named_with_its_setting(tmp_path):
    path = write(tmp_path / "a.csv", ROWS)
    with pytest.raises(MissingColumn, match="Set TIME_COLUMN"):
        require(path, MessageColumns("text", "mood", time="when"))
    with pytest.raises(InputError):
        require(tmp_path / "none.csv", MessageColumns("text", "mood"))


def test_a_file_without_rows_has_no_windows(tmp_path):
    assert look(write(tmp_path / "a.csv", [])) == {}
    assert profile.Profile().rows == 0


def test_a_challenger_answers_the_same_rows(tmp_path):
    class Quiet(Loud):
        """Takes every message for a calm one, and spells it in its own way."""

        classes_ = np.array([" Angry", "calm"], object)

        def predict_proba(self, texts):
            return np.tile([0.0, 1.0], (len(texts), 1))

    rows = [("a!", "Angry"), ("b!", "calm"), ("c", "calm"), ("d", "Angry"), ("e!", "")]
    path = write(tmp_path / "a.csv", rows, ("text", "mood"))
    found = look(path, MessageColumns("text", "mood"), "file", challenger=Quiet())[windows.WHOLE]
    assert found.versus == (1, 1)


def test_a_chunk_of_rows_that_cannot_be_read_is_counted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,mood\n" + "ragged\n" * 5)
    found = look(path, MessageColumns("text", "mood"), "file")[windows.WHOLE]
    assert (found.rejected, found.read, found.rows) == (5, 5, 0)


def test_segments_are_trimmed_in_files_of_messages_and_of_predictions(tmp_path):
    header = ("text", "mood", "brand", "id", "prediction", "confidence")
    path = write(tmp_path / "a.csv", [("a!", "Angry", " x ", "1", "Angry", "0.9")], header)
    messages = look(path, MessageColumns("text", "mood", segment="brand"), "file")
    labels = write(tmp_path / "l.csv", [("1", "Angry")], ("id", "mood"))
    columns = PredictionColumns("prediction", "confidence", "id", "text", segment="brand")
    late = label_file.read(labels, "id", "mood", None)
    predictions = look(path, columns, "file", late=late)
    for found in (messages, predictions):
        assert found[windows.WHOLE].segments == {"x": (1, 1)}


def test_rows_without_a_time_count_where_their_neighbours_are(tmp_path):
    dated = [(f"fine {k}", "calm", "2026-03-01", "") for k in range(30)]
    undated = [("when?", "calm", "2017", "")] * 3
    found = look(write(tmp_path / "a.csv", [*dated, *undated]))
    (day,) = found.values()
    assert (day.read, day.rows, day.undated) == (33, 30, 3)


def test_times_of_a_file_by_rows_are_nobody_s_business(tmp_path):
    path = write(tmp_path / "a.csv", [("fine", "calm", "2017", "")] * 3)
    assert look(path, length="file")[windows.WHOLE].undated == 0


def test_a_file_of_undated_rows_counts_in_the_newest_window(tmp_path):
    write(tmp_path / "1.csv", [("fine", "calm", "2026-03-01", ""), ("a", "calm", "x", "")])
    write(tmp_path / "2.csv", [("fine", "calm", "2026-03-02", "")])
    write(tmp_path / "3.csv", [("fine", "calm", "2/3/26", "")] * 5)
    files = source.messages(tmp_path, COLUMNS, windows.length("1d"))
    found = source.by_window(files, Loud(), 100, 1, no_progress).windows
    assert {name: (day.read, day.undated) for name, day in found.items()} == {
        "2026-03-01": (2, 1),
        "2026-03-02": (6, 5),
    }


def costs_of(*given):
    rules = CostRules({(truth, answer): cost for truth, answer, cost in given})
    return rules.of(Loud.classes_)


def test_answers_are_those_that_cost_least_each_model_by_its_own_costs(tmp_path):
    """An angry message with .2 is missed at 5: from 1/6 on "Angry" costs less."""
    path = write(tmp_path / "a.csv", ROWS[:3])
    dear = costs_of(("Angry", "*", 5))
    plain = MessageColumns("text", "mood")
    found = look(path, plain, "file", costs=dear, challenger=Loud())[windows.WHOLE]
    assert found.predicted == Counter({"Angry": 3})
    assert found.versus == (1, 1), "the challenger answers with the likeliest class"
    both = {"costs": dear, "challenger": Loud(), "challengers_costs": dear}
    assert look(path, plain, "file", **both)[windows.WHOLE].versus == (0, 0)


def test_of_predictions_without_a_route_nobody_knows_which_a_person_saw(tmp_path):
    routing = Routing(Promise(0.9), Group(0.9, 0.5, 20))
    rows = [("Angry", "0.9", "1", "auto"), ("calm", "0.8", "2", "person")]
    path = write(tmp_path / "a.csv", rows, ("prediction", "confidence", "id", "route"))
    looked_at = costs_of(("*", "@person", 0.3))

    def automatic(route, costs):
        columns = PredictionColumns("prediction", "confidence", "id", route=route)
        found = look(path, columns, "file", routing=routing, costs=costs)[windows.WHOLE]
        return {name: counts.automatic for name, counts in (found.automatic or {}).items()}

    assert automatic("route", looked_at) == {"Angry": 1, "calm": 0}
    assert automatic(None, None) == {"Angry": 1, "calm": 1}
    assert automatic(None, looked_at) == {}
