"""Our monitor as it is wired, a look each morning, on the days that the others judge."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.monitors.days import BEFORE, History
from benchmarks.monitors.verdicts import ACCURACY, ANY, DRIFT, Verdict
from benchmarks.streams import WARM_UP, Messages, Stream, Watch
from common.monitoring.checks.catalogue import Subject
from common.monitoring.checks.finding import TROUBLE
from common.monitoring.incidents.book import open_book
from common.monitoring.incidents.incident import ESCALATED, FLAPPING, OPENED

OURS = "ours"
TOLD = "people are told of anything"
TOLD_DRIFT, TOLD_ACCURACY = "people are told of drift", "people are told of accuracy"
NOT_OK = "the day is not OK"
WARNED = "a check of drift warns of one day"
ALARMS = frozenset({OPENED, FLAPPING, ESCALATED})


def judge(stream: Stream, histories: Sequence[History], floor: float) -> pd.DataFrame:
    """Verdicts of all days, the usual ones before too; a table of `Verdict`."""
    verdicts: list[Verdict] = []
    for history in histories:
        with tempfile.TemporaryDirectory() as folder:
            before = Path(folder, "before")
            watch = _look(stream, floor, before, history.before, days=0)
            verdicts += _verdicts(watch, history.number, BEFORE, 0)
            for kind, attempts in history.coming.items():
                for attempt, coming in enumerate(attempts):
                    now = Path(folder, "now")
                    shutil.copytree(before, now)
                    watch = _look(stream, floor, now, coming, days=WARM_UP)
                    shutil.rmtree(now)
                    verdicts += _verdicts(watch, history.number, kind, attempt)
    return pd.DataFrame(verdicts)


def _look(
    stream: Stream, floor: float, folder: Path, days_of_messages: Sequence[Messages], days: int
) -> Watch:
    """The monitor after it has looked at these days; `days` have gone before."""
    folder.mkdir(exist_ok=True)
    with open_book(folder / "book.db") as book:
        watch = Watch(stream, floor, book)
        watch.days = days
        for messages in days_of_messages:
            watch.look(messages)
    return watch


def _verdicts(watch: Watch, history: int, kind: str, attempt: int) -> list[Verdict]:
    verdicts = []
    for day, status in enumerate(watch.statuses):
        told = {n.finding for n in watch.notices[day] if n.change in ALARMS}
        alarms = {
            (TOLD_DRIFT, DRIFT): Subject.DRIFT in told,
            (TOLD_ACCURACY, ACCURACY): Subject.ACCURACY in told,
            (TOLD, ANY): bool(told),
            (NOT_OK, ANY): status in TROUBLE,
            (WARNED, DRIFT): bool(watch.drift_warnings[day]),
        }
        for (method, about), alarm in alarms.items():
            verdicts.append(Verdict(OURS, method, about, history, kind, attempt, day, alarm))
    return verdicts
