"""What reached the monitor: shares of bad rows, lengths, number of rows, labels and their delay."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from common.evaluation.two_samples import (
    MIN_ROWS,
    Share,
    higher_share_p,
    share_difference,
    shift_p,
)
from common.monitoring.checks.finding import (
    SIGNIFICANCE,
    Finding,
    Status,
    reaches,
    too_few,
    warn_if,
)
from common.text import p_value
from common.types import Floats

MIN_WINDOWS = 7
# Makes a median absolute deviation comparable with a standard deviation (Leys et al., Detecting
# Outliers: Do Not Use Standard Deviation around the Mean, 2013).
MAD_TO_SD = 1.4826
OUTLIER_SDS = 5.0
# Smallest changes that matter: of the geometric mean of length + 1, and of the number of rows.
LENGTH_RATIO, ROWS_RATIO = 1.25, 2.0
DELAY_DAYS = 1.0
# Rows that no window of days can take, as a share: what makes them is never chance.
UNDATED = 0.01


def blank(share: Share, reference: Share) -> Finding:
    """Are more messages without text than in the reference?"""
    return _compare("blank", "blank messages", share, reference, margin=0.02)


def undated(share: Share) -> Finding:
    """Have more than 1 % of the rows no time that can be read? They are counted, not judged."""
    status = warn_if(share.value > UNDATED)
    judged = "more than" if status else "not more than"
    reason = (
        f"{share.part:,} of {share.rows:,} rows ({share.value:.2%}) have no time that can be read, "
        f"{judged} the {UNDATED:.0%} allowed"
    )
    return Finding("undated", status, reason, value=share.value, limit=UNDATED, rows=share.rows)


def duplicates(share: Share, reference: Share) -> Finding:
    """Are more messages copies of another one in the window?

    The share grows with the window, so count the reference in windows of about this size. Copies
    come in clusters, which makes them vary more than the test assumes; hence the great margin.
    """
    return _compare("duplicates", "duplicates", share, reference, margin=0.1)


def replaced(share: Share, reference: Share) -> Finding:
    """Do more messages hold characters that could not be decoded (U+FFFD)?"""
    return _compare("replaced", "messages with broken characters", share, reference, margin=0.01)


def rejected(share: Share, reference: Share) -> Finding:
    """Could more rows not be read at all? The rows include them."""
    return _compare("rejected", "rejected rows", share, reference, margin=0.01)


def unseen_labels(share: Share, reference: Share) -> Finding:
    """Do more labels name a class that the model doesn't know? The rows are the labelled ones."""
    return _compare("unseen_labels", "labels the model doesn't know", share, reference, margin=0.01)


def label_coverage(labelled: Share, reference: Share) -> Finding:
    """Has a smaller share of the messages a label? What is measured may then not be the whole."""
    return _compare(
        "label_coverage", "messages without a label", labelled.rest, reference.rest, margin=0.1
    )


def length(current: Floats, reference: Floats) -> Finding:
    """Are messages longer or shorter, by LENGTH_RATIO?

    Args:
        current, reference: (n,), (m,) characters of each message.

    Mann-Whitney's test, so a few very long messages don't decide. `value` is the ratio of the
    geometric means of length + 1.
    """
    if min(len(current), len(reference)) < MIN_ROWS:
        return too_few("length", len(current), len(reference))
    value = math.exp(np.log1p(current).mean() - np.log1p(reference).mean())
    p = shift_p(current, reference)
    status = warn_if(p < SIGNIFICANCE and max(value, 1 / value) >= LENGTH_RATIO)
    judged = "differ beyond chance from" if status else "are about those of"
    reason = (
        f"lengths of {len(current):,} messages {judged} the reference: {value:.2f} times as long, "
        f"mean {np.mean(reference):.0f} to {np.mean(current):.0f} characters, {p_value(p)}"
    )
    return Finding(
        "length",
        status,
        reason,
        value=value,
        limit=LENGTH_RATIO,
        rows=len(current),
        detail={"p": p},
    )


def row_count(rows: int, previous: Sequence[int]) -> Finding:
    """Are there far more or far fewer rows than usual, by ROWS_RATIO?

    Args:
        previous: rows of the windows before, at least seven, best of two weeks.

    Usual is the median, give or take five robust standard deviations: of the median absolute
    deviation, or of Poisson's law if that is more. What two windows before were like (a weekend)
    is usual too; one alone may have been the last failure. `lower` to `upper` is the usual range.
    """
    if len(previous) < MIN_WINDOWS:
        reason = (
            f"{rows:,} rows; {len(previous)} windows before are too few, {MIN_WINDOWS} are needed"
        )
        return Finding("row_count", Status.UNKNOWN, reason, value=float(rows), rows=rows)
    usual, (_, low, *_, high, _) = float(np.median(previous)), sorted(previous)
    deviation = MAD_TO_SD * float(np.median(np.abs(np.asarray(previous) - usual)))
    far = OUTLIER_SDS * max(deviation, math.sqrt(usual))
    lower = max(0.0, min(usual - far, usual / ROWS_RATIO, low - OUTLIER_SDS * math.sqrt(low)))
    upper = max(usual + far, usual * ROWS_RATIO, high + OUTLIER_SDS * math.sqrt(high))
    # A window without any rows is never usual, however much they vary.
    status = warn_if(not lower <= rows <= upper or (not rows and usual > 0))
    judged = "outside" if status else "within"
    reason = f"{rows:,} rows are {judged} what is usual: {usual:,.0f}, {lower:,.0f} to {upper:,.0f}"
    return Finding(
        "row_count",
        status,
        reason,
        value=float(rows),
        lower=lower,
        upper=upper,
        limit=usual,
        rows=rows,
    )


def label_delay(days: Floats, reference: Floats) -> Finding:
    """Do labels come later than they did, by DELAY_DAYS of the median?

    Args:
        days, reference: (n,), (m,) days from each message to its label.

    One-sided Mann-Whitney test. `value` is the median.
    """
    if min(len(days), len(reference)) < MIN_ROWS:
        return too_few("label_delay", len(days), len(reference))
    value, before = float(np.median(days)), float(np.median(reference))
    p = shift_p(days, reference, "greater")
    status = warn_if(p < SIGNIFICANCE and reaches(value - before, DELAY_DAYS))
    judged = "later than" if status else "about as soon as"
    reason = (
        f"labels of {len(days):,} messages come {judged} they did: median {value:.1f} days, "
        f"reference {before:.1f}, {p_value(p)}"
    )
    return Finding(
        "label_delay",
        status,
        reason,
        value=value,
        limit=before + DELAY_DAYS,
        rows=len(days),
        detail={"p": p},
    )


def no_labels_for(days: float, limit: float) -> Finding:
    """Have labels stopped arriving? `days` have passed since the newest label."""
    status = warn_if(days > limit)
    judged = "accuracy is not measured any more" if status else "that is soon enough"
    reason = f"the newest label is {days:.1f} days old, {limit:g} are allowed: {judged}"
    return Finding("no_labels", status, reason, value=days, limit=limit)


def _compare(name: str, what: str, share: Share, reference: Share, *, margin: float) -> Finding:
    """WARNING if a share is beyond chance (Fisher) higher than the reference's, by `margin`.

    `value` is the share, 0 to 1, `lower` and `upper` are the reference's share plus Newcombe's 95 %
    interval of the difference.
    """
    if min(share.rows, reference.rows) < MIN_ROWS:
        return too_few(name, share.rows, reference.rows)
    value, before = share.value, reference.value
    p = higher_share_p(share, reference)
    low, high = share_difference(share, reference)
    status = warn_if(p < SIGNIFICANCE and reaches(value - before, margin))
    judged = "more than" if status else "not more than chance and margin explain after"
    reason = (
        f"{value:.2%} {what} in {share.rows:,} rows, {judged} the {before:.2%} of the reference "
        f"({p_value(p)})"
    )
    return Finding(
        name,
        status,
        reason,
        value=value,
        lower=before + low,
        upper=before + high,
        limit=before + margin,
        rows=share.rows,
        detail={"reference": before, "p": p},
    )
