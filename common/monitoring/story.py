"""What is told of an incident's change: how bad, against what, examples, where to read on."""

from __future__ import annotations

from dataclasses import replace

from common.monitoring.alerts.formats import Story
from common.monitoring.checks.catalogue import Subject
from common.monitoring.checks.finding import TROUBLE
from common.monitoring.course import Course, course, spoken
from common.monitoring.examples import Example
from common.monitoring.incidents.incident import (
    ESCALATED,
    FLAPPING,
    NEWS,
    OPENED,
    RECOVERED,
    REMINDED,
    Notice,
)
from common.monitoring.result import MonitoringResult
from common.text import percent, quoted, set_percent

# Changes that rest on what a window showed.
OF_A_WINDOW = (OPENED, ESCALATED, REMINDED, FLAPPING, RECOVERED)
# Enough to see what it is about, on a phone.
EXAMPLES = 2


def story(notice: Notice, result: MonitoringResult) -> Story:
    """What a notice that is new says beside its reason.

    Args:
        result: of the run that found it out; examples are told only if they are of its window.
    """
    told: Story = {
        "model": result.model.name,
        "version": result.model.version,
        "headline": str(notice.detail.get("sentence") or notice.reason),
        "figures": {},
        "common": [],
        "examples": [],
        "advice": [{"say": step.say, "command": step.command} for step in result.next_steps],
        "report": result.report,
    }
    if notice.change == NEWS:
        shown = [text for burst in result.bursts or () for text in burst.examples[:1]]
        return told | {"examples": [{"text": text} for text in shown[:EXAMPLES]], "advice": []}
    if notice.change not in OF_A_WINDOW:  # its reason says what was done
        return told
    in_trouble = notice.status in TROUBLE
    if notice.finding == Subject.ACCURACY:
        told |= _of_accuracy(notice, result, in_trouble)
    elif notice.finding == Subject.DRIFT and notice.window == result.window and in_trouble:
        told["examples"] = [{"text": text} for text in result.typical[:EXAMPLES]]
    return told


def clearest(result: MonitoringResult) -> list[Example]:
    """Wrong answers that show most of what they have in common, then those given surest."""
    wrong = result.wrong
    words = {part for word in wrong.words for part in word.word.split(" ")} if wrong else set()
    true = wrong.mostly.true if wrong and wrong.mostly else None

    def shows(example: Example) -> int:
        text = example.text.casefold()
        return sum(word in text for word in words) + 2 * (example.true == true)

    return sorted(result.examples, key=lambda example: -shows(example))


def _of_accuracy(notice: Notice, result: MonitoringResult, in_trouble: bool) -> Story:
    reference = result.course.reference if result.course else None
    went = course(result.windows, notice.window, reference, result.version_changes)
    if went is None:
        return {}
    told: Story = {"figures": _figures(went, result.floor)}
    of_this_run = result.course is not None and result.course.window == notice.window
    if not in_trouble:
        told["headline"] = f"accuracy is back: {went.sentence}"
    elif went.fell:
        wrong = result.wrong if of_this_run else None
        mostly = f", mostly class {quoted(wrong.mostly.true)}" if wrong and wrong.mostly else ""
        since = replace(went, since=went.since or notice.window)
        told["headline"] = since.sentence + mostly
    if of_this_run and in_trouble:
        told["common"] = list(result.wrong.sentences) if result.wrong else []
        told["examples"] = [
            {"text": example.text, "true": example.true, "predicted": example.predicted}
            for example in clearest(result)[:EXAMPLES]
        ]
    return told


def _figures(went: Course, floor: float) -> dict[str, str]:
    figures = {"accuracy": f"{percent(went.now)} of {went.rows:,} messages"}
    if went.usual is not None:
        figures["usually"] = percent(went.usual)
    if went.before is not None:
        figures[f"before ({spoken(went.before_window, went.window)})"] = percent(went.before)
    return figures | {"floor": set_percent(floor)}
