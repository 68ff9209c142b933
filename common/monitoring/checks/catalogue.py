"""Every check by its name: what it is called, and which incident it belongs to.

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


class Check(NamedTuple):
    """How a check is shown to people who should not have to know its name."""

    subject: Subject
    title: str


SUBJECT_TITLES = {
    Subject.ACCURACY: "Accuracy",
    Subject.DRIFT: "Messages and answers",
    Subject.DATA: "Data",
}

CHECKS = {
    "accuracy": Check(Subject.ACCURACY, "Accuracy against the floor"),
    "accuracy_pooled": Check(Subject.ACCURACY, "Accuracy of the last windows together"),
    "degradation": Check(Subject.ACCURACY, "Accuracy against the holdout"),
    "macro_f1": Check(Subject.ACCURACY, "Macro-F1 against the holdout"),
    "class_recall": Check(Subject.ACCURACY, "Recall of each class"),
    "segment_accuracy": Check(Subject.ACCURACY, "Accuracy of each segment"),
    "calibration": Check(Subject.ACCURACY, "Calibration of the confidences"),
    "challenger": Check(Subject.ACCURACY, "Challenger against champion"),
    "predicted_classes": Check(Subject.DRIFT, "Predicted classes"),
    "confidence": Check(Subject.DRIFT, "Confidence of the answers"),
    "unknown_words": Check(Subject.DRIFT, "Words the model does not know"),
    "text": Check(Subject.DRIFT, "Words of the messages"),
    "surging_words": Check(Subject.DRIFT, "Words that come up"),
    "length": Check(Subject.DRIFT, "Length of the messages"),
    "estimated_accuracy": Check(Subject.DRIFT, "Accuracy estimated without labels"),
    "rejected": Check(Subject.DATA, "Rows that could not be read"),
    "blank": Check(Subject.DATA, "Blank messages"),
    "undated": Check(Subject.DATA, "Messages without a time"),
    "replaced": Check(Subject.DATA, "Broken characters"),
    "mojibake": Check(Subject.DATA, "Letters decoded twice"),
    "duplicates": Check(Subject.DATA, "Duplicates"),
    "redelivered": Check(Subject.DATA, "Messages of an earlier window"),
    "swapped_labels": Check(Subject.DATA, "Labels that were renamed or swapped"),
    "unseen_labels": Check(Subject.DATA, "Labels the model does not know"),
    "row_count": Check(Subject.DATA, "Number of rows"),
    "label_delay": Check(Subject.DATA, "Delay of the labels"),
    "label_coverage": Check(Subject.DATA, "Messages without a label"),
    "no_labels": Check(Subject.DATA, "Age of the newest label"),
    "columns": Check(Subject.DATA, "Missing columns"),
}

# Checks that can't be asked of a window before its labels have come.
ASKED_WITH_LABELS = frozenset({"label_delay", "label_coverage"})

# Headings of what a finding holds in its detail; other keys are their own headings.
HEADINGS = {
    "more": "More of",
    "fewer": "Fewer of",
    "words": "Most frequent",
    "moved": "Classes that changed most",
    "fallen": "Classes found less often",
    "worst": "Lowest segments",
    "bar": "To be reached",
    "p": "p-value",
    "columns": "Not in the file",
}


def about(subject: Subject) -> tuple[str, ...]:
    """The names of the checks of a subject."""
    return tuple(name for name, check in CHECKS.items() if check.subject is subject)
