"""Do the confidences still mean what they meant on the holdout?"""

from __future__ import annotations

import numpy as np

from common.evaluation.metrics import CALIBRATION_BINS, calibration_bins
from common.evaluation.two_samples import MIN_ROWS
from common.monitoring.checks.finding import SIGNIFICANCE, Finding, too_few, warn_if
from common.types import Bools, Floats

DRAWS = 10_000
SEED = 20171
# Smallest excess over what a window of this size shows on average without drift.
MARGIN = 0.02


def calibration(
    correct: Bools, confidence: Floats, reference_correct: Bools, reference_confidence: Floats
) -> Finding:
    """Is the expected calibration error greater than that of the holdout, beyond chance?

    Args:
        correct, confidence: (n,) whether the answer was right, and its confidence, 0 to 1.
        reference_correct, reference_confidence: (m,) the same of the holdout.

    An ECE (Guo 2017) of few rows is high by chance alone, so it is held against what it would be if
    each bin had the holdout's gap: of each bin, an accuracy is drawn from its posterior on the
    holdout, then the right answers of the window. The prior weighs as much as one row that is as
    right as its confidence says, so a bin that the holdout never saw counts as calibrated.
    Source: consistency resampling, Broecker & Smith, Increasing the Reliability of Reliability
    Diagrams, 2007.
    """
    rows = len(correct)
    if min(rows, len(reference_correct)) < MIN_ROWS:
        return too_few("calibration", rows, len(reference_correct))
    n, hits, sums = _by_bin(correct, confidence)
    m, hits_before, sums_before = _by_bin(reference_correct, reference_confidence)
    value = float(np.abs(hits - sums).sum() / rows)
    before = float(np.abs(hits_before - sums_before).sum() / len(reference_correct))

    seen = np.flatnonzero(n)
    n, sums = n[seen], sums[seen]
    mean = np.clip(sums / n, 1e-9, 1 - 1e-9)
    mean_before = np.where(m[seen], sums_before[seen] / np.maximum(m[seen], 1), mean)
    random = np.random.default_rng(SEED)
    accuracy = random.beta(
        hits_before[seen] + mean, (m - hits_before)[seen] + 1 - mean, (DRAWS, len(seen))
    )
    chance = np.clip(accuracy + mean - mean_before, 0, 1)
    drawn = np.abs(random.binomial(n.astype(int), chance) - sums).sum(axis=1) / rows
    expected = float(drawn.mean())
    limit = float(max(np.quantile(drawn, 1 - SIGNIFICANCE), expected + MARGIN))

    status = warn_if(value > limit)
    judged = "more than" if status else "within"
    reason = (
        f"calibration error {value:.4f} on {rows:,} rows is {judged} what chance gives a model "
        f"calibrated as on the holdout: limit {limit:.4f}, expected {expected:.4f}"
    )
    detail = {"holdout": before, "expected": expected}
    return Finding(
        "calibration", status, reason, value=value, limit=limit, rows=rows, detail=detail
    )


def _by_bin(correct: Bools, confidence: Floats) -> tuple[Floats, Floats, Floats]:
    """(bins,) each: rows, right answers, sum of confidences."""
    bins = calibration_bins(confidence)
    rows, hits, sums = (
        np.bincount(bins, weights, CALIBRATION_BINS).astype(float)
        for weights in (None, correct, confidence)
    )
    return rows, hits, sums
