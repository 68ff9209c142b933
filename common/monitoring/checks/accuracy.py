"""Measured accuracy: against the floor, pooled over windows, and against the holdout.

CRITICAL here is always beyond chance, never from a point alone: with a floor of .85, a model of .87
and 100 rows the point is below the floor on 22 % of the days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from common.evaluation.two_samples import higher_share_p, share_difference, wilson_bounds
from common.monitoring.checks.finding import FEWEST_ROWS, Finding, Status, reaches, too_few

POOLED_WINDOWS = 5


def against_floor(correct: int, rows: int, floor: float) -> Finding:
    """Judge `correct` of `rows` labelled messages against a floor between 0 and 1.

    CRITICAL where the one-sided 95 % upper bound (Wilson 1927) is below the floor: by chance in
    about 5 % of the windows whose true accuracy is at the floor (exactly, 4.5 to 7.9 % for 100 to
    2,000 rows and floors of .7 to .99), and in far fewer where it is above. WARNING where only the
    point is below; UNKNOWN where fewer than 30 rows say neither.

    >>> against_floor(70, 100, 0.85).status.name
    'CRITICAL'
    """
    if not rows:
        return Finding("accuracy", Status.UNKNOWN, "no labelled rows", limit=floor)
    accuracy = correct / rows
    lower, upper = wilson_bounds(correct, rows)
    interval = f"accuracy {accuracy:.4f} (95 % bounds {lower:.4f} to {upper:.4f}) on {rows:,} rows"
    if upper < floor:
        status, reason = Status.CRITICAL, f"{interval} is below the floor {floor:g}"
    elif rows < FEWEST_ROWS:
        status = Status.UNKNOWN
        reason = f"{interval}: too few rows to judge, at least {FEWEST_ROWS} are needed"
    elif accuracy < floor:
        status = Status.WARNING
        reason = f"{interval} is below the floor {floor:g}, but that may be chance"
    else:
        status, reason = Status.OK, f"{interval} holds the floor {floor:g}"
    return Finding("accuracy", status, reason, accuracy, lower, upper, floor, rows)


def pooled_against_floor(windows: Sequence[tuple[int, int]], floor: float) -> Finding:
    """The same for the last five windows together, which sees a slow decline and small windows.

    Args:
        windows: (correct, rows) of each, newest last. Windows without rows are no windows.

    OK where the newest window holds the floor: otherwise the failure of some days ago would keep on
    alarming after it has been mended.
    """
    pooled = [window for window in windows if window[1]][-POOLED_WINDOWS:]
    correct, rows = (sum(column) for column in zip(*pooled, strict=True)) if pooled else (0, 0)
    finding = against_floor(correct, rows, floor)
    status, reason = finding.status, f"last {len(pooled)} windows: {finding.reason}"
    if status in (Status.CRITICAL, Status.WARNING) and pooled[-1][0] / pooled[-1][1] >= floor:
        status, reason = Status.OK, f"{reason}, but the newest of them holds it"
    detail = {"windows": [list(window) for window in pooled]}
    return replace(finding, name="accuracy_pooled", status=status, reason=reason, detail=detail)


def degradation(
    correct: int,
    rows: int,
    holdout_correct: int,
    holdout_rows: int,
    margin: float = 0.02,
    warning: float = 0.005,
    critical: float = 0.001,
    critical_rows: int = 100,
) -> Finding:
    """Is the model worse than it was on its holdout?

    Args:
        margin: smaller drops than this are nobody's trouble.
        warning, critical: largest p-values of a drop (one-sided Fisher test); beyond chance at
            `critical`, that is CRITICAL, at `warning` WARNING.
        critical_rows: smaller windows are WARNING at most. Where days have 20 to 60 rows, a third
            of all CRITICAL for nothing came from here without it.

    `value` is accuracy minus holdout accuracy, with Newcombe's 95 % interval (1998, method 10).
    The default of `warning` was measured: on a stable model of .92 with 300 rows a day, .01 warns
    1.5 times in 200 days and .005 0.8 times, while a drop to .84 is CRITICAL within two days in
    97.9 or 97.1 % (2,000 holdout rows).
    """
    name = "degradation"
    if min(rows, holdout_rows) < FEWEST_ROWS:
        return too_few(name, rows, holdout_rows)
    accuracy, before = correct / rows, holdout_correct / holdout_rows
    wrong, holdout_wrong = rows - correct, holdout_rows - holdout_correct
    p = higher_share_p(wrong, rows, holdout_wrong, holdout_rows)
    lower, upper = share_difference(correct, rows, holdout_correct, holdout_rows)
    matters = reaches(before - accuracy, margin)
    if matters and p < critical and rows >= critical_rows:
        status, judged = Status.CRITICAL, "worse beyond chance"
    elif matters and p < warning:
        status, judged = Status.WARNING, "probably worse"
    else:
        status, judged = Status.OK, "no worse than chance or the margin explain"
    reason = (
        f"accuracy {accuracy:.4f} on {rows:,} rows is {judged}: reference {before:.4f}, difference "
        f"{accuracy - before:+.4f} (95 % interval {lower:+.4f} to {upper:+.4f}), p {p:.2g}"
    )
    detail = {"accuracy": accuracy, "holdout_accuracy": before, "p": p}
    return Finding(name, status, reason, accuracy - before, lower, upper, -margin, rows, detail)
