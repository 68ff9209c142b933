"""What a training came to, for who started it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # so that a script can name it without loading a heavy library
    from common.data.labelled import RowCounts
    from common.registry.pages import Links
    from common.registry.versions import Version
    from common.training.promotion import ContestResult


@dataclass(frozen=True)
class TrainResult:
    """What a training came to.

    Attributes:
        metrics: of the holdout, by the names of `evaluation.metrics`.
        counts: of the rows of the data.
        synthetic: whether it was the synthetic sample.
        contest: the verdict, and the answers of both models that it was found on.
        version: what the model was registered as; None after a dry run.
        links: where MLflow shows it; None after a dry run.
    """

    metrics: Mapping[str, float]
    holdout_rows: int
    counts: RowCounts
    synthetic: bool
    contest: ContestResult
    version: Version | None
    links: Links | None = None
