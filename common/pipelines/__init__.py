"""One run of each script as a function of one typed request.

`train.run`, `predict.run` and `monitor.run` take a frozen request and give a typed result: no
command line, no settings, no printing, no exit code. The scripts call them, and so do services,
flows and notebooks. They may import everything else but the command line (`cli`, `flags`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from common.types import Advance


@contextmanager
def no_progress(task: str, unit: str, total: int) -> Iterator[Advance]:
    """Show no progress: what a `Progress` is for a notebook or a service."""
    yield lambda units: None
