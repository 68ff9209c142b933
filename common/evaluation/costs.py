"""What mistakes cost, and the answers that cost least.

An answer costs what is written for it and the true class; so does a person's look, if it has a
price. Which class is true nobody knows, so what counts is the cost to be expected with the model's
probabilities.

Sources: Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001 (the answer of the least
expected cost); Chow, On Optimum Recognition Error and Reject Tradeoff, 1970 (to give no answer
where that costs less).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.types import Bools, Floats, Labels

# In place of a class: any of them; in place of an answer: a person's look.
ANY, LOOK = "*", "@person"
RIGHT, WRONG = 0.0, 1.0
# Of the largest cost: costs to be expected that differ by less are equal. Sums of floats are not
# exact, and of equal costs the likeliest class is to be the answer.
EQUAL = 1e-12


@dataclass(frozen=True)
class CostRules:
    """Costs by the names of true class and answer, as somebody has written them down.

    Attributes:
        given: cost by (true class, answer). ANY stands for every class, as an answer for every
            wrong one; the answer LOOK is a person's look.

    >>> CostRules({("urgent", "*"): 10.0, ("*", LOOK): 0.5}).of(["other", "urgent"]).matrix.tolist()
    [[0.0, 1.0], [10.0, 0.0]]
    """

    given: Mapping[tuple[str, str], float]

    @property
    def with_person(self) -> bool:
        """Whether a person's look has a price, so that it can be chosen."""
        return any(answer == LOOK for _, answer in self.given)

    def cost(self, truth: str, answer: str) -> float:
        """What an answer costs if `truth` is the class.

        What names both counts before what names the true class alone, and that before what names
        the answer alone. A right answer costs nothing unless both are named: to say that any answer
        to an urgent message costs 10 is to say so of the wrong ones.
        """
        if answer == LOOK:
            keys = [(truth, LOOK), (ANY, LOOK)]
        elif truth == answer:
            keys = [(truth, answer)]
        else:
            keys = [(truth, answer), (truth, ANY), (ANY, answer), (ANY, ANY)]
        found = (self.given[key] for key in keys if key in self.given)
        return next(found, RIGHT if truth == answer else WRONG)

    def of(self, classes: Sequence[str] | Labels) -> Costs:
        """The costs of a model with these K classes."""
        names = tuple(map(str, classes))
        matrix = np.array([[self.cost(truth, answer) for answer in names] for truth in names])
        person = np.array([self.cost(truth, LOOK) for truth in names])
        return Costs(names, matrix, person if self.with_person else None)

    def to_text(self) -> str:
        """For the tag of a version: JSON, cost by true class and answer."""
        found: dict[str, dict[str, float]] = {}
        for (truth, answer), cost in self.given.items():
            found.setdefault(truth, {})[answer] = cost
        return json.dumps(found)

    @classmethod
    def from_text(cls, text: str) -> CostRules:
        """What `to_text` gave.

        Raises:
            ValueError, AttributeError, TypeError: it is something else.
        """
        return cls(
            {
                (truth, answer): float(cost)
                for truth, costs in json.loads(text).items()
                for answer, cost in costs.items()
            }
        )


@dataclass(frozen=True, eq=False)
class Costs:
    """The costs of a model's answers.

    Attributes:
        classes: its K classes, in the order of its probabilities.
        matrix: (K, K) what an answer costs: true classes down, answers across.
        person: (K,) what a person's look costs, by true class; None: nobody looks.
    """

    classes: tuple[str, ...]
    matrix: Floats
    person: Floats | None = None

    def expected(self, proba: Floats) -> Floats:
        """(n, K) what each answer is expected to cost (Elkan 2001, equation 1).

        Args:
            proba: (n, K) probabilities of the classes.
        """
        return proba @ self.matrix

    def decide(self, proba: Floats) -> tuple[npt.NDArray[np.int64], Bools]:
        """(n,) the class that costs least, and (n,) whether a person's look costs less still.

        Of equal costs the likeliest class is taken, and of equally likely ones the first: so with
        0 for right and 1 for wrong answers it is the largest probability that decides.
        """
        expected = self.expected(proba)
        least = expected.min(axis=1)
        near = EQUAL * float(self.matrix.max())
        among = expected <= least[:, None] + near
        best = np.where(among, proba, -1.0).argmax(axis=1)
        if self.person is None:
            return best, np.zeros(len(proba), bool)
        return best, proba @ self.person < least - near

    def known(
        self, true: Labels, best: npt.NDArray[np.int64], to_person: Bools | None = None
    ) -> Floats:
        """(n,) what answers have cost, now that the true classes are known.

        Args:
            true: (n,) names of classes, of `classes` all.
            best: (n,) the answers, as indices.
            to_person: (n,) those that a person has looked at instead; None: none.
        """
        number = {name: at for at, name in enumerate(self.classes)}
        rows = np.array([number[name] for name in true.tolist()], np.intp)
        found = self.matrix[rows, best]
        if to_person is not None and self.person is not None:
            found = np.where(to_person, self.person[rows], found)
        return found

    def of_looking(self, true: Labels) -> Floats | None:
        """(n,) what it costs that a person looks at all messages; None if that has no price."""
        if self.person is None:
            return None
        return self.known(true, np.zeros(len(true), np.int64), np.ones(len(true), bool))
