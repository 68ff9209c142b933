"""A model that scores: the classifier, and what identifies it in manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from common.errors import ModelUnavailable
from common.models.base import Classifier, Explains
from common.types import Json


@dataclass(frozen=True)
class ModelIdentity:
    """Which version of which registered model. Its fields are keys of manifests."""

    name: str
    version: int
    run_id: str

    def to_json(self) -> dict[str, Json]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ModelIdentity:
        return cls(data["name"], data["version"], data["run_id"])


@dataclass(frozen=True)
class LoadedModel:
    """A classifier that was loaded, and which one it is."""

    classifier: Classifier
    identity: ModelIdentity

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
