"""Messages that show what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from common.evaluation.profile import Profile
from common.models.text import tokens
from common.monitoring.checks.catalogue import Question, asked_by
from common.monitoring.checks.finding import TROUBLE, Finding
from common.monitoring.telling_words import says_something
from common.types import Json


@dataclass(frozen=True)
class Example:
    """A message that was answered wrongly; the confidence is nan if it is not known."""

    text: str
    true: str
    predicted: str
    confidence: float


def worst_examples(window: Profile, most: int) -> tuple[Example, ...]:
    """Errors of the sample that the model was surest of, at most `most`."""
    rows = window.sample
    wrong = rows.filter(
        pc.and_(
            pc.not_equal(rows.column("label"), ""),
            pc.not_equal(rows.column("label"), rows.column("predicted")),
        )
    ).sort_by([("confidence", "descending")])
    return tuple(
        Example(
            text=row["text"] or "",
            true=row["label"],
            predicted=row["predicted"],
            confidence=float("nan") if row["confidence"] is None else row["confidence"],
        )
        for row in wrong.slice(0, most).to_pylist()
    )


def typical_messages(window: Profile, findings: Sequence[Finding], most: int) -> tuple[str, ...]:
    """Messages that hold most of the words that are new, where other words are an alarm."""
    new = {
        word
        for finding in findings
        if finding.name in asked_by(Question.WORDS) and finding.status in TROUBLE
        for key in ("more", "words", "surging")
        for word in _words(finding.detail.get(key))
        if says_something(word)
    }
    held = {text: len(new & set(tokens(text))) for text in dict.fromkeys(window.unfitted()) if text}
    found = sorted((text for text, words in held.items() if words), key=lambda text: -held[text])
    return tuple(found[:most])


def _words(value: Json) -> list[str]:
    """The words of a list in a detail, with figures beside each or without."""
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return [str(item.get("word", "") if isinstance(item, Mapping) else item) for item in items]
