"""What a model answers in a contest where mistakes have a price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.evaluation import decisions
from common.evaluation.costs import CostRules
from common.evaluation.decisions import Decisions
from common.types import Floats


def decided(given: CostRules, proba: Floats, classes: Sequence[str]) -> Decisions:
    """The answers to n messages by costs.

    They are among the classes that the model knows: it gives the others no probability at all.

    Args:
        proba: (n, K) probabilities of `classes`.
    """
    (known,) = np.nonzero(proba.any(axis=0))
    names = np.array(classes, object)[known]
    found = decisions.decide(proba[:, known], names, given.of(names))
    return Decisions(known[found.best], found.confidence, found.automatic)
