"""A model that was made elsewhere is measured as one that was fitted here.

What it was fitted on decides whether figures on the holdout mean anything: rows of that file are
left out, and if nobody knows, the result says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from common.data import labels, split
from common.data.columns import MessageColumns
from common.data.cost_file import CostFile
from common.data.labelled import Split, batches, read_split
from common.data.reading import FIND_OUT, Reading
from common.errors import InputError, ModelUnavailable, SettingsError
from common.evaluation.costs import CostRules
from common.evaluation.routing import Promise
from common.models import adopted
from common.models.adopted import AdoptedClassifier, Mapping, Scores
from common.models.adopted_process import Answer
from common.registry import foreign
from common.registry.known_answers import MESSAGES
from common.text import brief, listed, one_line
from common.training import fit
from common.training.fit import TrainingResult
from common.training.recipe import Recipe

# Rows that tell how often a model is right that says nothing of how sure it is.
SURENESS_ROWS = 2_000


@dataclass(frozen=True)
class Meaning:
    """What is known of a model's answers; see `adopted.Mapping`. Empty: what the model says."""

    labels: tuple[str, ...] = ()
    scores: Scores = "probabilities"
    label_column: str | None = None
    score_column: str | None = None


@dataclass(frozen=True)
class Measured:
    """A model that was measured.

    Attributes:
        labels_alone: it says nothing of how sure it is.
    """

    result: TrainingResult
    labels_alone: bool


def seen_keys(path: Path, text_column: str, reading: Reading = FIND_OUT) -> split.Keys:
    """What tells the messages of the file that a model was fitted on (`split.keys`).

    Raises:
        InputError: it can't be read.
    """
    # Whatever their classes are, and whether they have any.
    columns = MessageColumns(text_column, labeller=lambda texts: ["any"] * len(texts))
    keys = [split.keys(batch.texts) for batch in batches(path, columns, reading)]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *keys]))


def load(
    archive: bytes, text_column: str, input_column: str | None, python: str | None
) -> AdoptedClassifier:
    """Load a model in a process of its own.

    Raises:
        ModelUnavailable: it doesn't load there.
    """
    try:
        return AdoptedClassifier(text_column, archive, input_column, python, foreign.program())
    except RuntimeError as error:
        raise ModelUnavailable(f"the model can't be loaded: {one_line(error)}.") from error


def read_and_measure(
    path: Path,
    columns: MessageColumns,
    recipe: Recipe,
    classifier: AdoptedClassifier,
    meaning: Meaning,
    seen: split.Keys | None,
    reading: Reading = FIND_OUT,
    since: date | None = None,
    costs: CostFile | None = None,
    promise: Promise | None = None,
) -> Measured:
    """Measure a model on the holdout of a file, but on no row that it was fitted on.

    Args:
        seen: keys of the messages that it was fitted on; None: none of the file, or nobody knows.
        costs, promise: of its mistakes and automatic answers; their classes must be there.

    Raises:
        InputError: the file can't be read, or no row is left to measure on; or a cost is of a class
            that no message has.
        SettingsError: the model's answers are not what was said of them, or a promise is of a class
            that no message has.
    """
    train, holdout, counts = read_split(path, columns, recipe.holdout_percent, reading, since)
    known = {*map(str, train.labels), *map(str, holdout.labels)}
    if costs:
        costs.require_classes(known)
    if promise:
        promise.require_classes(known)
    unseen = train
    if seen is not None:
        unseen, holdout = _without(train, seen), _without(holdout, seen)
        if not len(holdout):
            raise InputError(f"{path.name} has no row that the model was not fitted on.")
        if len(unseen):
            train = unseen
    try:
        alone = _understand(classifier, meaning, unseen, holdout)
        result = fit.measure(classifier, train, holdout, recipe)
    except (ValueError, RuntimeError) as error:
        raise SettingsError(f"{one_line(error)}.") from error
    # It was fitted on none of these rows, as far as is known.
    result = replace(result, counts=counts, train_rows=0, train_classes={}, seen_elsewhere=seen)
    result = replace(result, costs=CostRules(costs.costs) if costs else None)
    return Measured(result, alone)


def _without(rows: Split, seen: split.Keys) -> Split:
    kept = ~np.isin(split.keys(rows.texts), seen)
    return Split(
        rows.texts[kept],
        rows.labels[kept],
        rows.buckets[kept],
        None if rows.segments is None else rows.segments[kept],
        None if rows.days is None else rows.days[kept],
    )


def _understand(
    classifier: AdoptedClassifier, meaning: Meaning, train: Split, holdout: Split
) -> bool:
    """Tell the classifier what its answers mean; return whether it answers with labels alone."""
    answer = classifier.raw_answer(list(MESSAGES))
    occurring = sorted({*map(str, train.labels), *map(str, holdout.labels)})
    names = _labels(meaning, classifier.own_classes, answer, occurring)
    mapping = Mapping(
        names,
        meaning.scores,
        meaning.label_column,
        meaning.score_column,
        class_columns=_class_columns(meaning, names, answer.get("columns", {})),
    )
    said = adopted.read(answer, len(MESSAGES), mapping)
    if "labels" in said:
        mapping = _named_or_numbered(classifier, mapping, said["labels"], train, holdout)
    adopted.probabilities(answer, len(MESSAGES), mapping)
    classifier.understand(mapping)
    return "labels" in said and "sure" not in said


def _named_or_numbered(
    classifier: AdoptedClassifier,
    mapping: Mapping,
    known: Sequence[str],
    train: Split,
    holdout: Split,
) -> Mapping:
    """The mapping with how the model calls the classes that it answers, and how often it is right.

    Args:
        known: answers that it has given.
    """
    classifier.understand(mapping)
    # It may have been fitted on most rows of the training side, or on all of them.
    unseen = train if len(train) else holdout
    rows = np.random.default_rng(0).permutation(len(unseen))[:SURENESS_ROWS]
    texts = np.concatenate([unseen.texts[rows], holdout.texts])[:SURENESS_ROWS]
    said = classifier.classes_said(texts)
    mapping = replace(mapping, numbered=adopted.are_numbers({*known, *said}, mapping.labels))
    found = np.array(mapping.labels, object)[adopted.places(said[: len(rows)], mapping)]
    right = int((found == unseen.labels[rows]).sum())
    return replace(mapping, sureness=(right + 1) / (len(rows) + 2))


def _class_columns(
    meaning: Meaning, names: Sequence[str], columns: dict[str, list[Any]]
) -> tuple[str, ...]:
    """The columns that have the figures of these classes; none if the model answers otherwise.

    They are named as the classes are; else, where there are no other columns, their order is that
    of the labels that were given.
    """
    if meaning.label_column:
        return ()
    found = labels.match_spelling(names, columns)
    if set(found) <= set(columns):
        return found
    are_figures = all(isinstance(cell, float) for cells in columns.values() for cell in cells)
    return tuple(columns) if meaning.labels and are_figures and len(columns) == len(names) else ()


def _labels(
    meaning: Meaning,
    own: Sequence[str] | None,
    answer: Answer,
    occurring: Sequence[str],
) -> tuple[str, ...]:
    """The names of the classes in the model's order, spelt as in the data."""
    names = list(meaning.labels or own or ())
    if not names and "scores" not in answer:
        names = list(occurring)
    if not names:
        raise SettingsError(
            "the model does not name its classes: say them in its order (--labels A,B,C). The data "
            f"has {listed(map(brief, occurring))}."
        )
    if len(set(names)) < max(2, len(names)):
        raise SettingsError(f"--labels must be two or more different names, not {listed(names)}.")
    spelt = labels.match_spelling(np.array(names, object), tuple(occurring))
    if not set(spelt) & set(occurring):
        raise SettingsError(
            f"the data has none of the model's classes ({listed(map(brief, names))}), but "
            f"{listed(map(brief, occurring))}: say what they are called there, in the model's "
            "order (--labels)."
        )
    return tuple(spelt)
