"""The book keeps windows, incidents and what has still to be delivered; or says why it can't."""

import math
import os
import resource
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data import sqlite
from common.errors import StoreError
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.feed import Feed
from common.monitoring.history import BoundedShare, JudgedWindow, WindowRecord
from common.monitoring.incidents import look as incident_look
from common.monitoring.incidents import tables
from common.monitoring.incidents.book import LEASE, open_book
from common.monitoring.incidents.tables import channel_key
from common.text import printable

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HOOK = "https://hooks.example.org/T0/secret-token"
MAIL = "mailto:ops@example.org"
FEED, OTHER = Feed("triage"), Feed("other")
VERSION = 3
STATUSES = {status.name[0]: status for status in Status}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "incidents.db"


@pytest.fixture
def book(path):
    with open_book(path) as book:
        yield book


def found(letter, name="accuracy", **detail):
    return Finding(name, STATUSES[letter], f"it is {letter}", detail=detail)


def window(name):
    """The record of a window, whatever it showed."""
    return WindowRecord(name, Status.OK, read=300, labelled=300, correct=270, version=VERSION)


def look(book, record, findings, at=START, channels=(), feed=FEED, **more):
    """A look at one window."""
    judged = [JudgedWindow(findings, findings, record)]
    return book.record(feed, VERSION, judged, at, channels, **more)


def record(book, letters, channels=(HOOK,), first=1, at=START, remind_hours=24):
    """One window an hour; gives what is told."""
    return [
        notice
        for number, letter in enumerate(letters, start=first)
        for notice in look(
            book,
            window(f"day {number}"),
            [found(letter)],
            at + number * HOUR,
            channels,
            remind_hours=remind_hours,
        )
    ]


def changes(notices):
    return [f"{notice.window.removeprefix('day ')} {notice.change}" for notice in notices]


def test_a_window_is_read_back_as_it_was_judged(book):
    finding = Finding(
        "accuracy",
        Status.WARNING,
        "why",
        value=0.1 + 0.2,
        lower=-1.0,
        upper=math.inf,
        limit=0.85,
        rows=7,
        detail={"words": ["é", "☃"]},
    )
    at = datetime(2026, 3, 1, 8, 0, 0, 123456, timezone(timedelta(hours=2)))
    look(book, window("2026-03-01"), [finding], at, [])
    (judged,) = book.history(FEED, VERSION, "accuracy")
    assert (judged.window, judged.finding, judged.at) == ("2026-03-01", finding, at)
    assert judged.at.tzinfo is UTC


def test_records_of_windows_are_read_back_in_their_order_and_replaced(book):
    whole = WindowRecord(
        "day 10",
        Status.CRITICAL,
        read=310,
        labelled=300,
        correct=200,
        accuracy=BoundedShare(2 / 3, 0.6, 0.7),
        estimate=BoundedShare(0.9, 0.85, 0.95),
        degradation=Status.WARNING,
        drift_warnings=("text", "confidence"),
        version=VERSION,
        floor=0.85,
        fitted=True,
    )
    for each in (window("day 10"), window("day 9"), whole):
        look(book, each, [found("O")], START, [])
    assert book.windows(FEED) == [window("day 9"), whole]
    assert book.windows(FEED, last=1) == [whole]
    assert book.windows(OTHER) == []


def test_what_was_not_measured_stays_nan(book):
    record(book, "U")
    finding = book.history(FEED, VERSION, "accuracy")[0].finding
    assert all(map(math.isnan, (finding.value, finding.lower, finding.upper, finding.limit)))


def test_windows_are_in_their_order_however_they_were_recorded(book):
    for name in ("rows 10", "rows 9", "rows 100", "2026-03-01", "2026-02-28", "rows 9"):
        look(book, window(name), [found("O")], START, [])
    in_order = ["2026-02-28", "2026-03-01", "rows 9", "rows 10", "rows 100"]
    assert [judged.window for judged in book.history(FEED, VERSION, "accuracy")] == in_order
    assert [j.window for j in book.history(FEED, VERSION, "accuracy", last=2)] == in_order[-2:]


def test_a_window_that_is_judged_again_replaces_what_it_showed(book):
    record(book, "UO")
    record(book, "C")
    statuses = [judged.finding.status.name[0] for judged in book.history(FEED, VERSION, "accuracy")]
    assert statuses == ["C", "O"]


def test_models_and_findings_have_histories_of_their_own(book):
    both = [found("C"), found("W", "text")]
    assert len(look(book, window("day 1"), both, START, [])) == 2
    assert not look(book, window("day 1"), [found("O")], feed=OTHER)
    assert len(book.history(FEED, VERSION, "text")) == 1
    assert not book.history(OTHER, VERSION, "text")
    assert {i.changes[0].finding for i in book.incidents(FEED)} == {"accuracy", "text"}
    assert not book.incidents(OTHER)


def test_changes_are_told_once_also_when_all_is_recorded_again(path, book):
    assert changes(record(book, "OWCOO")) == ["2 opened", "3 escalated", "5 recovered"]
    with open_book(path) as again:
        assert record(again, "OWCOO") == []
        assert changes(record(again, "C", first=6)) == ["6 opened"]
    reopened, before = book.incidents(FEED)[0], "recovered"
    assert [notice.change for notice in reopened.changes][-2:] == [before, "opened"]
    assert reopened.is_open


def test_settings_of_the_machine_are_passed_on(book):
    assert changes(record(book, "WW", remind_hours=0.5)) == ["1 opened", "2 reminded"]
    assert changes(record(book, "W", first=3, remind_hours=48)) == []


def test_an_older_window_is_no_occasion_to_remind(book):
    record(book, "WO")
    later = START + 9 * DAY
    assert not look(book, window("day 1"), [found("W")], later, [])
    assert changes(record(book, "O", first=3, at=later)) == ["3 recovered"]


def test_incidents_are_told_of_as_they_went_the_latest_first(book):
    record(book, "WOO" + "O" * 6 + "C")
    latest, first = book.incidents(FEED)
    assert [notice.change for notice in first.changes] == ["opened", "recovered"]
    assert latest.is_open
    assert latest.changes[0].detail == {}
    assert latest.to_json()["status"] == "CRITICAL"


def test_each_channel_is_claimed_until_it_has_taken_the_notice(path, book):
    (notice,) = record(book, "C", [HOOK, MAIL, HOOK])
    now = START + DAY
    with open_book(path) as other:
        to_hook, to_mail = book.claim(now)
        assert (to_hook.channel, to_mail.channel) == (channel_key(HOOK), channel_key(MAIL))
        assert to_hook.notice == to_mail.notice == notice
        assert other.claim(now) == book.claim(now) == []
        book.mark_delivered(to_hook, now)
        book.mark_failed(to_mail)
        assert other.claim(now) == [to_mail]
        other.mark_delivered(to_mail, now)
        assert book.claim(now + DAY) == []


def test_a_claim_is_free_again_after_its_lease(path, book):
    record(book, "C")
    now = START + DAY
    assert len(book.claim(now)) == 1
    with open_book(path) as other:
        assert not other.claim(now + LEASE - timedelta(seconds=1))
        (delivery,) = other.claim(now + LEASE)
        # The first comes back from a long sleep: the second is sending by now.
        book.mark_failed(delivery)
        assert not book.claim(now + LEASE + timedelta(seconds=1))
        book.mark_delivered(delivery, now)
        other.mark_failed(delivery)
        assert not other.claim(now + DAY)


def test_notices_are_claimed_in_their_order(book):
    told = record(book, "WCOO", [MAIL, HOOK])
    claimed = book.claim(START + 4 * DAY)
    assert [delivery.notice for delivery in claimed] == [n for n in told for _ in range(2)]
    first_two = [delivery.channel for delivery in claimed[:2]]
    assert first_two == [channel_key(MAIL), channel_key(HOOK)]


@pytest.mark.parametrize(("days", "claimed"), [(7, 1), (7.01, 0)])
def test_what_nobody_took_is_kept_for_a_week(book, days, claimed):
    (notice,) = record(book, "C")
    assert len(book.claim(notice.at + days * DAY)) == claimed


def test_growth_is_bounded(monkeypatch, path, book):
    monkeypatch.setattr(incident_look, "KEPT_WINDOWS", 4)
    record(book, "COOOOO")
    assert [j.window for j in book.history(FEED, VERSION, "accuracy")] == [
        f"day {k}" for k in (3, 4, 5, 6)
    ]
    look(book, window("day 1"), [found("C")], START + 6 * DAY, [])
    assert len(book.history(FEED, VERSION, "accuracy")) == 4
    assert len(book.windows(FEED)) == 4
    recovered = START + 3 * HOUR
    look(book, window("day 7"), [found("O")], recovered + 400 * DAY, [])
    assert len(book.incidents(FEED)) == 1
    look(book, window("day 7"), [found("O")], recovered + 400.01 * DAY, [])
    assert not book.incidents(FEED)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def test_addresses_are_not_in_the_file(path, book):
    record(book, "C", [HOOK, MAIL])
    assert len(book.claim(START + DAY)) == 2
    content = path.read_bytes()
    for secret in (b"secret-token", b"hooks.example", b"ops@"):
        assert secret not in content


names = st.text(st.characters(exclude_categories=()), max_size=20)


@given(names, names, names)
def test_whatever_names_hold_is_kept(model, name, day):
    finding = Finding(name, Status.CRITICAL, day, detail={"word": model})
    with tempfile.TemporaryDirectory() as folder, open_book(Path(folder) / "book.db") as book:
        feed = Feed(model)
        (notice,) = look(book, window(day), [finding], START, [day], feed)
        (delivery,) = book.claim(START)
        assert (delivery.channel, delivery.notice) == (channel_key(day), notice)
        (record,) = book.windows(feed)
        assert record == window(printable(day))
        (judged,) = book.history(feed, VERSION, name)
        assert judged.finding.detail == {"word": model}
        assert [incident.changes for incident in book.incidents(feed)] == [(notice,)]


def test_reading_makes_no_file(path, book):
    assert book.history(FEED, VERSION, "accuracy") == book.incidents(FEED) == []
    assert not path.exists()


def test_an_empty_file_becomes_a_book(path, book):
    """A process that was killed at its very start leaves one."""
    path.touch()
    assert book.history(FEED, VERSION, "accuracy") == []
    assert len(record(book, "C")) == 1


def test_what_fails_halfway_leaves_nothing(book):
    record(book, "O")
    bad = [found("C"), found("C", "text", share=math.nan)]
    with pytest.raises(ValueError, match="JSON"):
        look(book, window("day 2"), bad, START, [HOOK])
    assert len(book.history(FEED, VERSION, "accuracy")) == 1
    assert not book.claim(START)


def no_database(path):
    path.write_text("window,status\n" * 99)


def damaged(path):
    with open_book(path) as book:
        record(book, "COO" * 20)
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)


def changed_row(path):
    with open_book(path) as book:
        record(book, "C")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE findings SET status = 'FINE'")
        connection.execute("UPDATE notices SET facts = '[1'")


def dropped_table(path):
    with open_book(path) as book:
        record(book, "C")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE findings")
        connection.execute("DROP TABLE outbox")
        connection.execute("DROP TABLE notices")


def foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE experiments (name TEXT)")


def newer(path):
    with open_book(path) as book:
        record(book, "C")
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {tables.VERSION + 1}")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_database, "is not a SQLite database: restore it from a backup, or move it away"),
        (damaged, "is damaged: restore it from a backup, or move it away"),
        (changed_row, "a row that was never written so; restore it from a backup"),
        (dropped_table, "no such table"),
        (foreign, "is another program's database: name another file"),
        (newer, "was written by a newer version"),
        (Path.mkdir, "can't be opened: is its folder there"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda book: record(book, "O", first=2),
        lambda book: book.history(FEED, VERSION, "accuracy"),
        lambda book: book.incidents(FEED),
        lambda book: book.claim(START),
    ],
)
def test_an_unusable_file_is_refused_in_one_line_and_left_as_it_is(path, spoil, said, use):
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    with open_book(path) as book, pytest.raises(StoreError, match=said) as refused:
        use(book)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_missing_folder_is_named(tmp_path):
    with (
        open_book(tmp_path / "none" / "book.db") as book,
        pytest.raises(StoreError, match="folder"),
    ):
        record(book, "C")
    assert not (tmp_path / "none").exists()


def test_who_holds_the_file_for_too_long_is_not_waited_for(monkeypatch, path, book):
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    record(book, "C")
    book.close()
    with sqlite3.connect(path, isolation_level=None) as connection, open_book(path) as late:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="held by another process"):
            record(late, "O", first=2)
        connection.execute("COMMIT")
        record(late, "O", first=2)


def test_a_file_that_may_only_be_read_is_refused_for_writing_alone():
    """As another user, because root may write every file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.db"
        with open_book(path) as book:
            record(book, "C")
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        child = os.fork()
        if not child:
            code = 1
            try:
                if os.geteuid() == 0:
                    os.setuid(65534)
                with open_book(path) as book:
                    assert len(book.history(FEED, VERSION, "accuracy")) == 1
                    with pytest.raises(StoreError, match="can't be written: let this user"):
                        record(book, "O", first=2)
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        Path(folder).chmod(0o755)


def test_a_full_disk_is_named_and_leaves_what_was_there(path):
    with open_book(path) as book:
        record(book, "C")
    child = os.fork()
    if not child:
        code = 1
        try:
            size = path.stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            with open_book(path) as book, pytest.raises(StoreError, match="disk"):
                look(book, window("day 2"), [found("C", words="w" * size)], START, [HOOK])
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with open_book(path) as book:
        assert len(book.history(FEED, VERSION, "accuracy")) == 1
        assert len(record(book, "OO", first=2)) == 1
