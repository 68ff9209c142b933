"""Classes of a file of their own are found by the identifier of a message."""

import pyarrow as pa
import pytest

from common.data import label_file
from common.data.columns import message_columns
from common.data.labelled import read_split
from common.data.reading import Reading
from common.errors import InputError, MissingColumn, SettingsError

ROWS = [f"m{k},message number {k} of {k % 7}" for k in range(60)]


def write(path, head, *rows):
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def labels(tmp_path):
    """Of the first fifty messages, in another order; one is repeated, one has two, one is blank."""
    filed = [f"m{k},{('good', 'bad')[k % 2]}" for k in reversed(range(50))]
    more = ["m3,bad", "m4,bad", "x9,good", "m59, "]
    return write(tmp_path / "labels.csv", "id,mood", *filed, *more)


def test_the_last_label_of_an_identifier_counts_and_contradictions_are_counted(labels):
    filed = label_file.read(labels, "id", "mood", None)
    found, _ = filed.find(pa.array(["m0", "m4", "m59", "", "m1"], pa.large_string()))
    assert found.tolist() == ["good", "bad", "", "", "bad"]
    assert (filed.repeated, filed.contradicting) == (2, 1)


def test_messages_without_a_label_are_left_out_and_counted(labels, tmp_path):
    path = write(tmp_path / "a.csv", "id,text", *ROWS)
    columns = message_columns("text", "mood", "file", labels_path=labels, identifier="id")
    train, holdout, counts = read_split(path, columns, 20)
    assert (counts.used, counts.unlabelled, len(train) + len(holdout)) == (50, 10, 50)
    sides = (train, holdout)
    by_text = {t: c for side in sides for t, c in zip(side.texts, side.labels, strict=True)}
    assert by_text["message number 4 of 4"] == "bad"
    assert by_text["message number 0 of 0"] == "good"
    assert label_file.unknown(columns.filed, path, "id") == 1


def test_identifiers_are_compared_as_they_are_written(tmp_path):
    filed = label_file.read(write(tmp_path / "l.csv", "id,mood", "007,a"), "id", "mood", None)
    assert filed.find(pa.array(["7", "007"], pa.large_string()))[0].tolist() == ["", "a"]


def test_a_blank_identifier_joins_nothing_and_is_told(tmp_path, caplog):
    rows = ("m1,good", ",bad", "  ,bad")
    filed = label_file.read(write(tmp_path / "l.csv", "id,mood", *rows), "id", "mood", None)
    found, _ = filed.find(pa.array(["m1", "", "   "], pa.large_string()))
    assert found.tolist() == ["good", "", ""]
    assert "l.csv: 2 labels have no id, and are left out." in caplog.text


def test_the_form_of_the_labels_is_found_out_whatever_that_of_the_messages(tmp_path):
    labels = write(tmp_path / "l.csv", "id;mood", *(f"m{k};{'ab'[k % 2]}" for k in range(60)))
    messages = write(tmp_path / "a.txt", *(row.replace(",", "|") for row in ROWS))
    columns = message_columns("text", "mood", "file", labels_path=labels, identifier="id")
    form = Reading(delimiter="|", header=("id", "text"))
    _, _, counts = read_split(messages, columns, 20, form)
    assert (counts.used, counts.unlabelled) == (60, 0)


@pytest.mark.parametrize(
    ("filed", "says"),
    [
        (["x1,good", "x2,bad"], "are LABELS_PATH and ID_COLUMN right"),
        (["m1,good", "m2,good"], "Are LABELS_PATH, ID_COLUMN and TARGET_COLUMN right"),
    ],
)
def test_labels_that_teach_nothing_are_asked_about_by_their_settings(tmp_path, filed, says):
    labels = write(tmp_path / "l.csv", "id,mood", *filed)
    messages = write(tmp_path / "a.csv", "id,text", *ROWS)
    columns = message_columns("text", "mood", "file", labels_path=labels, identifier="id")
    with pytest.raises(InputError, match=says):
        read_split(messages, columns, 20)


def test_a_rule_that_finds_one_class_is_asked_about_and_no_column(tmp_path):
    messages = write(tmp_path / "a.csv", "id,text", *ROWS)
    with pytest.raises(InputError, match="another rule than LABEL_WITH=critical") as caught:
        read_split(messages, message_columns("text", "mood", "critical"), 20)
    assert "TARGET_COLUMN" not in str(caught.value)


def test_blanks_around_identifiers_do_not_matter(tmp_path):
    labels = write(tmp_path / "l.csv", "id,mood", " m1 ,good", "m2,bad")
    filed = label_file.read(labels, "id", "mood", None)
    found, _ = filed.find(pa.array(["m1", "m2\t"], pa.large_string()))
    assert found.tolist() == ["good", "bad"]
    assert label_file.unknown(filed, write(tmp_path / "a.csv", "id,text", "m1 ,x"), "id") == 1


def test_a_file_without_the_columns_is_refused(labels, tmp_path):
    with pytest.raises(SettingsError, match="LABELS_PATH"):
        message_columns("text", "mood", "file", identifier="id")
    with pytest.raises(MissingColumn, match="Set ID_COLUMN"):
        message_columns("text", "mood", "file", labels_path=labels, identifier="tweet_id")
    with pytest.raises(MissingColumn, match="Set TARGET_COLUMN"):
        message_columns("text", "topic", "file", labels_path=labels, identifier="id")
