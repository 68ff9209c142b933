"""A look at a folder of days that reads only what is new finds what a look at all of it finds."""

import sqlite3
from datetime import date, timedelta

import pandas as pd
import pytest

from common.monitoring.summaries import RECENT_WINDOWS
from common.pipelines.monitor import MonitorRequest, run

DAYS, ROWS = RECENT_WINDOWS + 6, 40
FIRST = date.today() - timedelta(days=DAYS)


@pytest.fixture
def days(trained, tmp_path):
    folder = tmp_path / "days"
    folder.mkdir()
    frame = pd.read_csv(trained.sample)
    for number in range(DAYS):
        day = frame.iloc[number * ROWS : (number + 1) * ROWS]
        at = f"{FIRST + timedelta(days=number)} 09:00:00"
        day.assign(created_at=at).to_csv(path_of(folder, number), index=False)
    return folder


def path_of(folder, number):
    return folder / f"{FIRST + timedelta(days=number)}.csv"


@pytest.fixture
def look(trained, days, tmp_path, monkeypatch):
    monkeypatch.chdir(trained.root)

    def look(book="book.db", floor=0.3):
        result = run(
            MonitorRequest(
                days,
                tracking_uri=f"sqlite:///{trained.root}/mlflow.db",
                state=tmp_path / book,
                window="1d",
                accuracy_floor=floor,
                time_column="created_at",
            )
        )
        return result.to_json()

    return look


def judged(book):
    """When each window was judged last."""
    with sqlite3.connect(book) as connection:
        rows = connection.execute("SELECT window, max(judged_at) FROM findings GROUP BY window")
        return dict(rows.fetchall())


def test_days_come_one_by_one_as_if_all_were_read_each_time(look, days, tmp_path):
    coming = path_of(days, DAYS - 1).read_bytes()
    path_of(days, DAYS - 1).unlink()
    look()
    path_of(days, DAYS - 1).write_bytes(coming)
    by_and_by, at_once = look(), look("fresh.db")
    for found in (by_and_by, at_once):  # how old the newest label is depends on the hour
        found["findings"] = [f for f in found["findings"] if f["name"] != "no_labels"]
        del found["metrics"]["finding_no_labels"]
    for fact in ("windows", "findings", "metrics", "classes", "counts", "examples", "segments"):
        assert by_and_by[fact] == at_once[fact], fact


def test_labels_that_are_filled_in_on_an_old_day_are_found(look, days, tmp_path):
    look()
    before = judged(tmp_path / "book.db")
    frame = pd.read_csv(path_of(days, 1))
    frame.iloc[::2].to_csv(path_of(days, 1), index=False)
    (changed,) = [w for w in look()["windows"] if w["name"] == str(FIRST + timedelta(days=1))]
    assert changed["rows"] < ROWS
    after = judged(tmp_path / "book.db")
    assert {name for name in after if after[name] != before[name]} == {
        *(str(FIRST + timedelta(days=number)) for number in (1, DAYS - 1)),
    }


def test_another_floor_judges_all_days_again(look, tmp_path):
    look()
    other = look(floor=0.99)
    assert {window["floor"] for window in other["windows"]} == {0.99}
    assert len(other["windows"]) == DAYS


def test_a_window_of_before_the_oldest_record_is_not_judged_again(look, days, tmp_path):
    look()
    before = judged(tmp_path / "book.db")
    oldest = str(FIRST)
    with sqlite3.connect(tmp_path / "book.db") as connection:  # as the book forgets
        for table in ("windows", "findings"):
            connection.execute(f"DELETE FROM {table} WHERE window = ?", (oldest,))
    look()
    assert judged(tmp_path / "book.db").keys() == before.keys() - {oldest}
