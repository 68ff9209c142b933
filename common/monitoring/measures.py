"""What the value of each check is a measure of, and on which side of its limit the alarm lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from common.monitoring.checks.finding import Finding
from common.text import percent, set_percent, signed


class Side(Enum):
    """Where a value is an alarm."""

    BELOW = "below"
    ABOVE = "above"
    APART = "apart"  # of a ratio: as far above its limit, or below the limit's inverse
    OUTSIDE = "outside"  # of the usual range, `lower` to `upper`


class Measure(NamedTuple):
    """How a value is shown, and where it is an alarm."""

    side: Side
    shown: Callable[[float], str]


def _points(difference: float) -> str:
    return f"{signed(100 * difference, 1)} points"


def _plain(value: float) -> str:
    return f"{value:.3f}"


def _times(value: float) -> str:
    return f"{value:.2f} times"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _days(value: float) -> str:
    return f"{value:.1f} days"


_LOW_SHARE, _HIGH_SHARE = Measure(Side.BELOW, percent), Measure(Side.ABOVE, percent)
_HIGH = Measure(Side.ABOVE, _plain)

MEASURES = {
    "accuracy": _LOW_SHARE,
    "accuracy_pooled": _LOW_SHARE,
    "segment_accuracy": _LOW_SHARE,
    "estimated_accuracy": _LOW_SHARE,
    "auto_accuracy": _LOW_SHARE,
    "auto_share": Measure(Side.OUTSIDE, percent),
    "degradation": Measure(Side.BELOW, _points),
    "macro_f1": Measure(Side.BELOW, _plain),
    "class_recall": _LOW_SHARE,
    "calibration": _HIGH_SHARE,
    "challenger": Measure(Side.ABOVE, _points),
    "text": _HIGH,
    "surging_words": _HIGH,
    "unknown_words": _HIGH_SHARE,
    "bursts": Measure(Side.ABOVE, _count),
    "predicted_classes": _HIGH,
    "confidence": _HIGH,
    "length": Measure(Side.APART, _times),
    **dict.fromkeys(
        ("rejected", "blank", "replaced", "mojibake", "duplicates", "redelivered", "undated"),
        _HIGH_SHARE,
    ),
    "row_count": Measure(Side.OUTSIDE, _count),
    "unseen_labels": _HIGH_SHARE,
    "swapped_labels": _HIGH_SHARE,
    "label_coverage": _HIGH_SHARE,
    "label_delay": Measure(Side.ABOVE, _days),
    "no_labels": Measure(Side.ABOVE, _days),
}
_OTHER = _HIGH


def shown(finding: Finding) -> str:
    """The value with its unit."""
    measure = MEASURES.get(finding.name, _OTHER)
    return measure.shown(finding.value)


def alarm(finding: Finding) -> str:
    """Where the alarm begins, as `below 80 %`; empty without a limit."""
    side, tell = MEASURES.get(finding.name, _OTHER)
    if side is Side.OUTSIDE:
        known = not math.isnan(finding.lower) and not math.isnan(finding.upper)
        return f"outside {tell(finding.lower)} to {tell(finding.upper)}" if known else ""
    if math.isnan(finding.limit):
        return ""
    if side is Side.APART and finding.limit:
        return f"above {tell(finding.limit)}, below {tell(1 / finding.limit)}"
    limit = set_percent(finding.limit) if tell is percent else tell(finding.limit)
    return f"{side.value} {limit}"


def beyond(finding: Finding) -> bool:
    """Whether the value lies where an alarm would; False where nothing says."""
    value, limit = finding.value, finding.limit
    side = MEASURES.get(finding.name, _OTHER).side
    if side is Side.OUTSIDE:
        return value < finding.lower or value > finding.upper
    if side is Side.APART:
        return limit > 0 and value > 0 and max(value, 1 / value) >= limit
    return value < limit if side is Side.BELOW else value > limit
