"""Bursts in words, for people who know no statistics."""

from __future__ import annotations

from collections.abc import Sequence

from common.monitoring.bursts import Burst
from common.monitoring.course import spoken
from common.text import listed, quoted

SHOWN_BURSTS = 3


def in_words(bursts: Sequence[Burst], window: str) -> str:
    """What is new, in one sentence without capital letter and full stop.

    Args:
        bursts: at least one.
        window: in which they are.
    """
    told = "; ".join(_one(burst, window) for burst in bursts[:SHOWN_BURSTS])
    more = len(bursts) - SHOWN_BURSTS
    return f"{told}; and {more} more" if more > 0 else told


def _one(burst: Burst, window: str) -> str:
    expected = f"{burst.expected:.0f}" if burst.expected >= 1 else "hardly any"
    first, *others = map(quoted, burst.phrases)
    also = f" (also {listed(others)})" if others else ""
    since = f", since {spoken(burst.since, window)}" if burst.since != window else ""
    return (
        f"{first}{also} in {burst.messages:,} of {burst.looked_at:,} messages, {expected} expected"
        f"{since}"
    )
