"""What every check answers: a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import IntEnum

from common.evaluation.two_samples import MIN_ROWS
from common.monitoring.checks.usual import Figure
from common.types import Json

NAN = float("nan")

# Chance of a false alarm of one drift check on one stable day, before its smallest effect makes it
# rarer: twenty checks in 200 days make at most two, where .001 would allow four. What they made
# when it was measured is in docs/monitoring.md.
SIGNIFICANCE = 0.0005
# The same where windows before have shown it too, so that the chance is theirs.
LASTING_SIGNIFICANCE = 0.05


class Status(IntEnum):
    """Nagios' convention: the number is the exit code, which is not the order of severity."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


TROUBLE = (Status.WARNING, Status.CRITICAL)


@dataclass(frozen=True)
class Finding:
    """One answer to one question about a window.

    Attributes:
        name: of the check, the same on every day.
        reason: one plain sentence with the numbers, for the person on call.
        value: what was measured, `lower` to `upper` its interval; nan if there is none.
        limit: what `value` was held against.
        figure: what later windows are held against; None for checks that don't ask what is usual.
        rows: how many rows of the window were looked at.
        detail: words, classes, segments, p-values: only what strict JSON has, so no nan.
        unescalated: what the status was before earlier windows made it graver; None for checks
            that no earlier window makes graver.
    """

    name: str
    status: Status
    reason: str
    _: KW_ONLY
    value: float = NAN
    lower: float = NAN
    upper: float = NAN
    limit: float = NAN
    figure: Figure | None = None
    rows: int = 0
    detail: Mapping[str, Json] = field(default_factory=dict)
    unescalated: Status | None = None

    def to_json(self) -> dict[str, Json]:
        """The status by its name; figures that were not measured are nan."""
        before = {} if self.unescalated is None else {"unescalated": self.unescalated.name}
        return {
            "name": self.name,
            "status": self.status.name,
            "reason": self.reason,
            "value": self.value,
            "lower": self.lower,
            "upper": self.upper,
            "limit": self.limit,
            "rows": self.rows,
            "detail": {**self.detail, **before},
        }


def too_few(name: str, rows: int, reference_rows: int, needed: int = MIN_ROWS) -> Finding:
    """UNKNOWN, because the window or what it is compared with is too small."""
    reason = (
        f"too few rows to judge: {rows:,} here and {reference_rows:,} to compare with, "
        f"at least {needed} each are needed"
    )
    return Finding(name, Status.UNKNOWN, reason, rows=rows)


def warn_if(condition: bool) -> Status:
    """WARNING if the condition holds, else OK. Only measured accuracy may be CRITICAL."""
    return Status.WARNING if condition else Status.OK


def reaches(change: float, margin: float) -> bool:
    """Is a change as large as the margin? Tolerates floating-point error at the margin.

    >>> 0.85 - 0.8 >= 0.05, reaches(0.85 - 0.8, 0.05)
    (False, True)
    """
    return change >= margin - 1e-12
