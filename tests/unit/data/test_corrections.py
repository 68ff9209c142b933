"""A label that people have corrected wins over the one before, wherever its text is."""

import pytest

from common.data import corrections
from common.data.columns import MessageColumns, with_corrections
from common.data.labelled import batches

COLUMNS = MessageColumns("text", "mood")
HEAD = "text,mood,why,inclusion_probability\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.csv").write_text("text,mood\nit is late,good\nfine,good\n@x It is LATE,\n")
    (tmp_path / "labelled.csv").write_text(
        f"{HEAD}it is late,bad,label_issue,\nfine,other,random,0.5\nx,,label_issue,\n"
    )
    return tmp_path


def labels_of(path, columns=COLUMNS):
    return {t: n for b in batches(path, columns) for t, n in zip(b.texts, b.labels, strict=True)}


def test_what_is_trained_on_has_the_corrected_label_and_no_row_more(folder):
    assert labels_of(folder / "a.csv") == {"it is late": "good", "fine": "good"}
    rows = [row for batch in batches(folder, COLUMNS) for row in batch.labels]
    assert rows == ["bad", "good", "bad", "other"]


def test_the_last_correction_of_a_text_counts(folder):
    (folder / "labelled2.csv").write_text(f"{HEAD}It is late,worse,label_issue,\n")
    assert labels_of(folder)["it is late"] == "worse"


def test_files_without_corrections_are_read_as_before(folder):
    (folder / "labelled.csv").unlink()
    assert corrections.read(folder, "text", "mood") is None
    assert with_corrections(folder, COLUMNS) is COLUMNS


def test_what_was_kept_of_a_look_is_not_taken_where_corrections_have_come(folder):
    one = with_corrections(folder, COLUMNS)
    (folder / "labelled2.csv").write_text(f"{HEAD}fine,worse,label_issue,\n")
    assert repr(one) != repr(with_corrections(folder, COLUMNS))
    assert "late" not in repr(one)


def test_labels_of_a_rule_are_left_alone(folder):
    columns = MessageColumns("text", labeller=lambda texts: ["rule"] * len(texts))
    assert set(labels_of(folder, columns).values()) == {"rule"}
