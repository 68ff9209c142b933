"""What people filled in is checked, all at once, and goes to the file of labels, once."""

import csv
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from common.data import corrections
from common.data.files import lock_of
from common.data.labelled_file import LabelColumns
from common.errors import InputError
from common.labelling import answers, issues
from common.labelling.absorb import absorb
from common.labelling.form import QueueColumns, QueuedMessage, write
from common.labelling.known import labels_of
from common.labelling.stored import open_file
from common.masking import Disclosure
from serving.labelled_file import GivenLabel, LabelledFile

ASKED = QueueColumns("id", "text", "time", "topic", ("brand",))
COLUMNS = LabelColumns("id", "time", "text", "topic")
CLASSES = ("billing", "delivery")


def message(number, label="", why="random", **more):
    told = {"probability": 0.1, "copies": 2, "prediction": "billing"} | more
    return QueuedMessage(str(number), f"message {number}", why, label=label, **told)


@pytest.fixture
def queue(tmp_path):
    def make(*messages):
        write(tmp_path / "queue.csv", ASKED, messages)
        return tmp_path / "queue.csv"

    return make


@pytest.fixture
def into(tmp_path):
    return tmp_path / "labelled.csv"


def take_in(path, into, new_classes=False, mask=False):
    with open_file(into, COLUMNS) as stored:
        given = answers.read(path, ASKED, {*CLASSES, *stored.classes}, stored, new_classes)
        at = datetime(2026, 3, 1, tzinfo=UTC)
        return absorb(path, given, stored, ASKED, Disclosure(mask=mask), lambda: at)


def prefilled(number, label, **more):
    """A message that had a class when the queue was drawn, of which nobody has said more."""
    return message(number, label, label_now=label, **more)


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_labels_are_added_with_how_their_messages_were_drawn(queue, into):
    path = queue(message(1, "delivery", carried={"brand": "x"}), message(2, "Billing"), message(3))
    done = take_in(path, into)
    assert (done.added, done.blank, done.labelled) == (2, 1, 2)
    one, two = rows_of(into)
    assert (one["topic"], two["topic"], one["brand"]) == ("delivery", "billing", "x")
    assert (one["why"], one["copies"], one["time"]) == ("random", "2", "2026-03-01T00:00:00+00:00")
    # two of three were answered
    assert float(one["inclusion_probability"]) == pytest.approx(0.1 * 2 / 3)


def test_twice_adds_nothing_twice(queue, into):
    path = queue(message(1, "delivery"), message(2))
    take_in(path, into)
    before = into.read_bytes()
    done = take_in(path, into)
    assert (done.added, done.unchanged, into.read_bytes()) == (0, 1, before)


def test_a_message_that_two_queues_have_is_added_once(queue, into):
    """As where one was pasted below the other."""
    done = take_in(queue(message(1, "delivery"), message(1, "delivery")), into)
    assert (done.added, done.labelled, len(rows_of(into))) == (1, 1, 1)


def test_further_answers_change_what_the_first_ones_stand_for(queue, into):
    take_in(queue(message(1, "delivery"), message(2)), into)
    done = take_in(queue(message(1, "delivery"), message(2, "billing")), into)
    assert (done.added, done.unchanged, done.corrected) == (1, 1, 0)
    assert {row["inclusion_probability"] for row in rows_of(into)} == {"0.1"}


def test_each_reason_and_what_had_a_class_before_has_a_rate_of_its_own(queue, into):
    into.write_text("id,time,text,topic\nold,,message 9,billing\n")
    path = queue(
        *(message(n, "delivery", "uncertain", probability=1.0) for n in (1, 2)),
        *(message(5, "billing"), message(6), prefilled(9, "billing")),
    )
    take_in(path, into)
    found = {row["id"]: row["inclusion_probability"] for row in rows_of(into)}
    assert found == {"old": "", "1": "1", "2": "1", "5": "0.05", "9": "0.1"}


def without_label_now(path):
    """The queue as earlier releases wrote it."""
    rows = [{k: v for k, v in row.items() if k != "label_now"} for row in rows_of(path)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([list(rows[0]), *(row.values() for row in rows)])
    return path


def test_an_older_queue_tells_what_had_a_class_before_by_the_file_of_labels(queue, into):
    into.write_text("id,time,text,topic\nold,,message 9,billing\n")
    path = queue(message(5, "billing"), message(6), message(9, "billing"))
    take_in(without_label_now(path), into)
    found = {row["id"]: row["inclusion_probability"] for row in rows_of(into)}
    assert found == {"old": "", "5": "0.05", "9": "0.1"}
    before = into.read_bytes()
    take_in(path, into)
    assert into.read_bytes() == before


def test_an_older_queue_takes_no_correction_back_and_its_other_answers_count(queue, into):
    into.write_text(
        "id,time,text,topic,why\n"
        "issue-1,,message 1,delivery,label_issue\nother,,message 2,delivery,\n"
    )
    path = without_label_now(queue(message(1, "billing"), message(2, "billing"), message(3)))
    take_in(path, into)
    assert [(row["id"], row["topic"]) for row in rows_of(into)] == [
        ("issue-1", "delivery"),
        ("other", "delivery"),
        ("1", "delivery"),
        ("2", "billing"),
    ]
    before = into.read_bytes()
    take_in(path, into)
    assert into.read_bytes() == before


def test_what_was_labelled_before_says_nothing_of_how_many_have_answered_since(queue, into):
    """A queue of yesterday, all labelled, and half of what was drawn today."""
    yesterday = [message(n, "billing") for n in range(10)]
    take_in(queue(*yesterday), into)
    again = [prefilled(n, "billing") for n in range(10)]
    today = [message(n, "billing" if n % 2 else "") for n in range(10, 20)]
    take_in(queue(*again, *today), into)
    chances = [float(row["inclusion_probability"]) for row in rows_of(into)]
    assert chances == [0.1] * 10 + [0.05] * 5


@pytest.mark.parametrize("there", ["1,,message 1,delivery", "other,,MESSAGE 1,delivery"])
def test_what_was_corrected_since_the_queue_was_drawn_stays(queue, into, there):
    into.write_text(f"id,time,text,topic\n{there}\n")
    take_in(queue(prefilled(1, "billing")), into)
    row = rows_of(into)[-1]
    assert (row["id"], row["topic"], row["why"]) == ("1", "delivery", "random")


def test_a_class_of_before_that_somebody_changes_or_erases_is_not_taken(queue, into):
    into.write_text("id,time,text,topic\nother,,message 1,billing\nmore,,message 2,billing\n")
    changed = message(1, "delivery", label_now="billing")
    erased = message(2, "", label_now="billing")
    done = take_in(queue(changed, erased), into)
    assert (done.added, done.blank) == (1, 1)
    assert (rows_of(into)[-1]["id"], rows_of(into)[-1]["topic"]) == ("1", "delivery")


def test_labels_of_the_file_that_differ_are_no_conflict_but_a_new_one_is(queue, into):
    into.write_text("id,time,text,topic\n1,,hi,billing\n2,,HI,delivery\n")
    there = [
        QueuedMessage(id, text, "random", label=label, label_now=label, probability=0.1)
        for id, text, label in (("1", "hi", "billing"), ("2", "HI", "delivery"))
    ]
    assert take_in(queue(*there), into).unchanged == 2
    new = QueuedMessage("3", "Hi", "random", label="delivery", probability=0.1)
    assert "row 4: 'delivery', and the same text is 'billing'" in refused(queue(*there, new), into)


def test_a_correction_takes_the_place_of_the_label_before(queue, into):
    take_in(queue(message(1, "delivery"), message(2, "billing")), into)
    done = take_in(queue(message(1, "billing"), message(2, "billing")), into)
    assert (done.corrected, done.unchanged, done.labelled) == (1, 1, 2)
    assert [row["topic"] for row in rows_of(into)] == ["billing", "billing"]


def issue(label):
    return QueuedMessage("text-1", "MESSAGE 1", "label_issue", label=label, label_now="delivery")


def test_labels_are_counted_not_rows(queue, into):
    rows = "".join(f"{n},,message {n},\n" for n in range(10))
    into.write_text(f"id,time,text,topic\n{rows}")
    done = take_in(queue(message(1, "billing"), message(20, "billing"), message(2)), into)
    assert (done.added, done.corrected, done.labelled) == (2, 0, 2)
    assert len(rows_of(into)) == 11


def test_a_label_that_looked_wrong_is_corrected_wherever_the_text_is(queue, into):
    take_in(queue(message(1, "delivery"), message(2, "billing")), into)
    done = take_in(queue(issue("billing")), into)
    assert (done.corrected, done.added) == (1, 0)
    one, _, own = rows_of(into)
    assert (one["id"], one["topic"], one["why"]) == ("1", "billing", "random")
    assert one["inclusion_probability"] == "0.1"
    assert (own["topic"], own["why"], own["inclusion_probability"]) == (
        "billing",
        "label_issue",
        "",
    )
    before = into.read_bytes()
    assert take_in(queue(issue("billing")), into).unchanged == 1
    assert into.read_bytes() == before
    assert take_in(queue(issue("delivery")), into).corrected == 1
    assert [row["topic"] for row in rows_of(into)] == ["delivery", "billing", "delivery"]


def test_a_correction_holds_for_other_files_of_the_folder_too(queue, tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "tickets.csv").write_text("id,time,text,topic\n7,,message 1,delivery\n")
    take_in(queue(message(1, "delivery")), folder / "labelled.csv")
    take_in(queue(issue("billing")), folder / "labelled.csv")
    found = corrections.read(folder, "text", "topic")
    assert list(found.labels.values()) == ["billing"]
    known = labels_of(folder, "id", "text", "topic")
    assert set(known.by_text.values()) == {"billing"}
    assert known.by_id["7"].label == "billing"


@pytest.mark.parametrize("answer", ["delivery", "billing"], ids=["confirmed", "corrected"])
def test_who_has_looked_at_a_label_is_not_asked_again(queue, into, answer):
    listed = b"text,label,likeliest\nmessage 1,delivery,billing\n"
    take_in(queue(message(1, "delivery"), message(2, "billing")), into)
    (asked,) = issues.of_list(listed, 9, labels_of(into, "id", "text", "topic"), "1")
    take_in(queue(replace(asked, label=answer)), into)
    assert issues.of_list(listed, 9, labels_of(into, "id", "text", "topic"), "1") == []
    assert rows_of(into)[0]["why"] == "random"


@pytest.mark.parametrize("answer", ["delivery", "billing"], ids=["confirmed", "corrected"])
def test_who_looks_at_a_label_makes_no_day_without_messages(queue, into, answer):
    into.write_text("id,time,text,topic\n0,,message 1,delivery\n1,2026-01-12,message 1,delivery\n")
    take_in(queue(issue(answer)), into)
    assert [row["time"] for row in rows_of(into)] == ["", "2026-01-12", "2026-01-12"]


def test_a_label_that_looked_wrong_and_was_labelled_on_the_page_is_marked(queue, into):
    into.write_text("id,time,text,topic\ntext-1,,MESSAGE 1,billing\n")
    assert take_in(queue(issue("")), into).unchanged == 1
    assert [row["why"] for row in rows_of(into)] == ["label_issue"]


def test_a_correction_under_the_id_of_its_message_stays_when_that_is_labelled(queue, into):
    """As files of labels have it that earlier releases wrote."""
    take_in(queue(issue("billing")), into)
    drawn_now = QueuedMessage(
        "text-1", "message 1", "random", label="billing", label_now="billing", probability=0.1
    )
    assert take_in(queue(drawn_now), into).added == 1
    of_message, correction = rows_of(into)
    assert (of_message["id"], of_message["why"]) == ("text-1", "random")
    assert of_message["inclusion_probability"] == "0.1"
    assert (correction["id"], correction["why"]) == ("issue-text-1", "label_issue")
    before = into.read_bytes()
    assert take_in(queue(drawn_now), into).unchanged == 1
    assert into.read_bytes() == before
    assert take_in(queue(replace(drawn_now, label="delivery")), into).corrected == 1
    assert [row["topic"] for row in rows_of(into)] == ["delivery", "delivery"]


@pytest.mark.parametrize("mask", [False, True])
def test_an_issue_with_the_id_of_a_message_leaves_what_that_was_drawn_for(queue, into, mask):
    """As queues have it that earlier releases wrote."""
    text = "mail ann@example.org"
    of_message = QueuedMessage("text-1", text, "random", label="delivery", probability=0.1)
    take_in(queue(of_message), into, mask=mask)
    looked_at = QueuedMessage("text-1", text, "label_issue", label="billing", label_now="delivery")
    assert take_in(queue(looked_at), into, mask=mask).corrected == 1
    found = [(r["id"], r["topic"], r["why"], r["inclusion_probability"]) for r in rows_of(into)]
    assert found == [
        ("text-1", "billing", "random", "0.1"),
        ("issue-text-1", "billing", "label_issue", ""),
    ]
    before = into.read_bytes()
    assert take_in(queue(looked_at), into, mask=mask).unchanged == 1
    assert into.read_bytes() == before


def test_a_correction_of_a_text_that_is_elsewhere_is_added(queue, into):
    assert take_in(queue(issue("billing")), into).added == 1
    (row,) = rows_of(into)
    assert (row["why"], row["inclusion_probability"]) == ("label_issue", "")
    assert take_in(queue(issue("billing")), into).unchanged == 1


def test_a_later_label_of_the_text_is_not_overruled_by_a_correction(queue, into):
    take_in(queue(issue("billing")), into)
    take_in(queue(message(1, "delivery")), into)
    assert [(row["why"], row["topic"]) for row in rows_of(into)] == [
        ("label_issue", "delivery"),
        ("random", "delivery"),
    ]


def refused(path, into, **more):
    before = into.read_bytes() if into.exists() else None
    with pytest.raises(InputError) as error:
        take_in(path, into, **more)
    assert (into.read_bytes() if into.exists() else None) == before
    return str(error.value)


def test_all_that_is_wrong_is_told_at_once_with_its_row(queue, into):
    path = queue(
        message(1, "delivry"),
        message(2, "billing"),
        QueuedMessage("8", "Message 2", "random", label="delivery"),
        QueuedMessage("5.7E+17", "big", "random", label="delivery"),
        message(6, "billing", probability=7.0),
        message(7, "billing", copies="1,000"),
    )
    told = refused(path, into)
    assert told.startswith("queue.csv has 5 problems, nothing was written: ")
    assert "row 2: 'delivry' is not one of the classes billing, delivery (--new-classes" in told
    assert "row 4: 'delivery', and the same text is 'billing' in row 3" in told
    assert "row 5: a spreadsheet has rounded the id: fill in a copy" in told
    assert "5.7E+17" not in told  # nor an id
    assert "row 6: inclusion_probability should be a number between 0 and 1, and is '7'" in told
    assert "row 7: copies should be a whole number of messages, written without sep" in told
    assert "message 1" not in told  # no message is told


def test_hexadecimal_ids_are_no_rounded_numbers(queue, into):
    assert take_in(queue(message("3e104512", "billing")), into).added == 1


def test_many_copies_are_told_to_the_last_one(queue, into):
    take_in(queue(message(1, "billing", copies=1234567)), into)
    assert rows_of(into)[0]["copies"] == "1234567"


def test_new_classes_are_taken_where_that_is_said(queue, into):
    path = queue(message(1, "praise"))
    assert "praise" in refused(path, into)
    assert take_in(path, into, new_classes=True).added == 1
    assert take_in(path, into).unchanged == 1  # the file knows it now


def test_what_means_that_nobody_knows_is_no_class(queue, into):
    assert (
        take_in(queue(message(1, "?"), message(2, "n/a"), message(3, "billing")), into).blank == 2
    )


def test_an_id_of_another_message_is_refused(queue, into):
    take_in(queue(QueuedMessage("anna7", "hello", "random", label="billing")), into)
    path = queue(QueuedMessage("anna7", "something else", "random", label="billing"))
    told = refused(path, into)
    assert "row 2: the file of labels has another message with its id" in told
    assert "anna7" not in told


def test_a_masked_text_is_the_same_message(queue, into):
    path = queue(QueuedMessage("1", "mail ann@example.org", "random", label="billing"))
    take_in(path, into, mask=True)
    assert rows_of(into)[0]["text"] == "mail [mail]"
    assert take_in(path, into).unchanged == 1


def test_columns_that_are_missing_are_named(tmp_path, into):
    (tmp_path / "queue.csv").write_text("id,text,label\n1,hi,billing\n")
    told = refused(tmp_path / "queue.csv", into)
    assert "no column 'topic', 'why', 'inclusion_probability', 'copies'" in told


def test_a_file_that_a_spreadsheet_has_saved_is_read(queue, into):
    path = queue(message(1, "billing"))
    path.write_text(path.read_text().replace("0.1", '"0,1"').replace(",", ";"))
    path.write_text(path.read_text().replace('"0;1"', "0,1"), encoding="utf-8-sig")
    take_in(path, into)
    assert rows_of(into)[0]["inclusion_probability"] == "0.1"


def test_the_file_of_the_server_is_the_same_and_two_do_not_write_it_at_once(queue, into):
    server = LabelledFile(into, COLUMNS, 10_000, Disclosure())
    server.add(GivenLabel("s", "from the page", "delivery"))
    path = queue(message(1, "billing"), message(2, "delivery"))
    assert "in use by a server" in refused(path, into)
    server.close()
    take_in(path, into)
    again = LabelledFile(into, COLUMNS, 10_000, Disclosure())
    assert [again.label_of(id) for id in ("s", "1", "2")] == ["delivery", "billing", "delivery"]
    again.add(GivenLabel("1", "message 1", "delivery"))
    again.close()
    (row,) = [row for row in rows_of(into) if row["id"] == "1"]
    assert (row["topic"], row["why"]) == ("delivery", "random")
    assert take_in(path, into).corrected == 1


def test_labels_that_were_given_on_the_page_are_answers_too(queue, into):
    server = LabelledFile(into, COLUMNS, 10_000, Disclosure())
    server.add(GivenLabel("1", "message 1", "delivery", by="ann", source="labelling"))
    server.add(GivenLabel("2", "another message", "delivery", source="labelling"))
    server.close()
    done = take_in(queue(message(1), message(2), message(3), message(4)), into)
    assert (done.added, done.unchanged, done.blank) == (0, 1, 3)
    first, other = rows_of(into)
    assert (first["why"], first["inclusion_probability"]) == ("random", "0.025")
    assert (first["labelled_by"], first["source"]) == ("ann", "labelling")
    assert other["why"] == ""


def test_a_copy_of_before_takes_nothing_back(queue, into):
    take_in(queue(message(1, "billing"), message(2, "delivery")), into)
    before = into.read_bytes()
    take_in(queue(message(1, "billing"), message(2)), into)
    assert into.read_bytes() == before


def test_nothing_waits_for_a_lock_that_is_held(queue, into):
    with FileLock(lock_of(into)):
        assert "in use" in refused(queue(message(1, "billing")), into)


def killed_at(step, path, into):
    """Take labels in, in a process that kills itself at its step-th call that touches files."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    calls = 0

    def counted(call):
        def count(*args, **more):
            nonlocal calls
            calls += 1
            if calls == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **more)

        return count

    for name in ("write", "fsync", "open", "chmod", "close"):
        setattr(os, name, counted(getattr(os, name)))
    for name in ("open", "chmod", "replace", "mkdir"):
        setattr(Path, name, counted(getattr(Path, name)))
    take_in(path, into)
    os._exit(0)


@pytest.mark.slow
def test_who_is_killed_at_any_step_has_written_all_or_nothing(queue, into):
    into.write_text("id,time,text,topic\nold,,hello,billing\n")
    before = into.read_bytes()
    path = queue(*(message(n, "delivery") for n in range(50)))
    seen, status, step = [], 1, 0
    while status:
        step += 1
        into.write_bytes(before)
        status = killed_at(step, path, into)
        seen.append(len(rows_of(into)))
        assert status in (0, signal.SIGKILL)
        assert seen[-1] == 51 or into.read_bytes() == before
        assert take_in(path, into).labelled == 51
    assert step > 10
    assert set(seen) == {1, 51}
