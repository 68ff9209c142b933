"""What would change if the challenger were promoted: rows whose class flips, by pair of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.data.labels import match_spelling
from common.evaluation.decisions import as_likeliest
from common.models.base import Classifier, Explains
from common.training.coverage import Answered
from common.types import Labels

# Pairs with examples, the most frequent ones, and how many messages of each.
EXPLAINED_PAIRS, EXAMPLES_EACH = 10, 3


@dataclass(frozen=True)
class Example:
    """A row whose class flips; of the words and routes the champion's come first.

    Attributes:
        row: from 0, among the n shared rows.
        confidence: how sure each model is of its answer.
        words: those of its message that speak most for each answer; none if a model can't tell.
        automatic: whether nobody would look at each answer; None: no answer is routed.
    """

    row: int
    confidence: tuple[float, float]
    words: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    automatic: tuple[bool, bool] | None = None


@dataclass(frozen=True)
class Pair:
    """Rows that the champion gives the class `own` and the challenger the class `other`.

    Attributes:
        right_before, right_after: how many of them each model gets right.
        auto_before, auto_after: how many nobody would look at; None: no answer is routed.
        examples: those that the two models are surest of, of the most frequent pairs.
    """

    own: str
    other: str
    rows: int
    right_before: int
    right_after: int
    auto_before: int | None = None
    auto_after: int | None = None
    examples: tuple[Example, ...] = ()


def find(
    texts: Sequence[str],
    true: Labels,
    champion: Answered,
    challenger: Answered,
    classifiers: tuple[Classifier, Classifier],
) -> tuple[Pair, ...]:
    """All pairs, the most frequent first, with the words that decide in their examples.

    Args:
        texts, true: (n,) the shared rows, and their classes.
        classifiers: that of the champion, and that of the challenger.
    """
    pairs = count(true, champion, challenger)
    examples = [(pair, found) for pair in pairs for found in pair.examples]
    rows = [found.row for _, found in examples]
    asked = [texts[row] for row in rows]
    before = _words(classifiers[0], asked, [pair.own for pair, _ in examples])
    after = _words(classifiers[1], asked, [pair.other for pair, _ in examples])
    words = dict(zip(rows, zip(before, after, strict=True), strict=True))
    return tuple(
        replace(
            pair,
            examples=tuple(replace(found, words=words[found.row]) for found in pair.examples),
        )
        for pair in pairs
    )


def count(true: Labels, champion: Answered, challenger: Answered) -> list[Pair]:
    """The same without words."""
    flipped = np.flatnonzero(champion.predicted != challenger.predicted)
    sureness = np.nan_to_num(champion.confidence) + np.nan_to_num(challenger.confidence)
    rows_of: dict[tuple[str, str], list[int]] = {}
    for row in flipped[np.argsort(-sureness[flipped], kind="stable")].tolist():
        found = str(champion.predicted[row]), str(challenger.predicted[row])
        rows_of.setdefault(found, []).append(row)
    frequent = sorted(rows_of.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        _pair(own, other, rows, true, champion, challenger, number < EXPLAINED_PAIRS)
        for number, ((own, other), rows) in enumerate(frequent)
    ]


def _pair(
    own: str,
    other: str,
    rows: list[int],
    true: Labels,
    champion: Answered,
    challenger: Answered,
    with_examples: bool,
) -> Pair:
    auto = (champion.automatic, challenger.automatic)
    routed = None if auto[0] is None or auto[1] is None else (auto[0][rows], auto[1][rows])
    return Pair(
        own=own,
        other=other,
        rows=len(rows),
        right_before=int((true[rows] == own).sum()),
        right_after=int((true[rows] == other).sum()),
        auto_before=int(routed[0].sum()) if routed else None,
        auto_after=int(routed[1].sum()) if routed else None,
        examples=tuple(
            Example(
                row,
                (float(champion.confidence[row]), float(challenger.confidence[row])),
                automatic=(bool(routed[0][k]), bool(routed[1][k])) if routed else None,
            )
            for k, row in enumerate(rows[:EXAMPLES_EACH])
        )
        if with_examples
        else (),
    )


def _words(
    classifier: Classifier, texts: list[str], answers: Sequence[str]
) -> list[tuple[str, ...]]:
    """(m,) the words that speak most for each answer; none if the model can't tell.

    Args:
        answers: (m,) classes, which the other model may spell in another way.
    """
    if not texts or not isinstance(classifier, Explains):
        return [()] * len(texts)
    number = {name: k for k, name in enumerate(match_spelling(classifier.classes_, {*answers}))}
    proba = classifier.predict_proba(texts)
    best = np.array([number[answer] for answer in answers], np.int64)
    explained = classifier.explain(texts, as_likeliest(best, proba))
    return [tuple(word for word, _ in words) for words in explained]
