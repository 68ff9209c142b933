"""Have phrases burst, that is, do far more messages hold them than before?"""

from __future__ import annotations

from collections.abc import Sequence

from common.monitoring.bursts import Burst
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.spoken_news import in_words
from common.types import Json


def bursts(found: Sequence[Burst], window: str, looked_at: int) -> Finding:
    """What `monitoring.bursts.find_bursts` has found in the newest window.

    For information: always OK, because what people write about is no fault of the model. `value` is
    how many bursts there are.
    """
    reason = in_words(found, window) if found else "no phrase is in far more messages than before"
    shown: list[Json] = [
        {
            "phrase": ", ".join(burst.phrases),
            "messages": burst.messages,
            "expected": burst.expected,
            "since": burst.since,
            "p": burst.p,
        }
        for burst in found
    ]
    return Finding(
        "bursts", Status.OK, reason, value=len(found), rows=looked_at, detail={"bursts": shown}
    )
