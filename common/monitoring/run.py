"""One monitoring run: judge every window, decide what to report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from common.evaluation.profile import NEVER, Profile
from common.evaluation.two_samples import MIN_ROWS
from common.monitoring.checks.catalogue import Subject, about
from common.monitoring.checks.finding import TROUBLE, Finding, Status
from common.monitoring.checks.severity import SEVERITY, overall, worst
from common.monitoring.checks.suite import Baseline, check_freshness, run_checks
from common.monitoring.history import PastWindows, WindowRecord, record_window, warned
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.lifecycle import Notice
from common.monitoring.sentences import sentence
from common.monitoring.windows import UNDATED

# Drift is reported if one of so many windows before showed it too.
CONFIRMING_WINDOWS = 2


@dataclass(frozen=True)
class JudgedWindow:
    """What one window showed.

    Attributes:
        findings: of all checks.
        subjects: one finding for each subject that was judged, as people are told of it.
        record: what is kept for later runs.
    """

    findings: Sequence[Finding]
    subjects: Sequence[Finding]
    record: WindowRecord


@dataclass
class MonitoringRun:
    """What was found out.

    Attributes:
        feed: what windows are compared within (`Source.feed`).
        windows: all windows of the data, oldest first.
        judged: the windows that were judged now: new ones, those that have changed, and the newest.
    """

    feed: str
    floor: float
    at: datetime
    windows: Mapping[str, Profile]
    judged: dict[str, JudgedWindow] = field(default_factory=dict)

    @property
    def newest(self) -> str | None:
        return next(reversed(_dated(self.windows)), None)

    @property
    def measured(self) -> str | None:
        """The newest window with enough labels to measure accuracy on; else the newest."""
        enough = [name for name in _dated(self.windows) if self.windows[name].rows >= MIN_ROWS]
        return enough[-1] if enough else self.newest

    @property
    def findings(self) -> list[Finding]:
        """What holds now, worst first: what is measured on labels is from the newest window that
        has enough of them."""
        of_accuracy = about(Subject.ACCURACY)
        current = [
            *(f for f in self._findings_of(self.measured) if f.name in of_accuracy),
            *(f for f in self._findings_of(self.newest) if f.name not in of_accuracy),
        ]
        return sorted(current, key=lambda finding: -SEVERITY.index(finding.status))

    @property
    def status(self) -> Status:
        return overall(self.findings)

    @property
    def total(self) -> Profile:
        """All windows together."""
        return sum(self.windows.values(), Profile())

    def _findings_of(self, name: str | None) -> Sequence[Finding]:
        return self.judged[name].findings if name is not None and name in self.judged else ()


def judge_windows(
    feed: str,
    windows: Mapping[str, Profile],
    baseline: Baseline,
    book: Book,
    at: datetime,
    *,
    days: int | None,
    label_days: float,
    more: Sequence[Finding] = (),
    unlabelled: bool = False,
) -> MonitoringRun:
    """Judge each window that is new or has changed, and the newest.

    Args:
        windows: oldest first.
        book: with the windows of earlier runs; nothing is written to it.
        at: the present time.
        days: length of a window; None if windows are not stretches of time.
        label_days: how old the newest label may be.
        more: findings about the newest window that were made elsewhere.
        unlabelled: no message has a label, so that accuracy is estimated, not measured.
    """
    run = MonitoringRun(feed, baseline.floor, at, windows)
    records = {record.window: record for record in book.windows(feed)}
    earlier = PastWindows(record for name, record in records.items() if name not in windows)
    newest_label = np.fmax.reduce([window.newest_label for window in windows.values()] or [NEVER])
    for name in _dated(windows):
        window, known = windows[name], records.get(name)
        if name in (run.newest, run.measured) or known is None or not known.is_of(window):
            findings = run_checks(
                window,
                baseline,
                earlier.past(),
                _days_since_end(name, days, at),
                unlabelled=unlabelled,
            )
            if name == run.newest:
                findings += [*more, *check_freshness(newest_label, at, label_days)]
            run.judged[name] = _judged(name, window, findings, records.values())
            records[name] = run.judged[name].record
        earlier.add(window, records[name])
    return run


def record_windows(
    run: MonitoringRun, book: Book, channels: Sequence[str], remind_hours: float
) -> list[Notice]:
    """Write the windows that were judged to the book; return what is new of incidents."""
    new_notices: list[Notice] = []
    for judged in run.judged.values():
        new_notices += book.record(
            run.feed,
            judged.record,
            judged.subjects,
            at=run.at,
            channels=channels,
            remind_hours=remind_hours,
        )
    return new_notices


def combine_by_subject(findings: Sequence[Finding]) -> list[Finding]:
    """The findings of a window as one for each subject that was judged: its worst.

    Its detail also says which check it is from (`finding`), what it says in plain words
    (`sentence`), which others warned (`warned`), and the reasons of all others that are not OK
    (`also`).
    """
    combined = []
    for subject in Subject:
        asked = [finding for finding in findings if finding.name in about(subject)]
        if not asked:
            continue
        status = overall(asked) if subject is Subject.ACCURACY else _known_worst(asked)
        first = max(asked, key=lambda finding: (finding.status is status, finding.name == subject))
        others = [finding for finding in asked if finding is not first]
        detail = {
            **first.detail,
            "finding": first.name,
            "sentence": sentence(first),
            "also": [finding.reason for finding in others if finding.status in TROUBLE],
            "warned": list(warned(asked)),
        }
        combined.append(replace(first, name=subject.value, status=status, detail=detail))
    return combined


def confirm_drift(
    drift: Finding, warnings: Sequence[str], before: Sequence[WindowRecord]
) -> Finding:
    """Report drift only if one of the two windows before showed it too.

    Accuracy measures the harm itself, so lasting drift can wait a day. On stable days one window in
    fifty looks foreign by chance, or by what happened that day.

    Args:
        warnings: checks of drift that warned in this window.
        before: earlier windows, oldest first.
    """
    asked = [record.drift_warnings for record in before if record.drift_warnings is not None]
    shown_before = {name for names in asked[-CONFIRMING_WINDOWS:] for name in names}
    if drift.status is not Status.WARNING or shown_before & set(warnings):
        return drift
    return replace(drift, status=Status.OK, reason=f"{drift.reason} (for the first time)")


def _judged(
    name: str, window: Profile, findings: Sequence[Finding], records: Iterable[WindowRecord]
) -> JudgedWindow:
    subjects = {finding.name: finding for finding in combine_by_subject(findings)}
    accuracy = subjects.get(Subject.ACCURACY)
    status = accuracy.status if accuracy else Status.UNKNOWN
    record = record_window(name, window, findings, status)
    if Subject.DRIFT in subjects:
        before = sorted((r for r in records if r.window < name), key=lambda r: r.window)
        subjects[Subject.DRIFT] = confirm_drift(
            subjects[Subject.DRIFT], record.drift_warnings or (), before
        )
    return JudgedWindow(findings, list(subjects.values()), record)


def _dated(windows: Mapping[str, Profile]) -> list[str]:
    return [name for name in windows if name != UNDATED]


def _known_worst(findings: Sequence[Finding]) -> Status:
    """UNKNOWN only if nothing is known."""
    return worst(finding.status for finding in findings if finding.status is not Status.UNKNOWN)


def _days_since_end(name: str, days: int | None, at: datetime) -> float | None:
    """Days since the window ended; None while more rows can come."""
    if days is None:
        return 0.0
    end = datetime.fromisoformat(name).replace(tzinfo=UTC) + timedelta(days=days)
    since = (at - end) / timedelta(days=1)
    return since if since >= 0 else None
