"""A second version answers what was answered, so that people see where it differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from serving.champion import Lineup
from serving.metrics import Metrics
from serving.problems import Problem
from serving.scorer import Answer, Question, answer_all


@dataclass(frozen=True)
class Second:
    """What the shadow's version says of the messages of one question: (n,) classes."""

    version: int
    labels: Sequence[str | None]


class Shadow:
    """Asks the second version; called in the scoring thread, after the answers have gone out.

    Args:
        which: alias or number of the version.
    """

    def __init__(self, which: str, lineup: Callable[[], Lineup], metrics: Metrics) -> None:
        self._which, self._lineup, self._metrics = which, lineup, metrics

    def ask(self, answered: Sequence[tuple[Question, Answer]]) -> list[Second | None]:
        """What the version says of each question; None where it was not asked."""
        try:
            served = self._lineup().find(self._which)
        except Problem:  # there is no challenger at the moment
            return [None] * len(answered)
        asked = [
            (question, answer)
            for question, answer in answered
            if question.request_id and answer.served.number != served.number
        ]
        seconds = answer_all(served, [replace(question, explain=False) for question, _ in asked])
        found: dict[int, Second] = {}
        for (question, first), second in zip(asked, seconds, strict=True):
            rows = range(len(question.texts))
            labels = [second.label(row) for row in rows]
            same = sum(label == first.label(row) for row, label in zip(rows, labels, strict=True))
            self._metrics.compared(served.number, same, len(labels) - same)
            found[id(question)] = Second(served.number, labels)
        return [found.get(id(question)) for question, _ in answered]
