"""Measured quality class by class, against the holdout: macro-F1 and recall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from common.evaluation.paired import holm
from common.evaluation.two_samples import MIN_ROWS, Share, higher_share_p
from common.monitoring.checks.finding import SIGNIFICANCE, Finding, reaches, too_few, warn_if
from common.monitoring.checks.usual import NOTHING, Figure, PastFigures, Prior, usual
from common.text import p_value
from common.types import Bools

Confusion = npt.NDArray[np.intp]
Z95 = 1.959964
F1_MARGIN, RECALL_MARGIN = 0.03, 0.05
# By so much the windows before may be worse than the holdout, and usual: a slow decline is not.
LUCKY_F1 = 0.02
# Days of two real streams had a spread of .019 and .029.
F1_PRIOR = Prior(0.0, 0.02)


def macro_f1(confusion: Confusion, reference: Confusion, past: PastFigures = NOTHING) -> Finding:
    """Has macro-F1 fallen since the holdout, by more than chance, than is usual and by F1_MARGIN?

    Args:
        confusion, reference: (K, K) counts of the window and of the holdout, rows are true classes.
        past: by how much it had fallen in the windows before.

    Only classes with MIN_ROWS true rows in both count, or one rare class would decide. `value` is
    macro-F1 now, with its 95 % interval.
    """
    rows = int(confusion.sum())
    chosen = np.minimum(confusion.sum(axis=1), reference.sum(axis=1)) >= MIN_ROWS
    if not chosen.any():
        return too_few("macro_f1", rows, int(reference.sum()))
    value, error = macro_f1_and_error(confusion, chosen)
    before, error_before = macro_f1_and_error(reference, chosen)
    fallen, both = before - value, math.hypot(error, error_before)
    p = float(stats.norm.sf(fallen / both)) if both else float(fallen <= 0)
    lower, upper = max(0.0, value - Z95 * error), min(1.0, value + Z95 * error)
    figure = Figure(fallen, error)
    held = usual(figure, past, F1_PRIOR)
    limit = max(F1_MARGIN, held.limit - max(0.0, held.centre - LUCKY_F1))
    status = warn_if(p < SIGNIFICANCE and reaches(fallen, limit))
    judged = "has fallen beyond chance" if status else "has not fallen more than usual"
    reason = (
        f"macro-F1 {value:.4f} (95 % interval {lower:.4f} to {upper:.4f}) of {chosen.sum()} classes"
        f" on {rows:,} rows {judged}: holdout {before:.4f}, {p_value(p)}"
    )
    detail = {"holdout": before, "classes": int(chosen.sum()), "p": p}
    return Finding(
        "macro_f1",
        status,
        reason,
        value=value,
        lower=lower,
        upper=upper,
        limit=before - limit,
        figure=figure,
        rows=rows,
        detail=detail,
    )


def macro_f1_and_error(confusion: Confusion, chosen: Bools | None = None) -> tuple[float, float]:
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


def recall(confusion: Confusion, reference: Confusion, classes: Sequence[str]) -> Finding:
    """Is any class found less often than on the holdout?

    Args:
        confusion, reference: (K, K) counts in the order of `classes`, rows are true classes.

    Fisher's exact test for each class with MIN_ROWS true rows on both sides, Holm's correction
    (1979) over all of them. `value` is the recall of the class with the clearest drop, `limit` what
    it must not fall below.
    """
    name, support, support_before = "class_recall", confusion.sum(axis=1), reference.sum(axis=1)
    judged = np.flatnonzero(np.minimum(support, support_before) >= MIN_ROWS)
    if not len(judged):
        return too_few(name, int(support.max(initial=0)), int(support_before.max(initial=0)))
    rates = _recalls(confusion, reference, classes, judged.tolist())
    fallen = [
        rate
        for rate in rates
        if rate["p"] < SIGNIFICANCE and reaches(rate["holdout"] - rate["recall"], RECALL_MARGIN)
    ]
    clearest = (fallen or rates)[0]
    reason = (
        f"{len(fallen) or 'none'} of {len(rates)} classes are found less often beyond chance than "
        f"on the holdout; clearest is {clearest['class']}: recall {clearest['recall']:.4f} on "
        f"{clearest['rows']:,} rows, holdout {clearest['holdout']:.4f}, {p_value(clearest['p'])}"
    )
    return Finding(
        name,
        warn_if(bool(fallen)),
        reason,
        value=clearest["recall"],
        limit=clearest["holdout"] - RECALL_MARGIN,
        rows=int(confusion.sum()),
        detail={"fallen": fallen, "skipped": len(classes) - len(judged)},
    )


def _recalls(
    confusion: Confusion, reference: Confusion, classes: Sequence[str], judged: Sequence[int]
) -> list[dict[str, Any]]:
    """The recall of each judged class, the clearest drop first."""
    found = [
        [Share(int(counts[k, k]), int(counts[k].sum())) for counts in (confusion, reference)]
        for k in judged
    ]
    p_values = holm([higher_share_p(now.rest, before.rest) for now, before in found])
    rates = [
        {
            "class": classes[k],
            "recall": 1 - now.rest.value,
            "holdout": 1 - before.rest.value,
            "rows": now.rows,
            "p": p,
        }
        for k, (now, before), p in zip(judged, found, p_values, strict=True)
    ]
    return sorted(rates, key=lambda rate: rate["p"])
