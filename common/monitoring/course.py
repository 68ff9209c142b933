"""How accuracy went: what it is, what it usually was, and since when it is worse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from common.evaluation.two_samples import MIN_ROWS, Share
from common.monitoring.checks.finding import TROUBLE, Status
from common.monitoring.history import WindowRecord
from common.monitoring.version_changes import VersionChange
from common.text import brief, more_wrong, percent
from common.types import Json

# Before the name of a file that is a window of its own.
_FILE_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?=.)")
# So many windows before the trouble are what is usual.
USUAL_WINDOWS, LEAST_WINDOWS = 20, 3
# Two OK windows end an incident, so one alone does not end a stretch of trouble.
ENDING_WINDOWS = 2
# A change of the model so few windows before the trouble may be its cause.
SUSPECT_WINDOWS = 3
# Smaller drops are not told as a fall.
FALL = 0.01


@dataclass(frozen=True)
class Course:
    """Accuracy in one window, and before it.

    Attributes:
        window: its name.
        now: its accuracy, of so many `rows` with a class.
        usual: of the windows before the trouble together, or of the reference.
        before: of the last window before this one that has one, which is `before_window`.
        reference: accuracy when the model was tested.
        since: the first window of the trouble; None if there is none.
        changed: the version that came just before it, or with it.
    """

    window: str
    now: float
    rows: int
    usual: float | None = None
    before: float | None = None
    before_window: str | None = None
    reference: float | None = None
    since: str | None = None
    changed: VersionChange | None = None

    @property
    def fell(self) -> bool:
        return self.usual is not None and self.usual - self.now >= FALL

    @property
    def spoken_since(self) -> str:
        """Since when, as people say it; empty without trouble, and where a file began it itself."""
        if self.since is None or (self.since == self.window and _FILE_TIME.match(self.window)):
            return ""
        return spoken(self.since, self.window)

    @property
    def sentence(self) -> str:
        """`accuracy fell from 92.6 % to 82.3 %: 10 more of 100 messages are wrong, since 1 May`

        Without its full stop.
        """
        if not self.fell or self.usual is None:
            return f"{percent(self.now)} of {self.rows:,} messages are answered right"
        since = f", since {self.spoken_since}" if self.spoken_since else ""
        return (
            f"accuracy fell from {percent(self.usual)} to {percent(self.now)}: "
            f"{more_wrong(self.usual - self.now)}{since}"
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "window": self.window,
            "accuracy": self.now,
            "rows": self.rows,
            "usual": self.usual,
            "before": self.before,
            "before_window": self.before_window,
            "reference": self.reference,
            "since": self.since,
        }


def course(
    windows: Sequence[WindowRecord],
    name: str,
    reference: float | None,
    changes: Sequence[VersionChange] = (),
) -> Course | None:
    """How accuracy went up to a window; None if it was not measured there.

    Args:
        windows: oldest first.
        reference: accuracy on the reference, which is usual where there are too few windows.
    """
    place = next((k for k, record in enumerate(windows) if record.window == name), None)
    if place is None or windows[place].accuracy is None or not windows[place].labelled:
        return None
    record = windows[place]
    start = _start_of_trouble(windows[: place + 1])
    earlier = windows[: place if start is None else start]
    measured = [r for r in windows[:place] if r.labelled and r.accuracy is not None]
    return Course(
        window=name,
        now=_accuracy(record),
        rows=record.labelled,
        usual=_usual(earlier, reference, changes),
        before=_accuracy(measured[-1]) if measured else None,
        before_window=measured[-1].window if measured else None,
        reference=reference,
        since=None if start is None else windows[start].window,
        changed=None if start is None else _suspect(windows, start, changes),
    )


def spoken(window: str | None, beside: str | None = None) -> str:
    """The name of a window as people say it: a day without the year if it is that of `beside`, a
    file by its name.

    >>> spoken("2026-01-21", "2026-02-03"), spoken("2025-12-30", "2026-01-02"), spoken("0000001")
    ('21 January', '30 December 2025', '0000001')
    >>> spoken("2026-03-02 06:00:00 my day.csv")
    'my day.csv'
    """
    name = _FILE_TIME.sub("", window or "")
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return brief(name, 80)
    same = beside is not None and beside[:4] == f"{day:%Y}"
    return f"{day.day} {day:%B}" if same else f"{day.day} {day:%B %Y}"


def _start_of_trouble(windows: Sequence[WindowRecord]) -> int | None:
    """The place of the first window of the trouble that lasts until the last one."""
    start, good = None, 0
    for place in range(len(windows) - 1, -1, -1):
        status = windows[place].status
        if status in TROUBLE:
            start, good = place, 0
        elif status is Status.OK:
            good += 1
        if good >= ENDING_WINDOWS or (good and start is None):
            break
    return start


def _usual(
    earlier: Sequence[WindowRecord], reference: float | None, changes: Sequence[VersionChange]
) -> float | None:
    """Accuracy of the windows before together, as far as they are of the same version."""
    names = [record.window for record in earlier]
    changed = [names.index(change.window) for change in changes if change.window in names]
    own = earlier[max(changed, default=0) :][::-1]
    last = [r for r in own if r.labelled >= MIN_ROWS and r.status is Status.OK][:USUAL_WINDOWS]
    if len(last) < LEAST_WINDOWS:
        return reference
    shares = [record.share for record in last]
    return Share(sum(s.part for s in shares), sum(s.rows for s in shares)).value


def _accuracy(record: WindowRecord) -> float:
    """Of a window with labels; of drawn rows it was estimated."""
    if record.worth is not None and record.accuracy is not None:
        return record.accuracy.value
    return record.correct / record.labelled


def _suspect(
    windows: Sequence[WindowRecord], start: int, changes: Sequence[VersionChange]
) -> VersionChange | None:
    """The last change of the version in the windows right before the trouble, or with it."""
    near = {record.window for record in windows[max(0, start - SUSPECT_WINDOWS) : start + 1]}
    return next((change for change in reversed(changes) if change.window in near), None)
