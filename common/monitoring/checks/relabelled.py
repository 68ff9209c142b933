"""Labels that were renamed or swapped: what looks like a model that fails is another spelling."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from common.evaluation.two_samples import Share
from common.monitoring.checks.finding import Finding, Status
from common.text import escape
from common.types import Json

# Fewer rows, and a smaller gain of accuracy by other names, may be chance.
MIN_ROWS, MIN_LABEL_ROWS, MIN_GAIN = 60, 10, 0.1
# An unknown label stands for a class if most of its rows get that answer.
MAJORITY = 0.6
# With the names as they seem to be meant, the model must be about as good as on its holdout.
EXPLAINED = 0.1
SHOWN, CHARACTERS = 5, 40


@dataclass(frozen=True)
class Renaming:
    """Which labels seem to stand for which classes, and what accuracy would be with these."""

    names: Mapping[str, str]
    correct: Share
    renamed: Share


def find(
    pairs: Mapping[tuple[str, str], int], classes: Sequence[str], expected: float
) -> Renaming | None:
    """The labels that other names explain; None if the names are right.

    Args:
        pairs: rows by (label, answer).
        classes: of the model.
        expected: accuracy of the model, 0 to 1.

    Known labels are matched one to one with the answers they get (the assignment with the most
    agreement: Kuhn 1955); an unknown one belongs to the class that most of its rows are answered
    with.

    >>> find({("a", "b"): 50, ("b", "a"): 45, ("b", "b"): 5}, ("a", "b"), 0.9).names
    {'a': 'b', 'b': 'a'}
    """
    by_label: dict[str, Counter[str]] = defaultdict(Counter)
    for (label, answer), rows in pairs.items():
        by_label[label][answer] += rows
    total = sum(answers.total() for answers in by_label.values())
    if total < MIN_ROWS:
        return None
    names: dict[str, str] = {}
    known = [name for name in classes if name in by_label]
    if known:
        agreement = np.array([[by_label[label][name] for name in classes] for label in known])
        for row, column in zip(*linear_sum_assignment(-agreement), strict=True):
            if classes[column] != known[row] and by_label[known[row]].total() >= MIN_LABEL_ROWS:
                names[known[row]] = classes[column]
    for label in sorted(by_label.keys() - {*classes}):
        ((answer, rows),) = by_label[label].most_common(1)
        if rows >= MIN_LABEL_ROWS and rows >= MAJORITY * by_label[label].total():
            names[label] = answer
    correct = sum(by_label[label][label] for label in by_label)
    renamed = sum(by_label[label][names.get(label, label)] for label in by_label)
    explained = renamed / total >= expected - EXPLAINED
    if not names or (renamed - correct) / total < MIN_GAIN or not explained:
        return None
    return Renaming(names, Share(correct, total), Share(renamed, total))


def swapped_labels(renaming: Renaming | None, rows: int) -> Finding:
    """Do labels mean what they meant when the model was fitted?"""
    if renaming is None:
        reason = "the labels mean what they meant when the model was fitted"
        return Finding("swapped_labels", Status.OK, reason, rows=rows)
    shown = [f"'{_cut(a)}' for '{_cut(b)}'" for a, b in list(renaming.names.items())[:SHOWN]]
    more = len(renaming.names) - len(shown)
    reason = (
        f"labels seem renamed or swapped: {', '.join(shown)}{f' and {more} more' if more else ''}. "
        f"With these names accuracy is {renaming.renamed.value:.4f}, not "
        f"{renaming.correct.value:.4f}: correct the labels"
    )
    detail: dict[str, Json] = {"renamed": dict(renaming.names)}
    return Finding(
        "swapped_labels",
        Status.WARNING,
        reason,
        value=renaming.renamed.value,
        limit=renaming.correct.value,
        rows=rows,
        detail=detail,
    )


def unknown_accuracy(renaming: Renaming, floor: float) -> Finding:
    """UNKNOWN: what is counted as wrong is the names of the labels."""
    reason = (
        "accuracy is not known: labels seem renamed or swapped (with the names as they seem to be "
        f"meant it is {renaming.renamed.value:.4f} on {renaming.renamed.rows:,} rows)"
    )
    rows = renaming.correct.rows
    return Finding("accuracy", Status.UNKNOWN, reason, limit=floor, rows=rows)


def _cut(name: str) -> str:
    return escape(name if len(name) <= CHARACTERS else f"{name[:CHARACTERS]}...")
