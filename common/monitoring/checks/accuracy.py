"""Measured accuracy: against the floor, pooled over windows, and against the holdout.

CRITICAL here is always beyond chance, never from a point alone: with a floor of .85, a model of .87
and 100 rows the point is below the floor on 22 % of the days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from common.evaluation.metrics import wilson_interval
from common.evaluation.two_samples import (
    MIN_ROWS,
    Share,
    higher_share_p,
    share_difference,
    upper_bound,
)
from common.evaluation.weighted import WeightedAccuracy
from common.monitoring.checks.finding import TROUBLE, Finding, Status, reaches, too_few
from common.text import p_value, signed
from common.types import Json

POOLED_WINDOWS = 5
# A drop is looked for in the newest window, and in so many together.
POOLS = (1, 3, 5)
# Of how accuracy varies between windows: how many are looked at, and what it is where they are few.
OVERDISPERSION_WINDOWS, FEW_WINDOWS, USUAL_OVERDISPERSION = 20, 7, 1.5
# A smaller drop than this is nobody's trouble.
MARGIN = 0.02
# So many labelled rows of the past say better than the holdout what accuracy usually is.
PAST_ROWS = 1_000
# Largest p-values of a drop. That of WARNING was measured: on a stable model of .92 with 300 rows a
# day, .01 warns 1.5 times in 200 days and .005 0.8 times, while a drop to .84 is CRITICAL within
# two days in 97.9 or 97.1 % (2,000 holdout rows).
P_WARNING, P_CRITICAL = 0.005, 0.001
# Of a window being better than those before it, after a failure.
P_BETTER = 0.05
# Smaller windows are WARNING at most: where days had 20 to 60 rows, a third of all CRITICAL for
# nothing came from `degradation` without this.
CRITICAL_ROWS = 100


def against_floor(
    correct: Share, floor: float, weighted: WeightedAccuracy | None = None
) -> Finding:
    """Judge the correct answers to labelled messages against a floor between 0 and 1.

    Args:
        weighted: of messages that were drawn with unequal chances; `correct` is then of as many
            rows as these are worth, and value, interval and bound are the estimate's.

    CRITICAL if the one-sided 95 % upper bound (Wilson 1927) is below the floor: by chance in about
    5 % of the windows whose true accuracy is at the floor (exactly, 4.5 to 7.9 % for 100 to 2,000
    rows and floors of .7 to .99), and in far fewer if it is above. WARNING if only the point is
    below; UNKNOWN if fewer than 30 rows say neither.

    >>> against_floor(Share(70, 100), 0.85).status.name
    'CRITICAL'
    """
    rows = correct.rows
    if not rows:
        return Finding("accuracy", Status.UNKNOWN, "no labelled rows", limit=floor)
    accuracy = correct.value
    lower, upper = wilson_interval(*correct)
    bound = upper_bound(correct)
    which = f"on {rows:,} rows"
    detail: dict[str, Json] = {}
    if weighted is not None:
        accuracy, bound = weighted.value, weighted.bound
        lower, upper = weighted.lower, weighted.upper
        which = (
            f"on {weighted.messages:,.0f} messages, by {weighted.rows:,} labelled ones that are "
            f"worth {rows:,} drawn evenly"
        )
        detail = {"messages": round(weighted.messages), "labelled": weighted.rows}
    interval = f"accuracy {accuracy:.4f} (95 % interval {lower:.4f} to {upper:.4f}) {which}"
    if bound < floor:
        status = Status.CRITICAL
        reason = f"{interval} is below the floor {floor:g} beyond chance (upper bound {bound:.4f})"
    elif rows < MIN_ROWS:
        status = Status.UNKNOWN
        reason = f"{interval}: too few rows to judge, at least {MIN_ROWS} are needed"
    elif accuracy < floor:
        status = Status.WARNING
        reason = f"{interval} is below the floor {floor:g}, but that may be chance"
    else:
        status, reason = Status.OK, f"{interval} holds the floor {floor:g}"
    return Finding(
        "accuracy",
        status,
        reason,
        value=accuracy,
        lower=lower,
        upper=upper,
        limit=floor,
        rows=rows,
        detail={"upper_bound": bound, **detail},
    )


def of_unknown_classes(correct: Share, floor: float) -> Finding:
    """UNKNOWN: no label is a class of the model, so each answer counts as wrong, right or not."""
    reason = (
        f"none of the {correct.rows:,} labels is a class of the model: has the labelling changed, "
        "or is TARGET_COLUMN wrong?"
    )
    return Finding("accuracy", Status.UNKNOWN, reason, limit=floor, rows=correct.rows)


def of_fitted_rows(rows: int, floor: float) -> Finding:
    """UNKNOWN: the model knows the answers."""
    reason = f"not judged on {rows:,} rows: the model was fitted on these messages"
    return Finding("accuracy", Status.UNKNOWN, reason, limit=floor, rows=rows)


def pooled_against_floor(windows: Sequence[Share], floor: float) -> Finding:
    """The same for the last five windows together, which sees a slow decline and small windows.

    Args:
        windows: correct answers of each, newest last. Windows without rows do not count.

    OK if the last two windows hold the floor together, or the newest does and is better than the
    others beyond chance: otherwise the failure of some days ago would keep on alarming after it has
    been mended. One alone often holds it by chance, where rows are few.
    """
    pooled = [window for window in windows if window.rows][-POOLED_WINDOWS:]
    correct = _together(pooled)
    finding = against_floor(correct, floor)
    which = f"last {len(pooled)} windows" if len(pooled) > 1 else "the only window so far"
    status, reason = finding.status, f"{which}: {finding.reason}"
    if status in TROUBLE and _is_mended(pooled, floor):
        status, reason = Status.OK, f"{reason}, but the newest of them hold it"
    detail = {**finding.detail, "windows": [list(window) for window in pooled]}
    return replace(finding, name="accuracy_pooled", status=status, reason=reason, detail=detail)


def _is_mended(windows: Sequence[Share], floor: float) -> bool:
    *before, newest = windows
    if _together(windows[-2:]).value >= floor:
        return True
    rest = _together(before)
    better = rest.rows > 0 and higher_share_p(newest, rest) < P_BETTER
    return newest.value >= floor and better


def usual_accuracy(holdout: Share, before: Sequence[Share]) -> Share:
    """The holdout's right answers, fewer if the windows before show that it was lucky.

    By at most MARGIN, so that a decline does not become usual by being slow.

    Args:
        before: correct answers of the windows before; the last five may be the beginning of a drop.

    >>> usual_accuracy(Share(900, 1000), [Share(89, 100)] * 20)
    Share(part=890, rows=1000)
    """
    past = _together(before[: -POOLS[-1]])
    if past.rows < PAST_ROWS or not holdout.rows:
        return holdout
    least = max(past.value, holdout.value - MARGIN)
    return Share(min(holdout.part, round(least * holdout.rows)), holdout.rows)


def degradation(correct: Share, holdout: Share, before: Sequence[Share] = ()) -> Finding:
    """Is the model worse than it was on its holdout, in this window or in the last ones together?

    Args:
        before: correct answers of the windows before, oldest first.

    CRITICAL and WARNING by the p-value of the drop (one-sided Fisher test), if it is at least
    MARGIN. A window of 300 rows shows a drop of 8 points from .92 nearly always, from .71 in every
    second one: POOLS of windows show it too. These are CRITICAL or nothing, need the newest window
    to be lower as well, and count rows for as many as they are worth: accuracy varies from day to
    day more than independent answers do (`overdispersion`). `value` is accuracy minus holdout
    accuracy, with Newcombe's 95 % interval (1998, method 10), of what decided.
    """
    rows = correct.rows
    if min(rows, holdout.rows) < MIN_ROWS:
        return too_few("degradation", rows, holdout.rows)
    found = _drop(correct, holdout, 1)
    if found.status is Status.CRITICAL or not reaches(holdout.value - correct.value, MARGIN):
        return found
    windows = [*(window for window in before if window.rows), correct]
    factor = overdispersion(windows[: 1 - POOLS[-1]])
    for size in POOLS[1:]:
        pool = _together(windows[-size:])
        worth = Share(round(pool.part / factor), round(pool.rows / factor))
        if len(windows) < size or worth.rows < max(rows, CRITICAL_ROWS):
            continue
        pooled = _drop(worth, holdout, size)
        if pooled.status is Status.CRITICAL:
            return replace(pooled, unescalated=found.status)
    return found


def overdispersion(windows: Sequence[Share]) -> float:
    """How much more accuracies vary between windows than those of independent answers: at least 1.

    Pearson's chi2 over its degrees of freedom (McCullagh & Nelder, Generalized Linear Models, 1989,
    4.5); USUAL_OVERDISPERSION where windows are few.

    >>> overdispersion([Share(75, 100), Share(65, 100)] * 5)
    1.3227513227513221
    """
    known = [window for window in windows if window.rows >= MIN_ROWS][-OVERDISPERSION_WINDOWS:]
    if len(known) < FEW_WINDOWS:
        return USUAL_OVERDISPERSION
    mean = _together(known).value
    if not 0 < mean < 1:
        return 1.0
    squares = sum((window.value - mean) ** 2 * window.rows for window in known)
    return max(1.0, squares / (mean * (1 - mean)) / (len(known) - 1))


def _drop(correct: Share, holdout: Share, windows: int) -> Finding:
    """The finding about one window, or about some together."""
    rows, accuracy, before = correct.rows, correct.value, holdout.value
    p = higher_share_p(correct.rest, holdout.rest)
    lower, upper = share_difference(correct, holdout)
    matters = reaches(before - accuracy, MARGIN)
    if matters and p < P_CRITICAL and rows >= CRITICAL_ROWS:
        status, judged = Status.CRITICAL, "worse beyond chance"
    elif matters and p < P_WARNING and windows == 1:
        status, judged = Status.WARNING, "probably worse"
    else:
        status, judged = Status.OK, "no worse than chance or the margin explain"
    which = f"of the last {windows} windows together, worth" if windows > 1 else "on"
    reason = (
        f"accuracy {accuracy:.4f} {which} {rows:,} rows is {judged}: reference {before:.4f}, "
        f"difference {signed(accuracy - before)} (95 % interval {signed(lower)} to "
        f"{signed(upper)}), {p_value(p)}"
    )
    return Finding(
        "degradation",
        status,
        reason,
        value=accuracy - before,
        lower=lower,
        upper=upper,
        limit=-MARGIN,
        rows=rows,
        detail={"accuracy": accuracy, "holdout_accuracy": before, "p": p, "windows": windows},
    )


def _together(windows: Sequence[Share]) -> Share:
    return Share(sum(window.part for window in windows), sum(window.rows for window in windows))
