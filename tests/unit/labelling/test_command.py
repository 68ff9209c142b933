"""The commands, from flags and settings to files."""

import csv
import shlex
from pathlib import Path

import pytest

from common.errors import InputError
from common.labelling.__main__ import build_parser, main
from common.settings import Settings
from common.settings_reader import load

SCORED = ["id", "text", "prediction", "confidence"]


def write(path, header, rows, encoding="utf-8"):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([header, *rows])
    return path


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def run(tmp_path):
    def run(command, *words):
        none = f"sqlite:///{tmp_path}/none.db"  # nobody has trained
        flags = ("--mlflow-tracking-uri", none, "--target-column", "topic", "--id-column", "id")
        args = build_parser().parse_args([command, *map(str, words), *flags])
        given = {field: vars(args)[field] for field in Settings.model_fields if field in vars(args)}
        return main(args, load(given, Path("none")))

    return run


@pytest.fixture
def customers_form(monkeypatch):
    """Settings that say what the files of messages look like: no file that we write does."""
    for name, value in (("ENCODING", "cp1252"), ("DELIMITER", ";"), ("HEADER", "number,words")):
        monkeypatch.setenv(name, value)


@pytest.fixture
def scored(tmp_path):
    rows = [[n, f"Grüße {n}", "billing", 0.5] for n in range(4)]
    return write(tmp_path / "scored.csv", SCORED, rows)


def fill_in(path, encoding="utf-8"):
    rows = [row | {"topic": "billing"} for row in rows_of(path)]
    write(path, rows[0], [row.values() for row in rows], encoding)


@pytest.mark.usefixtures("customers_form")
def test_what_our_tools_wrote_is_read_as_they_wrote_it(run, scored, tmp_path):
    queue, into = tmp_path / "queue.csv", tmp_path / "labelled.csv"
    run("queue", scored, "-o", queue, "--labelled", into)
    fill_in(queue)
    run("absorb", queue, "--into", into)
    assert sorted(row["text"] for row in rows_of(into)) == [f"Grüße {n}" for n in range(4)]


@pytest.mark.usefixtures("customers_form")
def test_a_queue_that_was_saved_in_another_form_is_read_by_the_flags(run, scored, tmp_path):
    queue, into = tmp_path / "queue.csv", tmp_path / "labelled.csv"
    run("queue", scored, "-o", queue, "--labelled", into)
    fill_in(queue, "cp1252")
    run("absorb", queue, "--into", into, "--encoding", "cp1252")
    assert sorted(row["text"] for row in rows_of(into)) == [f"Grüße {n}" for n in range(4)]


def test_a_queue_of_what_is_labelled_elsewhere_already_is_written_and_taken_in(
    run, scored, tmp_path, capsys
):
    queue, into = tmp_path / "queue.csv", tmp_path / "labelled.csv"
    rows = [[f"x{n}", "", f"Grüße {n}", "billing"] for n in range(4)]
    write(into, ["id", "created_at", "text", "topic"], rows)
    run("queue", scored, "-o", queue, "--labelled", into)
    assert "There is nothing to fill in; then" in capsys.readouterr().out
    assert {row["topic"] for row in rows_of(queue)} == {"billing"}
    run("absorb", queue, "--into", into)
    assert [row["why"] for row in rows_of(into)] == [""] * 4 + ["random"] * 4


def test_a_file_without_answers_is_told_apart_from_one_that_is_labelled(run, tmp_path):
    scored = write(tmp_path / "scored.csv", SCORED, [[n, "hi", "", ""] for n in range(4)])
    said = "of 4 rows 4 have no text or no prediction, 0 can't be read, 0 are labelled already"
    with pytest.raises(InputError, match=said):
        run("queue", scored, "-o", tmp_path / "queue.csv", "--labelled", tmp_path / "l.csv")


def test_the_next_command_takes_the_queue_in_as_it_was_made(run, scored, tmp_path, capsys):
    queue, into = tmp_path / "my queue.csv", tmp_path / "topics.csv"
    run("queue", scored, "-o", queue, "--labelled", into, "--model-name", "other")
    fill_in(queue)
    command = capsys.readouterr().out.strip().rpartition("common.labelling ")[2]
    run(*shlex.split(command))
    assert len(rows_of(into)) == 4
    assert "--target-column topic --id-column id --model-name other" in command


def test_messages_whose_text_was_edited_since_they_were_labelled_are_told(
    run, scored, tmp_path, capsys
):
    into = write(tmp_path / "l.csv", ["id", "text", "topic"], [["1", "before", "billing"]])
    run("queue", scored, "-o", tmp_path / "queue.csv", "--labelled", into)
    told = "Of 4 rows left out: 1 with the id of another labelled message.\n"
    assert told in capsys.readouterr().out
