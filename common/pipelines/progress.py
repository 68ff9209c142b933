"""Progress that nobody watches: what a pipeline reports to unless it is told to whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from common.types import Advance


@contextmanager
def no_progress(task: str, unit: str, total: int) -> Iterator[Advance]:
    """Show no progress; a `types.Progress`."""
    yield lambda units: None
