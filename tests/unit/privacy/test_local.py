"""Drafts, the monitor's database and reports are gone through; other people's files are not."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scoring_helpers import make_model, plan, read, write

from common.errors import InputError
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.feed import Feed
from common.monitoring.history import JudgedWindow, WindowRecord
from common.monitoring.incidents.book import open_book
from common.privacy import local
from common.privacy.person import Person
from common.scoring import resume
from common.scoring.file import Options, score_file

TEXT = "my order and my refund are late"
ANN = Person(frozenset([TEXT]))


def go_through(root, *named, do_it=True, state=None):
    """In how many places of each file something was found."""
    found = local.output_files(root, named, [])
    places = local.places(root, named, found, state or root / "none.db", ANN)
    counts = {place.name.removeprefix(f"{root}/"): place.remove(do_it) for place in places}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("name", ["out.csv", resume.piece(Path("out.csv"), 7).name])
def test_a_draft_that_holds_a_message_goes_whole(tmp_path, name):
    for part, content in (("", f"1,{TEXT}\n"), ("-rejects", ""), ("-state", "{}")):
        (tmp_path / f".{name}.draft{part}").write_text(content)
    (tmp_path / ".other.csv.draft").write_text("1,fine\n")
    assert go_through(tmp_path, do_it=False) == {f".{name}.draft": 1}
    assert go_through(tmp_path) == {f".{name}.draft": 1}
    assert [path.name for path in tmp_path.iterdir()] == [".other.csv.draft"]


def test_a_draft_with_a_message_in_the_table_beside_it_goes_whole(tmp_path):
    for part, content in (
        ("", ""),
        ("-rejects", ""),
        ("-table", f"1,a,b,{TEXT}\n"),
        ("-state", "{}"),
    ):
        (tmp_path / f".out.csv.draft{part}").write_text(content)
    assert go_through(tmp_path) == {".out.csv.draft": 1}
    assert not list(tmp_path.iterdir())


def test_messages_whose_class_would_be_another_go_with_their_words(tmp_path):
    source = write(tmp_path / "in.csv", f"1,{TEXT},", "2,thank you,", "3,it is LOST!!,")
    job = plan(source, tmp_path / "out.csv")
    other = make_model("calm", 'odd, "very"', "angry", version=8)
    score_file(job, make_model(), Options(), other)
    before = read(job.flips)
    assert TEXT in [row[-1] for row in before]
    assert go_through(tmp_path) == {"out.csv": 1, "out.csv.flips.csv": 1}
    assert read(job.flips) == [row for row in before if row[-1] != TEXT]


def test_a_draft_that_a_run_is_writing_is_said_to_be_in_use(tmp_path):
    output = tmp_path / "out.csv"
    with resume.open_draft(output, tmp_path / "out.csv.rejects.csv", {}) as draft:
        draft.content.write(f"1,{TEXT}\n".encode())
        draft.content.flush()
        with pytest.raises(InputError, match="is being written by another run"):
            go_through(tmp_path)


def test_the_monitors_database_holds_it_no_more_not_even_in_free_pages(tmp_path):
    state = tmp_path / "monitor.db"
    now = datetime.now(UTC)
    with open_book(state) as book:
        for number in range(3):
            finding = Finding("data", Status.CRITICAL, f"saw: {TEXT}", detail={"words": [TEXT]})
            record = WindowRecord(f"w{number}", Status.OK, 1, 1, 1)
            judged = [JudgedWindow([finding], [finding], record)]
            book.record(Feed("triage"), 1, judged, now, ["https://hooks.example"])
    before = go_through(tmp_path, state=state, do_it=False)
    assert TEXT.encode() in state.read_bytes()
    assert go_through(tmp_path, state=state) == before == {"monitor.db": before["monitor.db"]}
    assert TEXT.encode() not in state.read_bytes()
    with open_book(state) as book:
        history = book.history(Feed("triage"), 1, "data")
        assert [result.finding.reason for result in history] == ["(removed)"] * 3
        assert book.incidents(Feed("triage"))
    with sqlite3.connect(state) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (1,)


def test_files_of_others_are_left_alone(tmp_path):
    written = {
        "notes.html": f"<p>{TEXT}</p>",
        "notes.json": f'["{TEXT}"]',
        "notes.txt": TEXT,
        "in.csv": f"text\n{TEXT}\n",
        "x.manifest.json": f'{{"text": "{TEXT}"}}',
        "deep/notes.html": f"<p>{TEXT}</p>",
    }
    (tmp_path / "deep").mkdir()
    for name, content in written.items():
        (tmp_path / name).write_text(content)
    assert go_through(tmp_path, tmp_path / "deep", tmp_path / "notes.html") == {}
    assert {name: (tmp_path / name).read_text() for name in written} == written


def test_labels_queues_and_kept_messages_of_the_server_lose_the_rows_and_other_tables_stay(
    tmp_path,
):
    (tmp_path / "captured").mkdir()
    labels = (
        "tweet_id,created_at,text,topic,prediction,model_version,labelled_by,source,request_id\n"
    )
    kept = "tweet_id,created_at,text,prediction,confidence,model_version,challenger_version,"
    kept += "challenger_prediction\n"
    asked = "why,inclusion_probability,copies"
    tables = {
        "labelled.csv": labels + f"1,,{TEXT},a,b,1,ann,page,r\n2,,fine,a,b,1,ann,page,r\n",
        "captured/2026-03-01.csv": kept + f"1,,{TEXT},a,.5,1,,\n2,,fine,a,.5,1,,\n",
        "queue.csv": f"id,text,topic,{asked}\n1,{TEXT},,random,.1,1\n2,fine,,random,.1,1\n",
        "mine.csv": f"id,text\n1,{TEXT}\n",
    }
    for name, content in tables.items():
        (tmp_path / name).write_text(content)
    found = go_through(tmp_path)
    assert found == {"labelled.csv": 1, "captured/2026-03-01.csv": 1, "queue.csv": 1}
    for name, content in tables.items():
        left = (tmp_path / name).read_text()
        assert ("fine" in left) == ("fine" in content)
        assert (TEXT in left) == (name == "mine.csv")
