"""Of a training: what the answers of each model cost, and the contest's rule about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.evaluation import paired
from common.evaluation.costs import CostRules
from common.text import p_value
from common.training.contest import FAMILY_ERROR, Answers, Policy, Rule
from common.training.decided import decided
from common.types import Floats, Labels

if TYPE_CHECKING:  # promotion asks for the rule
    from common.training.contest_result import ContestResult
    from common.training.fit import TrainingResult

# Costs of one message are small numbers.
MESSAGES = 1_000
METRIC = f"cost per {MESSAGES:,} messages"


@dataclass(frozen=True)
class CostFigures:
    """What messages have cost on average, by who answers them; MESSAGES of them.

    Attributes:
        given: by which costs.
        rows: messages of the holdout, of known classes: those that both models have answered.
        model: as it answers by these costs.
        to_person: share of the messages that it leaves to a person, 0 to 1.
        automatic: if nobody looks at any of its answers.
        people: if a person looks at all messages; None: that has no price.
        champion: as it answers by these costs too; None: there is none, or it could not answer.
    """

    given: CostRules
    rows: int
    model: float
    to_person: float
    automatic: float
    people: float | None
    champion: float | None

    def sentence(self) -> str:
        """For people.

        >>> CostFigures(CostRules({}), 800, 210.0, 0.25, 300.0, 500.0, 240.0).sentence()
        'Cost per 1,000 messages: 210.0 by the model, which leaves 25.0% to a person; 500.0 if a \
person looks at all, 300.0 if nobody looks at any, 240.0 by the champion (800 holdout rows).'
        """
        others = [
            *([] if self.people is None else [f"{self.people:,.1f} if a person looks at all"]),
            *([] if self.people is None else [f"{self.automatic:,.1f} if nobody looks at any"]),
            *([] if self.champion is None else [f"{self.champion:,.1f} by the champion"]),
        ]
        left = f", which leaves {self.to_person:.1%} to a person" if self.people is not None else ""
        beside = f"; {', '.join(others)}" if others else ""
        return (
            f"Cost per {MESSAGES:,} messages: {self.model:,.1f} by the model{left}{beside} "
            f"({self.rows:,} holdout rows)."
        )


def figures(result: TrainingResult, held: ContestResult) -> CostFigures | None:
    """What the model's answers cost, and the champion's; None if nobody has said what they do.

    Args:
        held: the contest, whose rows and answers are taken if the champion has answered.
    """
    given = result.costs
    if given is None:
        return None
    true, classes, own = result.holdout.labels, result.classes, result.proba
    if held.champion is not None:
        true, classes, own = true[held.shared], held.classes, held.challenger.proba
    costs, found = given.of(classes), decided(given, own, classes)
    people = costs.of_looking(true)
    looked_at = None if found.automatic is None else ~found.automatic
    champion = None
    if held.champion is not None:
        champion = _mean(_paid(given, true, held.champion.proba, classes))
    return CostFigures(
        given=given,
        rows=len(true),
        model=_mean(costs.known(true, found.best, looked_at)),
        to_person=0.0 if looked_at is None else float(looked_at.mean()),
        automatic=_mean(costs.known(true, found.best)),
        people=None if people is None else _mean(people),
        champion=champion,
    )


def rules(
    true: Labels, champion: Answers, challenger: Answers, classes: Sequence[str], policy: Policy
) -> list[Rule]:
    """The challenger's answers cost less beyond chance; none if nobody has said what they cost.

    Both answer by the present costs, whatever those of the champion were.

    Args:
        true: (n,) classes of rows that neither model was fitted on.
        classes: K names, the columns of both models' probabilities.
    """
    if policy.costs is None:
        return []
    before, after = (
        _paid(policy.costs, true, answers.proba, classes) for answers in (champion, challenger)
    )
    p = paired.cheaper_p(before, after)
    return [
        Rule(
            "cost",
            METRIC,
            _mean(before),
            _mean(after),
            "lower beyond chance",
            p <= FAMILY_ERROR,
            blocks="cost" in policy.required,
            found=p_value(p),
        )
    ]


def _paid(given: CostRules, true: Labels, proba: Floats, classes: Sequence[str]) -> Floats:
    """(n,) what a model's answers have cost, a person's looks among them."""
    found = decided(given, proba, classes)
    looked_at = None if found.automatic is None else ~found.automatic
    return given.of(classes).known(true, found.best, looked_at)


def _mean(costs: Floats) -> float:
    return MESSAGES * float(costs.mean()) if len(costs) else 0.0
