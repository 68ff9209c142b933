"""Every check by its name: what it is called, which question it helps to answer, and whose incident
it opens.

To add a check, write its module and its test, give it a line here, and ask it in `suite`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Subject(StrEnum):
    """What a check is about: one incident for each, or one drop would wake people five times."""

    ACCURACY = "accuracy"
    DRIFT = "drift"
    DATA = "data"


class Question(StrEnum):
    """What people want to know; the checks of a question are its evidence."""

    FLOOR = "floor"
    REFERENCE = "reference"
    PROMISE = "promise"
    WORDS = "words"
    CLASSES = "classes"
    LENGTHS = "lengths"
    BAD_ROWS = "bad_rows"
    ROW_COUNT = "row_count"
    LABELS = "labels"


class Asked(NamedTuple):
    """A question as people ask it.

    Attributes:
        title: in two words.
        fine: its answer where nothing is wrong; empty where the figures are worth telling.
    """

    subject: Subject
    title: str
    question: str
    fine: str = ""


class Check(NamedTuple):
    """How a check is shown to people who should not have to know its name.

    Attributes:
        subject: whose incident it opens; that of its question.
    """

    question: Question
    title: str
    subject: Subject


SUBJECT_TITLES = {
    Subject.ACCURACY: "Accuracy",
    Subject.DRIFT: "Messages and answers",
    Subject.DATA: "Data",
}

QUESTIONS = {
    Question.FLOOR: Asked(Subject.ACCURACY, "Floor", "Is accuracy below the floor?"),
    Question.REFERENCE: Asked(
        Subject.ACCURACY, "Test", "Is the model worse than when it was tested?"
    ),
    Question.PROMISE: Asked(
        Subject.ACCURACY, "Promise", "Are the answers that nobody looks at as right as promised?"
    ),
    Question.WORDS: Asked(
        Subject.DRIFT, "Words", "Do people use other words?", "people use the words they used"
    ),
    Question.CLASSES: Asked(
        Subject.DRIFT,
        "Answers",
        "Does the model give other answers?",
        "the model gives the answers it gave, and is as sure of them",
    ),
    Question.LENGTHS: Asked(
        Subject.DRIFT,
        "Lengths",
        "Are messages longer or shorter?",
        "messages are about as long as they were",
    ),
    Question.BAD_ROWS: Asked(
        Subject.DATA,
        "Bad rows",
        "Are there more bad rows or copies?",
        "there are no more bad rows and copies than usual",
    ),
    Question.ROW_COUNT: Asked(
        Subject.DATA, "Number of rows", "Are there more or fewer rows than usual?"
    ),
    Question.LABELS: Asked(
        Subject.DATA,
        "Labels",
        "Do the labels come, and mean what they meant?",
        "the labels come, and name classes of the model",
    ),
}


def _check(question: Question, title: str) -> Check:
    return Check(question, title, QUESTIONS[question].subject)


# Of each question the first check is the one that it asks; the others are its details.
CHECKS = {
    "accuracy": _check(Question.FLOOR, "Accuracy against the floor"),
    "accuracy_pooled": _check(Question.FLOOR, "Accuracy of the last windows together"),
    "segment_accuracy": _check(Question.FLOOR, "Accuracy of each segment"),
    # It may warn where accuracy is not measured, but neither open nor end an incident of accuracy.
    "estimated_accuracy": Check(Question.FLOOR, "Accuracy estimated without labels", Subject.DRIFT),
    "degradation": _check(Question.REFERENCE, "Accuracy against the holdout"),
    "macro_f1": _check(Question.REFERENCE, "Macro-F1 against the holdout"),
    "class_recall": _check(Question.REFERENCE, "Recall of each class"),
    "calibration": _check(Question.REFERENCE, "Calibration of the confidences"),
    "challenger": _check(Question.REFERENCE, "Challenger against champion"),
    "auto_accuracy": _check(Question.PROMISE, "Accuracy of the automatic answers"),
    "text": _check(Question.WORDS, "Words of the messages"),
    "surging_words": _check(Question.WORDS, "Words that come up"),
    "unknown_words": _check(Question.WORDS, "Words the model does not know"),
    "bursts": _check(Question.WORDS, "Phrases that have burst"),
    "predicted_classes": _check(Question.CLASSES, "Predicted classes"),
    "confidence": _check(Question.CLASSES, "Confidence of the answers"),
    "auto_share": _check(Question.CLASSES, "Share of the answers that are automatic"),
    "length": _check(Question.LENGTHS, "Length of the messages"),
    "rejected": _check(Question.BAD_ROWS, "Rows that could not be read"),
    "blank": _check(Question.BAD_ROWS, "Blank messages"),
    "replaced": _check(Question.BAD_ROWS, "Broken characters"),
    "mojibake": _check(Question.BAD_ROWS, "Letters decoded twice"),
    "duplicates": _check(Question.BAD_ROWS, "Duplicates"),
    "redelivered": _check(Question.BAD_ROWS, "Messages of an earlier window"),
    "undated": _check(Question.BAD_ROWS, "Messages without a time"),
    "columns": _check(Question.BAD_ROWS, "Missing columns"),
    "row_count": _check(Question.ROW_COUNT, "Number of rows"),
    "unseen_labels": _check(Question.LABELS, "Labels the model does not know"),
    "swapped_labels": _check(Question.LABELS, "Labels that were renamed or swapped"),
    "label_delay": _check(Question.LABELS, "Delay of the labels"),
    "label_coverage": _check(Question.LABELS, "Messages without a label"),
    "no_labels": _check(Question.LABELS, "Age of the newest label"),
}

# Checks that can't be asked of a window before its labels have come.
ASKED_WITH_LABELS = frozenset({"label_delay", "label_coverage"})

# Headings of what a finding holds in its detail; other keys are their own headings.
HEADINGS = {
    "more": "More of",
    "fewer": "Fewer of",
    "words": "Most frequent",
    "surging": "Words that come up most",
    "bursts": "What is new",
    "moved": "Classes that changed most",
    "fallen": "Classes found less often",
    "worst": "Lowest segments",
    "bar": "To be reached",
    "p": "p-value",
    "columns": "Not in the file",
}


def about(subject: Subject) -> tuple[str, ...]:
    """The names of the checks whose trouble opens an incident of a subject."""
    return tuple(name for name, check in CHECKS.items() if check.subject is subject)


def asked_by(question: Question) -> tuple[str, ...]:
    """The names of the checks of a question, the one that it asks first."""
    return tuple(name for name, check in CHECKS.items() if check.question is question)
