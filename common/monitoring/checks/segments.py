"""Measured accuracy segment by segment: brand, language, channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy import stats

from common.evaluation.metrics import wilson_interval
from common.evaluation.paired import holm
from common.evaluation.two_samples import MIN_ROWS, Share
from common.monitoring.checks.finding import SIGNIFICANCE, Finding, reaches, too_few, warn_if
from common.text import p_value

SHOWN = 10
# A segment must be so far below the floor to matter.
MARGIN = 0.05


def accuracy(segments: Mapping[str, Share], floor: float) -> Finding:
    """Does any segment fail while the whole looks well?

    Args:
        segments: correct answers by name.
        floor: what each segment must reach, 0 to 1.

    Exact one-sided binomial test for each segment with MIN_ROWS rows, Holm's correction (1979) over
    them. `value` is the accuracy of the worst one, with its 95 % interval.
    """
    rows = sum(share.rows for share in segments.values())
    judged = _judged(segments, floor)
    if not judged:
        largest = max((share.rows for share in segments.values()), default=0)
        return too_few("segment_accuracy", largest, rows - largest)
    low = [
        segment
        for segment in judged
        if segment["p"] < SIGNIFICANCE and reaches(floor - segment["accuracy"], MARGIN)
    ]
    worst = (low or judged)[0]
    lower, upper = wilson_interval(worst["correct"], worst["rows"])
    reason = (
        f"{len(low) or 'none'} of {len(judged)} segments below the floor beyond chance; worst is "
        f"{worst['segment']}: accuracy {worst['accuracy']:.4f} on {worst['rows']:,} rows, "
        f"the floor {floor:.4f}, {p_value(worst['p'])}"
    )
    return Finding(
        "segment_accuracy",
        warn_if(bool(low)),
        reason,
        value=worst["accuracy"],
        lower=lower,
        upper=upper,
        limit=floor - MARGIN,
        rows=rows,
        detail={
            "worst": judged[:SHOWN],
            "low": len(low),
            "skipped": len(segments) - len(judged),
        },
    )


def _judged(segments: Mapping[str, Share], floor: float) -> list[dict[str, Any]]:
    """The facts of each segment that is large enough, the clearest failure first."""
    large = {name: share for name, share in segments.items() if share.rows >= MIN_ROWS}
    p_values = holm([float(stats.binom.cdf(*share, floor)) for share in large.values()])
    facts = [
        {
            "segment": name,
            "correct": share.part,
            "rows": share.rows,
            "accuracy": share.value,
            "bar": floor,
            "p": p,
        }
        for (name, share), p in zip(large.items(), p_values, strict=True)
    ]
    return sorted(facts, key=lambda segment: (segment["p"], segment["accuracy"]))
