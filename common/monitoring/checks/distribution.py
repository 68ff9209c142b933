"""What the model answers, without labels: shares of the classes, and confidences."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy import stats

from common.evaluation.paired import holm
from common.evaluation.two_samples import MIN_ROWS
from common.monitoring.checks.finding import (
    LASTING_SIGNIFICANCE,
    SIGNIFICANCE,
    Finding,
    too_few,
    warn_if,
)
from common.monitoring.checks.usual import NOTHING, Figure, PastFigures, Prior, usual
from common.text import p_value
from common.types import Floats, Json, Labels

SHOWN = 5
# Smallest PSI that matters: the trade calls .1 a moderate shift.
PSI_MARGIN = 0.1
# Smallest distance of confidences that matters, 0 to 1.
DISTANCE_MARGIN = 0.1
# Fewer expected rows make the chi2 approximation of a cell poor. Source: Cochran, Some Methods for
# Strengthening the Common chi2 Tests, 1954.
EXPECTED_ROWS = 5
OTHERS = "(rare classes)"
# Over eight days of tweets to airlines the root of PSI was .04 to .27, the distance .02 to .17,
# much of it by the number of rows.
PSI_ROOT_PRIOR, DISTANCE_PRIOR = Prior(0.12, 0.06), Prior(0.08, 0.04)


def psi(expected: Floats, actual: Floats) -> float:
    """Population stability index of two sets of shares (K,), all greater than 0.

    sum((actual - expected) ln(actual / expected)); 0 if they are alike, without upper bound.
    Source: Siddiqi, Credit Risk Scorecards, 2006.

    >>> round(psi(np.array([0.5, 0.5]), np.array([0.6, 0.4])), 4)
    0.0405
    """
    return float(((actual - expected) * np.log(actual / expected)).sum())


def predicted_classes(
    reference: Mapping[str, int], current: Mapping[str, int], past: PastFigures = NOTHING
) -> Finding:
    """Are other classes predicted than on the holdout, more than is usual?

    Args:
        reference, current: how often each class was predicted.
        past: roots of PSI of the windows before.

    Without a shift PSI / (1/n + 1/m) is about chi2 with K - 1 degrees of freedom. Source: Yurdakul,
    Statistical Properties of Population Stability Index, 2018. Rare classes are counted together,
    and half a row is added to each class, so that an empty one is not an infinite shift.
    """
    name = "predicted_classes"
    names = sorted({*reference, *current})
    before = np.array([reference.get(key, 0) for key in names], float)
    now = np.array([current.get(key, 0) for key in names], float)
    m, n = int(before.sum()), int(now.sum())
    if min(m, n) < MIN_ROWS:
        return too_few(name, n, m)
    expected = (before + now) * min(m, n) / (m + n)
    rare = expected < EXPECTED_ROWS
    if rare.sum() > 1:
        names = [key for key, few in zip(names, rare, strict=True) if not few] + [OTHERS]
        before = np.append(before[~rare], before[rare].sum())
        now = np.append(now[~rare], now[rare].sum())
    shares, shares_before = ((x + 0.5) / (x.sum() + len(x) / 2) for x in (now, before))
    value, scale = psi(shares_before, shares), 1 / n + 1 / m
    p = float(stats.chi2.sf(value / scale, len(names) - 1)) if len(names) > 1 else 1.0
    beyond = scale * float(stats.chi2.isf(SIGNIFICANCE, max(1, len(names) - 1)))
    # Its root is about normal, as what is usual is taken to be; that of chi2 has a spread of .7.
    figure = Figure(math.sqrt(value), 0.7 * math.sqrt(scale))
    held = usual(figure, past, PSI_ROOT_PRIOR)
    limit = max(PSI_MARGIN, beyond, held.limit**2)
    lasts = held.lasts and p < LASTING_SIGNIFICANCE and value >= PSI_MARGIN
    status = warn_if(lasts or (p < SIGNIFICANCE and value >= limit))
    order = np.argsort(-np.abs(shares - shares_before), kind="stable")[:SHOWN]
    moved: list[dict[str, str | float]] = [
        {"class": names[k], "share": float(now[k] / n), "reference": float(before[k] / m)}
        for k in order
    ]
    judged = "differ more than usual from" if status else "differ no more than usual from"
    reason = (
        f"predicted classes of {n:,} rows {judged} the reference: PSI {value:.4f}, limit "
        f"{limit:.4f}, {p_value(p)}; "
        f"most changed is {moved[0]['class']}, {moved[0]['reference']:.4f} to "
        f"{moved[0]['share']:.4f}"
    )
    detail: dict[str, Json] = {"moved": moved, "p": p, "lasts": lasts}
    return Finding(
        name,
        status,
        reason,
        value=value,
        limit=limit,
        figure=figure,
        rows=n,
        detail=detail,
    )


def confidence(
    reference: Floats,
    current: Floats,
    reference_predicted: Labels,
    predicted: Labels,
    past: PastFigures = NOTHING,
) -> Finding:
    """Are the answers given with other confidences than on the holdout, more than is usual, in all
    or in one class?

    Args:
        past: of the windows before.
        reference, current: (m,) and (n,) confidences, 0 to 1.
        reference_predicted, predicted: (m,) and (n,) the classes they were given to.

    Two-sample Kolmogorov-Smirnov test of all rows and of each class with 30 rows on both sides,
    Holm's correction (1979) over these tests. `value` is the distance of the clearest.
    """
    name = "confidence"
    if min(len(reference), len(current)) < MIN_ROWS:
        return too_few(name, len(current), len(reference))
    groups = {"all": (reference, current)}
    for key in np.unique(predicted):
        both = reference[reference_predicted == key], current[predicted == key]
        if min(map(len, both)) >= MIN_ROWS:
            groups[f"class {key}"] = both
    tests = [stats.ks_2samp(*both, method="asymp") for both in groups.values()]
    found = sorted(
        (p, -float(test.statistic), group)
        for p, test, group in zip(holm([t.pvalue for t in tests]), tests, groups, strict=True)
    )
    # The largest distance, weighed by its rows: small classes are far off by chance.
    p, distance, group = found[0]
    rows = [len(side) for side in groups[group]]
    # Of Kolmogorov's distribution, by the number of rows: standard deviation .26.
    error = 0.26 * math.sqrt(sum(1 / count for count in rows))
    held = usual(Figure(-distance, error), past, DISTANCE_PRIOR)
    figure = Figure(-distance, error)
    limit, enough = max(DISTANCE_MARGIN, held.limit), SIGNIFICANCE
    if held.lasts:
        limit, enough = DISTANCE_MARGIN, LASTING_SIGNIFICANCE
    far = [row for row in found if row[0] < enough and -row[1] >= limit]
    if far:
        p, distance, group = far[0]
    before, now = (float(np.mean(side)) for side in groups[group])
    judged = "differ more than usual from" if far else "differ no more than usual from"
    reason = (
        f"confidences of {len(current):,} rows {judged} the reference; clearest is {group}: "
        f"distance {abs(distance):.4f}, limit {limit:.4f}, mean {before:.4f} to {now:.4f}, "
        f"{p_value(p)}"
    )
    detail: dict[str, Json] = {
        "groups": [{"group": g, "distance": -d, "p": q} for q, d, g in far],
        "p": p,
        "lasts": held.lasts,
    }
    return Finding(
        name,
        warn_if(bool(far)),
        reason,
        value=-distance,
        limit=limit,
        figure=figure,
        rows=len(current),
        detail=detail,
    )
