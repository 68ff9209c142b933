"""What looks wrong in what a model was taught, in a sentence each: seen before it goes to work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from common.data.labels import MISSING, fold
from common.data.rules import agreement
from common.evaluation.metrics import ClassMetrics, wilson_interval
from common.text import brief

RARE_ROWS = 10
# Below, everything right is luck often enough to say nothing.
TELLING_ROWS = 30
# An interval wider than this (in accuracy) is worth a word: some 200 rows at an accuracy of .85.
WIDE = 0.10
# A class recognised no better than a coin would is not learnt: mean recall against 1 / classes.
GUESSING = 1.25
MANY_NUMBERS = 10
IDS_SHARE = 0.8
# Of the rows; less is usual.
MUCH = 0.1
SHOWN = 3

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_DIGIT = re.compile(r"\d")


def of_labels(class_rows: Mapping[str, int], target: str, label_with: str) -> list[str]:
    """What looks wrong with the classes.

    Args:
        class_rows: rows of each class, on both sides of the split.
        target: where the classes come from, if no rule made them.
    """
    if made_by_rule := agreement(label_with):
        return [made_by_rule]
    checks = (
        _spelled_alike(class_rows),
        _missing(class_rows, target),
        _numbers(class_rows, target),
        _rare(class_rows, target),
    )
    return [sentence for sentence in checks if sentence]


def of_label_file(name: str, labels: int, contradicting: int, unknown: int) -> list[str]:
    """What looks wrong with a file of labels.

    Args:
        labels: identifiers that have one.
        contradicting: those that have different ones; the last counts.
        unknown: those that no message has.
    """
    found = (
        (contradicting, "have different labels: the last one counts."),
        (
            unknown,
            "are of no message: is ID_COLUMN right?" if unknown == labels else "are of no message.",
        ),
    )
    return [f"{rows:,} of {labels:,} ids in {name} {what}" for rows, what in found if rows]


def of_texts(texts: Sequence[str], column: str) -> list[str]:
    """What looks wrong with the messages."""
    ids = sum(bool(_DIGIT.search(text)) and len(text.split()) < 2 for text in texts)
    if not texts or ids < IDS_SHARE * len(texts):
        return []
    return [f"The messages look like ids or numbers: is {column!r} the right TEXT_COLUMN?"]


def of_figures(correct: int, rows: int, balanced_accuracy: float, classes: int) -> list[str]:
    """What the figures of the holdout can't be trusted for.

    Args:
        correct: rows of the holdout that are answered rightly.
        balanced_accuracy: mean recall of the classes, 0 to 1.
    """
    low, high = wilson_interval(correct, rows)
    found = []
    if high - low > WIDE:
        found.append(
            f"Only {rows:,} holdout rows: the true accuracy may be anywhere from {low:.2f} to "
            f"{high:.2f} (95 % interval)."
        )
    if correct == rows >= TELLING_ROWS:
        found.append(
            "Every holdout row is right: is the class written in the text, or made from it?"
        )
    if balanced_accuracy * classes < GUESSING:
        found.append(
            f"Hardly better than guessing: the classes are recognised {balanced_accuracy:.2f} of "
            f"the time on average, guessing gives {1 / classes:.2f}. Do the texts tell the class?"
        )
    return found


def of_rows(read: int, blank: int, unlabelled: int, rejected: int) -> list[str]:
    """What was left out of the file, if it is much.

    Args:
        read: all rows; the others are how many of them could not be used.
    """
    left_out = (
        (blank, "have no text", "is it in another column, or made by a formula?"),
        (unlabelled, "have no class", "they were not used."),
        (rejected, "could not be read", "look at the first one, above."),
    )
    return [
        f"{rows:,} of {read:,} rows {what} ({rows / read:.0%}): {advice}"
        for rows, what, advice in left_out
        if rows > MUCH * read
    ]


def of_classes(per_class: Mapping[str, ClassMetrics]) -> list[str]:
    """Classes that occur often enough on the holdout and are never recognised."""
    missed = [
        name for name, row in per_class.items() if row.support >= RARE_ROWS and row.recall == 0
    ]
    if not missed:
        return []
    shown = ", ".join(map(_quoted, missed[:SHOWN])) + _more(len(missed))
    return [
        f"{_named(len(missed), 'class is', 'classes are')} never recognised ({shown}): label more "
        "rows, or try CLASS_WEIGHT=balanced."
    ]


def _spelled_alike(class_rows: Mapping[str, int]) -> str:
    by_fold = groupby(sorted(class_rows, key=fold), key=fold)
    groups = [names for _, found in by_fold if len(names := list(found)) > 1]
    if not groups:
        return ""
    shown = "; ".join(", ".join(map(_quoted, names)) for names in groups[:SHOWN])
    return (
        f"{_named(len(groups), 'class is', 'classes are')} spelled in several ways ({shown}"
        f"{_more(len(groups))}): --normalise-labels makes one of each."
    )


def _missing(class_rows: Mapping[str, int], target: str) -> str:
    found = [name for name in class_rows if fold(name) in MISSING]
    if not found:
        return ""
    return (
        f"{_named(len(found), 'class looks', 'classes look')} like a missing label "
        f"({_counted(found, class_rows)}): if so, empty those cells of {target!r}."
    )


def _numbers(class_rows: Mapping[str, int], target: str) -> str:
    if len(class_rows) <= MANY_NUMBERS or not all(map(_NUMBER.fullmatch, class_rows)):
        return ""
    return (
        f"The {len(class_rows):,} classes are all numbers: is {target!r} the right TARGET_COLUMN?"
    )


def _rare(class_rows: Mapping[str, int], target: str) -> str:
    rare = sorted(
        (name for name, rows in class_rows.items() if rows < RARE_ROWS), key=class_rows.__getitem__
    )
    if not rare:
        return ""
    doubt = f" Is {target!r} the right TARGET_COLUMN?" if 2 * len(rare) > len(class_rows) else ""
    return (
        f"{_named(len(rare), 'class has', 'classes have')} fewer than {RARE_ROWS} rows "
        f"({_counted(rare, class_rows)}), too few to learn or to measure.{doubt}"
    )


def _counted(names: Sequence[str], class_rows: Mapping[str, int]) -> str:
    shown = ", ".join(f"{_quoted(name)} {class_rows[name]:,}" for name in names[:SHOWN])
    return shown + _more(len(names))


def _more(number: int) -> str:
    return f" and {number - SHOWN:,} more" if number > SHOWN else ""


def _named(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _quoted(name: str) -> str:
    return f"'{brief(name)}'"
