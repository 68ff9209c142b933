"""Count false and missed alarms of the whole monitor over simulated histories.

For each seed a model is fitted on 20,000 messages, then the monitor looks once a day, early on the
next. Printed is how many incidents are opened, of which kind, and how soon after the change.

    python benchmarks/incidents.py --scenario stable --days 200 --seeds 101 102 103
    python benchmarks/incidents.py --scenario sudden-drift --days 30 --change-day 21 --seeds 101 102
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tabulate import tabulate

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from common.data.atomic import write_csv  # noqa: E402
from common.data.columns import MessageColumns  # noqa: E402
from common.data.synthetic.messages import Message  # noqa: E402
from common.data.synthetic.scenarios import SCENARIOS, first_changed_day, simulated, train_messages  # noqa: E402
from common.evaluation import profile  # noqa: E402
from common.monitoring import run as monitoring  # noqa: E402
from common.monitoring.incidents.book import Book, opened  # noqa: E402
from common.training import fit as training  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--scenario", choices=sorted(SCENARIOS), default="stable")
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


def run(args: argparse.Namespace, seed: int) -> tuple[Any, ...]:
    """One history: its incidents by gravest status, and how soon accuracy was CRITICAL."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder, "book.db")) as book:
        classifier, reference = fitted(seed, Path(folder))
        rules = monitoring.rules(classifier, reference, args.floor, 1, 7)
        how = (args.days, args.rows_per_day)
        change = first_changed_day(args.scenario, *how, args.change_day)
        days = simulated(SCENARIOS[args.scenario], *how, seed, change)
        changed = look_daily(days, classifier, rules, book)
        found = [
            incident.facts() | {"first": incident.changes[0].detail["finding"]}
            for incident in book.incidents("triage")
        ]
    statuses = [incident["status"] for incident in found]
    soon = [
        (datetime.fromisoformat(change["at"]) - changed).days
        for incident in found
        if changed and incident["finding"] == "accuracy"
        for change in incident["changes"]
        if change["status"] == "CRITICAL" and datetime.fromisoformat(change["at"]) > changed
    ]
    kinds = ", ".join(f"{each['first']} {each['since'][:10]}" for each in reversed(found))
    first = min(soon, default="never" if changed else "-")
    return seed, statuses.count("CRITICAL"), statuses.count("WARNING"), first, kinds


def fitted(seed: int, folder: Path) -> tuple[Any, profile.Profile]:
    path = folder / "train.csv"
    write_csv(path, Message._fields, train_messages(seed))
    recipe = training.Recipe("boosted", "text", holdout_percent=20, class_weight="none", seed=42)
    made = training.read_and_fit(path, MessageColumns("text", "inbound"), recipe)
    return made.classifier, made.profile()


def look_daily(
    days: Iterable[Any], classifier: Any, rules: monitoring.Rules, book: Book
) -> datetime | None:
    """Judge each day on the next morning; when the first changed day ended."""
    changed = None
    for number, day in enumerate(days):
        at = datetime.combine(day.day, time(6), UTC) + timedelta(days=1)
        if day.strength and changed is None:
            changed = at - timedelta(hours=6)
        seen = {str(day.day): seen_of(day.messages, classifier, number)}
        look = monitoring.look("triage", seen, rules, book, at)
        monitoring.record(look, book, [])
    return changed


def seen_of(messages: Sequence[Any], classifier: Any, seed: int) -> profile.Profile:
    texts = pa.array([message.text for message in messages], pa.large_string())
    proba = classifier.predict_proba(texts)
    names = np.array([str(name) for name in classifier.classes_], object)
    labels = np.array([str(message.inbound) for message in messages], object)
    brands = np.array([str(message.brand) for message in messages], object)
    return profile.of_rows(
        texts, labels, names[proba.argmax(axis=1)], proba.max(axis=1), brands, seed=seed
    )


if __name__ == "__main__":
    sys.exit(main())
