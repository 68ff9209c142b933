"""One monitoring run: judge every window, decide what to report."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from common.data.times import UTC
from common.evaluation.profile import NEVER, Profile
from common.evaluation.two_samples import MIN_ROWS
from common.monitoring.checks.bursts import bursts
from common.monitoring.checks.catalogue import Subject, about
from common.monitoring.checks.finding import TROUBLE, Finding, Status
from common.monitoring.checks.severity import SEVERITY, overall, worst
from common.monitoring.checks.suite import Baseline, check_freshness, run_checks
from common.monitoring.feed import Feed
from common.monitoring.history import (
    JudgedWindow,
    PastWindows,
    WindowRecord,
    record_window,
    warned,
)
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.incident import Notice
from common.monitoring.incidents.lifecycle import REASONS
from common.monitoring.news import News, news_of
from common.monitoring.sentences import sentence
from common.monitoring.windows import UNDATED, end

logger = logging.getLogger(__name__)

# A warning is reported if one of so many windows before showed it too.
CONFIRMING_WINDOWS = 2


@dataclass
class MonitoringRun:
    """What was found out.

    Attributes:
        feed: what windows are compared within.
        version: of the model.
        windows: all windows of the data, oldest first.
        judged: the windows that were judged now: new ones, those that have changed, and the newest.
        news: what has burst in the newest; None if that was not asked.
    """

    feed: Feed
    version: int
    at: datetime
    windows: Mapping[str, Profile]
    judged: dict[str, JudgedWindow] = field(default_factory=dict)
    news: News | None = None

    @property
    def floor(self) -> float:
        return self.feed.floor

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
        """Of the newest windows; CRITICAL also if another that was judged now is."""
        current = overall(self.findings)
        return Status.CRITICAL if self.critical_before else current

    @property
    def critical_before(self) -> str | None:
        """The last of the windows judged now, before the newest ones, that is CRITICAL."""
        before = [name for name in self.judged if name not in (self.newest, self.measured)]
        critical = [n for n in before if overall(self.judged[n].findings) is Status.CRITICAL]
        return critical[-1] if critical else None

    @property
    def reason(self) -> str | None:
        """Of the status, in one sentence without its full stop; None if there is no message."""
        status, findings = overall(self.findings), self.findings
        if status is not Status.CRITICAL and (name := self.critical_before):
            findings, status = list(self.judged[name].findings), Status.CRITICAL
            reason = next(f.reason for f in findings if f.status is status)
            return f"on {name}, {reason}"
        return next((f.reason for f in findings if f.status is status), None)

    @property
    def total(self) -> Profile:
        """All windows together."""
        return sum(self.windows.values(), Profile())

    def _findings_of(self, name: str | None) -> Sequence[Finding]:
        return self.judged[name].findings if name is not None and name in self.judged else ()


def judge_windows(
    feed: Feed,
    version: int,
    windows: Mapping[str, Profile],
    baseline: Baseline,
    book: Book,
    at: datetime,
    *,
    days: int | None,
    label_days: float | None,
    zone: str = UTC,
    more: Sequence[Finding] = (),
    unlabelled: bool = False,
    fitted: Collection[str] = (),
) -> MonitoringRun:
    """Judge each window that is new or has changed, and the newest.

    What another version has judged stays so, unless more messages or labels have come since.

    Args:
        version: of the model.
        windows: oldest first.
        book: with the windows of earlier runs; nothing is written to it.
        at: the present time.
        days: length of a window; None if windows are not stretches of time.
        label_days: how old the newest label may be; None: nobody asks.
        zone: IANA name of the zone whose days windows are.
        more: findings about the newest window that were made elsewhere.
        unlabelled: no message has a label, so that accuracy is estimated, not measured.
        fitted: windows whose messages the model was fitted on: its answers to them are not judged.
    """
    windows = _ripe(windows, days, zone, at)
    run = MonitoringRun(feed, version, at, windows)
    records = {record.window: record for record in book.windows(feed)}
    records |= {record.window: record for record in book.windows(feed, version=version)}
    earlier = PastWindows(
        (record for name, record in records.items() if name not in windows),
        version,
        book.drift_accepted(feed),
        baseline.routing,
    )
    if run.newest is not None and days is not None:
        kept = book.phrases(feed, windows[run.newest].masked)
        run.news = news_of(run.newest, windows, days, kept, baseline.reference)
    newest_label = np.fmax.reduce([window.newest_label for window in windows.values()] or [NEVER])
    for name in _dated(windows):
        window, known = windows[name], records.get(name)
        if known is None and window.summed_up:
            continue  # it was judged so long ago that its record is gone
        if name in (run.newest, run.measured) or _has_changed(window, known, version):
            findings = run_checks(
                window,
                baseline,
                earlier.past(name, window.read),
                _days_since_end(name, days, zone, at),
                unlabelled=unlabelled,
                fitted=name in fitted,
            )
            if name == run.newest:
                findings += [*more, *_bursts(run.news)]
            if name == run.newest and label_days is not None:
                findings += check_freshness(newest_label, at, label_days)
            judged = _judged(name, window, findings, run, records.values())
            record = judged.record.routed(window, baseline.routing)
            run.judged[name] = replace(judged, record=replace(record, fitted=name in fitted))
            records[name] = run.judged[name].record
        earlier.add(window, records[name])
    return run


def record_windows(
    run: MonitoringRun,
    book: Book,
    channels: Sequence[str],
    remind_hours: float,
    is_current: bool = True,
) -> list[Notice]:
    """Write the windows that were judged to the book; return what people are told.

    Args:
        is_current: the version is the one that is watched now.
    """
    return book.record(
        run.feed,
        run.version,
        list(run.judged.values()),
        at=run.at,
        channels=channels,
        remind_hours=remind_hours,
        is_current=is_current,
    )


def combine_by_subject(findings: Sequence[Finding]) -> list[Finding]:
    """The findings of a window as one for each subject that was judged: its worst.

    Its detail also says which check it is from (`finding`), what it says in plain words
    (`sentence`), which others warned (`warned`), the reasons of all others that are not OK
    (`also`), and of all that are known (`reasons`).
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
            "lasts": any(f.detail.get("lasts") and f.status in TROUBLE for f in asked),
            REASONS: {f.name: f.reason for f in asked if f.status is not Status.UNKNOWN},
        }
        combined.append(replace(first, name=subject.value, status=status, detail=detail))
    return combined


def confirm_drift(
    drift: Finding, warnings: Sequence[str], before: Sequence[WindowRecord]
) -> Finding:
    """Report drift only if one of the two windows before showed it too, or all three together do.

    Accuracy measures the harm itself, so lasting drift can wait a day. On stable days one window in
    fifty looks foreign by chance, or by what happened that day.

    Args:
        warnings: checks of drift that warned in this window.
        before: earlier windows, oldest first.
    """
    asked = [record.drift_warnings for record in before if record.drift_warnings is not None]
    shown_before = {name for names in asked[-CONFIRMING_WINDOWS:] for name in names}
    if drift.status is not Status.WARNING or shown_before & set(warnings) or drift.detail["lasts"]:
        return drift
    return replace(drift, status=Status.OK, reason=f"{drift.reason} (for the first time)")


def confirm_accuracy(accuracy: Finding, before: Sequence[WindowRecord]) -> Finding:
    """Report a WARNING of accuracy, which may be chance, only on two of three windows.

    What is beyond chance is reported at once: it is CRITICAL.

    Args:
        before: earlier windows, oldest first.
    """
    if accuracy.status is not Status.WARNING:
        return accuracy
    known = [record for record in before if record.status is not Status.UNKNOWN]
    if any(record.status in TROUBLE for record in known[-CONFIRMING_WINDOWS:]):
        return accuracy
    return replace(accuracy, status=Status.OK, reason=f"{accuracy.reason} (for the first time)")


def _ripe(
    windows: Mapping[str, Profile], days: int | None, zone: str, at: datetime
) -> Mapping[str, Profile]:
    """The windows without the newest, if less than half of its days have passed: the Monday alone
    is not like a week. All, if it is the only one."""
    dated = _dated(windows)
    if days is None or len(dated) < 2:
        return windows
    left, length = end(dated[-1], days, zone) - at, timedelta(days=days)
    if not length / 2 < left <= length:  # more is left of days that are still to come
        return windows
    logger.info(
        "The window %s has only begun: its %d messages are judged when half of it has passed.",
        dated[-1],
        windows[dated[-1]].read,
    )
    return {name: window for name, window in windows.items() if name != dated[-1]}


def _has_changed(window: Profile, known: WindowRecord | None, version: int) -> bool:
    """Whether a window must be judged now."""
    if known is None:
        return True
    if known.version in (0, version):
        return not known.is_of(window)
    return known.is_outgrown_by(window)


def _judged(
    name: str,
    window: Profile,
    findings: Sequence[Finding],
    run: MonitoringRun,
    records: Iterable[WindowRecord],
) -> JudgedWindow:
    subjects = {finding.name: finding for finding in combine_by_subject(findings)}
    accuracy = subjects.get(Subject.ACCURACY)
    status = accuracy.status if accuracy else Status.UNKNOWN
    record = record_window(name, window, findings, status)
    record = replace(record, version=run.version, floor=run.floor)
    same = (r for r in records if r.version in (0, run.version))
    before = sorted((r for r in same if r.window < name), key=lambda r: r.window)
    if accuracy:
        subjects[Subject.ACCURACY] = confirm_accuracy(accuracy, before)
    if Subject.DRIFT in subjects:
        subjects[Subject.DRIFT] = confirm_drift(
            subjects[Subject.DRIFT], record.drift_warnings or (), before
        )
    return JudgedWindow(findings, list(subjects.values()), record)


def _bursts(news: News | None) -> list[Finding]:
    if news is None or news.bursts is None:
        return []
    return [bursts(news.bursts, news.window, news.looked_at)]


def _dated(windows: Mapping[str, Profile]) -> list[str]:
    return [name for name in windows if name != UNDATED]


def _known_worst(findings: Sequence[Finding]) -> Status:
    """UNKNOWN only if nothing is known."""
    return worst(finding.status for finding in findings if finding.status is not Status.UNKNOWN)


def _days_since_end(name: str, days: int | None, zone: str, at: datetime) -> float | None:
    """Days since the window ended; None while more rows can come."""
    if days is None:
        return 0.0
    since = (at - end(name, days, zone)) / timedelta(days=1)
    return since if since >= 0 else None
