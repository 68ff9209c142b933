"""How probabilities become answers: the one place that decides, for files, services and monitor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.evaluation.costs import Costs
from common.evaluation.routing import DIGITS, Routing
from common.types import Bools, Floats, Labels

# Of an answer that costs leave to a person: no threshold makes it automatic.
NEVER_AUTOMATIC = -1.0


@dataclass(frozen=True)
class Decisions:
    """The answers to n messages.

    Attributes:
        best: (n,) the classes, as indices.
        confidence: (n,) their probabilities.
        automatic: (n,) whether nobody has to look at an answer; None: nobody has chosen.
    """

    best: npt.NDArray[np.int64]
    confidence: Floats
    automatic: Bools | None = None

    @property
    def routable(self) -> Floats:
        """(n,) what thresholds are chosen on: confidence, NEVER_AUTOMATIC where a person looks."""
        if self.automatic is None:
            return self.confidence
        return np.where(self.automatic, self.confidence, NEVER_AUTOMATIC)


def as_likeliest(best: npt.NDArray[np.int64], proba: Floats) -> Floats:
    """(n, K) probabilities with each answer as the likeliest class, for `base.Explains`.

    A classifier explains the likeliest class, and answers may be others.

    Args:
        best: (n,) answers, as indices.
        proba: (n, K) what they were decided by.
    """
    if (proba.argmax(axis=1) == best).all():
        return proba
    return np.eye(proba.shape[1])[best]


def are_routed(costs: Costs | None, routing: Routing | None) -> bool:
    """Whether answers say who looks at them."""
    return routing is not None or (costs is not None and costs.person is not None)


def decide(
    proba: Floats,
    classes: Labels,
    costs: Costs | None = None,
    routing: Routing | None = None,
) -> Decisions:
    """Answer messages: with the class that costs least, or the likeliest where costs are unknown.

    An answer is automatic if costs and thresholds both leave it so.

    Args:
        proba: (n, K) probabilities of `classes`.
    """
    automatic: Bools | None = None
    if costs is None:
        best = proba.argmax(axis=1)
    else:
        best, to_person = costs.decide(proba)
        automatic = None if costs.person is None else ~to_person
    confidence = proba[np.arange(len(best)), best]
    if routing is not None:
        kept = np.asarray(confidence.round(DIGITS) >= routing.thresholds(classes)[best], bool)
        automatic = kept if automatic is None else automatic & kept
    return Decisions(best, confidence, automatic)
