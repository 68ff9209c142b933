"""Days are drawn and written alike for all monitors, and their verdicts counted alike."""

from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import streams
from benchmarks.monitors import days, ours, verdicts
from benchmarks.monitors.days import BEFORE, HOLDOUT, MESSAGES, STABLE

WORDS = {"billing": ["invoice", "charge", "refund", "card"], "technical": ["crash", "login", "app"]}


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """Four days of 150 messages whose class is told by their words; a tenth has the other one."""
    folder, random = tmp_path_factory.mktemp("stream"), np.random.default_rng(0)
    rows = []
    for number in range(600):
        said, other = random.permutation(list(WORDS)).tolist()
        text = f"my {' '.join(random.choice(WORDS[said], 3))} since {number}"
        moment = f"2026-03-0{1 + number // 150}T10:00:00Z"
        rows.append((text, other if random.random() < 0.1 else said, moment))
    pd.DataFrame(rows, columns=["text", "topic", "at"]).to_csv(folder / "file.csv", index=False)
    pd.DataFrame({"text": ["bonjour tout le monde"]}).to_csv(folder / "foreign.csv", index=False)
    flags = Namespace(
        file=folder / "file.csv",
        text_column="text",
        time_column="at",
        target_column="topic",
        filled=False,
        train_days=2,
        least_rows=60,
        foreign=folder / "foreign.csv",
        foreign_column="text",
        foreign_like=None,
    )
    return streams.read(flags, folder)


def test_all_days_of_a_history_are_written_with_their_answers(stream, tmp_path):
    histories = list(days.draw_histories(stream, 2, 2))
    days.write(tmp_path, stream, histories)
    reference = pd.read_parquet(tmp_path / "reference.parquet")
    written = pd.read_parquet(tmp_path / "days.parquet")
    assert set(reference["kind"]) == {MESSAGES, HOLDOUT}
    assert (reference["label"] == "").equals(reference["kind"] == MESSAGES)
    sizes = written.groupby(["history", "kind", "attempt"])["day"].nunique()
    for history in range(2):
        assert sizes[history, BEFORE, 0] == streams.WARM_UP
        for kind in days.KINDS:
            assert [sizes[history, kind, attempt] for attempt in range(2)] == [3, 3]
    proba = written[["p_billing", "p_technical"]].set_axis(list(WORDS), axis=1)
    assert np.allclose(proba.sum(axis=1), 1)
    assert (proba.idxmax(axis=1) == written["prediction"]).all()
    day = histories[1].coming[STABLE][1][2]
    chosen = (written[["history", "kind", "attempt", "day"]] == [1, STABLE, 1, 2]).all(axis=1)
    assert written.loc[chosen, "text"].tolist() == day.texts
    assert written.loc[chosen, "label"].tolist() == day.labels


def test_no_foreign_days_without_foreign_messages(stream):
    alone = streams.Stream(stream.days, stream.classifier, stream.reference, ())
    (history,) = days.draw_histories(alone, 1, 1)
    assert STABLE in history.coming
    assert not [kind for kind in history.coming if "foreign" in kind]


def test_accuracy_falls_by_as_many_points_as_asked_for(stream):
    day = stream.days[0]
    worse = days.less_accurate(0.08, day, np.random.default_rng(1), stream)
    answers = days.answer(day.texts, stream.classifier)[0]
    right, right_then = (sum(answers == np.array(d.labels, object)) for d in (worse, day))
    assert worse.texts == day.texts
    assert right_then - right == round(0.08 * len(day.texts))


def test_one_attempt_leaves_no_trace_in_the_next(stream):
    def broken(day):
        return streams.relabelled(0.3, day, np.random.default_rng(2), stream)

    usual = stream.days[0]
    coming = {"mixed": [[usual], [broken(usual)], [usual]]}
    history = days.History(0, stream.days, coming)
    found = ours.judge(stream, [history], floor=0.7)
    told = found[(found["method"] == ours.TOLD_ACCURACY) & (found["kind"] == "mixed")]
    assert told["alarm"].tolist() == [False, True, False]
    assert set(found.loc[found["kind"] == BEFORE, "day"]) == {0, 1}


def verdict(kind, attempt, day, alarm=False, score=0.0):
    return verdicts.Verdict(
        "Peer", "text", verdicts.DRIFT, 0, kind, attempt, day, alarm, score, ".55"
    )


def test_the_table_counts_stable_days_and_attempts():
    rows = [verdict(STABLE, 0, day, alarm=day == 0) for day in range(4)]
    alarms = {0: (True, False), 1: (False, True), 2: (False, True), 3: (False, False)}
    rows += [
        verdict("new", a, day, alarm)
        for a, both in alarms.items()
        for day, alarm in enumerate(both)
    ]
    lines = verdicts.table(pd.DataFrame(rows)).splitlines()
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells == ["Peer", "text", ".55", "25.0%", "25%, 75%"]
    assert "new" in lines[0]


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.floats(0, 1),
    st.lists(st.floats(0, 1), min_size=1),
)
def test_a_moved_limit_alarms_on_no_more_stable_days_than_allowed(stable, rate, changed):
    rows = [verdict(STABLE, 0, day, score=score) for day, score in enumerate(stable)]
    rows += [verdict("new", 0, day, score=score) for day, score in enumerate(changed)]
    moved = verdicts.at_rate(pd.DataFrame(rows), {verdicts.DRIFT: rate})
    alarms, allowed = moved.loc[moved["kind"] == STABLE, "alarm"], round(rate * len(stable))
    assert alarms.sum() <= allowed
    if len(set(stable)) == len(stable):
        assert alarms.sum() == allowed
    quiet, loud = (moved.loc[moved["alarm"] == is_loud, "score"] for is_loud in (False, True))
    assert quiet.empty or loud.empty or quiet.max() < loud.min()


def test_days_whose_labels_alone_changed_are_stable_to_what_looks_for_drift():
    labels = days.SAME_MESSAGES[1]
    rows = [verdict(STABLE, 0, 0), verdict(labels, 0, 0, alarm=True), verdict("new", 0, 0)]
    accuracy = [row._replace(method="right", about=verdicts.ACCURACY) for row in rows]
    lines = verdicts.table(pd.DataFrame(rows + accuracy)).splitlines()[2:]
    found = [[cell.strip() for cell in line.strip("|").split("|")][3:] for line in lines]
    assert found == [["50.0%", "", "0%, 0%"], ["0.0%", "100%, 100%", "0%, 0%"]]


def test_methods_without_a_score_are_left_out_when_limits_move():
    rows = [
        verdict(STABLE, 0, 0, score=0.1),
        verdict(STABLE, 0, 0)._replace(monitor="ours", score=np.nan),
    ]
    moved = verdicts.at_rate(pd.DataFrame(rows), {verdicts.DRIFT: 0.0})
    assert moved["monitor"].tolist() == ["Peer"]


def test_the_rate_counts_the_usual_days_before_too():
    rows = [verdict(BEFORE, 0, 0, alarm=True), *(verdict(STABLE, 0, d) for d in range(3))]
    rows.append(verdict("new", 0, 0, alarm=True))
    assert verdicts.rate(pd.DataFrame(rows), "text") == 0.25
