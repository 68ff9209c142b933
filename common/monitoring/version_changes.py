"""Where another version of the model begins to answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VersionChange:
    """Another version answers from this window on."""

    window: str
    before: int
    after: int
