"""What earlier windows showed: the record that is kept of each, and what checks ask of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from common.evaluation.digests import NO_DIGESTS, Digests
from common.evaluation.metrics import wilson_interval
from common.evaluation.profile import SAMPLE_ROWS, Profile
from common.evaluation.routing import AutoCounts, Routing
from common.evaluation.two_samples import Share
from common.monitoring import windows
from common.monitoring.checks.catalogue import Subject, about
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.checks.usual import NOTHING, Figure, PastFigures
from common.types import Floats, Json

PAST_WINDOWS = 20
# These may be the beginning of what is looked for.
LAST_WINDOWS = 2
# The check whose figures depend on the thresholds that held then.
AUTO_SHARE = "auto_share"
# Days of the same weekday are looked for so many weeks back.
PAST_WEEKS = 8
NO_ROWS = Share(0, 0)


@dataclass(frozen=True)
class BoundedShare:
    """A share with its bounds, all 0 to 1."""

    value: float
    lower: float
    upper: float

    def to_json(self) -> dict[str, Json]:
        return {"value": self.value, "lower": self.lower, "upper": self.upper}


@dataclass(frozen=True)
class WindowRecord:
    """What later runs and charts need to know of a window.

    Kept as JSON in the monitor's database: a field that changes needs a new version of its schema
    and a step in `incidents.migrations`.

    Attributes:
        window: its name.
        status: of its accuracy, as it was told.
        read: all rows; of these `labelled` have a class, of which `correct` were answered right.
        accuracy: measured; None without labels. Its bounds are what was kept, by versions before
            one-sided ones: `measured` has the interval.
        estimate: accuracy without labels, by the confidences; None if it was not estimated.
        degradation: status of that check before escalation; None if it was not asked.
        drift_warnings: the checks of drift that warned; None if none was asked.
        figures: what checks hold later windows against, by check.
        automatic: answers that were routed, by predicted class.
        routing: the promise and thresholds that they were routed by; "" if they were not.
        digests: by which its messages are found again when they are delivered again.
        version: of the model that judged it; 0 if that is not known.
        floor: what accuracy had to reach; None if that is not known.
        fitted: the model was fitted on these messages, so their accuracy was not judged.
        worth: right answers of as many rows as drawn rows are worth; None where rows count alike.
    """

    window: str
    status: Status
    read: int
    labelled: int
    correct: int
    accuracy: BoundedShare | None = None
    estimate: BoundedShare | None = None
    degradation: Status | None = None
    drift_warnings: tuple[str, ...] | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    digests: Digests = NO_DIGESTS
    version: int = 0
    floor: float | None = None
    fitted: bool = False
    automatic: Mapping[str, AutoCounts] = field(default_factory=dict)
    routing: str = ""
    worth: Share | None = None

    def routed(self, window: Profile, routing: Routing | None) -> WindowRecord:
        """The same, with what became of the window's answers."""
        if routing is None:
            return replace(self, automatic=window.automatic)
        return replace(self, automatic=window.routed(routing), routing=routing.key)

    @property
    def share(self) -> Share:
        """Right answers, of rows that count alike."""
        return self.worth or Share(self.correct, self.labelled)

    @property
    def measured(self) -> BoundedShare | None:
        """Accuracy with its 95 % interval; None without labels."""
        if self.accuracy is None or self.worth or not 0 < self.labelled >= self.correct:
            return self.accuracy
        interval = wilson_interval(self.correct, self.labelled)
        return BoundedShare(self.accuracy.value, *interval)

    def is_of(self, window: Profile) -> bool:
        """Whether the window is as it was when it was judged; late labels change it."""
        now = (window.read, window.correct, window.rows, _worth(window))
        return now == (self.read, self.correct, self.labelled, self.worth)

    def is_outgrown_by(self, window: Profile) -> bool:
        """Whether the window has more messages or labels than when it was judged."""
        return window.read > self.read or window.rows > self.labelled

    def to_json(self) -> dict[str, Json]:
        return {
            "window": self.window,
            "status": self.status.name,
            "read": self.read,
            "labelled": self.labelled,
            "correct": self.correct,
            "accuracy": None if self.accuracy is None else self.accuracy.to_json(),
            "estimate": None if self.estimate is None else self.estimate.to_json(),
            "degradation": None if self.degradation is None else self.degradation.name,
            "drift_warnings": None if self.drift_warnings is None else list(self.drift_warnings),
            "figures": {name: [f.value, f.error] for name, f in self.figures.items()},
            "digests": list(self.digests.smallest),
            "version": self.version,
            "floor": self.floor,
            "fitted": self.fitted,
            "automatic": {name: list(counts) for name, counts in self.automatic.items()},
            "routing": self.routing,
            "worth": None if self.worth is None else list(self.worth),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> WindowRecord:
        """What `to_json` gave.

        Raises:
            KeyError, TypeError: it is something else.
        """
        accuracy, estimate = record["accuracy"], record["estimate"]
        degradation, warnings = record["degradation"], record["drift_warnings"]
        return cls(
            window=record["window"],
            status=Status[record["status"]],
            read=record["read"],
            labelled=record["labelled"],
            correct=record["correct"],
            accuracy=None if accuracy is None else BoundedShare(**accuracy),
            estimate=None if estimate is None else BoundedShare(**estimate),
            degradation=None if degradation is None else Status[degradation],
            drift_warnings=None if warnings is None else tuple(warnings),
            # Older releases kept none.
            figures={name: Figure(*pair) for name, pair in record.get("figures", {}).items()},
            digests=Digests(tuple(record.get("digests", ()))),
            version=record.get("version", 0),
            floor=record.get("floor"),
            fitted=record.get("fitted", False),
            automatic={
                name: AutoCounts(*counts) for name, counts in record.get("automatic", {}).items()
            },
            routing=record.get("routing", ""),
            worth=Share(*record["worth"]) if record.get("worth") else None,
        )


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


def record_window(
    name: str, window: Profile, findings: Sequence[Finding], status: Status
) -> WindowRecord:
    """What is kept of a window.

    Args:
        findings: of all checks that were asked.
        status: of its accuracy.
    """
    by_name = {finding.name: finding for finding in findings}
    degradation = by_name.get("degradation")
    drift = [by_name[check] for check in about(Subject.DRIFT) if check in by_name]
    return WindowRecord(
        window=name,
        status=status,
        read=window.read,
        labelled=window.rows,
        correct=window.correct,
        accuracy=_interval(by_name.get("accuracy")),
        estimate=_interval(by_name.get("estimated_accuracy")),
        degradation=degradation.unescalated if degradation else None,
        drift_warnings=warned(drift) if drift else None,
        figures={f.name: f.figure for f in findings if f.figure is not None},
        digests=window.digests,
        worth=_worth(window),
    )


def warned(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The names of those that are WARNING."""
    return tuple(finding.name for finding in findings if finding.status is Status.WARNING)


@dataclass(frozen=True)
class Past:
    """What earlier windows showed, oldest first, as far back as checks look.

    Attributes:
        accuracy: correct answers of each window that has labels.
        rows: how many rows of any kind each had.
        degradation: status of that check, before it was escalated.
        delays: days from message to label, of a sample of their rows; empty if labels are in the
            same file.
        labelled: rows with a label, of all of them together.
        same_weekday: rows of the days that began on the same day of the week as the next window,
            of more weeks; none where windows are not days.
        figures: by check, what it measured in those windows.
        automatic: of the windows that were routed as this one is, what became of the answers.
        digests: of the messages, by window.
    """

    accuracy: Sequence[Share] = ()
    rows: Sequence[int] = ()
    same_weekday: Sequence[int] = ()
    degradation: Sequence[Status] = ()
    delays: Floats = field(default_factory=lambda: np.empty(0))
    labelled: Share = NO_ROWS
    figures: Mapping[str, PastFigures] = field(default_factory=dict)
    digests: Mapping[str, Digests] = field(default_factory=dict)
    automatic: Sequence[Mapping[str, AutoCounts]] = ()

    def of(self, check: str) -> PastFigures:
        """What a check measured."""
        return self.figures.get(check, NOTHING)


class PastWindows:
    """Earlier windows, the newest added last.

    How many messages there were, and which, is known from all of them; how they were answered, only
    from those that the same version has answered.

    Args:
        routing: the promise and thresholds that answers are routed by now.
        accepted: the window from which on drift was accepted as usual; what was before is not.
    """

    def __init__(
        self,
        earlier: Iterable[WindowRecord] = (),
        version: int = 0,
        accepted: str | None = None,
        routing: Routing | None = None,
    ) -> None:
        self._records = list(earlier)
        self._version = version
        self._windows: list[Profile] = []
        self._accepted = accepted
        self._routing = routing
        self._routing_key = routing.key if routing else ""

    def add(self, window: Profile, record: WindowRecord) -> None:
        if window.automatic and record.routing != self._routing_key:
            # It was read again, and is routed as now; what was measured of it then is not.
            figures = {name: f for name, f in record.figures.items() if name != AUTO_SHARE}
            record = replace(record.routed(window, self._routing), figures=figures)
        self._records.append(record)
        self._windows = [*self._windows, window][-PAST_WINDOWS:]

    def past(self, window: str = "", rows: int = 0) -> Past:
        """What a window that follows these is compared with.

        Args:
            window, rows: its name, and how many it has.
        """
        last = self._records[-PAST_WINDOWS:]
        same = [record for record in self._records if record.version in (0, self._version)]
        answered = [record for record in same if not record.fitted][-PAST_WINDOWS:]
        delays = [np.empty(0), *(window.delays() for window in self._windows)]
        labelled = sum(window.rows for window in self._windows)
        unlabelled = sum(window.unlabelled for window in self._windows)
        return Past(
            accuracy=[each.share for each in answered if each.labelled],
            rows=[record.read for record in last],
            same_weekday=[record.read for record in self._same_weekday(window)],
            degradation=[each.degradation for each in answered if each.degradation is not None],
            delays=np.concatenate(delays)[-SAMPLE_ROWS:],
            labelled=Share(labelled, labelled + unlabelled),
            figures=self._figures([record for record in same if not record.fitted]),
            digests={r.window: r.digests for r in last if not _has_grown(r, window, rows)},
            automatic=[
                r.automatic for r in answered if r.automatic and r.routing == self._routing_key
            ],
        )

    def _figures(self, answered: Sequence[WindowRecord]) -> dict[str, PastFigures]:
        names = [record.window for record in answered]
        since = answered[names.index(self._accepted) if self._accepted in names else 0 :]
        checks = {name for record in since for name in record.figures}
        return {name: self._figures_of(name, since) for name in checks}

    def _figures_of(self, check: str, since: Sequence[WindowRecord]) -> PastFigures:
        records = [
            record
            for record in since
            if check in record.figures
            and (check != AUTO_SHARE or record.routing == self._routing_key)
        ]
        before, last = records[:-LAST_WINDOWS], records[-LAST_WINDOWS:]
        lasting = _still_drifting(check, records)
        usual = [
            record.figures[check]
            for record in before
            if record.window not in lasting or record.window == self._accepted
        ]
        return PastFigures(usual[-PAST_WINDOWS:], [record.figures[check] for record in last])

    def _same_weekday(self, window: str) -> list[WindowRecord]:
        """Of the last weeks, the days that are the same day of the week."""
        try:
            day = date.fromisoformat(window)
        except ValueError:
            return []
        days = {(day - timedelta(weeks=weeks)).isoformat() for weeks in range(1, PAST_WEEKS + 1)}
        return [record for record in self._records if record.window in days]


def _has_grown(record: WindowRecord, window: str, rows: int) -> bool:
    """Whether a window is the file of an earlier one that has got more rows since, or a table that
    is looked at again: it holds the same messages, as it should."""
    file = windows.file_of(window)
    same = file is not None and file == windows.file_of(record.window)
    return same and (record.read != rows or file == windows.TABLE_FILE)


def _still_drifting(check: str, records: Sequence[WindowRecord]) -> set[str]:
    """The windows in which a check has warned since it was last quiet for LAST_WINDOWS windows.

    Drift that lasts does not become usual by lasting, only by being accepted; what came and went by
    itself is how windows are.
    """
    found: set[str] = set()
    quiet = 0
    for record in reversed(records):
        if check in (record.drift_warnings or ()):
            found.add(record.window)
            quiet = 0
        else:
            quiet += 1
        if quiet == LAST_WINDOWS:
            break
    return found


def _worth(window: Profile) -> Share | None:
    return window.weighted.effective if window.weighted else None


def _interval(finding: Finding | None) -> BoundedShare | None:
    """None if it was not measured."""
    if finding is None or not math.isfinite(finding.value):
        return None
    return BoundedShare(finding.value, finding.lower, finding.upper)
