"""What each model that scores has answered, as manifests and totals say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.evaluation.routing import AUTO, PERSON
from common.scoring.chunk import Counts
from common.scoring.model import LoadedModel, ModelIdentity
from common.types import Json


@dataclass(frozen=True)
class TargetAnswers:
    """What the model of one of several targets has answered. Its fields are keys of manifests."""

    target: str
    model: ModelIdentity
    classes: Mapping[str, int]
    mean_confidence: float | None
    routes: Mapping[str, int] | None = None

    def to_json(self) -> dict[str, Json]:
        return {
            "target": self.target,
            "model": self.model.to_json(),
            "classes": dict(self.classes),
            "mean_confidence": self.mean_confidence,
            **({"routes": dict(self.routes)} if self.routes is not None else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TargetAnswers:
        return cls(
            data["target"],
            ModelIdentity.from_json(data["model"]),
            data["classes"],
            data["mean_confidence"],
            data.get("routes"),
        )


def target_answers(
    counted: Sequence[Counts], scored: int, model: LoadedModel
) -> tuple[TargetAnswers, ...]:
    """What each of several targets came to; nothing where there is one.

    Args:
        counted: what each model has answered, as far as there was a row.
        scored: rows that have an answer.
    """
    if not model.beside:
        return ()
    # An input without a row has no counts.
    found = [*counted, *(Counts(Counter(), 0.0) for _ in model.all)][: len(model.all)]
    return tuple(
        TargetAnswers(
            each.target,
            each.identity,
            {str(name): counts.classes[name] for name in each.classifier.classes_},
            round(counts.confidence / scored, 6) if scored else None,
            routes_of(counts.routes, each),
        )
        for each, counts in zip(model.all, found, strict=True)
    )


def routes_of(counted: Counter[str], model: LoadedModel) -> dict[str, int] | None:
    """Rows by who looks at them; None if that was never chosen."""
    return {name: counted[name] for name in (AUTO, PERSON)} if model.is_routed else None
