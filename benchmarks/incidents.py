"""Count false and missed alarms of the whole monitor over simulated histories.

For each seed a model is fitted on 20,000 messages, then the monitor looks once a day, early on the
next. Printed is how many incidents are opened, of which kind, and how soon after the change.

    python -m benchmarks.incidents --scenario stable --days 200 --seeds 101 102 103
    python -m benchmarks.incidents --scenario sudden-drift --days 30 --change-day 21 --seeds 101 102
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from tabulate import tabulate

from common.data.atomic import write_csv
from common.data.columns import MessageColumns
from common.data.synthetic.inbound import INBOUND
from common.data.synthetic.messages import Message
from common.data.synthetic.scenarios import (
    Day,
    first_changed_day,
    simulated,
    train_messages,
)
from common.evaluation.profile import Profile, of_rows
from common.models.base import Classifier
from common.monitoring.checks.catalogue import Subject
from common.monitoring.checks.finding import Status
from common.monitoring.checks.severity import worst
from common.monitoring.checks.suite import Baseline
from common.monitoring.feed import Feed
from common.monitoring.incidents.book import Book, open_book
from common.monitoring.run import judge_windows, record_windows
from common.training import fit as training

FEED, VERSION = Feed("triage", window="1 days"), 1


class Row(NamedTuple):
    """What is printed of a history."""

    seed: int
    critical: int
    warning: int
    days_to_critical: int | str
    opened: str


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--scenario", choices=sorted(INBOUND.scenarios), default="stable")
    add("--days", type=int, default=200)
    add("--rows-per-day", type=int)
    add("--change-day", type=int)
    add("--floor", type=float, default=0.85)
    add("--seeds", type=int, nargs="+", default=[101])
    args = parser.parse_args()
    rows = [run(args, seed) for seed in args.seeds]
    headers = ("seed", "CRITICAL", "WARNING", "days to CRITICAL", "opened")
    sys.stdout.write(tabulate(rows, headers, tablefmt="github") + "\n")
    return 0


def run(args: argparse.Namespace, seed: int) -> Row:
    """One history: its incidents by gravest status, and how soon accuracy was CRITICAL."""
    change = first_changed_day(
        INBOUND, args.scenario, args.days, args.rows_per_day, args.change_day
    )
    days = simulated(INBOUND, args.scenario, args.days, args.rows_per_day, seed, change)
    with tempfile.TemporaryDirectory() as folder, open_book(Path(folder, "book.db")) as book:
        classifier, reference = fitted(seed, Path(folder))
        changed = judge_daily(days, Baseline(classifier, reference, args.floor), book)
        incidents = list(reversed(book.incidents(FEED)))
    statuses = [worst(notice.status for notice in incident.changes) for incident in incidents]
    soon = [
        (notice.at - changed).days
        for incident in incidents
        for notice in incident.changes
        if changed and notice.finding == Subject.ACCURACY
        if notice.status is Status.CRITICAL and notice.at > changed
    ]
    opened = (
        f"{incident.changes[0].detail['finding']} {incident.since:%Y-%m-%d}"
        for incident in incidents
    )
    return Row(
        seed,
        critical=statuses.count(Status.CRITICAL),
        warning=statuses.count(Status.WARNING),
        days_to_critical=min(soon, default="never" if changed else "-"),
        opened=", ".join(opened),
    )


def fitted(seed: int, folder: Path) -> tuple[Classifier, Profile]:
    path = folder / "train.csv"
    write_csv(path, Message._fields, train_messages(INBOUND, seed))
    recipe = training.Recipe("boosted", "text", holdout_percent=20, class_weight="none", seed=42)
    made = training.read_and_fit(path, MessageColumns("text", "inbound"), recipe)
    return made.classifier, made.profile()


def judge_daily(days: Iterable[Day[Message]], baseline: Baseline, book: Book) -> datetime | None:
    """Judge each day on the next morning; when the first changed day ended."""
    changed = None
    for number, day in enumerate(days):
        at = datetime.combine(day.day, time(6), UTC) + timedelta(days=1)
        if day.strength and changed is None:
            changed = at - timedelta(hours=6)
        windows = {str(day.day): profile_of(day.messages, baseline.classifier, number)}
        judged = judge_windows(FEED, VERSION, windows, baseline, book, at, days=1, label_days=7)
        record_windows(judged, book, channels=[], remind_hours=24)
    return changed


def profile_of(messages: Sequence[Message], classifier: Classifier, seed: int) -> Profile:
    texts = pa.array([message.text for message in messages], pa.large_string())
    proba = classifier.predict_proba(texts)
    names = np.array([str(name) for name in classifier.classes_], object)
    labels = np.array([str(message.inbound) for message in messages], object)
    brands = np.array([str(message.brand) for message in messages], object)
    return of_rows(texts, labels, names[proba.argmax(axis=1)], proba.max(axis=1), brands, seed=seed)


if __name__ == "__main__":
    sys.exit(main())
