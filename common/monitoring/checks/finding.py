"""What every finding says, and which of several statuses is the worst."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

NAN = float("nan")
FEWEST_ROWS = 30

# Chance of a false alarm of one drift finding on one stable day, before its smallest effect makes
# it rarer: twenty findings in 200 days make at most two, where .001 would allow four. What they
# made when it was measured is in docs/monitoring.md.
SIGNIFICANCE = 0.0005


class Status(IntEnum):
    """Nagios' convention: the number is the exit code, which is not the order of severity."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


SEVERITY = (Status.OK, Status.UNKNOWN, Status.WARNING, Status.CRITICAL)


@dataclass(frozen=True)
class Finding:
    """One answer to one question about a window.

    Attributes:
        name: of the finding, the same on every day.
        reason: one plain sentence with the numbers, for the person on call.
        value: what was measured, `lower` to `upper` its interval; nan where there is none.
        limit: what `value` was held against.
        rows: how many rows of the window were looked at.
        detail: words, classes, segments, p-values: only what strict JSON has, so no nan.
    """

    name: str
    status: Status
    reason: str
    value: float = NAN
    lower: float = NAN
    upper: float = NAN
    limit: float = NAN
    rows: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


def too_few(name: str, rows: int, reference_rows: int, fewest: int = FEWEST_ROWS) -> Finding:
    """UNKNOWN, because the window or what it is compared with is too small."""
    reason = (
        f"too few rows to judge: {rows:,} here and {reference_rows:,} to compare with, "
        f"at least {fewest} each are needed"
    )
    return Finding(name, Status.UNKNOWN, reason, rows=rows)


def warn_if(condition: bool) -> Status:
    """WARNING or OK: all that a finding may say that is not about measured accuracy."""
    return Status.WARNING if condition else Status.OK


def reaches(change: float, margin: float) -> bool:
    """Is a change as large as the margin? Floats must not make less of one that just is.

    >>> 0.85 - 0.8 >= 0.05, reaches(0.85 - 0.8, 0.05)
    (False, True)
    """
    return change >= margin - 1e-12


def worst(statuses: Iterable[Status]) -> Status:
    """CRITICAL before WARNING before UNKNOWN before OK; UNKNOWN where there is none at all.

    >>> worst([Status.OK, Status.UNKNOWN, Status.WARNING]).name
    'WARNING'
    """
    return max(statuses, key=SEVERITY.index, default=Status.UNKNOWN)
