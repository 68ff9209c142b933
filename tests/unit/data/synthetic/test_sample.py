"""The sample between customers and brands, and the command that writes samples."""

import csv
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import ROOT
from common.data.synthetic.__main__ import main
from common.data.synthetic.inbound import INBOUND
from common.data.synthetic.messages import COLUMNS, generate
from common.data.synthetic.sample import FILE_NAME, write_sample


def rows_of(count, **options):
    return [row for block in generate(count, **options) for row in block]


@pytest.fixture(scope="module")
def messages():
    """The default sample, each row by the names of its columns."""
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows_of(10_000)]


def test_gives_exactly_the_rows_asked_for_and_the_same_ones_again():
    rows = [row for block in generate(12_001) for row in block]
    assert len(rows) == 12_001
    assert rows[:4_999] == [row for block in generate(4_999) for row in block]
    assert len({row[COLUMNS.index("tweet_id")] for row in rows}) == len(rows)


@given(st.integers(0, 3_000))
@settings(max_examples=10)
def test_a_smaller_sample_is_the_start_of_a_larger_one(messages, count):
    rows = [tuple(message.values()) for message in messages[:count]]
    assert rows_of(count) == rows


def test_another_seed_gives_other_messages():
    assert rows_of(100, seed=1) == rows_of(100, seed=1)
    assert rows_of(100, seed=1) != rows_of(100, seed=2)


def test_each_row_has_a_text_for_each_column(messages):
    assert all(isinstance(cell, str) for message in messages for cell in message.values())
    assert {message["inbound"] for message in messages} == {"True", "False"}
    assert all(message["text"].strip() for message in messages)


def test_an_answer_refers_to_the_message_before_it_of_someone_else(messages):
    by_id = {message["tweet_id"]: message for message in messages}
    answers = [message for message in messages if message["in_response_to_tweet_id"]]
    assert len(answers) > 1000
    for answer in answers:
        asked = by_id[answer["in_response_to_tweet_id"].removesuffix(".0")]
        assert asked["response_tweet_id"] == answer["tweet_id"]
        assert asked["inbound"] != answer["inbound"]
        assert asked["author_id"] != answer["author_id"]


def test_only_the_last_message_may_await_an_answer_that_is_cut_off(messages):
    known = {"", *(message["tweet_id"] for message in messages)}
    assert all(message["response_tweet_id"] in known for message in messages[:-1])


def sent(message):
    return datetime.strptime(message["created_at"], "%a %b %d %H:%M:%S %z %Y")


def test_messages_are_spread_over_some_weeks(messages):
    times = [sent(message) for message in messages]
    assert timedelta(weeks=2) < max(times) - min(times) < timedelta(weeks=7)
    assert len({time.date() for time in times}) > 14


def test_an_answer_comes_after_what_it_answers(messages):
    by_id = {message["tweet_id"]: message for message in messages}
    for message in messages[:1000]:
        if answered := message["in_response_to_tweet_id"].removesuffix(".0"):
            assert sent(message) > sent(by_id[answered])


def test_both_classes_have_a_sensible_share(messages):
    share = Counter(message["inbound"] for message in messages)["True"] / len(messages)
    assert 0.45 < share < 0.75


@pytest.mark.parametrize("text", ["NA", "null", "None"])
def test_some_texts_look_like_missing_values(messages, text):
    assert text in {message["text"] for message in messages}


@pytest.mark.parametrize(
    "pattern",
    [
        r"[\U0001f300-\U0001faff]",
        r"https://t\.co/\w+",
        r"^@\w+ ",
        r"^@\d+ ",
        r"#\w+",
        r"\n",
        r"&amp;",
        r"¿",
        r" -[A-Z]{2}$",
        r"\b[A-Z]{4,} [A-Z]{4,}\b",
        ",",
        "'",
    ],
)
def test_texts_have_what_real_messages_have(messages, pattern):
    found = sum(bool(re.search(pattern, message["text"])) for message in messages)
    assert 5 < found < len(messages)


def test_the_file_holds_the_rows_and_the_same_seed_gives_the_same_bytes(tmp_path):
    one, two = (write_sample(tmp_path / name / "new", rows=60, kind=INBOUND) for name in "ab")
    assert one.read_bytes() == two.read_bytes()
    with one.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert [tuple(row) for row in rows] == rows_of(60)


def test_the_command_writes_the_file_and_says_that_it_is_synthetic(tmp_path):
    command = [
        sys.executable,
        "-m",
        "common.data.synthetic",
        "--rows",
        "50",
        "--out",
        tmp_path / "new",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "SYNTHETIC" in done.stdout
    assert str(tmp_path / "new" / FILE_NAME) in done.stdout
    with (tmp_path / "new" / FILE_NAME).open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 51


@pytest.mark.parametrize(
    "argv",
    [
        *(["--rows", value] for value in ("0", "-5", "1.5", "many", "", "9" * 5000)),
        *(["--seed", value] for value in ("-1", "x")),
        ["--nope"],
    ],
    ids=lambda argv: " ".join(argv)[:12],
)
def test_wrong_usage_is_one_line(capsys, tmp_path, argv):
    with pytest.raises(SystemExit) as caught:
        sys.exit(main(["--out", str(tmp_path), *argv]))
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    assert not out
    assert len(err.splitlines()) == 1
    assert argv[0] in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["a_file", "a_file/below"])
def test_a_folder_that_cannot_be_made_is_one_line(capsys, tmp_path, out):
    (tmp_path / "a_file").write_text("kept")
    with pytest.raises(SystemExit) as caught:
        sys.exit(main(["--rows", "5", "--out", str(tmp_path / out)]))
    assert caught.value.code not in (0, None)
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert (tmp_path / "a_file").read_text() == "kept"
