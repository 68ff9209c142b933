"""What a monitoring run has found as one page of HTML, for the person on call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import numpy as np

from common import text as wording
from common.monitoring.checks import catalogue
from common.monitoring.checks.finding import TROUBLE, Status
from common.monitoring.class_results import ClassResult, ClassResults
from common.monitoring.course import spoken
from common.monitoring.incidents.incident import Incident
from common.monitoring.questions import Answer
from common.monitoring.result import MonitoringResult
from common.monitoring.story import clearest
from common.reports import charts, html
from common.strict_json import without_nan
from common.text import capitalised, percent, set_percent
from common.types import Json

# What tells a report from other pages, and within how many bytes.
MARK, MARK_WITHIN = b'<meta name="generator" content="triage-trio monitor">', 1000
# How many classes and segments are shown.
WORST = 15

Group = TypeVar("Group")
Lists = dict[str, Sequence[Json]]


def render(result: MonitoringResult) -> str:
    """The page, which needs nothing but itself; texts may hold anything."""
    classes = result.classes or ClassResults((), (), {})
    names = [window.window for window in result.windows]
    went = result.course
    return html.render(
        "monitor.html",
        facts=result.to_json(),
        headline=capitalised(result.headline),
        figures=figures(result),
        since=went.spoken_since if went else "",
        also=_also(result),
        timeline=charts.timeline(
            [window.measured for window in result.windows],
            [window.estimate for window in result.windows],
            result.floor,
        ),
        labels=charts.axis_labels(names),
        trouble=charts.place_of(went.since if went else None, names),
        changes=[
            (place, change.after)
            for change in result.version_changes
            if (place := charts.place_of(change.window, names)) is not None
        ],
        shown_windows=charts.spread(len(result.windows)),
        confusion=confusion(classes),
        classes=[(name, without_nan(row.to_json())) for name, row in weakest_classes(classes)],
        all_classes=len(classes.by_class),
        segments=weakest(result.segments, lambda s: s.accuracy, lambda s: s.rows),
        answers=[(answer, _panels(answer, result)) for answer in result.questions],
        fine=[answer.title.lower() for answer in result.questions if answer.status is Status.OK],
        examples=[without_nan(asdict(example)) for example in clearest(result)],
        steps=result.next_steps,
        incidents=[incident.to_json() for incident in open_first(result.incidents)],
        worst=WORST,
        subjects={subject.value: title for subject, title in catalogue.SUBJECT_TITLES.items()},
        headings=catalogue.HEADINGS,
        moment=moment,
        capitalised=capitalised,
        spoken=spoken,
    )


def figures(result: MonitoringResult) -> list[tuple[str, str]]:
    """How bad, and against what: a label and a figure each."""
    went = result.course
    if went is None:
        return []
    found = [(f"of {went.rows:,} right, {spoken(went.window, went.window)}", percent(went.now))]
    if went.usual is not None:
        found.append(("usually", percent(went.usual)))
    if went.before is not None:
        when = spoken(went.before_window, went.window)
        found.append((f"the window before, {when}", percent(went.before)))
    return [*found, ("the floor, ACCURACY_FLOOR", set_percent(result.floor))]


def _also(result: MonitoringResult) -> list[str]:
    """What else is wrong than what the headline says, as sentences."""
    decisive = next((f.name for f in result.findings if f.status is result.status), None)
    first = next(
        (a for a in result.questions if decisive in [evidence.check for evidence in a.evidence]),
        None,
    )
    subject = catalogue.QUESTIONS[first.question].subject if first and first.question else None
    return [
        capitalised(answer.sentence)
        for answer in result.questions
        if answer.status in TROUBLE
        and answer is not first
        and (answer.question is None or catalogue.QUESTIONS[answer.question].subject != subject)
    ]


def _panels(answer: Answer, result: MonitoringResult) -> list[tuple[str, Lists, Lists]]:
    """Words and tables of the evidence for an answer, by title."""
    by_name = {finding.name: finding for finding in result.findings}
    found = [
        (evidence.title, *panel(by_name[evidence.check].detail)) for evidence in answer.evidence
    ]
    return [(title, words, tables) for title, words, tables in found if words or tables]


def remove_older(report: Path, days: float) -> list[str]:
    """Remove other reports beside one that nobody has written to for `days`; return their names.

    Only files that say of themselves that they are reports of the monitor.
    """
    oldest = time.time() - days * 86_400
    removed = []
    for path in sorted(report.parent.glob("*.html")):
        if path.is_symlink() or not path.is_file() or path.name == report.name:
            continue
        with suppress(OSError):  # the report is written; an old one goes next time
            if path.stat().st_mtime < oldest and _is_report(path):
                path.unlink()
                removed.append(path.name)
    return removed


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        return MARK in file.read(MARK_WITHIN)


def weakest(
    groups: Mapping[str, Group], share: Callable[[Group], float], rows: Callable[[Group], int]
) -> list[tuple[str, Group]]:
    """The 15 whose `share` is lowest, the largest first of equals; last those with nan."""

    def key(group: tuple[str, Group]) -> tuple[bool, float, int]:
        value = share(group[1])
        unknown = math.isnan(value)
        return unknown, 0.0 if unknown else value, -rows(group[1])

    return sorted(groups.items(), key=key)[:WORST]


def weakest_classes(classes: ClassResults) -> list[tuple[str, ClassResult]]:
    """By recall."""
    return weakest(classes.by_class, lambda c: c.metrics.recall, lambda c: c.metrics.support)


def confusion(classes: ClassResults) -> tuple[list[str], list[list[int]]]:
    """Names and counts, at most those of the 15 weakest classes and of all others together."""
    names = list(classes.names)
    chosen = {name for name, _ in weakest_classes(classes)}
    kept = [k for k, name in enumerate(names) if name in chosen or len(names) <= WORST]
    counts = np.array(classes.confusion, np.intp).reshape(len(names), len(names))
    shown, merged = charts.merge(counts, names, kept)
    return shown, merged.tolist()


def panel(detail: Mapping[str, Json]) -> tuple[Lists, Lists]:
    """What a finding tells in words, and what in tables, by its key in the detail."""
    words: Lists = {}
    tables: Lists = {}
    for key, values in detail.items():
        if not isinstance(values, list) or not values:
            continue
        if all(isinstance(value, str) for value in values):
            words[key] = values
        elif all(isinstance(value, Mapping) for value in values):
            tables[key] = values
    return words, tables


def open_first(incidents: Sequence[Incident]) -> list[Incident]:
    """Open incidents, then recovered ones, each the newest first."""
    newest_first = sorted(incidents, key=lambda incident: incident.since, reverse=True)
    return sorted(newest_first, key=lambda incident: not incident.is_open)


def moment(text: str | None) -> str:
    """A time as people read it; other text stays as it is.

    >>> moment("2026-03-02T06:00:00Z"), moment("2026-03-02"), moment(None)
    ('2026-03-02 06:00 UTC', '2026-03-02', '–')
    """
    if not text:
        return html.DASH
    try:
        found = datetime.fromisoformat(text)
        return wording.moment(found) if found.tzinfo else text
    except (ValueError, OverflowError):
        return text
