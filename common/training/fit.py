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
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.data.columns import MessageColumns
from common.data.labelled import RowCounts, Split, majority, read_split
from common.data.lexicon import VADER, read_lexicon
from common.data.reading import FIND_OUT, Reading
from common.evaluation import metrics, profile
from common.evaluation.metrics import ClassMetrics
from common.evaluation.profile import Profile
from common.models.base import (
    AnswersUnseen,
    Classifier,
    EmbeddingsUse,
    LexiconUse,
    TrainableClassifier,
    UsesEmbeddings,
    UsesLexicon,
)
from common.models.families import FAMILIES, NO_EXTRAS, Extras
from common.setting_values import is_file
from common.training import embeddings
from common.training.doubts import DoubtfulLabel, doubtful_labels
from common.types import Advance, Floats, Labels

MANY_CLASSES = 100
FITTED_ROWS = 20_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How a model is made of messages.

    Attributes:
        family: a name of `models.families.FAMILIES`.
        text_column: the column of the messages, also when scoring.
        holdout_percent: share of the messages that it is not fitted on, 5 to 50.
        class_weight: "none" or "balanced".
        lexicon: "none", "vader", "auto" (VADER's, if it gains), or a file of words with values.
        scaled_start: False: as releases fitted before CatBoost had a start.
        embeddings: "none", a file of word vectors, or a function as "module:function".
    """

    family: str
    text_column: str
    holdout_percent: int
    class_weight: str
    seed: int
    lexicon: str = "none"
    scaled_start: bool = True
    embeddings: str = "none"

    @property
    def word_files(self) -> dict[str, Path]:
        """The user's files that the recipe names, by setting: `lexicon`, `embeddings`."""
        named = {"lexicon": self.lexicon, "embeddings": self.embeddings}
        return {name: Path(value) for name, value in named.items() if is_file(name, value)}

    @property
    def steps(self) -> int:
        """How many steps `fit` reports."""
        return FAMILIES[self.family].steps + 1


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

    def profile(self) -> Profile:
        """What the monitor compares later windows with: the holdout, and the file's bad rows."""
        seen = profile.of_rows(
            pa.array(self.holdout.texts, pa.large_string()),
            self.holdout.labels,
            self.predicted,
            self.proba.max(axis=1),
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
) -> TrainingResult:
    """Split a file's messages into training and holdout side, fit on the one, test on the other.

    Args:
        advance: told of each of the recipe's steps that is done.
        since: only messages written on this day (UTC) or later.

    Raises:
        InputError: the file can't be read, or has too few rows or classes.
    """
    train, holdout, counts = read_split(path, columns, recipe.holdout_percent, reading, since)
    logger.info("Read %s: %s.", path.name, counts.sentence())
    logger.info("%s", intent(train, holdout))
    with embeddings.encoder_errors():
        return replace(fit(train, holdout, recipe, advance), counts=counts)


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
    weight = None if recipe.class_weight == "none" else recipe.class_weight
    classifier = FAMILIES[recipe.family].make(
        recipe.text_column, weight, recipe.seed, _extras(recipe)
    )
    classifier.fit(train.texts, train.labels, advance)
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
    advance(1)
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


def _extras(recipe: Recipe) -> Extras:
    """What the recipe says to families that take more than the usual."""
    if not FAMILIES[recipe.family].takes_extras:
        return NO_EXTRAS
    lexicon = None
    if recipe.lexicon != "none":
        from common.models.lexicon import Lexicon

        file = recipe.word_files.get("lexicon")
        lexicon = Lexicon.of(file.name if file else "vader", read_lexicon(file or VADER))
    return Extras(
        lexicon,
        recipe.lexicon == "auto",
        recipe.scaled_start,
        embeddings.source_of(recipe.embeddings),
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
