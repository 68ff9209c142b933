"""All checks of one window: what each is asked, of which rows, against what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np

from common.data.labels import normalise
from common.evaluation.profile import Profile
from common.evaluation.routing import Routing
from common.evaluation.two_samples import MIN_ROWS, Share
from common.masking import without_masks
from common.models.base import Classifier, KnowsWords
from common.monitoring.checks import (
    accuracy,
    automatic,
    calibration,
    challenger,
    classes,
    distribution,
    estimated,
    quality,
    relabelled,
    segments,
    words,
)
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.checks.relabelled import Renaming
from common.monitoring.checks.severity import escalate
from common.monitoring.history import Past
from common.types import Floats

NOTHING = Past()

# Coverage is judged when so many labels of earlier windows had come.
LABELS_ARRIVED = 0.95


@dataclass(frozen=True)
class Baseline:
    """What windows are held against.

    Attributes:
        classifier: the model; one that knows its words is asked which of a window it has never
            seen.
        reference: the holdout of the model; None if it has none stored, so that only accuracy
            against the floor can be judged.
        floor: what accuracy must reach, 0 to 1.
        routing: who looks at which answers; None: nobody has chosen.
    """

    classifier: Classifier
    reference: Profile | None
    floor: float
    routing: Routing | None = None

    @cached_property
    def known_classes(self) -> frozenset[str]:
        return frozenset(normalise(str(name)) for name in self.classifier.classes_)

    def renaming(self, window: Profile) -> Renaming | None:
        """What the labels of a window seem to be meant as, if not what they say."""
        if self.reference is None or not self.reference.rows:
            return None
        expected = self.reference.expected / self.reference.rows
        names = [str(name) for name in self.classifier.classes_]
        return relabelled.find(window.pairs, names, expected)

    @cached_property
    def calibration(self) -> estimated.Calibration:
        """Of the reference, which must be known."""
        correct, confidence = (self.reference or Profile()).judged()
        return estimated.calibrate(confidence, correct)

    @cached_property
    def unknown_words(self) -> words.UnknownWords | None:
        """Of the reference's messages on which no model was fitted; None if the classifier does not
        know its words."""
        if not isinstance(self.classifier, KnowsWords) or self.reference is None:
            return None
        return unknown_words(self.reference, self.reference.unfitted(), self.classifier)


def run_checks(
    window: Profile,
    baseline: Baseline,
    past: Past,
    days_since_end: float | None,
    unlabelled: bool = False,
    fitted: bool = False,
) -> list[Finding]:
    """Every finding about a window; what decides is the first.

    Args:
        past: what earlier windows showed.
        days_since_end: of the window; None while more rows can come.
        unlabelled: there are no labels, so accuracy is not measured; its estimate decides.
        fitted: the model was fitted on these messages: its answers to them say nothing.
    """
    estimated_only = unlabelled and baseline.reference is not None and window.sample.num_rows
    renaming = None if fitted else baseline.renaming(window)
    findings = []
    if fitted:
        findings = [accuracy.of_fitted_rows(window.rows, baseline.floor)]
    elif not estimated_only:
        findings = check_accuracy(window, baseline, past, renaming)
    if baseline.routing is not None and window.automatic and not fitted:
        findings += [
            automatic.accuracy(window.routed(baseline.routing), baseline.routing, past.automatic),
            automatic.share(window.automatic, baseline.routing, past.of("auto_share")),
        ]
    if window.rows and baseline.reference is not None and not fitted:
        findings.append(relabelled.swapped_labels(renaming, window.rows))
    if days_since_end is not None:
        findings.append(quality.row_count(window.read, past.rows, past.same_weekday))
        findings += check_labels(window, past, days_since_end)
    if window.undated:
        findings.append(quality.undated(Share(window.undated, window.read)))
    if baseline.reference is None or not window.read:
        return findings
    findings += check_quality(window, baseline.reference, baseline.known_classes, past)
    if window.sample.num_rows and not fitted:
        findings += check_answers(window, baseline.reference, baseline, past)
    if window.sample.num_rows:
        findings += check_texts(window, baseline.reference, baseline, past)
    if estimated_only:
        findings.sort(key=lambda finding: finding.name != "estimated_accuracy")
    return findings


def check_accuracy(
    window: Profile, baseline: Baseline, past: Past, renaming: Renaming | None = None
) -> list[Finding]:
    """What the rows with a class show: accuracy, classes, segments, calibration.

    Args:
        renaming: what the labels seem to be meant as; accuracy is not known then.
    """
    correct, floor, reference = window.share, baseline.floor, baseline.reference
    if window.rows and _unseen(window, baseline.known_classes) == window.rows:
        return [accuracy.of_unknown_classes(Share(window.correct, window.rows), floor)]
    if renaming is not None:
        return [relabelled.unknown_accuracy(renaming, floor)]
    findings = [accuracy.against_floor(correct, floor, window.weighted)]
    if not window.rows:
        return findings
    findings.append(accuracy.pooled_against_floor([*past.accuracy, correct], floor))
    if window.segments:
        shares = {name: Share(*pair) for name, pair in window.segments.items()}
        findings.append(segments.accuracy(shares, floor))
    if any(window.versus):
        only_champion, only_challenger = window.versus
        findings.append(
            challenger.would_win(
                rows=window.rows, only_champion=only_champion, only_challenger=only_challenger
            )
        )
    if reference is None:
        return findings
    usual = accuracy.usual_accuracy(Share(reference.expected, reference.rows), past.accuracy)
    findings.append(_degradation(correct, usual, past))
    names = tuple(sorted({*window.classes, *reference.classes}))
    confusions = window.confusion(names), reference.confusion(names)
    findings.append(classes.macro_f1(*confusions, past.of("macro_f1")))
    findings.append(classes.recall(*confusions, names))
    (right, confidence), (right_then, confidence_then) = window.judged(), reference.judged()
    if not np.isnan(confidence).any():
        findings.append(calibration.calibration(right, confidence, right_then, confidence_then))
    return findings


def check_answers(
    window: Profile, reference: Profile, baseline: Baseline, past: Past = NOTHING
) -> list[Finding]:
    """What the answers show without classes: which they are, how sure, accuracy by estimate."""
    predicted, confidence = window.answers()
    predicted_then, confidence_then = reference.answers()
    findings = [
        distribution.predicted_classes(
            reference.predicted, window.predicted, past.of("predicted_classes")
        )
    ]
    if np.isnan(confidence).any():
        return findings
    findings.append(
        distribution.confidence(
            confidence_then,
            confidence,
            predicted_then,
            predicted,
            past.of("confidence"),
        )
    )
    estimate = estimated.accuracy(confidence, baseline.calibration, baseline.floor)
    # Where accuracy is measured, the estimate must not warn; it is charted though.
    measured = window.rows >= MIN_ROWS
    findings.append(replace(estimate, status=Status.OK) if measured else estimate)
    return findings


def check_texts(
    window: Profile, reference: Profile, baseline: Baseline, past: Past = NOTHING
) -> list[Finding]:
    """What people write; nothing for predictions without texts, or a reference that keeps none."""
    texts, texts_then = window.texts(), reference.texts()
    if not any(texts) or not any(texts_then):
        return []
    findings = []
    if isinstance(baseline.classifier, KnowsWords) and baseline.unknown_words is not None:
        unknown = unknown_words(window, texts, baseline.classifier)
        before = past.of("unknown_words")
        findings.append(words.unknown_words(baseline.unknown_words, unknown, before))
    findings.append(words.drift(texts_then, texts, past.of("text")))
    findings.append(words.surging(texts_then, texts, past.of("surging_words")))
    lengths = _lengths(texts), _lengths(texts_then)
    findings.append(quality.length(*lengths, past.of("length")))
    return findings


def unknown_words(
    side: Profile, texts: Sequence[str], classifier: KnowsWords
) -> words.UnknownWords:
    """Of each message of one side; the model has never seen a mask, so masks are left out."""
    seen = [without_masks(text) for text in texts] if side.masked else texts
    return classifier.unknown_words(seen)


def check_quality(
    window: Profile, reference: Profile, known_classes: frozenset[str], past: Past = NOTHING
) -> list[Finding]:
    """Rows that are bad, or come without a class that the model knows."""
    findings = [
        check(Share(bad, window.read), Share(bad_then, reference.read))
        for check, bad, bad_then in (
            (quality.rejected, window.rejected, reference.rejected),
            (quality.blank, window.blank, reference.blank),
            (quality.replaced, window.replaced, reference.replaced),
            (quality.mojibake, window.mojibake, reference.mojibake),
        )
    ]
    findings.append(quality.redelivered(window.digests, past.digests, past.of("redelivered")))
    texts, texts_then = window.texts(), reference.texts()
    if any(texts) and any(texts_then):
        n = min(len(texts), len(texts_then))
        copies = _copies(texts[:n]), _copies(texts_then[:n])
        findings.append(quality.duplicates(*copies, past.of("duplicates")))
    if window.rows:
        unseen, unseen_then = (_unseen(side, known_classes) for side in (window, reference))
        findings.append(
            quality.unseen_labels(
                Share(unseen, window.rows), Share(unseen_then, max(reference.rows, 1))
            )
        )
    return findings


def check_labels(window: Profile, past: Past, days_since_end: float) -> list[Finding]:
    """Whether labels that come apart from their messages come as late and as often as they did."""
    findings = []
    if len(window.delays()):
        findings.append(quality.label_delay(window.delays(), past.delays))
    if len(past.delays) and days_since_end > np.quantile(past.delays, LABELS_ARRIVED):
        labelled = Share(window.rows, window.rows + window.unlabelled)
        findings.append(quality.label_coverage(labelled, past.labelled))
    return findings


def check_freshness(newest_label: np.datetime64, now: datetime, limit_days: float) -> list[Finding]:
    """Whether labels still come; nothing if it is not known when the newest one came."""
    if np.isnat(newest_label):
        return []
    days = (np.datetime64(now.replace(tzinfo=None), "s") - newest_label) / np.timedelta64(1, "D")
    return [quality.no_labels_for(max(0.0, float(days)), limit_days)]


def _degradation(correct: Share, holdout: Share, past: Past) -> Finding:
    """Graver if earlier windows were degraded too."""
    finding = accuracy.degradation(correct, holdout, past.accuracy)
    if finding.unescalated is not None:
        return finding  # windows together have said so
    status = escalate([*past.degradation, finding.status])
    return replace(finding, status=status, unescalated=finding.status)


def _unseen(window: Profile, known_classes: frozenset[str]) -> int:
    """How many rows have a class that the model does not know."""
    return sum(
        rows for (true, _), rows in window.pairs.items() if normalise(true) not in known_classes
    )


def _lengths(texts: Sequence[str]) -> Floats:
    return np.fromiter(map(len, texts), float, len(texts))


def _copies(texts: Sequence[str]) -> Share:
    return Share(len(texts) - len(set(texts)), len(texts))
