"""What a contest came to: the verdict, and the answers that it was found on."""

from __future__ import annotations

from dataclasses import dataclass

from common.training import flips
from common.training.contest import Answers, Verdict
from common.types import Bools


@dataclass(frozen=True)
class ContestResult:
    """A verdict and what it was found on: the rows that both models answered, and the answers.

    Attributes:
        shared: (n,) which rows of the challenger's holdout these are.
        classes: K names, the columns of both models' probabilities.
        challenger: its answers to those rows.
        champion: None if there is none, or if it could not answer.
        champion_number: the champion's version, None if there is none.
        changes: the rows that the two answer differently, by pair of classes.
    """

    verdict: Verdict
    shared: Bools
    classes: tuple[str, ...]
    challenger: Answers
    champion: Answers | None = None
    champion_number: int | None = None
    changes: tuple[flips.Pair, ...] = ()
