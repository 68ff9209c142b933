"""Accuracy of messages that have no labels yet, estimated from the model's confidences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from common.evaluation.two_samples import MIN_ROWS
from common.monitoring.checks.finding import Finding, too_few, warn_if
from common.types import Bools, Floats

DRAWS = 400
SEED = 20211
BLIND = "blind to messages whose meaning has changed"


@dataclass(frozen=True)
class Calibration:
    """What a confidence has meant on a holdout, and what it could have meant on others like it.

    Attributes:
        rows: of the holdout.
        right: its share of right answers, 0 to 1.
        curve: chance of being right by confidence; `drawn` the same of bootstrapped holdouts.
    """

    rows: int
    right: float
    curve: Curve
    drawn: tuple[Curve, ...]


@dataclass(frozen=True)
class Curve:
    """Chances of being right (L,) at confidences (L,), ascending."""

    confidence: Floats
    chance: Floats

    def at(self, confidence: Floats) -> Floats:
        """(n,) chances; between two known ones on the line that joins them."""
        return np.asarray(np.interp(confidence, self.confidence, self.chance))


def calibrate(confidence: Floats, correct: Bools) -> Calibration:
    """Isotonic regression of a holdout, and of DRAWS bootstraps of it.

    Args:
        confidence, correct: (m,) of its rows: probability of the answer, and whether it was right.
    """
    if len(correct) < MIN_ROWS:  # nothing is estimated from it
        return Calibration(len(correct), 0.0, Curve(np.empty(0), np.empty(0)), ())
    levels, which = np.unique(confidence, return_inverse=True)
    right = np.asarray(correct, float)

    def curve(times: Floats) -> Curve:
        rows = np.bincount(which, times, len(levels))
        seen = rows > 0
        hits = np.bincount(which, times * right, len(levels))[seen]
        fitted = isotonic_regression(hits / rows[seen], weights=rows[seen]).x
        return Curve(levels[seen], np.asarray(fitted))

    random, m = np.random.default_rng(SEED), len(right)
    drawn = [curve(random.multinomial(m, np.full(m, 1 / m)).astype(float)) for _ in range(DRAWS)]
    return Calibration(m, float(right.mean()), curve(np.ones(m)), tuple(drawn))


def accuracy(confidence: Floats, holdout: Calibration, floor: float) -> Finding:
    """Estimate the accuracy of n unlabelled rows; WARNING if even its upper bound is too low.

    Args:
        confidence: (n,) probabilities of the predicted classes, 0 to 1.
        floor: what the accuracy must reach, 0 to 1.

    Confidence-based performance estimation: the mean of the confidences, made probabilities by
    isotonic regression on the holdout. The 95 % interval is of the accuracy that labels would show:
    the holdout is drawn again (bootstrap), then each row is right or wrong by its probability
    (Poisson-binomial). It assumes that a confidence means what it meant on the holdout, so OK only
    says that there is nothing to warn of, and it is never CRITICAL.
    Sources: NannyML, documentation of CBPE; Guillory et al., Predicting with Confidence on Unseen
    Distributions, ICCV 2021; Zadrozny & Elkan 2002 for isotonic calibration.
    """
    name, rows = "estimated_accuracy", len(confidence)
    if min(rows, holdout.rows) < MIN_ROWS:
        return too_few(name, rows, holdout.rows)
    value = float(holdout.curve.at(confidence).mean())
    random = np.random.default_rng(SEED)
    drawn = [(random.random(rows) < curve.at(confidence)).mean() for curve in holdout.drawn]
    lower, upper = (float(bound) for bound in np.quantile(drawn, (0.025, 0.975)))
    status = warn_if(upper < floor)
    judged = f"is below the floor {floor:g}" if status else "gives nothing to warn of"
    reason = (
        f"estimated accuracy {value:.4f} (95 % interval {lower:.4f} to {upper:.4f}) of {rows:,} "
        f"rows without labels {judged}; {BLIND}"
    )
    return Finding(
        name,
        status,
        reason,
        value=value,
        lower=lower,
        upper=upper,
        limit=floor,
        rows=rows,
        detail={"holdout_accuracy": holdout.right},
    )
