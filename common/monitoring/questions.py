"""What people want to know, answered by what the checks have found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from common.monitoring.checks.catalogue import (
    CHECKS,
    QUESTIONS,
    Asked,
    Question,
    Subject,
    asked_by,
)
from common.monitoring.checks.finding import TROUBLE, Finding, Status
from common.monitoring.checks.severity import SEVERITY, overall
from common.monitoring.measures import alarm, beyond, shown
from common.monitoring.sentences import sentence
from common.types import Json

# Why a value beyond its limit is no alarm, where it is not that chance may explain it.
REASONS = {
    "accuracy_pooled": "but the newest windows hold it",
    "estimated_accuracy": "but accuracy is measured, which counts more",
    "challenger": "for information; a contest decides",
}
OTHERS = Asked(Subject.DATA, "Others", "What else was found?")
# Drift that is small is an alarm where it lasts.
LASTS = "less than that, but the last windows together are beyond it"
BY_CHANCE = "but no more than chance may explain"


@dataclass(frozen=True)
class Evidence:
    """What a check contributes to an answer, as people read it.

    Attributes:
        check, title: its name, and what it is called.
        value: what was measured, with its unit; empty if nothing was.
        alarm: where its alarm begins; empty if it has none.
        note: why a value beyond that is no alarm, or one within it is; else empty.
        reason: of its status, with all numbers.
    """

    check: str
    title: str
    status: Status
    value: str
    alarm: str
    note: str
    reason: str

    def to_json(self) -> dict[str, Json]:
        return {
            "check": self.check,
            "title": self.title,
            "status": self.status.name,
            "value": self.value,
            "alarm": self.alarm,
            "note": self.note,
        }


@dataclass(frozen=True)
class Answer:
    """A question with its answer.

    Attributes:
        question: its name. None: checks that the catalogue lacks.
        title, asked: the question in two words, and as a sentence.
        sentence: its answer, from the finding that decides, without capital letter and full stop.
        evidence: of the decisive check first.
    """

    question: Question | None
    title: str
    asked: str
    status: Status
    sentence: str
    evidence: tuple[Evidence, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "question": self.question.value if self.question else None,
            "title": self.title,
            "asked": self.asked,
            "status": self.status.name,
            "sentence": self.sentence,
            "evidence": [evidence.to_json() for evidence in self.evidence],
        }


def answers(findings: Sequence[Finding]) -> tuple[Answer, ...]:
    """The questions that were asked, the worst answer first, else in the catalogue's order."""
    found = []
    for question, asked in QUESTIONS.items():
        order = asked_by(question)
        own = sorted(
            (finding for finding in findings if finding.name in order),
            key=lambda finding: order.index(finding.name),
        )
        if own:
            found.append(_answer(question, asked, own))
    others = [finding for finding in findings if finding.name not in CHECKS]
    if others:
        found.append(_answer(None, OTHERS, others))
    return tuple(sorted(found, key=lambda answer: -SEVERITY.index(answer.status)))


def _answer(question: Question | None, asked: Asked, findings: Sequence[Finding]) -> Answer:
    status = overall(findings)
    decisive = next((f for f in findings if f.status is status), findings[0])
    ordered = [decisive, *(finding for finding in findings if finding is not decisive)]
    ordered[1:] = sorted(ordered[1:], key=lambda finding: -SEVERITY.index(finding.status))
    fine = asked.fine if status is Status.OK else ""
    return Answer(
        question=question,
        title=asked.title,
        asked=asked.question,
        status=status,
        sentence=fine or sentence(decisive),
        evidence=tuple(map(_evidence, ordered)),
    )


def _evidence(finding: Finding) -> Evidence:
    check = CHECKS.get(finding.name)
    is_beyond, lasts = beyond(finding), finding.detail.get("lasts") is True
    note = ""
    if finding.status is Status.OK and is_beyond:
        note = REASONS.get(finding.name, BY_CHANCE)
    elif finding.status in TROUBLE and not is_beyond and lasts:
        note = LASTS
    return Evidence(
        check=finding.name,
        title=check.title if check else finding.name,
        status=finding.status,
        value="" if math.isnan(finding.value) else shown(finding),
        # Other evidence than the value decided, as a day without any row where none are usual.
        alarm="" if finding.status in TROUBLE and not is_beyond and not lasts else alarm(finding),
        note=note,
        reason=finding.reason,
    )
