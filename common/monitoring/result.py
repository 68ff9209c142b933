"""What a monitoring run has found, for pages, alerts, charts and JSON.

`MonitoringResult.to_json` is the JSON of `monitor.py --json`; `docs/schemas/monitor.schema.json`
describes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property

from common.evaluation.metrics import confusion_metrics
from common.evaluation.profile import Profile
from common.monitoring.advice import Look, Step, propose_steps
from common.monitoring.checks.catalogue import Subject, about
from common.monitoring.checks.finding import TROUBLE, Finding, Status
from common.monitoring.checks.severity import SEVERITY, overall, worst
from common.monitoring.class_results import (
    ClassResults,
    SegmentResult,
    class_results,
    segment_result,
)
from common.monitoring.course import Course, course
from common.monitoring.examples import Example, typical_messages, worst_examples
from common.monitoring.history import WindowRecord
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.incident import Incident
from common.monitoring.news import ShownBurst, shown_bursts
from common.monitoring.questions import Answer, answers
from common.monitoring.run import MonitoringRun
from common.monitoring.sentences import sentence
from common.monitoring.version_changes import VersionChange, version_changes
from common.monitoring.wrong_answers import WrongAnswers, wrong_answers
from common.strict_json import without_nan
from common.text import quoted
from common.types import Json

SHOWN_WINDOWS = 200


@dataclass(frozen=True)
class WatchedModel:
    """The version that was watched; `labels`: what figures mean if a rule made its labels."""

    name: str
    version: int
    run_id: str
    labels: str = ""


@dataclass(frozen=True)
class RowTotals:
    """Rows of all windows: `read`, and what became of them.

    Attributes:
        used: with a text and a class.
        undated: without a time that can be read, where windows are days.
        replaced: with characters that could not be decoded; they count among the others too.
    """

    read: int
    used: int
    rejected: int
    blank: int
    unlabelled: int
    replaced: int
    undated: int = 0


@dataclass(frozen=True)
class MonitoringResult:
    """All that a run has found, and what is known from earlier ones.

    Attributes:
        reason: of the status, in one sentence without its full stop.
        file: what was looked at.
        floor: what accuracy must reach.
        window: the newest one; None if there is no message.
        windows: the last ones, this run's included, oldest first.
        findings: what holds now, worst first.
        metrics: what is charted over time.
        classes: None without labels.
        segments: by name.
        examples: the wrong answers that the model was surest of.
        incidents: of the feed, the one that was told of last first.
        next_steps: what to do, the most urgent first.
        course: how accuracy went up to the window that it was measured on; None without labels.
        wrong: what the wrong answers have in common; None if there are none.
        typical: messages that hold most of the words that are new, where other words are an alarm.
        version_changes: oldest first.
        bursts: what is new in the newest window, the clearest first; None if that can't be asked:
            windows are no days, or there are none before.
        report: where the page of this run is; None if none was asked for.
    """

    status: Status
    reason: str
    model: WatchedModel
    file: str
    at: datetime
    floor: float
    window: str | None
    windows: tuple[WindowRecord, ...]
    findings: tuple[Finding, ...]
    metrics: Mapping[str, float]
    classes: ClassResults | None
    segments: Mapping[str, SegmentResult]
    examples: tuple[Example, ...]
    incidents: tuple[Incident, ...]
    next_steps: tuple[Step, ...]
    counts: RowTotals
    course: Course | None = None
    wrong: WrongAnswers | None = None
    typical: tuple[str, ...] = ()
    version_changes: tuple[VersionChange, ...] = ()
    bursts: tuple[ShownBurst, ...] | None = None
    report: str | None = None

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """Worst first."""
        found = [incident for incident in self.incidents if incident.is_open]
        return tuple(sorted(found, key=lambda each: -SEVERITY.index(each.status)))

    @property
    def unlabelled(self) -> bool:
        """Whether accuracy is estimated, because no message has a label."""
        names = {finding.name for finding in self.findings}
        return "estimated_accuracy" in names and "accuracy" not in names

    @property
    def exit_code(self) -> int:
        """By Nagios' convention."""
        return int(self.status)

    @cached_property
    def questions(self) -> tuple[Answer, ...]:
        """What people want to know, the worst answer first."""
        return answers(self.findings)

    @property
    def headline(self) -> str:
        """What happened, in plain words; a sentence without capital letter and full stop."""
        decisive = next((f for f in self.findings if f.status is self.status), None)
        if decisive is None:
            return self.reason
        of_accuracy = decisive.name in about(Subject.ACCURACY) and decisive.status in TROUBLE
        if not of_accuracy or self.course is None or not self.course.fell:
            return sentence(decisive)
        mostly = self.wrong.mostly if self.wrong else None
        return self.course.sentence + (f", mostly class {quoted(mostly.true)}" if mostly else "")

    @property
    def sentence(self) -> str:
        return f"{self.model.name} version {self.model.version} on {self.file}: {self.headline}."

    @property
    def text(self) -> str:
        """The verdict in one line."""
        return f"{self.status.name}: {self.sentence}"

    def to_json(self) -> dict[str, Json]:
        """Strict JSON: what is not a number is null. Made once: it is printed, sent and stored."""
        return dict(self._facts)

    @cached_property
    def _facts(self) -> dict[str, Json]:
        facts: dict[str, Json] = {
            "status": self.status.name,
            "exit_code": self.exit_code,
            "reason": self.reason,
            "text": self.text,
            "model": asdict(self.model),
            "file": self.file,
            "at": self.at.isoformat(),
            "floor": self.floor,
            "window": self.window,
            "windows": [_window_json(window) for window in self.windows],
            "findings": [finding.to_json() for finding in self.findings],
            "metrics": dict(self.metrics),
            "classes": None if self.classes is None else self.classes.to_json(),
            "segments": {name: asdict(segment) for name, segment in self.segments.items()},
            "examples": [asdict(example) for example in self.examples],
            "incidents": [incident.to_json() for incident in self.incidents],
            "next_steps": [step.command for step in self.next_steps if step.command],
            "counts": asdict(self.counts),
            "headline": self.headline,
            "questions": [answer.to_json() for answer in self.questions],
            "advice": [step.to_json() for step in self.next_steps],
            "course": self.course.to_json() if self.course else None,
            "wrong": self.wrong.to_json() if self.wrong else None,
            "typical": list(self.typical),
            "version_changes": [asdict(change) for change in self.version_changes],
            "bursts": None if self.bursts is None else [burst.to_json() for burst in self.bursts],
            "report": self.report,
        }
        return {name: without_nan(value) for name, value in facts.items()}


def monitoring_result(
    run: MonitoringRun,
    model: WatchedModel,
    file: str,
    reference: Profile | None,
    book: Book,
    examples: int = 10,
    report: str | None = None,
) -> MonitoringResult:
    """Put together what a run has found; the book holds its windows and incidents already.

    Args:
        examples: messages that are shown at most, in each place.
        report: where the page of this run will be.
    """
    window = run.windows[run.measured] if run.measured else Profile()
    newest = run.windows[run.newest] if run.newest else Profile()
    findings, total = run.findings, run.total
    windows = _with_judged(book.windows(run.feed, SHOWN_WINDOWS), run)
    incidents = book.incidents(run.feed)
    status, reason = _verdict(run, incidents)
    changes = version_changes(windows)
    usual = reference.expected / reference.rows if reference and reference.rows else None
    went = course(windows, run.measured, usual, changes) if run.measured else None
    return MonitoringResult(
        status=status,
        reason=reason,
        model=model,
        file=file,
        at=run.at,
        floor=run.floor,
        window=run.newest,
        windows=windows,
        findings=tuple(findings),
        metrics=window_metrics(window, findings),
        classes=class_results(window, reference),
        segments={name: segment_result(*pair) for name, pair in sorted(window.segments.items())},
        examples=worst_examples(window, examples),
        incidents=tuple(incidents),
        next_steps=(),
        counts=RowTotals(
            read=total.read,
            used=total.rows,
            rejected=total.rejected,
            blank=total.blank,
            unlabelled=total.unlabelled,
            undated=total.undated,
            replaced=total.replaced,
        ),
        course=went,
        wrong=wrong_answers(_in_trouble(run, went) or window, reference),
        typical=typical_messages(newest, findings, examples),
        version_changes=changes,
        bursts=shown_bursts(run.news, examples),
        report=report,
    )


def _verdict(run: MonitoringRun, incidents: Sequence[Incident]) -> tuple[Status, str]:
    """Status and reason: of what was found now, or of an incident that is open and graver."""
    status, reason = run.status, run.reason or "there is no message to look at"
    still = [each for each in incidents if each.is_open]
    gravest = max(still, key=lambda each: SEVERITY.index(each.status), default=None)
    if gravest is None or worst([status, gravest.status]) is status:
        return status, reason
    last = gravest.trouble
    opened = f"the incident of {last.finding} is open since {gravest.since:%Y-%m-%d}"
    return gravest.status, f"{opened} ({last.reason}); the newest window: {reason}"


def _with_judged(windows: Sequence[WindowRecord], run: MonitoringRun) -> tuple[WindowRecord, ...]:
    """The windows, the newest as it was judged now."""
    newest = run.judged.get(run.newest or "")
    return tuple(
        newest.record if newest and each.window == newest.record.window else each
        for each in windows
    )


def _in_trouble(run: MonitoringRun, went: Course | None) -> Profile | None:
    """The windows of the trouble together, as far as they are in the data; None if there is none.

    What one day hardly shows is plain in all of them.
    """
    if went is None or went.since is None:
        return None
    names = list(run.windows)
    if went.since not in names:
        return None
    stretch = names[names.index(went.since) : names.index(went.window) + 1]
    return sum((run.windows[name] for name in stretch), Profile())


def with_steps(result: MonitoringResult, look: Look) -> MonitoringResult:
    """The result with what to do next."""
    changed = result.course.changed if result.course else None
    return replace(result, next_steps=propose_steps(result.findings, look, changed))


def window_metrics(window: Profile, findings: Sequence[Finding]) -> dict[str, float]:
    """What is charted over time: of the rows with a class, and the value of each finding."""
    metrics = {"rows": float(window.rows)}
    if window.rows:
        metrics |= confusion_metrics(window.confusion(window.classes), window.classes)
    for finding in findings:
        metrics[f"finding_{finding.name}"] = finding.value
        if finding.name == "accuracy":
            metrics |= {"accuracy_lower": finding.lower, "accuracy_upper": finding.upper}
            if window.weighted:
                metrics["accuracy"] = finding.value
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


def charts(run: MonitoringRun, version: int) -> list[dict[str, float]]:
    """Metrics of each window that was judged, oldest first."""
    return [
        window_metrics(run.windows[name], judged.findings)
        | {
            "floor": run.floor,
            "model_version": float(version),
            "status": float(overall(judged.findings)),
        }
        for name, judged in run.judged.items()
    ]


def _window_json(window: WindowRecord) -> dict[str, Json]:
    measured, estimate = window.measured, window.estimate
    return {
        "name": window.window,
        "version": window.version or None,
        "floor": window.floor,
        "fitted": window.fitted,
        "rows": window.labelled,
        "correct": window.correct,
        "accuracy": measured.value if measured else None,
        "lower": measured.lower if measured else None,
        "upper": measured.upper if measured else None,
        "status": window.status.name,
        "estimated": estimate.to_json() if estimate else None,
    }
