"""A model that scores: the classifier, and what identifies it in manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from common.errors import ModelUnavailable
from common.evaluation import decisions
from common.evaluation.costs import Costs
from common.evaluation.decisions import Decisions
from common.evaluation.routing import Routing
from common.models.base import Classifier, Explains
from common.types import Floats, Json


@dataclass(frozen=True)
class ModelIdentity:
    """Which version of which registered model. Its fields are keys of manifests.

    Attributes:
        routing: the promise and the thresholds with which its answers are routed; "" if they are
            not, as those of all versions before there were routes.
    """

    name: str
    version: int
    run_id: str
    routing: str = ""

    def to_json(self) -> dict[str, Json]:
        found: dict[str, Json] = asdict(self)
        if not self.routing:
            del found["routing"]
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ModelIdentity:
        return cls(data["name"], data["version"], data["run_id"], data.get("routing", ""))


@dataclass(frozen=True)
class LoadedModel:
    """A classifier that was loaded, and which one it is.

    Attributes:
        target: what it answers, where there are several; it is part of the names of its columns.
        beside: models of the other targets, which answer the same messages.
        routing: who looks at which of its answers; None: that was never chosen.
        costs: what its mistakes cost; None: its answers are the likeliest classes.
    """

    classifier: Classifier
    identity: ModelIdentity
    target: str = ""
    beside: tuple[LoadedModel, ...] = ()
    routing: Routing | None = None
    costs: Costs | None = None

    @property
    def is_routed(self) -> bool:
        """Whether its answers say who looks at them."""
        return decisions.are_routed(self.costs, self.routing)

    def decide(self, proba: Floats) -> Decisions:
        """Its answers to n messages; (n, K) probabilities of its classes."""
        return decisions.decide(proba, self.classifier.classes_, self.costs, self.routing)

    @property
    def all(self) -> tuple[LoadedModel, ...]:
        """This model and those beside it, in the order of their columns."""
        return self, *self.beside

    def require_explanations(self) -> Explains:
        """Return the classifier as one that explains its answers.

        Raises:
            ModelUnavailable: it can't.
        """
        if isinstance(self.classifier, Explains):
            return self.classifier
        raise ModelUnavailable(
            f"version {self.identity.version} of {self.identity.name} can't explain its answers: "
            "leave out --explain, or choose another version with --model."
        )


def of_targets(models: Sequence[LoadedModel], targets: Sequence[str]) -> LoadedModel:
    """The model of the first target, with those of the others beside it."""
    first, *others = (
        replace(model, target=target) for model, target in zip(models, targets, strict=True)
    )
    return replace(first, beside=tuple(others))
