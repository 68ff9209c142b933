"""What mistakes of a version cost: a tag of it, as it was when it was trained.

Everything that answers with a version decides by these, so that all give the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common.errors import InputError, ModelUnavailable
from common.evaluation.costs import CostRules, Costs
from common.models.base import Classifier
from common.registry.versions import Version
from common.text import printable

TAG = "costs"
# What MLflow takes as the value of a tag of a version.
MOST_CHARACTERS = 100_000


def tags(rules: CostRules) -> dict[str, str]:
    """The tag of a version that is about to be registered."""
    return {TAG: rules.to_text()}


def require_short(costs: Mapping[tuple[str, str], float], path: Path) -> None:
    """Refuse more costs than a tag of a version holds, before anything slow starts.

    Args:
        path: where they are from.

    Raises:
        InputError: says so.
    """
    if len(CostRules(costs).to_text()) > MOST_CHARACTERS:
        raise InputError(
            f"{printable(path)} has more costs than MLflow keeps with a version "
            f"({MOST_CHARACTERS:,} characters): write * for many classes, and leave out what the "
            "defaults say."
        )


def of(version: Version, classifier: Classifier) -> Costs | None:
    """The costs of a version's answers; None: it was trained without, as all were once.

    Raises:
        ModelUnavailable: the tag is not what was written.
    """
    if TAG not in version.tags:
        return None
    try:
        return CostRules.from_text(version.tags[TAG]).of(classifier.classes_)
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelUnavailable(
            f"version {version.number} of {version.name} has a tag {TAG} that can't be read: "
            "delete it in MLflow, and it answers with the likeliest class; or train again."
        ) from error
