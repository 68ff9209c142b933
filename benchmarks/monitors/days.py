"""The days that all monitors judge: drawn from a stream, and written for those that read files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.streams import (
    TOLD_WITHIN,
    WARM_UP,
    Fault,
    Messages,
    Random,
    Stream,
    as_it_is,
    draw,
    foreign,
    relabelled,
)
from common.models.base import Classifier

STABLE = "nothing"
# Of each file: the days before, the messages that texts are compared with, and those that answers
# are.
BEFORE, MESSAGES, HOLDOUT = "before", "messages", "holdout"


def less_accurate(points: float, messages: Messages, random: Random, stream: Stream) -> Messages:
    """Of all messages, so many more are answered wrong: their label is another class."""
    answers = answer(messages.texts, stream.classifier)[0]
    names = sorted({*messages.labels})
    labels = list(messages.labels)
    right = np.flatnonzero(answers == np.array(labels, object))
    rows = min(len(right), round(points * len(labels)))
    for row in random.choice(right, rows, replace=False).tolist():
        labels[row] = names[(names.index(labels[row]) + 1) % len(names)]
    return replace(messages, labels=labels)


KINDS: dict[str, Fault] = {
    STABLE: as_it_is,
    "20 % foreign messages": partial(foreign, 0.2),
    "15 % foreign messages": partial(foreign, 0.15),
    "15 % of the labels another class": partial(relabelled, 0.15),
    "8 points less accuracy": partial(less_accurate, 0.08),
}
# On these days messages and answers are as ever.
SAME_MESSAGES = (STABLE, "15 % of the labels another class", "8 points less accuracy")


@dataclass(frozen=True)
class History:
    """Usual days, and what may follow them.

    Attributes:
        coming: by kind, of each attempt the TOLD_WITHIN days that follow `before`.
    """

    number: int
    before: tuple[Messages, ...]
    coming: dict[str, list[list[Messages]]]


def draw_histories(stream: Stream, histories: int, attempts: int) -> Iterator[History]:
    """Days like those of the stream; the foreign ones only where it has foreign messages."""
    kinds = {name: of for name, of in KINDS.items() if stream.foreign or "foreign" not in name}
    for number in range(histories):
        random = np.random.default_rng([3, number])
        before = tuple(draw(stream, random) for _ in range(WARM_UP))
        coming = {
            kind: [
                [fault(draw(stream, random), random, stream) for _ in range(TOLD_WITHIN)]
                for _ in range(attempts)
            ]
            for kind, fault in kinds.items()
        }
        yield History(number, before, coming)


def write(folder: Path, stream: Stream, histories: Sequence[History]) -> None:
    """Write reference.parquet and days.parquet.

    Rows are messages: text, label, prediction, and of each class `p_CLASS`, its probability. The
    reference has `kind`, MESSAGES or HOLDOUT; days have `history`, `kind` (BEFORE or one of KINDS),
    `attempt` and `day`, from 0.
    """
    sample = stream.reference.sample
    holdout = Messages(sample.column("text").to_pylist(), sample.column("label").to_pylist())
    texts = stream.reference.texts()
    sides = {MESSAGES: Messages(texts, [""] * len(texts)), HOLDOUT: holdout}
    reference = [_table(side, stream.classifier, kind=kind) for kind, side in sides.items()]
    pd.concat(reference).to_parquet(folder / "reference.parquet", index=False)
    days = []
    for history in histories:
        of_history = partial(_table, classifier=stream.classifier, history=history.number)
        for day, messages in enumerate(history.before):
            days.append(of_history(messages, kind=BEFORE, attempt=0, day=day))
        for kind, attempts in history.coming.items():
            for attempt, coming in enumerate(attempts):
                for day, messages in enumerate(coming):
                    days.append(of_history(messages, kind=kind, attempt=attempt, day=day))
    pd.concat(days).to_parquet(folder / "days.parquet", index=False)


def answer(texts: Sequence[str], classifier: Classifier) -> tuple[np.ndarray, np.ndarray]:
    """(n,) predicted classes and (n, K) probabilities."""
    proba = classifier.predict_proba(pa.array(texts, pa.large_string()))
    names = np.array([str(name) for name in classifier.classes_], object)
    return names[proba.argmax(axis=1)], proba


def _table(messages: Messages, classifier: Classifier, **facts: str | int) -> pd.DataFrame:
    predicted, proba = answer(messages.texts, classifier)
    columns = {f"p_{name}": proba[:, k] for k, name in enumerate(classifier.classes_)}
    said = {"text": messages.texts, "label": messages.labels, "prediction": predicted}
    return pd.DataFrame(said | columns).assign(**facts)
