"""Accuracy of messages that have no labels yet, estimated from the model's confidences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from common.evaluation.two_samples import MIN_ROWS
from common.monitoring.checks.finding import Finding, too_few, warn_if
from common.types import Bools, Floats

DRAWS = 400
SEED = 20211
BLIND = "blind to messages whose meaning has changed"


def accuracy(
    confidence: Floats, holdout_confidence: Floats, holdout_correct: Bools, floor: float
) -> Finding:
    """Estimate the accuracy of n unlabelled rows; WARNING if even its upper bound is too low.

    Args:
        confidence: (n,) probabilities of the predicted classes, 0 to 1.
        holdout_confidence, holdout_correct: (m,) the same of the holdout, and whether it was right.
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
    if min(rows, len(holdout_correct)) < MIN_ROWS:
        return too_few(name, rows, len(holdout_correct))
    levels, which = np.unique(holdout_confidence, return_inverse=True)
    right = np.asarray(holdout_correct, float)
    value = float(_calibrated(confidence, levels, which, right, np.ones_like(right)).mean())
    random = np.random.default_rng(SEED)
    drawn = np.empty(DRAWS)
    for k in range(DRAWS):
        times = random.multinomial(len(right), np.full(len(right), 1 / len(right))).astype(float)
        chance = _calibrated(confidence, levels, which, right, times)
        drawn[k] = (random.random(rows) < chance).mean()
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
        detail={"holdout_accuracy": float(right.mean())},
    )


def _calibrated(
    confidence: Floats,
    levels: Floats,
    which: npt.NDArray[np.intp],
    right: Floats,
    times: Floats,
) -> Floats:
    """(n,) chances of being right, by isotonic regression of the holdout.

    Args:
        levels: (L,) distinct confidences of the holdout, ascending.
        which: (m,) the level of each of its rows; `right` (m,) 0 or 1; `times` (m,) how often the
            row was drawn.
    """
    rows = np.bincount(which, times, len(levels))
    seen = rows > 0
    hits = np.bincount(which, times * right, len(levels))[seen]
    fitted = isotonic_regression(hits / rows[seen], weights=rows[seen]).x
    return np.asarray(np.interp(confidence, levels[seen], fitted))
