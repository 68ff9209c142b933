import csv

import pytest

from common.data.column_guess import FoundColumns, guess_columns
from common.errors import InputError

UNKNOWN = FoundColumns("", None, None)
TEXTS = ["where is my order, please?", "thank you all for the help", "it is broken again and again"]


def write(path, **columns):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])
    return path


@pytest.fixture
def guess(tmp_path):
    def guess(likely=UNKNOWN, classes=(), **columns):
        found = guess_columns(write(tmp_path / "a.csv", **columns), likely, classes)
        return found.text, found.label, found.time

    return guess


ID, MOODS = ["571", "572", "573"], ["angry", "calm", "angry"]
DAYS = ["2026-03-01 10:00", "2026-03-02 10:00", ""]


def test_columns_are_found_by_their_names_and_content(guess):
    found = guess(ticket=ID, message_body=TEXTS, airline_sentiment=MOODS, opened=DAYS)
    assert found == ("message_body", "airline_sentiment", "opened")


def test_columns_are_found_by_content_alone(guess):
    assert guess(a=ID, b=TEXTS, c=DAYS) == ("b", None, "c")


def test_likely_columns_are_taken_if_they_are_there(guess):
    likely = FoundColumns("b", "c", "no such column")
    assert guess(likely, text=TEXTS, b=TEXTS, c=MOODS, label=MOODS, at=DAYS) == ("b", "c", "at")


def test_the_column_with_the_model_s_classes_is_that_of_the_classes(guess):
    columns = {"text": TEXTS, "label": ["x", "y", "x"], "mood": MOODS}
    assert guess(**columns)[1] == "label"
    assert guess(classes=["Angry", "calm", "sad"], **columns)[1] == "mood"


def test_numbers_are_times_only_if_the_name_says_so(guess):
    seconds = ["1509487847", "1509487848", "1509487849"]
    for ids in (seconds, ["30012.0", "30013.0", "30014.0"]):
        assert guess(ticket=ids, text=TEXTS)[2] is None
    assert guess(ticket=seconds, sent_at=seconds, text=TEXTS)[2] == "sent_at"


def test_dates_of_either_order_are_times(guess):
    for days in (["13/09/2026"] * 3, ["9/13/2026"] * 3):
        assert guess(day=days, text=TEXTS)[2] == "day"


def test_a_column_of_texts_or_of_one_value_holds_no_classes(guess):
    assert guess(text=TEXTS, label=["x"] * 3, topic=[text * 3 for text in TEXTS])[1] is None


def test_a_folder_is_judged_by_its_last_file(tmp_path):
    write(tmp_path / "1.csv", text=TEXTS)
    write(tmp_path / "2.csv", body=TEXTS)
    assert guess_columns(tmp_path, UNKNOWN).text == "body"


@pytest.mark.parametrize(
    ("columns", "problem"),
    [({"id": ID, "n": ID}, "no column that looks like messages"), ({"text": []}, "has no rows")],
)
def test_a_file_without_messages_is_refused(guess, columns, problem):
    with pytest.raises(InputError, match=problem):
        guess(**columns)
