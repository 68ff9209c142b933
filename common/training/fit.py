"""Fit a model on one side of the messages and measure it on the other."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.data import split
from common.data.columns import MessageColumns
from common.data.cost_file import CostFile
from common.data.labelled import RowCounts, Split, majority, read_split
from common.data.reading import FIND_OUT, Reading
from common.evaluation import decisions, metrics, profile
from common.evaluation.costs import CostRules
from common.evaluation.decisions import Decisions
from common.evaluation.holdout_answers import HoldoutAnswers
from common.evaluation.metrics import ClassMetrics
from common.evaluation.profile import Profile
from common.evaluation.routing import Promise
from common.models.base import (
    AnswersUnseen,
    Classifier,
    EmbeddingsUse,
    LexiconUse,
    TrainableClassifier,
    UsesEmbeddings,
    UsesLexicon,
)
from common.models.families import ALL
from common.training import embeddings
from common.training.doubts import DoubtfulLabel, doubtful_labels
from common.training.recipe import Recipe, extras_of, unfitted
from common.training.tournament import Tournament, hold
from common.types import Advance, Floats, Labels

MANY_CLASSES = 100
FITTED_ROWS = 20_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingResult:
    """A fitted classifier and how it fares on the holdout.

    Attributes:
        classes: K names: the classifier's and, after training on few rows, any others of the
            holdout.
        proba: (n, K) its probabilities for the n messages of the holdout.
        metrics: of the holdout, by the names of `evaluation.metrics`.
        majority: the most frequent class of the training rows.
        train_classes: how many training rows each class has.
        rows_per_second: messages scored.
        stream: messages of both sides, drawn evenly.
        fitted_accuracy: on messages it was fitted on.
        counts: of the rows of the file.
        class_rows: rows of each class on both sides, the most frequent first.
        doubts: labels of training rows that look wrong, the most doubtful first.
        tournament: that its family won; None: it was told which one to take.
        seen_elsewhere: keys (`split.keys`) of the messages that a model from elsewhere was fitted
            on; None: it is of here, or nobody knows.
        costs: by which it answers from now on; None: with the likeliest class.
    """

    classifier: TrainableClassifier
    recipe: Recipe
    holdout: Split
    classes: tuple[str, ...]
    proba: Floats
    metrics: dict[str, float]
    majority: str
    train_rows: int
    rows_per_second: float
    stream: tuple[str, ...] = ()
    fitted_accuracy: float = 1.0
    train_classes: Mapping[str, int] = field(default_factory=dict)
    counts: RowCounts = field(default_factory=RowCounts)
    class_rows: Mapping[str, int] = field(default_factory=dict)
    doubts: Sequence[DoubtfulLabel] = ()
    tournament: Tournament | None = None
    seen_elsewhere: split.Keys | None = None
    costs: CostRules | None = None

    @property
    def lexicon_use(self) -> LexiconUse | None:
        """What became of the recipe's lexicon; None if it has none, or the family takes none."""
        classifier = self.classifier
        return classifier.lexicon_use_ if isinstance(classifier, UsesLexicon) else None

    @property
    def embeddings_use(self) -> EmbeddingsUse | None:
        """What the recipe's embeddings gained; None if it has none, or the family takes none."""
        classifier = self.classifier
        return classifier.embeddings_use_ if isinstance(classifier, UsesEmbeddings) else None

    @property
    def confusion(self) -> npt.NDArray[np.intp]:
        """(K, K) rows of the holdout: true classes down, answers across."""
        return metrics.confusion_counts(self.holdout.labels, self.predicted, self.classes)

    @property
    def per_class(self) -> dict[str, ClassMetrics]:
        """Precision, recall and F1 of each class that occurs."""
        return metrics.class_metrics(self.confusion, self.classes)

    @property
    def predictions_sha256(self) -> str:
        """Digest of the classes and of every bit of the probabilities."""
        answers = json.dumps(self.classes).encode() + np.ascontiguousarray(self.proba).tobytes()
        return hashlib.sha256(answers).hexdigest()

    @property
    def predicted(self) -> Labels:
        """(n,) the most probable class of each message of the holdout."""
        return np.array(self.classes, object).take(self.proba.argmax(axis=1))

    def answers(self) -> tuple[list[str], list[str]]:
        """The messages of the holdout, and the classes that the classifier gives them."""
        return self.holdout.texts.tolist(), self.predicted.tolist()

    @cached_property
    def decided(self) -> Decisions:
        """What is answered to the messages of the holdout, by what mistakes cost."""
        known = self.classifier.classes_  # of the others it says nothing
        costs = self.costs.of(known) if self.costs else None
        return decisions.decide(self.proba[:, : len(known)], known, costs)

    @cached_property
    def holdout_answers(self) -> HoldoutAnswers:
        """What thresholds are chosen on."""
        holdout, decided = self.holdout, self.decided
        first = split.first_of_copies(split.keys(holdout.texts))
        answers = np.array(self.classes, object).take(decided.best)
        return HoldoutAnswers(holdout.labels, answers, decided.routable, first)

    def profile(self) -> Profile:
        """What the monitor compares later windows with: the holdout, and the file's bad rows."""
        decided = self.decided
        seen = profile.of_rows(
            pa.array(self.holdout.texts, pa.large_string()),
            self.holdout.labels,
            np.array(self.classes, object).take(decided.best),
            decided.confidence,
            self.holdout.segments,
        )
        return replace(
            seen,
            read=self.counts.read,
            rejected=self.counts.rejected,
            blank=self.counts.blank,
            replaced=self.counts.replaced,
            unlabelled=self.counts.unlabelled,
            stream=self.stream,
            fitted_accuracy=self.fitted_accuracy,
        )


def _silent(steps: int) -> None:
    pass


def read_and_fit(
    path: Path,
    columns: MessageColumns,
    recipe: Recipe,
    reading: Reading = FIND_OUT,
    advance: Advance = _silent,
    since: date | None = None,
    promise: Promise | None = None,
    costs: CostFile | None = None,
) -> TrainingResult:
    """Split a file's messages into training and holdout side, fit on the one, test on the other.

    Args:
        advance: told of each of the recipe's steps that is done.
        since: only messages written on this day (UTC) or later.
        promise: of automatic answers; its classes must be there.
        costs: of mistakes; its classes must be there.

    Raises:
        SettingsError: a promise is of a class that no message has.
        InputError: the file can't be read, or has too few rows or classes; or a cost is of a class
            that no message has.
    """
    train, holdout, counts = read_split(path, columns, recipe.holdout_percent, reading, since)
    logger.info("Read %s: %s.", path.name, counts.sentence())
    logger.info("%s", intent(train, holdout))
    known = {*map(str, train.labels), *map(str, holdout.labels)}
    if promise:
        promise.require_classes(known)
    if costs:
        costs.require_classes(known)
    with embeddings.encoder_errors():
        result = fit(train, holdout, recipe, advance)
    return replace(result, counts=counts, costs=CostRules(costs.costs) if costs else None)


def intent(train: Split, holdout: Split) -> str:
    """What is fitted and tested, and that it takes long if it does."""
    classes = len(set(train.labels))
    long = (
        f" {classes:,} classes take long: minutes, not seconds." if classes > MANY_CLASSES else ""
    )
    return f"Fitting on {len(train):,} messages, testing on {len(holdout):,}.{long}"


def fit(train: Split, holdout: Split, recipe: Recipe, advance: Advance = _silent) -> TrainingResult:
    """Fit a classifier on `train`, have it answer `holdout`, measure.

    Args:
        advance: told of each of the recipe's steps that is done.
    """
    tournament = None
    if recipe.family == ALL:
        tournament = hold(train, recipe, advance)
        recipe, advance = replace(recipe, family=tournament.winner), _silent
    classifier = unfitted(recipe, extras_of(recipe))
    classifier.fit(train.texts, train.labels, advance)
    result = measure(classifier, train, holdout, recipe)
    advance(1)
    return replace(result, tournament=tournament)


def measure(
    classifier: TrainableClassifier, train: Split, holdout: Split, recipe: Recipe
) -> TrainingResult:
    """Have a classifier answer `holdout`, and measure."""
    known = [str(name) for name in classifier.classes_]
    classes = (*known, *sorted(set(holdout.labels) - set(known)))
    proba = np.zeros((len(holdout), len(classes)))
    started = time.perf_counter()
    proba[:, : len(known)] = classifier.predict_proba(holdout.texts)
    rows_per_second = len(holdout) / max(time.perf_counter() - started, 1e-9)
    predicted = np.asarray(classes, object)[proba.argmax(axis=1)]
    confusion = metrics.confusion_counts(holdout.labels, predicted, classes)
    measured = metrics.confusion_metrics(confusion, classes)
    measured |= metrics.probability_metrics(holdout.labels, proba, classes)
    return TrainingResult(
        classifier=classifier,
        recipe=recipe,
        holdout=holdout,
        classes=classes,
        proba=proba,
        metrics=measured,
        majority=majority(train.labels),
        train_rows=len(train),
        rows_per_second=rows_per_second,
        stream=_sample_of_stream(train, holdout, recipe.seed),
        fitted_accuracy=_fitted_accuracy(classifier, train, recipe.seed),
        class_rows=dict(Counter(map(str, [*train.labels, *holdout.labels])).most_common()),
        train_classes=Counter(map(str, train.labels)),
        doubts=doubtful_labels(train.texts, train.labels, classifier.unseen_)
        if isinstance(classifier, AnswersUnseen)
        else (),
    )


def _fitted_accuracy(classifier: Classifier, train: Split, seed: int) -> float:
    rows = np.random.default_rng(seed).permutation(len(train))[:FITTED_ROWS]
    answers = classifier.classes_[classifier.predict_proba(train.texts[rows]).argmax(axis=1)]
    return float((answers.astype(str) == train.labels[rows].astype(str)).mean())


def _sample_of_stream(train: Split, holdout: Split, seed: int) -> tuple[str, ...]:
    """Messages of both sides, as the stream has them."""
    texts = np.concatenate([train.texts, holdout.texts])
    rows = min(len(texts), profile.SAMPLE_ROWS)
    chosen = np.random.default_rng(seed).choice(len(texts), rows, replace=False)
    return tuple(map(str, texts[chosen]))
