"""What looks wrong in what a model was taught is said, and what is fine is not."""

import pytest

from common.evaluation.metrics import ClassMetrics
from common.training import remarks


def of_labels(label_with="column", **class_rows):
    return " ".join(remarks.of_labels(class_rows, "mood", label_with))


def test_ordinary_classes_messages_and_figures_are_not_remarked_on():
    assert not of_labels(negative=900, neutral=300, positive=200)
    assert not remarks.of_texts(["it is late, order 12", "thanks!", "room 7"], "text")
    assert not remarks.of_figures(correct=1500, rows=1800, balanced_accuracy=0.78, classes=3)


def test_spellings_of_one_class_are_named_with_the_remedy():
    said = of_labels(negative=900, Negative=30, NEGATIVE=20, positive=200)
    assert "1 class is spelled in several ways ('negative', 'Negative', 'NEGATIVE')" in said
    assert "--normalise-labels" in said


@pytest.mark.parametrize("label", ["NaN", "N/A", "null", "None", "#N/A", "-"])
def test_labels_that_look_missing_are_named(label):
    said = of_labels(**{"negative": 90, "positive": 90, label: 44})
    assert f"'{label}' 44" in said
    assert "'mood'" in said


def test_a_class_of_under_ten_rows_is_named_and_many_of_them_question_the_column():
    said = of_labels(negative=90, positive=90, odd=9)
    assert "1 class has fewer than 10 rows ('odd' 9)" in said
    assert "TARGET_COLUMN" not in said
    said = of_labels(**{f"class {k}": 2 for k in range(50)})
    assert "50 classes have fewer than 10 rows" in said
    assert "and 47 more" in said
    assert "TARGET_COLUMN" in said


def test_many_numbers_are_hardly_classes():
    assert "all numbers" in of_labels(**{f"{k}.5": 90 for k in range(40)})
    assert "all numbers" not in of_labels(**{str(k): 90 for k in range(5)})


@pytest.mark.parametrize("label_with", ["vader", "keywords"])
def test_classes_made_from_the_text_are_called_so(label_with):
    (said,) = remarks.of_labels({"a": 90, "b": 5}, "mood", label_with)
    assert f"LABEL_WITH={label_with}" in said


def test_texts_that_look_like_ids_question_the_text_column():
    (said,) = remarks.of_texts(["5703010314", "a81f-22", "570303", "thanks"] * 5 + ["17"] * 5, "id")
    assert "'id' the right TEXT_COLUMN" in said


@pytest.mark.parametrize(
    ("correct", "rows", "balanced", "classes", "said"),
    [
        # Wilson's interval of 9 of 11 is 0.52 to 0.95 (statsmodels proportion_confint).
        (
            9,
            11,
            0.8,
            2,
            "Only 11 holdout rows: the true accuracy may be anywhere from 0.52 to 0.95",
        ),
        (1000, 1000, 1.0, 2, "Every holdout row is right"),
        (4000, 5000, 0.34, 3, "Hardly better than guessing"),
    ],
)
def test_figures_that_mean_little_are_called_so(correct, rows, balanced, classes, said):
    (found,) = remarks.of_figures(correct, rows, balanced, classes)
    assert said in found


def test_many_rows_without_text_or_class_are_named_and_few_are_not():
    assert not remarks.of_rows(read=1000, blank=90, unlabelled=90, rejected=0)
    blank, unlabelled = remarks.of_rows(read=3500, blank=922, unlabelled=1000, rejected=3)
    assert "922 of 3,500 rows have no text (26%)" in blank
    assert "1,000 of 3,500 rows have no class (29%)" in unlabelled


def test_a_class_that_is_never_recognised_is_named():
    found = {
        "seen": ClassMetrics(50, 0.9, 0.9, 0.9),
        "missed": ClassMetrics(18, 0.0, 0.0, 0.0),
        "rare": ClassMetrics(2, 0.0, 0.0, 0.0),
    }
    (said,) = remarks.of_classes(found)
    assert said.startswith("1 class is never recognised ('missed')")


def test_a_hostile_class_stays_on_one_short_line():
    (said,) = remarks.of_labels({"a\nb" + "x" * 5000: 3, "b": 90, "c": 80}, "mood", "column")
    assert "\n" not in said
    assert len(said) < 200
