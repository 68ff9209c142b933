"""Fit the model on one side of the messages and measure it on the other."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common.data.columns import MessageColumns
from common.data.labelled import RowCounts, Split, majority, read_split
from common.data.reading import FIND_OUT, Reading
from common.data.synthetic import sample
from common.evaluation import metrics as evaluate
from common.evaluation import profile
from common.evaluation.profile import Profile
from common.models.boosted import FIT_STEPS, TextClassifier

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY_CLASSES = 100
STEPS = FIT_STEPS + 1
FITTED_ROWS = 20_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """The file that labelled messages come from, and whether we made it up ourselves."""

    path: Path
    synthetic: bool


@dataclass(frozen=True)
class Fitted:
    """A fitted classifier and how it fares on the holdout.

    `classes` are the classifier's and, after training on few rows, any others of the holdout;
    `proba` (n, K) has a column for each of them. `stream` are messages of both sides, evenly
    drawn; `fitted_accuracy` is that on messages it was fitted on.
    """

    classifier: TextClassifier
    holdout: Split
    classes: tuple[str, ...]
    proba: npt.NDArray[np.float64]
    metrics: dict[str, float]
    majority: str
    train_rows: int
    rows_per_second: float
    stream: tuple[str, ...] = ()
    fitted_accuracy: float = 1.0

    @property
    def predictions_sha256(self) -> str:
        """Digest of the classes and of every bit of the probabilities."""
        answers = json.dumps(self.classes).encode() + np.ascontiguousarray(self.proba).tobytes()
        return hashlib.sha256(answers).hexdigest()

    @property
    def predicted(self) -> npt.NDArray[np.object_]:
        return np.array(self.classes, object).take(self.proba.argmax(axis=1))

    def answers(self) -> tuple[list[str], list[str]]:
        """The messages of the holdout, and the classes that the classifier gives them."""
        return self.holdout.texts.tolist(), self.predicted.tolist()

    def profile(self, counts: RowCounts) -> Profile:
        """What the monitor compares later windows with: the holdout, and the file's bad rows."""
        holdout = self.holdout
        seen = profile.of_rows(
            pa.array(holdout.texts, pa.large_string()),
            holdout.labels,
            self.predicted,
            self.proba.max(axis=1),
            holdout.segments,
        )
        return replace(
            seen,
            read=counts.read,
            rejected=counts.rejected,
            blank=counts.blank,
            replaced=counts.replaced,
            unlabelled=counts.unlabelled,
            stream=self.stream,
            fitted_accuracy=self.fitted_accuracy,
        )

    def figures(self) -> dict[str, Figure]:
        drawn = evaluate.figures(self.holdout.labels, self.proba, self.classes)
        return drawn | {
            "telling_terms": evaluate.telling_terms_figure(self.classifier.telling_terms())
        }

    def worst_errors(self, rows: int = 50) -> dict[str, list[Any]]:
        """Columns of a table: the errors on the holdout that the classifier is surest of."""
        confidence = self.proba.max(axis=1)
        wrong = np.flatnonzero(self.predicted != self.holdout.labels)
        worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:rows]
        texts = [str(text) for text in self.holdout.texts[worst]]
        reasons = self.classifier.explain(
            texts, self.proba[worst][:, : len(self.classifier.classes_)]
        )
        return {
            "text": texts,
            "true": self.holdout.labels[worst].tolist(),
            "predicted": self.predicted[worst].tolist(),
            "confidence": confidence[worst].round(4).tolist(),
            "because": [", ".join(word for word, _ in words) for words in reasons],
        }

    def documents(self) -> dict[str, Any]:
        """What people and scripts read beside the figures, by file name."""
        confusion = evaluate.confusion_counts(self.holdout.labels, self.predicted, self.classes)
        per_class = evaluate.class_metrics(confusion, self.classes)
        return {
            "per_class.json": {name: values.facts() for name, values in per_class.items()},
            "confusion_matrix.json": {"classes": self.classes, "rows": confusion.tolist()},
            "telling_terms.json": self.classifier.telling_terms(),
        }


def choose_source(data_path: Path | None, root: Path, seed: int) -> Source:
    """The given file, or the synthetic sample, which is written when it isn't there yet."""
    if data_path:
        return Source(data_path, synthetic=False)
    path = root / "data" / sample.FILE_NAME
    if not path.exists():
        sample.write_sample(path.parent, sample.DEFAULT_ROWS, seed)
    return Source(path, synthetic=True)


def read_and_fit(
    path: Path,
    columns: MessageColumns,
    holdout_percent: int,
    class_weight: str,
    seed: int,
    advance: Callable[[int], None] = lambda steps: None,
    reading: Reading = FIND_OUT,
) -> tuple[Fitted, RowCounts]:
    """Split a file's messages into training and holdout side, fit on the one, test on the other."""
    train, holdout, counts = read_split(path, columns, holdout_percent, reading)
    logger.info("Read %s: %s.", path.name, counts.sentence())
    logger.info("%s", intent(train, holdout))
    return fit(train, holdout, columns.text, class_weight, seed, advance), counts


def intent(train: Split, holdout: Split) -> str:
    """What is fitted and tested, and that it takes long where it does."""
    classes = len(set(train.labels))
    long = (
        f" {classes:,} classes take long: minutes, not seconds." if classes > MANY_CLASSES else ""
    )
    return f"Fitting on {len(train):,} messages, testing on {len(holdout):,}.{long}"


def fit(
    train: Split,
    holdout: Split,
    text_column: str,
    class_weight: str,
    seed: int,
    advance: Callable[[int], None] = lambda steps: None,
) -> Fitted:
    """Fit a classifier on `train`, have it answer `holdout`, measure.

    Args:
        class_weight: "none" or "balanced".
        advance: told of each of the STEPS steps that is done.
    """
    weight = None if class_weight == "none" else class_weight
    classifier = TextClassifier(text_column, weight, seed)
    classifier.fit(train.texts, train.labels, advance)
    known = [str(name) for name in classifier.classes_]
    classes = (*known, *sorted(set(holdout.labels) - set(known)))
    proba = np.zeros((len(holdout), len(classes)))
    started = time.perf_counter()
    proba[:, : len(known)] = classifier.predict_proba(holdout.texts)
    rows_per_second = len(holdout) / max(time.perf_counter() - started, 1e-9)
    predicted = np.asarray(classes, object)[proba.argmax(axis=1)]
    confusion = evaluate.confusion_counts(holdout.labels, predicted, classes)
    metrics = evaluate.confusion_metrics(confusion, classes)
    metrics |= evaluate.probability_metrics(holdout.labels, proba, classes)
    advance(1)
    return Fitted(
        classifier,
        holdout,
        classes,
        proba,
        metrics,
        majority(train.labels),
        len(train),
        rows_per_second,
        _drawn(train, holdout, seed),
        _fitted_accuracy(classifier, train, seed),
    )


def _fitted_accuracy(classifier: TextClassifier, train: Split, seed: int) -> float:
    rows = np.random.default_rng(seed).permutation(len(train))[:FITTED_ROWS]
    answers = classifier.predict(train.texts[rows])
    return float((answers.astype(str) == train.labels[rows].astype(str)).mean())


def _drawn(train: Split, holdout: Split, seed: int) -> tuple[str, ...]:
    """Messages of both sides, as the stream has them."""
    texts = np.concatenate([train.texts, holdout.texts])
    rows = min(len(texts), profile.SAMPLE_ROWS)
    chosen = np.random.default_rng(seed).choice(len(texts), rows, replace=False)
    return tuple(map(str, texts[chosen]))
