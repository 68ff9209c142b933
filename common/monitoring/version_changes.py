"""Where another version of the model begins to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from common.monitoring.history import WindowRecord


@dataclass(frozen=True)
class VersionChange:
    """Another version answers from this window on."""

    window: str
    before: int
    after: int


def version_changes(windows: Sequence[WindowRecord]) -> tuple[VersionChange, ...]:
    """Where another version answers than in the window before."""
    known = [window for window in windows if window.version]
    return tuple(
        VersionChange(after.window, before.version, after.version)
        for before, after in pairwise(known)
        if before.version != after.version
    )
