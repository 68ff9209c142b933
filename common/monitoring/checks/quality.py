"""What reached the monitor: shares of bad rows, lengths, number of rows, labels and their delay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from common.evaluation.digests import Digests
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
from common.monitoring.checks.usual import (
    MIN_WINDOWS,
    NOTHING,
    Figure,
    PastFigures,
    Prior,
    usual,
)
from common.text import p_value
from common.types import Floats, Json

# From so many same days of the week on, rows are held against these.
MIN_WEEKS = 4
# Copies come in clusters: how much their share moves from day to day.
COPIES_SPREAD = 0.03
# Messages of a window that were in one before already: a file was delivered again.
REDELIVERED_SHARE = 0.8
# Where so many of the last windows were, it is how messages come: customers send forms.
REDELIVERED_WINDOWS, REDELIVERED_MORE = 2, 0.1
# Smallest change that matters of the geometric mean of length + 1, and how much its logarithm moves
# from day to day on real streams.
LENGTH_RATIO, LENGTH_PRIOR = 1.25, Prior(0.0, 0.05)
# Rows are far fewer, or more, than in this many of the windows before divided, or multiplied, by
# the ratio.
ROWS_RATIO, ROWS_RANK = 2.0, 2
# Or than in any of the same days of the week, of which there are few.
WEEKDAY_RATIO = 3.0
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


def duplicates(share: Share, reference: Share, past: PastFigures = NOTHING) -> Finding:
    """Are more messages copies of another one in the window, and more than usual?

    The share grows with the window, so count the reference in windows of about this size. Copies
    come in clusters, which makes them vary more than the test assumes; hence the great margin.

    Args:
        past: shares of the windows before.
    """
    if min(share.rows, reference.rows) < MIN_ROWS:
        return too_few("duplicates", share.rows, reference.rows)
    figure = Figure(share.value, share.error)
    held = usual(figure, past, Prior(reference.value, COPIES_SPREAD))
    found = _compare("duplicates", "duplicates", share, reference, margin=0.1, least=held.limit)
    return replace(found, figure=figure)


def replaced(share: Share, reference: Share) -> Finding:
    """Do more messages hold characters that could not be decoded (U+FFFD)?"""
    return _compare("replaced", "messages with broken characters", share, reference, margin=0.01)


def mojibake(share: Share, reference: Share) -> Finding:
    """Do more messages hold letters that were decoded twice, such as `Ã©` for `é`?"""
    what = "messages with letters that were decoded twice (Ã© for é)"
    return _compare("mojibake", what, share, reference, margin=0.01)


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


def length(current: Floats, reference: Floats, past: PastFigures = NOTHING) -> Finding:
    """Are messages longer or shorter, by LENGTH_RATIO, and more so than is usual?

    Args:
        current, reference: (n,), (m,) characters of each message.
        past: logarithms of `value`.

    Mann-Whitney's test, so a few very long messages don't decide. `value` is the ratio of the
    geometric means of length + 1.
    """
    if min(len(current), len(reference)) < MIN_ROWS:
        return too_few("length", len(current), len(reference))
    now, before = np.log1p(current), np.log1p(reference)
    change, error = float(now.mean() - before.mean()), float(stats.sem(now))
    value, p = math.exp(change), shift_p(current, reference)
    margin = math.log(LENGTH_RATIO)
    figure = Figure(change, error)
    longer = usual(figure, past, LENGTH_PRIOR)
    shorter = usual(figure.mirrored, past.mirrored, LENGTH_PRIOR)
    upper, lower = max(margin, longer.limit), min(-margin, -shorter.limit)
    status = warn_if(p < SIGNIFICANCE and not lower < change < upper)
    judged = "differ more than usual from" if status else "differ no more than usual from"
    reason = (
        f"lengths of {len(current):,} messages {judged} the reference: {value:.2f} times as long "
        f"({math.exp(lower):.2f} to {math.exp(upper):.2f} is usual), "
        f"mean {np.mean(reference):.0f} to {np.mean(current):.0f} characters, {p_value(p)}"
    )
    return Finding(
        "length",
        status,
        reason,
        value=value,
        limit=math.exp(upper if change > 0 else lower),
        figure=figure,
        rows=len(current),
        detail={"p": p},
    )


def row_count(rows: int, previous: Sequence[int], same_weekday: Sequence[int] = ()) -> Finding:
    """Are there far more or far fewer rows than usual, by ROWS_RATIO?

    Args:
        previous: rows of the windows before, at least MIN_WINDOWS.
        same_weekday: rows of those of the weeks before that began on the same day of the week.

    Real days vary so much that a range of standard deviations around the median reaches below zero,
    so rows are held against half of the second smallest, and twice the second largest, of the
    windows before: one of them may have been a failure, or a burst, itself. `lower` to `upper` is
    that range.
    """
    if len(previous) < MIN_WINDOWS:
        reason = (
            f"{rows:,} rows; {len(previous)} windows before are too few, {MIN_WINDOWS} are needed"
        )
        return Finding("row_count", Status.UNKNOWN, reason, value=float(rows), rows=rows)
    median = float(np.median(previous))
    lower = np.partition(previous, ROWS_RANK - 1)[ROWS_RANK - 1] / ROWS_RATIO
    upper = np.partition(previous, -ROWS_RANK)[-ROWS_RANK] * ROWS_RATIO
    which = "is usual"
    if len(same_weekday) >= MIN_WEEKS:
        median, which = float(np.median(same_weekday)), "is usual on this day of the week"
        lower = max(lower, min(same_weekday) / WEEKDAY_RATIO)
        upper = min(upper, max(same_weekday) * WEEKDAY_RATIO)
    # Few rows double by chance: Poisson's law allows for it.
    lower, upper = (
        min(lower, median - 5 * math.sqrt(median)),
        max(upper, median + 5 * math.sqrt(median)),
    )
    # A window without any rows is never usual, however much they vary.
    status = warn_if(not lower <= rows <= upper or (not rows and median > 0))
    judged = "outside" if status else "within"
    reason = (
        f"{rows:,} rows are {judged} what {which}: {median:,.0f}, {max(lower, 0):,.0f} to "
        f"{upper:,.0f}"
    )
    return Finding(
        "row_count",
        status,
        reason,
        value=float(rows),
        lower=max(lower, 0.0),
        upper=upper,
        limit=median,
        rows=rows,
    )


def redelivered(
    now: Digests, before: Mapping[str, Digests], past: PastFigures = NOTHING
) -> Finding:
    """Were the messages in a window before already, which is not how it is every few days?

    Args:
        now, before: of this window, and by name of those before.
        past: shares of the windows before.

    `value` is the share of this window's messages that the most similar window held.
    """
    if now.distinct < MIN_ROWS:
        return too_few("redelivered", now.distinct, MIN_ROWS)
    shares = {name: now.share_in(other) for name, other in before.items()}
    window = max(shares, key=lambda name: shares[name], default="")
    value = shares.get(window, 0.0)
    # Nearly all of yesterday's messages are news where it was four fifths before.
    alike = max(REDELIVERED_SHARE, value - REDELIVERED_MORE)
    again = sum(figure.value >= alike for figure in (*past.usual, *past.last))
    status = warn_if(value >= REDELIVERED_SHARE and again < REDELIVERED_WINDOWS)
    reason = f"about {value:.0%} of the messages were in an earlier window already"
    if status:
        reason = (
            f"about {value:.0%} of the messages were in the window {window} already: was a file "
            "delivered again?"
        )
    elif value >= REDELIVERED_SHARE:
        reason += f", as in {again} of the last windows"
    detail: dict[str, Json] = {"window": window} if status else {}
    return Finding(
        "redelivered",
        status,
        reason,
        value=value,
        limit=REDELIVERED_SHARE,
        figure=Figure(value, Share(round(value * now.distinct), now.distinct).error),
        rows=now.distinct,
        detail=detail,
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


def _compare(
    name: str, what: str, share: Share, reference: Share, *, margin: float, least: float = 0.0
) -> Finding:
    """WARNING if a share is beyond chance (Fisher) higher than the reference's, by `margin`, and
    at least `least`.

    `value` is the share, 0 to 1, `lower` and `upper` are the reference's share plus Newcombe's 95 %
    interval of the difference.
    """
    if min(share.rows, reference.rows) < MIN_ROWS:
        return too_few(name, share.rows, reference.rows)
    value, before = share.value, reference.value
    p = higher_share_p(share, reference)
    low, high = share_difference(share, reference)
    limit = max(before + margin, least)
    status = warn_if(p < SIGNIFICANCE and reaches(value, limit))
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
        limit=limit,
        rows=share.rows,
        detail={"reference": before, "p": p},
    )
