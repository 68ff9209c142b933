"""A model's answers to its holdout without the messages: what thresholds are chosen on, again and
again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from common.evaluation import risk_coverage, routing
from common.evaluation.risk_coverage import RiskCoverage
from common.evaluation.routing import Promise, Routing
from common.types import Bools, Floats, Labels

_WORDS = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        ("label", _WORDS),
        ("predicted", _WORDS),
        ("confidence", pa.float64()),
        ("first", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class HoldoutAnswers:
    """Answers to n messages that the model was not fitted on.

    Attributes:
        labels, predicted: (n,) true and predicted classes.
        confidence: (n,) probabilities of the predicted classes.
        first: (n,) False for copies of an earlier message.
    """

    labels: Labels
    predicted: Labels
    confidence: Floats
    first: Bools

    @property
    def right(self) -> Bools:
        return np.asarray(self.labels == self.predicted, bool)

    def routing(self, promise: Promise) -> Routing:
        """The thresholds that keep a promise."""
        return routing.choose(self.predicted, self.confidence, self.right, promise, self.first)

    def risk_coverage(self) -> RiskCoverage:
        """What accuracy the most confident answers have; copies count once."""
        return risk_coverage.risk_coverage(self.confidence[self.first], self.right[self.first])

    def save(self, path: Path) -> None:
        """Write one Parquet file."""
        import pyarrow.parquet as pq

        words = (pa.array(side, pa.string()) for side in (self.labels, self.predicted))
        columns = [
            *(side.dictionary_encode().cast(_WORDS) for side in words),
            pa.array(self.confidence),
            pa.array(self.first),
        ]
        pq.write_table(pa.table(columns, schema=_SCHEMA), path)

    @classmethod
    def load(cls, path: Path) -> HoldoutAnswers:
        """What `save` has written."""
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        labels, predicted = (
            np.asarray(table.column(name).cast(pa.string()).to_numpy(), object)
            for name in ("label", "predicted")
        )
        return cls(
            labels,
            predicted,
            confidence=table.column("confidence").to_numpy(),
            first=table.column("first").to_numpy(),
        )
