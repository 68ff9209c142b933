"""Count false and missed alarms of the whole monitor on a stream of real messages.

A model is fitted on the first days of a file; on the others the monitor looks each morning, in
their order and on histories of days drawn from them with replacement, of each four fifths of the
messages. Then something happens on the first of three days of such a history, and what is told by
the third is counted.

    python -m benchmarks.streams --file tweets.csv --time-column created_at --target-column topic \\
        --train-days 9 --foreign other.csv
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from tabulate import tabulate

from common.data.columns import MessageColumns
from common.evaluation.profile import Profile, of_rows
from common.models.base import Classifier
from common.monitoring.checks.catalogue import Subject
from common.monitoring.checks.finding import TROUBLE, Status
from common.monitoring.checks.severity import worst
from common.monitoring.checks.suite import Baseline
from common.monitoring.feed import Feed
from common.monitoring.incidents.book import Book, open_book
from common.monitoring.incidents.incident import Notice
from common.monitoring.run import judge_windows, record_windows
from common.training import fit as training

FEED, VERSION = Feed("stream", window="1 days"), 1
FIRST = date(2026, 1, 5)
WARM_UP, TOLD_WITHIN = 21, 3
# Of the messages of a day that was drawn: two days that were one are not copies of each other.
DRAWN = 0.8

Random = np.random.Generator


@dataclass(frozen=True)
class Messages:
    """Messages and their classes, in the order in which they were written."""

    texts: list[str]
    labels: list[str]

    def take(self, rows: Sequence[int]) -> Messages:
        return Messages([self.texts[k] for k in rows], [self.labels[k] for k in rows])


@dataclass(frozen=True)
class Stream:
    """Days of messages, and a model of the days before them."""

    days: tuple[Messages, ...]
    classifier: Classifier
    reference: Profile
    foreign: tuple[str, ...]


Fault = Callable[[Messages, Random, Stream], Messages]


def as_it_is(messages: Messages, random: Random, stream: Stream) -> Messages:
    return messages


def foreign(share: float, messages: Messages, random: Random, stream: Stream) -> Messages:
    """Some messages are those of other people, about other things."""
    chosen = random.choice(len(messages.texts), round(share * len(messages.texts)), replace=False)
    texts = list(messages.texts)
    for row in chosen.tolist():
        texts[row] = stream.foreign[int(random.integers(len(stream.foreign)))]
    return replace(messages, texts=texts)


def relabelled(share: float, messages: Messages, random: Random, stream: Stream) -> Messages:
    """Some labels are another class: the same texts with another meaning."""
    names = sorted({*messages.labels})
    labels = [
        names[(names.index(label) + 1) % len(names)] if random.random() < share else label
        for label in messages.labels
    ]
    return replace(messages, labels=labels)


def few(messages: Messages, random: Random, stream: Stream) -> Messages:
    return messages.take(range(max(1, len(messages.texts) // 20)))


def mojibake(share: float, messages: Messages, random: Random, stream: Stream) -> Messages:
    """UTF-8 that was read as Windows-1252, where a message has any letter that shows it."""

    def twice(text: str) -> str:
        return f"{text} ’".encode().decode("cp1252", "replace")

    texts = [twice(text) if random.random() < share else text for text in messages.texts]
    return replace(messages, texts=texts)


def shorter(messages: Messages, random: Random, stream: Stream) -> Messages:
    return replace(messages, texts=[text[: max(1, len(text) // 2)] for text in messages.texts])


AGAIN = "yesterday's messages again"
FAULTS: dict[str, Fault] = {
    "nothing": as_it_is,
    AGAIN: as_it_is,
    "messages cut to half": shorter,
    "20 % foreign messages": partial(foreign, 0.2),
    "15 % foreign messages": partial(foreign, 0.15),
    "15 % of the labels are another class": partial(relabelled, 0.15),
    "a twentieth of the rows": few,
    "5 % mojibake": partial(mojibake, 0.05),
}


def read(args: argparse.Namespace, folder: Path) -> Stream:
    table = pd.read_csv(args.file, dtype=str, encoding_errors="replace", keep_default_na=False)
    moments = _moments(table[args.time_column])
    table = table[moments.notna() & (table[args.text_column].str.strip() != "")]
    table = table.assign(moment=moments).sort_values("moment", kind="stable")
    labels = table[args.target_column].str.strip()
    if args.filled:
        labels = pd.Series(np.where(labels == "", "empty", "filled"), table.index)
    days = table["moment"].dt.strftime("%Y-%m-%d")
    names = sorted(day for day, rows in Counter(days).items() if rows >= args.least_rows)
    before = days < names[args.train_days]
    path = folder / "train.csv"
    train = pd.DataFrame({"text": table[args.text_column], "label": labels})[before]
    train.to_csv(path, index=False)
    recipe = training.Recipe("boosted", "text", holdout_percent=20, class_weight="none", seed=42)
    made = training.read_and_fit(path, MessageColumns("text", "label"), recipe)
    others: tuple[str, ...] = ()
    if args.foreign:
        texts = pd.read_csv(args.foreign, dtype=str, encoding_errors="replace")
        texts = texts[texts[args.foreign_column].notna()]
        if args.foreign_like:
            texts = texts[texts[args.foreign_column].str.contains(args.foreign_like)]
        others = tuple(texts[args.foreign_column])
    return Stream(
        tuple(
            Messages(list(table[args.text_column][days == name]), list(labels[days == name]))
            for name in names[args.train_days :]
        ),
        made.classifier,
        made.profile(),
        others,
    )


def _moments(cells: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(cells, errors="coerce")
    if numbers.notna().mean() > 0.9:  # days since 1900, as Excel counts
        return pd.to_datetime("1899-12-30", utc=True) + pd.to_timedelta(numbers, unit="D")
    form = "%a %b %d %H:%M:%S %z %Y"
    found = pd.to_datetime(cells, format=form, utc=True, errors="coerce")
    return found.fillna(pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce"))


def draw(stream: Stream, random: Random) -> Messages:
    """A day like one of the stream's."""
    day = stream.days[int(random.integers(len(stream.days)))]
    rows = len(day.texts)
    return day.take(sorted(random.choice(rows, round(DRAWN * rows), replace=False).tolist()))


class Watch:
    """A monitor that looks each morning."""

    def __init__(self, stream: Stream, floor: float, book: Book) -> None:
        self._classifier = stream.classifier
        self._baseline = Baseline(stream.classifier, stream.reference, floor)
        self._book = book
        self.days = 0
        self.statuses: list[Status] = []
        self.warned: Counter[str] = Counter()
        self.told: list[list[str]] = []
        self.notices: list[list[Notice]] = []
        self.drift_warnings: list[tuple[str, ...]] = []
        self.figures: list[dict[str, float]] = []

    def look(self, messages: Messages) -> None:
        day = FIRST + timedelta(days=self.days)
        at = datetime.combine(day, time(6), UTC) + timedelta(days=1)
        windows = {day.isoformat(): profile_of(messages, self._classifier, self.days)}
        judged = judge_windows(
            FEED, VERSION, windows, self._baseline, self._book, at, days=1, label_days=7
        )
        notices = record_windows(judged, self._book, channels=[], remind_hours=24 * 365)
        subjects = next(iter(judged.judged.values())).subjects
        self.statuses.append(worst(s.status for s in subjects if s.status is not Status.UNKNOWN))
        findings = next(iter(judged.judged.values())).findings
        self.warned.update(f.name for f in findings if f.status in TROUBLE)
        record = self._book.windows(FEED)[-1]
        self.figures.append({name: figure.value for name, figure in record.figures.items()})
        self.notices.append(notices)
        self.drift_warnings.append(record.drift_warnings or ())
        self.told.append([f"{n.finding}: {n.detail.get('finding')} {n.change}" for n in notices])
        self.days += 1


def profile_of(messages: Messages, classifier: Classifier, seed: int) -> Profile:
    texts = pa.array(messages.texts, pa.large_string())
    proba = classifier.predict_proba(texts)
    names = np.array([str(name) for name in classifier.classes_], object)
    labels = np.array(messages.labels, object)
    return of_rows(texts, labels, names[proba.argmax(axis=1)], proba.max(axis=1), seed=seed)


@dataclass(frozen=True)
class History:
    """What one history showed."""

    name: str
    warning: int
    critical: int
    not_ok: float
    warned: Counter[str]
    told: list[tuple[int, str]]
    critical_days: list[int]


def watch(stream: Stream, floor: float, days: Sequence[Messages], name: str) -> History:
    with tempfile.TemporaryDirectory() as folder, open_book(Path(folder, "book.db")) as book:
        monitor = Watch(stream, floor, book)
        for messages in days:
            monitor.look(messages)
        statuses = [
            worst(notice.status for notice in incident.changes) for incident in book.incidents(FEED)
        ]
    return History(
        name,
        statuses.count(Status.WARNING),
        statuses.count(Status.CRITICAL),
        float(np.mean([status in TROUBLE for status in monitor.statuses])),
        monitor.warned,
        [(day, what) for day, told in enumerate(monitor.told) for what in told],
        [day for day, status in enumerate(monitor.statuses) if status is Status.CRITICAL],
    )


def stable(stream: Stream, floor: float, days: int, seed: int) -> History:
    random = np.random.default_rng([1, seed])
    return watch(stream, floor, [draw(stream, random) for _ in range(days)], f"drawn, seed {seed}")


def faulty(stream: Stream, floor: float, seed: int) -> dict[str, tuple[bool, bool, bool]]:
    """Of each fault: is anything told, is drift, is CRITICAL, within TOLD_WITHIN days."""
    random = np.random.default_rng([2, seed])
    usual = [draw(stream, random) for _ in range(WARM_UP)]
    found = {}
    for name, fault in FAULTS.items():
        if "foreign" in name and not stream.foreign:
            continue
        coming = [fault(draw(stream, random), random, stream) for _ in range(TOLD_WITHIN)]
        if name == AGAIN:
            coming[0] = usual[-1]
        history = watch(stream, floor, [*usual, *coming], name)
        told = [what for day, what in history.told if day >= WARM_UP]
        found[name] = (
            bool(told),
            any(what.startswith(Subject.DRIFT) for what in told),
            any(what.startswith(Subject.ACCURACY) for what in told),
        )
    return found


def add_stream_flags(parser: argparse.ArgumentParser) -> None:
    """Which file the stream is, and whose messages come into it."""
    add = parser.add_argument
    add("--file", type=Path, required=True)
    add("--text-column", default="text")
    add("--time-column", default="created_at")
    add("--target-column", required=True)
    add("--filled", action="store_true", help="the class is whether that column is filled")
    add("--train-days", type=int, default=9)
    add("--least-rows", type=int, default=60, help="days with fewer messages are left out [60]")
    add("--foreign", type=Path, help="messages of other people, for the days on which they come")
    add("--foreign-column", default="text")
    add("--foreign-like", help="only those that match this pattern")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_stream_flags(parser)
    add = parser.add_argument
    add("--floor", type=float, default=0.7)
    add("--days", type=int, default=200)
    add("--seeds", type=int, default=5)
    add("--tries", type=int, default=20)
    add("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stream = read(args, Path(folder))
    histories = [watch(stream, args.floor, stream.days, "in order")]
    with ProcessPoolExecutor(args.workers) as executor:
        histories += executor.map(partial(stable, stream, args.floor, args.days), range(args.seeds))
        faults = list(executor.map(partial(faulty, stream, args.floor), range(args.tries)))
    rows = [(h.name, h.warning, h.critical, f"{h.not_ok:.1%}", dict(h.warned)) for h in histories]
    headers = ("history", "WARNING", "CRITICAL", "days not OK", "checks that warned, days")
    write(tabulate(rows, headers, tablefmt="github") + "\n\n")
    for day, what in histories[0].told:
        write(f"in order, day {day + args.train_days + 1}: {what}\n")
    for history in histories[1:]:
        write(f"{history.name}: {history.told}\n")
    found = [
        (name, *(f"{np.mean([one[name][k] for one in faults]):.0%}" for k in range(3)))
        for name in (faults[0] if faults else ())
    ]
    headers = ("what happens", f"told within {TOLD_WITHIN} days", "as drift", "as accuracy")
    write("\n" + tabulate(found, headers, tablefmt="github") + "\n")
    return 0


def write(text: str) -> None:
    sys.stdout.write(text)


if __name__ == "__main__":
    sys.exit(main())
