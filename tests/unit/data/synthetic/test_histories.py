"""Histories as files: what the command writes, and how it refuses."""

import csv
import json
import shlex
import sys
from collections import Counter
from dataclasses import asdict
from datetime import date, datetime, timedelta

import pytest

from common.data import labelled
from common.data.columns import MessageColumns
from common.data.source import choose_source
from common.data.synthetic import __main__ as command
from common.data.synthetic import histories
from common.data.synthetic.messages import TIME_FORMAT
from common.data.synthetic.phrases import CORES
from common.data.synthetic.sample import KINDS
from common.data.synthetic.topics import TOPICS

DAYS = 12
EXPECTED = [f"2026-01-{day:02}.csv" for day in range(1, DAYS + 1)]


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def delayed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("delayed")
    histories.write(folder, "label-delay", DAYS)
    return folder


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", sorted(set(TOPICS.scenarios) - {"label-delay"}))
def test_a_history_is_a_file_a_day_one_to_train_on_and_what_happens(tmp_path, name, kind):
    known = histories.write(tmp_path / "new", name, DAYS, kind=kind)
    assert names(tmp_path / "new") == [*EXPECTED, "scenario.json", "train.csv"]
    assert json.loads((tmp_path / "new" / "scenario.json").read_text()) == asdict(known)
    read = {file: rows(tmp_path / "new" / file) for file in ["train.csv", *EXPECTED]}
    assert {tuple(row) for file in read.values() for row in file} == {(*kind.columns, "brand")}
    classes = {row[kind.target] for file in read.values() for row in file}
    assert classes == ({"True", "False"} if kind.target == "inbound" else set(CORES))
    ids = Counter(row["tweet_id"] for file in read.values() for row in file)
    assert set(ids.values()) == {1}
    assert [(day.date + ".csv", day.rows) for day in known.days] == [
        (file, len(read[file])) for file in EXPECTED
    ]


def test_what_happens_is_said_day_by_day(tmp_path):
    known = histories.write(tmp_path, "slow-drift", days=4, rows_a_day=5, seed=3, change_day=3)
    assert (known.scenario, known.seed, known.train_rows) == ("slow-drift", 3, 20_000)
    assert (known.change_day, known.change_date) == (3, "2026-01-03")
    assert known.accuracy_effect == -0.09
    assert [day.accuracy_effect for day in known.days] == [0, 0, -0.045, -0.09]
    assert [day.rows for day in known.days] == [5] * 4
    assert "become 'returns'" in known.what_happens


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_file_of_messages_is_known_as_synthetic_with_its_class(tmp_path, kind):
    histories.write(tmp_path / "new", "stable", days=2, rows_a_day=40, kind=kind)
    for file in ("train.csv", "2026-01-02.csv"):
        source = choose_source(tmp_path / "new" / file, tmp_path, 42)
        assert (source.synthetic, source.usual_target) == (True, kind.target)


@pytest.mark.parametrize("name", ["new-topic", "label-delay"])
def test_a_history_starts_on_any_day_with_the_same_messages(tmp_path, name):
    start = date(2024, 2, 27)
    usual = histories.write(tmp_path / "usual", name, days=4, rows_a_day=30)
    moved = histories.write(tmp_path / "moved", name, days=4, rows_a_day=30, start=start)
    assert [day.date for day in moved.days][-2:] == ["2024-02-29", "2024-03-01"]
    for there, here in zip(usual.days, moved.days, strict=True):
        before, after = (
            [[row["text"], row["tweet_id"]] for row in rows(tmp_path / folder / f"{day.date}.csv")]
            for folder, day in (("usual", there), ("moved", here))
        )
        assert before == after
    written = [row["created_at"] for row in rows(tmp_path / "moved" / "train.csv")]
    assert datetime.strptime(written[-1], TIME_FORMAT).date() == start - timedelta(days=1)


@pytest.mark.parametrize("name", ["new-topic", "label-delay"])
def test_the_same_arguments_give_the_same_bytes(tmp_path, name):
    for folder, seed in (("one", 7), ("two", 7), ("other", 8)):
        histories.write(tmp_path / folder, name, days=3, rows_a_day=30, seed=seed)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_each_message_is_labelled_once_or_never_one_to_ten_days_later(delayed):
    labels = [
        (path.name, row) for path in sorted(delayed.glob("labels-*.csv")) for row in rows(path)
    ]
    arrived = {
        row["tweet_id"]: row["created_at"] for file in EXPECTED for row in rows(delayed / file)
    }
    labelled_ids = [row["tweet_id"] for _, row in labels]
    assert len(set(labelled_ids)) == len(labelled_ids)
    assert set(labelled_ids) < set(arrived)
    assert len(labelled_ids) / len(arrived) == pytest.approx(0.95, abs=0.015)
    delays = Counter()
    for name, row in labels:
        came, wrote = (
            datetime.strptime(cell, TIME_FORMAT)
            for cell in (row["labelled_at"], arrived[row["tweet_id"]])
        )
        assert name == f"labels-{came.date()}.csv"
        delays[(came.date() - wrote.date()).days] += 1
    assert set(delays) == set(range(1, 11))
    assert min(delays.values()) > len(labels) / 15


def test_late_labels_are_those_the_messages_would_have_had(delayed, tmp_path):
    histories.write(tmp_path / "stable", "stable", DAYS)
    truth = {row["tweet_id"]: row for file in EXPECTED for row in rows(tmp_path / "stable" / file)}
    for path in delayed.glob("labels-*.csv"):
        assert all(
            row.items() - {("labelled_at", row["labelled_at"])} <= truth[row["tweet_id"]].items()
            for row in rows(path)
        )
    for file in EXPECTED:
        for row in rows(delayed / file):
            assert not row.keys() & {"topic", "urgency", "tone"}
            assert row.items() <= truth[row["tweet_id"]].items()


def test_labels_go_on_coming_after_the_last_day_and_only_when_there_are_any(delayed):
    dates = [date.fromisoformat(path.stem[7:]) for path in sorted(delayed.glob("labels-*.csv"))]
    assert dates == [date(2026, 1, 2) + timedelta(days=k) for k in range(DAYS + 9)]
    assert all(len(rows(path)) for path in delayed.glob("labels-*.csv"))


def test_a_day_is_a_file_that_the_monitor_can_read(tmp_path):
    histories.write(tmp_path, "small-days", days=1)
    columns = MessageColumns("text", "topic")
    (batch,) = labelled.batches(tmp_path / EXPECTED[0], columns)
    assert batch.labels == [row["topic"] for row in rows(tmp_path / EXPECTED[0])]


def test_the_command_ends_with_the_one_that_comes_next(capsys, tmp_path):
    folder = tmp_path / "my history"
    argv = ["--scenario", "sudden-drift", "--days", "6", "--rows-per-day", "20", "--out", folder]
    assert command.main(list(map(str, argv))) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "120 SYNTHETIC messages of 6 days (sudden-drift from 2026-01-05)" in line
    following = shlex.split(line.partition("Next: ")[2])
    assert following == ["python", "train.py", "--data", str(folder / "train.csv")]


def test_help_has_a_line_for_each_scenario():
    lines = command.build_parser().format_help().splitlines()
    for name, scenario in TOPICS.scenarios.items():
        assert [line.split(maxsplit=1) for line in lines if line.startswith(f"  {name} ")] == [
            [name, scenario.summary]
        ]


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        ("--scenario nope --days 3 --out DIR", "invalid choice: 'nope'"),
        ("--scenario stable --out DIR", "needs --days and --out"),
        ("--scenario stable --days 3", "needs --days and --out"),
        ("--scenario stable --days 0 --out DIR", "at least 1"),
        ("--scenario stable --days 9999999999 --out DIR", "1 to 3,650 days"),
        ("--scenario stable --days 3 --rows 5 --out DIR", "--rows-per-day"),
        ("--scenario stable --days 3 --change-day 2 --out DIR", "nothing changes"),
        ("--scenario slow-drift --days 3 --change-day 4 --out DIR", "not 4"),
        ("--scenario small-days --days 3 --rows-per-day 9 --out DIR", "its own rows"),
        ("--days 3 --out DIR", "--days needs --scenario"),
        ("--rows-per-day 3 --out DIR", "--rows-per-day needs --scenario"),
        ("--change-day 3 --out DIR", "--change-day needs --scenario"),
        ("--start 2026-01-01 --out DIR", "--start needs --scenario"),
        *(
            (f"--scenario stable --days 3 --start {day} --out DIR", "must be a date of 1970")
            for day in ("tomorrow", "2026-02-30", "0001-01-01", "9999-12-31")
        ),
    ],
)
def test_wrong_usage_is_one_line_and_leaves_nothing(capsys, tmp_path, argv, problem):
    with pytest.raises(SystemExit) as caught:
        sys.exit(command.main(argv.replace("DIR", str(tmp_path / "new")).split()))
    out, err = capsys.readouterr()
    assert (caught.value.code, out, len(err.splitlines())) == (2, "", 1)
    assert problem in err
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("out", "problem"),
    [("full", "not empty"), ("full/kept", "cannot make"), ("full/kept/below", "cannot make")],
)
def test_a_folder_that_cannot_take_a_history_is_one_line_and_keeps_its_files(
    capsys, tmp_path, out, problem
):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("mine")
    with pytest.raises(SystemExit) as caught:
        command.main(["--scenario", "stable", "--days", "2", "--out", str(tmp_path / out)])
    (line,) = capsys.readouterr().err.splitlines()
    assert caught.value.code == 3
    assert problem in line
    assert {path.name: path.read_text() for path in (tmp_path / "full").iterdir()} == {
        "kept": "mine"
    }
