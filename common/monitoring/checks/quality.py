"""What reached the monitor: shares of bad rows, lengths, number of rows, labels and their delay."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from common.evaluation.two_samples import higher_share_p, share_difference, shift_p
from common.monitoring.checks.finding import (
    FEWEST_ROWS,
    NAN,
    SIGNIFICANCE,
    Finding,
    Status,
    reaches,
    too_few,
    warn_if,
)
from common.types import Floats

FEWEST_WINDOWS = 7
# Makes a median absolute deviation comparable with a standard deviation (Leys et al., Detecting
# Outliers: Do Not Use Standard Deviation around the Mean, 2013).
MAD_TO_SD = 1.4826
FAR = 5.0


def blank(
    part: int, rows: int, reference_part: int, reference_rows: int, margin: float = 0.02
) -> Finding:
    """Are more messages without text than in the reference?"""
    return _share("blank", "blank messages", part, rows, reference_part, reference_rows, margin)


def duplicates(
    part: int, rows: int, reference_part: int, reference_rows: int, margin: float = 0.1
) -> Finding:
    """Are more messages copies of another one in the window?

    The share grows with the window, so count the reference in windows of about this size. Copies
    come in clusters, which makes them vary more than the test assumes; hence the great margin.
    """
    return _share("duplicates", "duplicates", part, rows, reference_part, reference_rows, margin)


def replaced(
    part: int, rows: int, reference_part: int, reference_rows: int, margin: float = 0.01
) -> Finding:
    """Do more messages hold characters that could not be decoded (U+FFFD)?"""
    return _share(
        "replaced", "messages with broken characters",
        part, rows, reference_part, reference_rows, margin,
    )  # fmt: skip


def rejected(
    part: int, rows: int, reference_part: int, reference_rows: int, margin: float = 0.01
) -> Finding:
    """Could more rows not be read at all? `rows` includes them."""
    return _share("rejected", "rejected rows", part, rows, reference_part, reference_rows, margin)


def unseen_labels(
    part: int, rows: int, reference_part: int, reference_rows: int, margin: float = 0.01
) -> Finding:
    """Do more labels name a class that the model doesn't know? `rows` are the labelled ones."""
    return _share(
        "unseen_labels", "labels the model doesn't know",
        part, rows, reference_part, reference_rows, margin,
    )  # fmt: skip


def label_coverage(
    labelled: int, rows: int, reference_labelled: int, reference_rows: int, margin: float = 0.1
) -> Finding:
    """Has a smaller share of the messages a label? What is measured may then not be the whole."""
    return _share(
        "label_coverage", "messages without a label",
        rows - labelled, rows, reference_rows - reference_labelled, reference_rows, margin,
    )  # fmt: skip


def length(
    current: Floats, reference: Floats, ratio: float = 1.25, significance: float = SIGNIFICANCE
) -> Finding:
    """Are messages longer or shorter?

    Args:
        current, reference: (n,), (m,) characters of each message.
        ratio: smallest change that matters, of the geometric mean of length + 1; greater than 1.

    Mann-Whitney's test, so a few very long messages don't decide. `value` is the ratio.
    """
    name = "length"
    if min(len(current), len(reference)) < FEWEST_ROWS:
        return too_few(name, len(current), len(reference))
    value = math.exp(np.log1p(current).mean() - np.log1p(reference).mean())
    p = shift_p(current, reference)
    status = warn_if(p < significance and max(value, 1 / value) >= ratio)
    judged = "differ beyond chance from" if status else "are about those of"
    reason = (
        f"lengths of {len(current):,} messages {judged} the reference: {value:.2f} times as long, "
        f"mean {np.mean(reference):.0f} to {np.mean(current):.0f} characters, p {p:.2g}"
    )
    return Finding(name, status, reason, value, NAN, NAN, ratio, len(current), {"p": p})


def row_count(rows: int, previous: Sequence[int], ratio: float = 2.0) -> Finding:
    """Are there far more or far fewer rows than usual?

    Args:
        previous: rows of the windows before, at least seven, best of two weeks.
        ratio: smallest change that matters, greater than 1.

    Usual is the median, give or take five robust standard deviations: of the median absolute
    deviation, or of Poisson's law where that is more. What two windows before were like (a weekend)
    is usual too; one alone may have been the last failure. `lower` to `upper` is the usual range.
    """
    name = "row_count"
    if len(previous) < FEWEST_WINDOWS:
        reason = f"{rows:,} rows; {len(previous)} windows before are too few, {FEWEST_WINDOWS} are"
        return Finding(name, Status.UNKNOWN, f"{reason} needed", float(rows), rows=rows)
    usual, (_, low, *_, high, _) = float(np.median(previous)), sorted(previous)
    deviation = MAD_TO_SD * float(np.median(np.abs(np.asarray(previous) - usual)))
    far = FAR * max(deviation, math.sqrt(usual))
    lower = max(0.0, min(usual - far, usual / ratio, low - FAR * math.sqrt(low)))
    upper = max(usual + far, usual * ratio, high + FAR * math.sqrt(high))
    # A window without any rows is never usual, however much they vary.
    status = warn_if(not lower <= rows <= upper or (not rows and usual > 0))
    judged = "outside" if status else "within"
    reason = f"{rows:,} rows are {judged} what is usual: {usual:,.0f}, {lower:,.0f} to {upper:,.0f}"
    return Finding(name, status, reason, float(rows), lower, upper, usual, rows)


def label_delay(
    days: Floats, reference: Floats, margin: float = 1.0, significance: float = SIGNIFICANCE
) -> Finding:
    """Do labels come later than they did?

    Args:
        days, reference: (n,), (m,) days from each message to its label.
        margin: smallest growth of the median that matters, in days.

    One-sided Mann-Whitney test. `value` is the median.
    """
    name = "label_delay"
    if min(len(days), len(reference)) < FEWEST_ROWS:
        return too_few(name, len(days), len(reference))
    value, before = float(np.median(days)), float(np.median(reference))
    p = shift_p(days, reference, "greater")
    status = warn_if(p < significance and reaches(value - before, margin))
    judged = "later than" if status else "about as soon as"
    reason = (
        f"labels of {len(days):,} messages come {judged} they did: median {value:.1f} days, "
        f"reference {before:.1f}, p {p:.2g}"
    )
    return Finding(name, status, reason, value, NAN, NAN, before + margin, len(days), {"p": p})


def no_labels_for(days: float, limit: float = 7.0) -> Finding:
    """Is nobody measuring any more? `days` have passed since the newest label."""
    status = warn_if(days > limit)
    judged = "accuracy is not measured any more" if status else "that is soon enough"
    reason = f"the newest label is {days:.1f} days old, {limit:g} are allowed: {judged}"
    return Finding("no_labels", status, reason, days, NAN, NAN, limit)


def _share(
    name: str,
    what: str,
    part: int,
    rows: int,
    reference_part: int,
    reference_rows: int,
    margin: float,
    significance: float = SIGNIFICANCE,
) -> Finding:
    """WARNING where a share is beyond chance (Fisher) higher than the reference's, by `margin`.

    `value` is the share, 0 to 1, `lower` and `upper` are the reference's share plus Newcombe's 95 %
    interval of the difference.
    """
    if min(rows, reference_rows) < FEWEST_ROWS:
        return too_few(name, rows, reference_rows)
    value, before = part / rows, reference_part / reference_rows
    p = higher_share_p(part, rows, reference_part, reference_rows)
    low, high = share_difference(part, rows, reference_part, reference_rows)
    status = warn_if(p < significance and reaches(value - before, margin))
    judged = "more than" if status else "not more than chance and margin explain after"
    reason = (
        f"{value:.2%} {what} in {rows:,} rows, {judged} the {before:.2%} of the reference "
        f"(p {p:.2g})"
    )
    detail = {"reference": before, "p": p}
    return Finding(
        name, status, reason, value, before + low, before + high, before + margin, rows, detail
    )
