"""Which family of models is best for some messages, found on rows that none of them has seen.

The contest with the champion is held on the holdout. If the best of several families on the
holdout were chosen, it would be the luckiest there too, and the contest would be unfair: so the
choice is made inside the training side.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from common.data import split
from common.data.labelled import Split
from common.errors import InputError
from common.evaluation import metrics
from common.models.extras import Extras
from common.models.families import FAMILIES
from common.models.folds import Ints, stratified_folds
from common.training.recipe import Recipe, extras_of, unfitted
from common.types import Advance, Floats, Labels

FOLDS = 5
# A fifth of more rows tells enough; of fewer, all fifths are left out in turn.
FEW_ROWS = 1000
# Nats a row: a smaller lead is a tie, which the cheaper family wins.
LEVEL = 0.002

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entrant:
    """What a family did.

    Attributes:
        family: its name.
        accuracy, f1_macro, log_loss: on the unseen rows.
        behind: its log loss minus the least one of all families, in nats a row.
        error: standard error of `behind`, paired over the rows.
        fit_seconds: of one fit, on average.
        rows_per_second: unseen rows answered.
        megabytes: of a fitted model (10^6 bytes).
    """

    family: str
    accuracy: float
    f1_macro: float
    log_loss: float
    behind: float
    error: float
    fit_seconds: float
    rows_per_second: float
    megabytes: float


@dataclass(frozen=True)
class Tournament:
    """Families compared on the same rows.

    Attributes:
        winner: name of the family that challenges.
        entrants: from the cheapest to the dearest.
        absent: why others were left out, as sentences, by name.
        rows: unseen rows of the training side that each was measured on.
    """

    winner: str
    entrants: tuple[Entrant, ...]
    absent: Mapping[str, str]
    rows: int


@dataclass(frozen=True)
class _Answers:
    """What a family said of n unseen rows.

    Attributes:
        own: (n,) the probability that each row's class was given.
        predicted: (n,) the most probable class.
        fit_seconds, megabytes: means over the fits.
        seconds: of all answers.
    """

    own: Floats
    predicted: Labels
    fit_seconds: float
    megabytes: float
    seconds: float


def hold(train: Split, recipe: Recipe, advance: Advance) -> Tournament:
    """Fit each family that can be fitted here on a part of the training side; compare on the rest.

    Args:
        advance: told of the steps of each family that is done.

    Raises:
        InputError: there are too few rows to leave some out.
    """
    absent = {name: lack for name in FAMILIES if (lack := recipe.lacks(name))}
    for lack in absent.values():
        logger.info("Left out of the tournament: %s", lack)
    folds, asked = _folds(train, recipe.seed)
    unseen = np.concatenate([np.flatnonzero(folds == fold) for fold in asked])
    extras = extras_of(recipe)
    answers = {}
    for name in recipe.families():
        found = _answers(train, folds, asked, replace(recipe, family=name), extras)
        loss = metrics.log_losses(found.own).mean()
        said = "Tournament: %s has a log loss of %.4f on %s unseen rows."
        logger.info(said, name, loss, f"{len(unseen):,}")
        answers[name] = found
        advance(FAMILIES[name].steps)
    entrants = _entrants(answers, train.labels[unseen])
    winner = next(entrant.family for entrant in entrants if entrant.behind < LEVEL)
    return Tournament(winner, entrants, absent, len(unseen))


def _folds(train: Split, seed: int) -> tuple[Ints, list[int]]:
    """(n,) fold of each row, and the folds to leave out in turn.

    Variants of a text are in the same fold. Rows of a class with a single text are in none (-1), so
    that each class is in every part that is fitted on.
    """
    _, first, number = np.unique(split.keys(train.texts), return_index=True, return_inverse=True)
    _, y = np.unique(train.labels[first].astype(str), return_inverse=True)
    of_texts = np.asarray(stratified_folds(y, FOLDS, seed))
    of_texts[np.bincount(y)[y] < 2] = -1
    folds = of_texts[number]
    asked = [
        fold
        for fold in range(FOLDS if len(train) < FEW_ROWS else 1)
        if (folds == fold).any() and len(set(train.labels[folds != fold])) > 1
    ]
    if not asked:
        raise InputError(
            f"MODEL_FAMILY=all needs more rows: of {len(train):,} on the training side none can be "
            "left out. Name a family, such as MODEL_FAMILY=boosted."
        )
    return folds, asked


def _answers(
    train: Split,
    folds: Ints,
    asked: list[int],
    recipe: Recipe,
    extras: Extras,
) -> _Answers:
    """A family's answers to the rows of each fold in turn, fitted on the others."""
    own, predicted, fits, sizes, seconds = [], [], [], [], 0.0
    for fold in asked:
        seen, held = folds != fold, folds == fold
        classifier = unfitted(recipe, extras)
        started = time.perf_counter()
        classifier.fit(train.texts[seen], train.labels[seen])
        fitted = time.perf_counter()
        proba = classifier.predict_proba(train.texts[held])
        seconds += time.perf_counter() - fitted
        fits.append(fitted - started)
        sizes.append(len(pickle.dumps(classifier)) / 1e6)
        is_own = train.labels[held][:, None] == classifier.classes_
        own.append((proba * is_own).sum(axis=1))
        predicted.append(classifier.classes_[proba.argmax(axis=1)])
    return _Answers(
        np.concatenate(own),
        np.concatenate(predicted),
        float(np.mean(fits)),
        float(np.mean(sizes)),
        seconds,
    )


def _entrants(answers: Mapping[str, _Answers], true: Labels) -> tuple[Entrant, ...]:
    losses = {name: metrics.log_losses(found.own) for name, found in answers.items()}
    least = min(losses.values(), key=np.mean)
    classes = sorted(set(map(str, true)).union(*(map(str, a.predicted) for a in answers.values())))
    entrants = []
    for name, found in answers.items():
        counts = metrics.confusion_counts(true, found.predicted, classes)
        measured = metrics.confusion_metrics(counts, classes)
        behind = losses[name] - least
        entrants.append(
            Entrant(
                family=name,
                accuracy=measured["accuracy"],
                f1_macro=measured["f1_macro"],
                log_loss=float(losses[name].mean()),
                behind=float(behind.mean()),
                error=float(behind.std() / np.sqrt(len(behind))),
                fit_seconds=found.fit_seconds,
                rows_per_second=len(true) / max(found.seconds, 1e-9),
                megabytes=found.megabytes,
            )
        )
    return tuple(entrants)
