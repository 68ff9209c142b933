"""A queue is only replaced if nothing that people filled in would be lost."""

import csv

import pytest

from common.data import split
from common.data.labelled_file import LabelColumns
from common.errors import InputError, SettingsError
from common.labelling.form import QueueColumns, QueuedMessage, write
from common.labelling.known import KnownLabels, LabelledMessage
from common.labelling.replaced import require_replaceable
from common.pipelines.labelling_request import AbsorbRequest, QueueRequest

ASKED = QueueColumns("id", "text", "time", "topic")
TEXTS = ("where is it?", "mail me: a.b@example.com")


@pytest.fixture
def queue(tmp_path):
    def make(*classes):
        rows = zip(TEXTS, classes, strict=True)
        messages = [QueuedMessage(text[:2], text, "random", label=given) for text, given in rows]
        write(tmp_path / "queue.csv", ASKED, messages)
        return tmp_path / "queue.csv"

    return make


def labelled(*pairs):
    texts, classes = zip(*pairs, strict=True)
    return KnownLabels(by_text=dict(zip(split.keys(texts).tolist(), classes, strict=True)))


def test_what_is_not_there_or_holds_no_class_is_replaced(queue, tmp_path):
    assert require_replaceable(tmp_path / "none.csv", ASKED, KnownLabels()) is None
    path = queue("", "n/a")
    before = path.read_bytes()
    assert require_replaceable(path, ASKED, KnownLabels()) is None
    assert path.read_bytes() == before, "it is only looked at"


def test_a_class_that_was_not_absorbed_is_not_lost(queue):
    path = queue("", "delivery")
    message = r"queue\.csv is a queue with a class .* \(row 3\): absorb it first, or name another"
    for there in (KnownLabels(), labelled((TEXTS[1], "billing"))):
        with pytest.raises(InputError, match=message) as refused:
            require_replaceable(path, ASKED, there)
        assert TEXTS[1] not in str(refused.value)


def test_a_queue_that_was_absorbed_is_replaced_whatever_else_is_known_of_its_texts(queue):
    path = queue("Delivery", "billing")
    keys = split.keys(TEXTS).tolist()
    first, second = map(LabelledMessage, ("delivery", "billing"), keys)
    by_id = {TEXTS[0][:2]: first, TEXTS[1][:2]: second}
    there = KnownLabels(by_id, {keys[0]: ""})  # people don't agree on it
    assert require_replaceable(path, ASKED, there) is None
    of_another_text = by_id | {TEXTS[0][:2]: LabelledMessage("delivery", keys[1])}
    for known in ({TEXTS[1][:2]: second}, of_another_text):
        with pytest.raises(InputError, match="row 2"):
            require_replaceable(path, ASKED, KnownLabels(known))


def test_a_class_that_the_queue_came_with_is_nobodys_work(tmp_path):
    text = TEXTS[0]
    untouched = QueuedMessage("1", text, "random", label="billing", label_now="billing")
    confirmed = QueuedMessage("1", text, "label_issue", label="billing", label_now="billing")
    corrected = labelled((text, "delivery"))
    write(tmp_path / "queue.csv", ASKED, [untouched])
    assert require_replaceable(tmp_path / "queue.csv", ASKED, corrected) is None
    write(tmp_path / "queue.csv", ASKED, [confirmed])
    with pytest.raises(InputError, match="row 2"):
        require_replaceable(tmp_path / "queue.csv", ASKED, corrected)


def test_a_file_of_labels_is_no_queue_nor_is_anything_else(tmp_path):
    path = tmp_path / "file.csv"
    for header in (LabelColumns("id", "time", "text", "topic").of_queues, ("id", "text", "topic")):
        with path.open("w", newline="") as file:
            csv.writer(file).writerow(header)
        with pytest.raises(InputError, match="is no queue of 'topic': name another file"):
            require_replaceable(path, ASKED, KnownLabels())


@pytest.mark.parametrize("place", ["queue.csv", "sub/../queue.csv", "."])
def test_a_queue_is_never_among_the_files_that_are_read(tmp_path, place):
    output = tmp_path / "queue.csv"
    (tmp_path / "sub").mkdir()
    with pytest.raises(SettingsError, match="among the files of labels"):
        QueueRequest(output, tmp_path / "sub", labelled=tmp_path / place)
    with pytest.raises(SettingsError, match="that it is drawn from"):
        QueueRequest(output, tmp_path / place)


def test_a_queue_does_not_go_into_itself(tmp_path):
    with pytest.raises(SettingsError, match="can't be the file of labels itself"):
        AbsorbRequest(tmp_path / "queue.csv", tmp_path / "sub" / ".." / "queue.csv")
