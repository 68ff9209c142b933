"""Files of days that did not change are not read again, and nothing is judged otherwise."""

import csv
import json
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from common.data.columns import MessageColumns
from common.monitoring import source, summaries, windows
from common.monitoring.incidents.book import open_book
from common.monitoring.source import NOTHING_KNOWN
from common.monitoring.summaries import RECENT_WINDOWS, Summary
from common.pipelines.progress import no_progress

COLUMNS = MessageColumns("text", "mood", time="at", segment="brand")
FIRST = date(2026, 1, 1)
DAYS = RECENT_WINDOWS + 10
ROWS = 5
AT = datetime.fromisoformat("2026-03-01T06:00:00+00:00")


class Counting:
    """Says `Angry` of each text with an exclamation mark, and counts what it is asked."""

    classes_ = np.array(["Angry", "calm"], object)

    def __init__(self):
        self.asked = 0

    def predict_proba(self, texts):
        self.asked += len(texts)
        loud = np.array(["!" in text for text in texts.to_pylist()], bool)
        sure = np.where(loud, 0.9, 0.2)
        return np.column_stack([sure, 1 - sure]) if len(loud) else np.empty((0, 2))


def write(folder, day, rows=ROWS, text="fine", at=None):
    at = at or FIRST + timedelta(days=day)
    with (folder / f"{FIRST + timedelta(days=day)}.csv").open("w", newline="") as file:
        lines = [(f"{text} {k}{'!' * (k % 2)}", "calm", f"{at} 10:00", "x") for k in range(rows)]
        csv.writer(file).writerows([("text", "mood", "at", "brand"), *lines])


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "days"
    folder.mkdir()
    for day in range(DAYS):
        write(folder, day)
    return folder


def look(folder, known=NOTHING_KNOWN):
    """The windows, what was read of files, and how many messages were answered."""
    model = Counting()
    found = source.by_window(
        source.messages(folder, COLUMNS, windows.length("1d")),
        model,
        100,
        1,
        no_progress,
        known=known,
    )
    return found, model.asked


def kept(found):
    """As it comes back from the database."""
    return {
        path: Summary.from_json(json.loads(json.dumps(Summary(windows_of).to_json()))).windows
        for path, windows_of in found.read.items()
    }


def texts(window):
    return window.sample.select(["order", "text", "label", "confidence"]).to_pylist()


def without_texts(windows_of):
    """All that is counted."""
    return {
        name: (window.counts_json(), window.versus, window.newest_label.item())
        for name, window in windows_of.items()
    }


def test_only_files_of_recent_windows_are_read_again(folder):
    first, asked = look(folder)
    assert asked == DAYS * ROWS
    again, asked = look(folder, kept(first))
    assert asked == RECENT_WINDOWS * ROWS
    assert without_texts(again.windows) == without_texts(first.windows)
    recent = sorted(first.windows)[-RECENT_WINDOWS:]
    for name in recent:
        assert texts(again.windows[name]) == texts(first.windows[name])
    assert all(not len(window.sample) for n, window in again.windows.items() if n not in recent)


def test_a_file_that_is_new_has_all_files_of_its_windows_read(folder):
    known = kept(look(folder)[0])
    write(folder, DAYS, rows=3, text="late", at=FIRST)  # messages of the first day
    found, asked = look(folder, known)
    assert asked == (RECENT_WINDOWS + 1) * ROWS + 3
    assert found.windows[str(FIRST)].read == ROWS + 3
    assert len(found.windows[str(FIRST)].sample) == ROWS + 3
    assert without_texts(found.windows) == without_texts(look(folder)[0].windows)


def test_rows_without_a_time_are_read_each_time(folder):
    write(folder, 0, at="when?")
    first, _ = look(folder)
    again, asked = look(folder, kept(first))
    assert asked == (RECENT_WINDOWS + 1) * ROWS
    newest = str(FIRST + timedelta(days=DAYS - 1))
    assert again.windows[newest].undated == first.windows[newest].undated == ROWS


def test_a_key_changes_with_the_content_and_with_what_is_asked(folder):
    before = summaries.keys(folder, ["version 1", COLUMNS])
    assert before == summaries.keys(folder, ["version 1", COLUMNS])
    write(folder, 3, text="other")
    changed = {
        path.name
        for path, key in summaries.keys(folder, ["version 1", COLUMNS]).items()
        if before[path] != key
    }
    assert changed == {f"{FIRST + timedelta(days=3)}.csv"}
    other = summaries.keys(folder, ["version 2", COLUMNS])
    assert not set(other.values()) & set(before.values())


@pytest.mark.parametrize(("length", "can"), [("1d", True), ("file", False), ("500", False)])
def test_only_days_of_folders_are_kept(folder, length, can):
    assert summaries.can_be_kept(folder, windows.length(length)) is can
    assert not summaries.can_be_kept(next(folder.iterdir()), windows.length(length))


def test_the_book_keeps_what_is_used_and_no_text(folder, tmp_path):
    first, _ = look(folder)
    found = {
        str(k): Summary(w, frozenset({"2026-01-01"})) for k, w in enumerate(first.read.values())
    }
    path = tmp_path / "monitor.db"
    with open_book(path) as book:
        assert book.summaries(found) == {}
        book.keep_summaries(found, AT)
        back = book.summaries(["0", "1", "none"])
        assert back.keys() == {"0", "1"}
        assert without_texts(back["0"].windows) == without_texts(found["0"].windows)
        assert back["0"].fitted == {"2026-01-01"}
        book.keep_summaries({"1": found["1"]}, AT + timedelta(days=31))
        assert book.summaries(found).keys() == {"1"}
    assert b"fine" not in path.read_bytes()


def test_what_is_erased_from_the_book_leaves_no_summary(folder, tmp_path):
    first, _ = look(folder)
    with open_book(tmp_path / "monitor.db") as book:
        book.keep_summaries({"a": Summary(next(iter(first.read.values())))}, AT)
        book.rewrite(lambda text: text, commit=True)
        assert book.summaries(["a"]) == {}
