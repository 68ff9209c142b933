"""Measured quality class by class, against the holdout: macro-F1 and recall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from common.evaluation.paired import holm
from common.evaluation.two_samples import higher_share_p
from common.monitoring.checks.finding import (
    FEWEST_ROWS,
    NAN,
    SIGNIFICANCE,
    Finding,
    reaches,
    too_few,
    warn_if,
)

Confusion = npt.NDArray[np.intp]
Z95 = 1.959964


def macro_f1(
    confusion: Confusion,
    reference: Confusion,
    significance: float = SIGNIFICANCE,
    margin: float = 0.03,
    fewest: int = FEWEST_ROWS,
) -> Finding:
    """Has macro-F1 fallen since the holdout, by more than chance and by `margin`?

    Args:
        confusion, reference: (K, K) counts of the window and of the holdout, rows are true classes.
        fewest: only classes with so many true rows in both count, or one rare class would decide.

    `value` is macro-F1 now, with its 95 % interval.
    """
    name, rows = "macro_f1", int(confusion.sum())
    chosen = np.minimum(confusion.sum(axis=1), reference.sum(axis=1)) >= fewest
    if not chosen.any():
        return too_few(name, rows, int(reference.sum()), fewest)
    value, error = macro_f1_and_error(confusion, chosen)
    before, error_before = macro_f1_and_error(reference, chosen)
    fallen, both = before - value, math.hypot(error, error_before)
    p = float(stats.norm.sf(fallen / both)) if both else float(fallen <= 0)
    lower, upper = max(0.0, value - Z95 * error), min(1.0, value + Z95 * error)
    status = warn_if(p < significance and reaches(fallen, margin))
    judged = "has fallen beyond chance" if status else "has not fallen beyond chance or the margin"
    reason = (
        f"macro-F1 {value:.4f} (95 % interval {lower:.4f} to {upper:.4f}) of {chosen.sum()} classes"
        f" on {rows:,} rows {judged}: holdout {before:.4f}, p {p:.2g}"
    )
    detail = {"holdout": before, "classes": int(chosen.sum()), "p": p}
    return Finding(name, status, reason, value, lower, upper, before - margin, rows, detail)


def macro_f1_and_error(
    confusion: Confusion, chosen: npt.NDArray[np.bool_] | None = None
) -> tuple[float, float]:
    """Mean F1 of the chosen classes (all of them by default), and its standard error.

    Delta method: F1 = 2 c_kk / (row sum + column sum) stays when all counts double, so its gradient
    g has sum(c g) = 0, and of the multinomial variance sum(c g^2) - sum(c g)^2 / n only the first
    term is left. Source: Takahashi, Yamamoto, Kuchiba & Koyama, Confidence Interval for
    Micro-Averaged F1 and Macro-Averaged F1 Scores, Applied Intelligence 2022.
    """
    kept = np.ones(len(confusion), bool) if chosen is None else chosen
    total = np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)
    f1 = 2 * confusion.diagonal() / total
    slope = np.where(kept, f1 / total, 0.0)
    gradient = -(slope[:, None] + slope[None, :])
    gradient[np.diag_indices_from(gradient)] += np.where(kept, 2 / total, 0.0)
    variance = (confusion * gradient**2).sum() / kept.sum() ** 2
    return float(f1[kept].mean()), math.sqrt(float(variance))


def recall(
    confusion: Confusion,
    reference: Confusion,
    classes: Sequence[str],
    significance: float = SIGNIFICANCE,
    margin: float = 0.05,
    fewest: int = FEWEST_ROWS,
) -> Finding:
    """Is any class found less often than on the holdout?

    Args:
        confusion, reference: (K, K) counts in the order of `classes`, rows are true classes.
        fewest: classes with fewer true rows on either side are not judged.

    Fisher's exact test for each class, Holm's correction (1979) over all of them. `value` is the
    recall of the class with the clearest drop, `limit` what it must not fall below.
    """
    name, rows = "class_recall", int(confusion.sum())
    support, support_before = confusion.sum(axis=1), reference.sum(axis=1)
    judged = np.flatnonzero(np.minimum(support, support_before) >= fewest)
    if not len(judged):
        return too_few(
            name, int(support.max(initial=0)), int(support_before.max(initial=0)), fewest
        )
    misses, misses_before = support - confusion.diagonal(), support_before - reference.diagonal()
    counts = np.column_stack([misses, support, misses_before, support_before])[judged].tolist()
    p_values = holm([higher_share_p(*row) for row in counts])
    rates: list[dict[str, Any]] = [
        {
            "class": classes[k],
            "recall": 1 - missed / n,
            "holdout": 1 - before / m,
            "rows": n,
            "p": p,
        }
        for k, (missed, n, before, m), p in zip(judged.tolist(), counts, p_values, strict=True)
    ]
    rates.sort(key=lambda rate: rate["p"])
    fallen = [
        rate
        for rate in rates
        if rate["p"] < significance and reaches(rate["holdout"] - rate["recall"], margin)
    ]
    shown = (fallen or rates)[0]
    says = f"{len(fallen)} of" if fallen else "none of"
    reason = (
        f"{says} {len(rates)} classes are found less often beyond chance than on the holdout; "
        f"clearest is {shown['class']}: recall {shown['recall']:.4f} on {shown['rows']:,} rows, "
        f"holdout {shown['holdout']:.4f}, p {shown['p']:.2g}"
    )
    detail = {"fallen": fallen, "skipped": int(len(classes) - len(judged))}
    limit = shown["holdout"] - margin
    status = warn_if(bool(fallen))
    return Finding(name, status, reason, shown["recall"], NAN, NAN, limit, rows, detail)
