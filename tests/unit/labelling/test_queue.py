import csv

import pytest

from common.data import split
from common.data.reader import MessageFile
from common.errors import InputError, MissingColumn
from common.labelling import form
from common.labelling.form import QueueColumns
from common.labelling.known import KnownLabels, LabelledMessage, labels_of
from common.labelling.novelty import NovelWords
from common.labelling.queue import Asked, ScoredColumns, draw_queue
from common.masking import mask
from common.models import text

COLUMNS = ScoredColumns("text", "prediction", "confidence", id="id", carried=("route",))
HEADER = ["id", "text", "route", "prediction", "confidence"]


def write(path, rows, header=HEADER):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def scored(tmp_path):
    rows = [[n, f"message {n % 300}", "auto", "a", (n % 300) / 300] for n in range(900)]
    return write(tmp_path / "scored.csv", [*rows, ["x", " ", "auto", "", ""]])


def drawn(path, random=10, hard=10, seed=1, known=KnownLabels(), **more):  # noqa: B008
    return draw_queue(path, COLUMNS, Asked(random, hard, seed), known, **more)


def test_a_text_is_asked_for_once_with_its_copies(scored):
    queue = drawn(scored)
    assert len({message.text for message in queue.messages}) == 20
    assert {message.copies for message in queue.messages} == {3}
    assert (queue.read, queue.blank, queue.count("random")) == (901, 1, 10)
    hard = {m.text for m in queue.messages if m.why == "uncertain"}
    assert hard == {f"message {n}" for n in range(10)}
    assert {m.probability for m in queue.messages if m.why == "uncertain"} == {1.0}
    stands_for = sum(m.copies / m.probability for m in queue.messages if m.why == "random")
    assert stands_for == pytest.approx(900 - 30)


def test_texts_that_hardly_differ_are_one(tmp_path):
    texts = ["Where is it?", "@a where  is IT?", "where is it? https://t.co/x", "thanks"]
    rows = [[n, one, "auto", "a", 0.5] for n, one in enumerate(texts)]
    queue = drawn(write(tmp_path / "a.csv", rows))
    assert sorted(message.copies for message in queue.messages) == [1, 3]


def test_the_same_seed_gives_the_same_queue_and_another_one_another(scored):
    assert drawn(scored) == drawn(scored)
    assert drawn(scored) != drawn(scored, seed=2)


def test_the_parts_of_a_folder_are_one_file(scored, tmp_path):
    with MessageFile(scored) as messages:
        rows = [list(row.values()) for chunk in messages for row in chunk.table.to_pylist()]
    folder = tmp_path / "parts"
    folder.mkdir()
    write(folder / "a.csv", rows[:400])
    write(folder / "b.csv", rows[400:])
    assert drawn(folder) == drawn(scored)


def test_the_order_says_nothing_of_why(scored):
    whys = [message.why for message in drawn(scored, random=50, hard=50).messages]
    assert 15 < whys[:50].count("random") < 35


def key_of(text):
    (key,) = split.keys([text]).tolist()
    return key


def test_texts_that_a_queue_asked_for_as_hard_are_not_asked_for_again(scored):
    known = KnownLabels({"5": LabelledMessage("a", key_of("message 5"), "uncertain", 1.0)})
    queue = drawn(scored, random=300, hard=0, known=known)
    assert queue.labelled == 3  # with its copies
    assert "message 5" not in {message.text for message in queue.messages}


def test_a_label_of_the_page_stands_for_its_copies_if_it_is_drawn_and_is_not_hard(scored):
    known = KnownLabels({"305": LabelledMessage("b", key_of("message 5"))})
    queue = drawn(scored, random=300, hard=0, known=known)
    assert queue.labelled == 0
    (found,) = [message for message in queue.messages if message.text == "message 5"]
    assert (found.id, found.label, found.copies) == ("305", "b", 3)
    hard = {m.text for m in drawn(scored, known=known).messages if m.why == "uncertain"}
    assert hard == {f"message {n}" for n in range(11) if n != 5}


def test_copies_that_were_hard_in_one_file_and_random_in_another_count_once(tmp_path):
    for day in ("a", "b"):
        rows = [
            [f"{day}{n}", "thanks" if n < 5 else f"{day} {n}", "auto", "a", 1] for n in range(9)
        ]
        write(tmp_path / f"{day}.csv", rows)
    key = key_of("thanks")
    hard, random = (
        LabelledMessage("a", key, *how) for how in (("uncertain", 1.0), ("random", 0.3))
    )
    queue = drawn(tmp_path, random=3, hard=0, known=KnownLabels({"a1": hard, "b1": random}))
    found = [message for message in queue.messages if message.text == "thanks"]
    assert {(message.id, message.copies) for message in found} == {("a1", 5), ("b1", 5)}


def test_a_text_that_was_labelled_elsewhere_counts_and_has_its_class(scored, tmp_path):
    labelled = write(tmp_path / "l.csv", [["other", "MESSAGE 0", "a"]], ["id", "text", "topic"])
    known = labels_of(labelled, "id", "text", "topic")
    queue = drawn(scored, random=290, hard=10, known=known)
    assert [m.label for m in queue.messages if m.text == "message 0"] == ["a"]
    assert queue.filled == 1
    assert "message 0" not in {m.text for m in queue.messages if m.why == "uncertain"}


def test_what_was_drawn_at_random_before_comes_along_with_its_class(scored, tmp_path):
    """Both draws are one, so that a file can be drawn from week by week."""
    first = drawn(scored)
    rows = [[one.id, one.text, "a", one.why, one.probability] for one in first.messages]
    header = ["id", "text", "topic", "why", "inclusion_probability"]
    labelled = write(tmp_path / "l.csv", rows, header)
    known = labels_of(labelled, "id", "text", "topic")
    second = drawn(scored, known=known)
    before = {message.id for message in first.messages if message.why == "random"}
    assert {message.id for message in second.messages if message.label} == before
    assert (second.count("random"), second.count("uncertain")) == (20, 10)
    assert second.labelled == 30  # the hard ones, with their copies
    chances = [{m.probability for m in q.messages if m.why == "random"} for q in (first, second)]
    assert min(chances[1]) > max(chances[0])
    stands_for = sum(m.copies / m.probability for m in second.messages if m.why == "random")
    assert stands_for == pytest.approx(900 - 30 - 30)


def test_labels_on_which_people_do_not_agree_fill_nothing_in(tmp_path):
    rows = [["1", "hi", "a"], ["2", "HI", "b"], ["3", "yes", ""]]
    known = labels_of(write(tmp_path / "l.csv", rows, ["id", "text", "t"]), "id", "text", "t")
    assert set(known.by_text.values()) == {""}
    assert [known.by_id[id].label for id in ("1", "2")] == ["a", "b"]


def edited(path, count):
    """The first messages are labelled, with texts that they have no more."""
    rows = [[n, f"good morning {n}", "a"] for n in range(count)]
    labelled = write(path / "l.csv", rows, ["id", "text", "topic"])
    return labels_of(labelled, "id", "text", "topic")


def test_a_message_that_was_edited_since_it_was_labelled_is_left_out_and_counted(scored, tmp_path):
    queue = drawn(scored, random=10, hard=0, known=edited(tmp_path, 300))
    assert (queue.read, queue.blank, queue.id_taken) == (901, 1, 300)
    assert min(int(message.id) for message in queue.messages) >= 300
    assert {message.copies for message in queue.messages} == {2}
    stands_for = sum(message.copies / message.probability for message in queue.messages)
    assert stands_for == pytest.approx(600)


def test_ids_that_start_again_each_day_are_refused_before_anybody_labels(scored, tmp_path):
    message = r"scored\.csv: 451 messages, more than half, .* Let ID_COLUMN name"
    with pytest.raises(InputError, match=message) as refused:
        drawn(scored, known=edited(tmp_path, 451))
    assert "morning" not in str(refused.value)
    assert drawn(scored, known=edited(tmp_path, 450)).id_taken == 450


def test_an_id_whose_text_differs_by_case_alone_is_that_message(scored, tmp_path):
    labelled = write(tmp_path / "l.csv", [["7", "MESSAGE 7", "a"]], ["id", "text", "topic"])
    queue = drawn(scored, random=900, known=labels_of(labelled, "id", "text", "topic"))
    assert queue.id_taken == 0
    assert [one.label for one in queue.messages if one.id == "7"] == ["a"]


def test_messages_that_are_stored_with_masks_are_known_by_their_ids(tmp_path):
    texts = [f"@ann where is {n}? see https://t.co/x" for n in range(20)]
    rows = [[n, text, "auto", "a", 0.5] for n, text in enumerate(texts)]
    scored = write(tmp_path / "scored.csv", rows)
    masked = [[n, mask(text), "b", "random", 0.5] for n, text in enumerate(texts[:3])]
    header = ["id", "text", "topic", "why", "inclusion_probability"]
    known = labels_of(write(tmp_path / "l.csv", masked, header), "id", "text", "topic")
    queue = drawn(scored, random=5, hard=0, known=known)
    assert {message.id for message in queue.messages if message.label == "b"} == {"0", "1", "2"}
    assert len(queue.messages) == 8


def test_labels_of_another_target_are_none(tmp_path):
    path = write(tmp_path / "l.csv", [["1", "hi", "a"]], ["id", "text", "topic"])
    assert labels_of(path, "id", "text", "urgency") == KnownLabels()
    assert labels_of(tmp_path / "none.csv", "id", "text", "urgency") == KnownLabels()


class Knows:
    def unknown_words(self, texts):
        return text.unknown_words(texts, {"message", *map(str, range(300))})


def test_messages_with_words_that_others_use_too_and_the_model_does_not_know_are_novel(tmp_path):
    rows = [[n, f"message {n}", "auto", "a", 0.9] for n in range(100)]
    rows += [[f"n{n}", f"parcel message {n}", "auto", "a", 0.9] for n in range(5)]
    rows += [[f"t{n}", f"typo{'z' * n}q message", "auto", "a", 0.9] for n in range(5)]
    queue = drawn(write(tmp_path / "a.csv", rows), hard=10, words=NovelWords(Knows()))
    novel = {message.text for message in queue.messages if message.why == "novel"}
    assert novel == {f"parcel message {n}" for n in range(5)}
    assert queue.count("uncertain") == 5


def test_a_queue_reads_back_as_it_was(scored, tmp_path):
    columns = QueueColumns("id", "text", None, "topic", ("route",))
    queue = drawn(scored)
    form.write(tmp_path / "queue.csv", columns, queue.messages)
    with MessageFile(tmp_path / "queue.csv") as messages:
        rows = [row for chunk in messages for row in chunk.table.to_pylist()]
    assert list(rows[0]) == columns.all
    assert [row["text"] for row in rows] == [message.text for message in queue.messages]
    assert {row["topic"] for row in rows} == {""}


def test_a_part_that_lacks_a_column_is_named(tmp_path):
    write(tmp_path / "a.csv", [["1", "hi", "auto", "a", 1]])
    write(tmp_path / "b.csv", [["1", "hi"]], ["id", "text"])
    with pytest.raises(MissingColumn, match=r"b\.csv"):
        drawn(tmp_path)


def test_the_same_messages_are_drawn_wherever_they_stand_in_a_file(scored, tmp_path):
    with MessageFile(scored) as messages:
        rows = [list(row.values()) for chunk in messages for row in chunk.table.to_pylist()]
    turned = write(tmp_path / "turned.csv", rows[::-1])
    assert drawn(turned).messages == drawn(scored).messages


def test_copies_of_a_text_without_ids_are_one_draw(tmp_path):
    rows = [[f"message {n % 50}", "a", 1] for n in range(500)]
    path = write(tmp_path / "a.csv", rows, ["text", "prediction", "confidence"])
    asked = Asked(random=10, hard=0, seed=1)
    queue = draw_queue(
        path, ScoredColumns("text", "prediction", "confidence"), asked, KnownLabels()
    )
    chances = [message.probability for message in queue.messages]
    assert chances == pytest.approx([10 / 50] * 10)
