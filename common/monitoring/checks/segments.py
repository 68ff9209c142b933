"""Measured accuracy segment by segment: brand, language, channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy import stats

from common.evaluation.paired import holm
from common.evaluation.two_samples import higher_share_p, wilson_bounds
from common.monitoring.checks.finding import (
    FEWEST_ROWS,
    SIGNIFICANCE,
    Finding,
    reaches,
    too_few,
    warn_if,
)

SHOWN = 10


def accuracy(
    segments: Mapping[str, tuple[int, int]],
    floor: float | None = None,
    significance: float = SIGNIFICANCE,
    margin: float = 0.05,
    fewest: int = FEWEST_ROWS,
) -> Finding:
    """Does any segment fail while the whole looks well?

    Args:
        segments: (correct, rows) by name.
        floor: what each segment must reach; None compares each with all others together, which
            also finds a segment that was always harder than the rest.
        margin: a segment must be so far below, 0 to 1.
        fewest: segments with fewer rows are not judged.

    Exact one-sided tests (binomial against the floor, Fisher against the rest), Holm's correction
    (1979) over the segments. `value` is the accuracy of the worst one, with one-sided 95 % bounds.
    """
    name = "segment_accuracy"
    right, rows = (sum(pair[k] for pair in segments.values()) for k in (0, 1))
    judged: list[dict[str, Any]] = []
    for segment, (correct, count) in segments.items():
        others, others_right = rows - count, right - correct
        if count < fewest or (floor is None and others < fewest):
            continue
        if floor is None:
            wrong = count - correct, count, others - others_right, others
            bar, p = others_right / others, higher_share_p(*wrong)
        else:
            bar, p = floor, float(stats.binom.cdf(correct, count, floor))
        facts = {"segment": segment, "correct": correct, "rows": count}
        judged.append(facts | {"accuracy": correct / count, "bar": bar, "p": p})
    if not judged:
        largest = max((count for _, count in segments.values()), default=0)
        return too_few(name, largest, rows - largest, fewest)
    for facts, p in zip(judged, holm([facts["p"] for facts in judged]), strict=True):
        facts["p"] = p
    judged.sort(key=lambda facts: (facts["p"], facts["accuracy"]))
    low = [
        facts
        for facts in judged
        if facts["p"] < significance and reaches(facts["bar"] - facts["accuracy"], margin)
    ]
    first = (low or judged)[0]
    lower, upper = wilson_bounds(first["correct"], first["rows"])
    against = "the rest" if floor is None else "the floor"
    reason = (
        f"{len(low) or 'none'} of {len(judged)} segments below {against} beyond chance; worst is "
        f"{first['segment']}: accuracy {first['accuracy']:.4f} on {first['rows']:,} rows, "
        f"{against} {first['bar']:.4f}, p {first['p']:.2g}"
    )
    detail = {"worst": judged[:SHOWN], "low": len(low), "skipped": len(segments) - len(judged)}
    limit = first["bar"] - margin
    status = warn_if(bool(low))
    return Finding(name, status, reason, first["accuracy"], lower, upper, limit, rows, detail)
