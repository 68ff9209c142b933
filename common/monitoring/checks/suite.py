"""All that is found out about one window: each finding asked its question."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from common.data.labels import normalise
from common.evaluation.profile import Profile
from common.monitoring.checks import (
    accuracy,
    calibration,
    challenger,
    classes,
    distribution,
    estimated,
    quality,
    segments,
    words,
)
from common.monitoring.checks.finding import FEWEST_ROWS, Finding, Status
from common.monitoring.checks.severity import escalate
from common.types import Floats

MOST_LABELS = 0.95


@dataclass(frozen=True)
class Past:
    """What earlier windows showed, oldest first.

    Attributes:
        accuracy: (right, rows) of each.
        rows: how many rows of any kind each had.
        degradation: status of that finding, before it was escalated.
        delays: days from message to label, of a sample of their rows; empty where labels are in the
            same file.
        labelled: (rows with a label, rows) of all of them together.
    """

    accuracy: Sequence[tuple[int, int]] = ()
    rows: Sequence[int] = ()
    degradation: Sequence[Status] = ()
    delays: Floats = field(default_factory=lambda: np.empty(0))
    labelled: tuple[int, int] = (0, 0)


def window(
    seen: Profile,
    reference: Profile | None,
    past: Past,
    floor: float,
    known_classes: Sequence[str],
    known_words: Container[str] = (),
    days_old: float = 0.0,
) -> list[Finding]:
    """Every finding about a window.

    Args:
        reference: the holdout of the model; None where it has none stored, so that only accuracy
            against the floor can be judged.
        known_classes, known_words: of the model; without words, unknown ones are not counted.
        days_old: since the window ended; less than 0 where more rows can come.
    """
    found = measured(seen, reference, past, floor)
    if days_old >= 0:
        found.append(quality.row_count(seen.read, past.rows))
        found += labels_of(seen, past, days_old)
    if reference is None or not seen.read:
        return found
    found += quality_of(seen, reference, known_classes)
    if seen.sample.num_rows:
        found += drift(seen, reference, known_words, floor)
    return found


def measured(seen: Profile, reference: Profile | None, past: Past, floor: float) -> list[Finding]:
    """What the rows with a class show: accuracy, classes, segments, calibration."""
    found = [accuracy.against_floor(seen.correct, seen.rows, floor)]
    if not seen.rows:
        return found
    found.append(accuracy.pooled_against_floor([*past.accuracy, (seen.correct, seen.rows)], floor))
    if seen.segments:
        found.append(segments.accuracy(seen.segments, floor))
    if any(seen.versus):
        found.append(_contest(seen))
    if reference is None:
        return found
    worse = accuracy.degradation(seen.correct, seen.rows, reference.expected, reference.rows)
    worse = replace(
        worse,
        status=escalate([*past.degradation, worse.status]),
        detail=worse.detail | {"unescalated": worse.status.name},
    )
    names = tuple(sorted({*seen.classes, *reference.classes}))
    confusions = seen.confusion(names), reference.confusion(names)
    found += [worse, classes.macro_f1(*confusions), classes.recall(*confusions, names)]
    (right, sure), (right_then, sure_then) = seen.judged(), reference.judged()
    if not np.isnan(sure).any():
        found.append(calibration.drift(right, sure, right_then, sure_then))
    return found


def drift(
    seen: Profile, reference: Profile, known_words: Container[str], floor: float
) -> list[Finding]:
    """What can be told without classes: answers, confidences, words, and accuracy by estimate."""
    answers, sure = seen.answers()
    answers_then, sure_then = reference.answers()
    found = [distribution.predicted_classes(reference.predicted, seen.predicted)]
    if not np.isnan(sure).any():
        found.append(distribution.confidence(sure_then, sure, answers_then, answers))
        right_then, judged_then = reference.judged()
        guessed = estimated.accuracy(sure, judged_then, right_then, floor)
        # Where accuracy is measured, an estimate has nothing to warn of; it is charted though.
        found.append(replace(guessed, status=Status.OK) if seen.rows >= FEWEST_ROWS else guessed)
    texts, texts_then = seen.texts(), reference.texts()
    if not any(texts):  # a file of predictions without them
        return found
    if known_words:
        found.append(words.unknown_words(reference.unfitted(), texts, known_words))
    found.append(words.drift(texts_then, texts))
    found.append(quality.length(_lengths(texts), _lengths(texts_then)))
    return found


def quality_of(seen: Profile, reference: Profile, known_classes: Sequence[str]) -> list[Finding]:
    """Rows that are bad, or come without a class."""
    found = [
        quality.rejected(seen.rejected, seen.read, reference.rejected, reference.read),
        quality.blank(seen.blank, seen.read, reference.blank, reference.read),
        quality.replaced(seen.replaced, seen.read, reference.replaced, reference.read),
    ]
    texts, texts_then = seen.texts(), reference.texts()
    if any(texts):
        n = min(len(texts), len(texts_then))
        found.append(quality.duplicates(_copies(texts[:n]), n, _copies(texts_then[:n]), n))
    if seen.rows:
        known = {normalise(name) for name in known_classes}
        foreign, foreign_then = (
            sum(rows for (true, _), rows in profile.pairs.items() if normalise(true) not in known)
            for profile in (seen, reference)
        )
        found.append(
            quality.unseen_labels(foreign, seen.rows, foreign_then, max(reference.rows, 1))
        )
    return found


def labels_of(seen: Profile, past: Past, days_old: float) -> list[Finding]:
    """Whether labels that come apart from their messages come as late and as often as they did.

    Args:
        days_old: since the window ended; how many of its messages have a label is judged when most
            labels of earlier windows had come.
    """
    found = []
    if len(seen.delays()):
        found.append(quality.label_delay(seen.delays(), past.delays))
    if len(past.delays) and days_old > np.quantile(past.delays, MOST_LABELS):
        rows = seen.rows + seen.unlabelled
        found.append(quality.label_coverage(seen.rows, rows, *past.labelled))
    return found


def freshness(newest_label: np.datetime64, now: datetime, limit_days: float) -> Finding | None:
    """Do labels still come? None where it is not known when the newest one came."""
    if np.isnat(newest_label):
        return None
    days = (np.datetime64(now.replace(tzinfo=None), "s") - newest_label) / np.timedelta64(1, "D")
    return quality.no_labels_for(max(0.0, float(days)), limit_days)


def _contest(seen: Profile) -> Finding:
    """Of all rows only those matter which one of the two gets right."""
    only_champion, only_challenger = seen.versus
    both = seen.correct - only_champion
    right = np.arange(seen.rows) < seen.correct
    others = np.arange(seen.rows) < both
    others[seen.correct : seen.correct + only_challenger] = True
    return challenger.would_win(right, others)


def _lengths(texts: Sequence[str]) -> Floats:
    return np.fromiter(map(len, texts), float, len(texts))


def _copies(texts: Sequence[str]) -> int:
    return len(texts) - len(set(texts))
