"""Count false and missed alarms of the whole monitor over synthetic days that are like real ones.

For each seed a model is fitted on 20,000 messages, then the monitor looks once a day, early on the
next. Printed is how many incidents are opened, of which kind, and how soon after the change.

    python -m benchmarks.incidents --scenario stable --days 200 --seeds 101 102 103
    python -m benchmarks.incidents --scenario sudden-drift --days 30 --change-day 21 --accuracy 0.7
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tabulate import tabulate

from benchmarks.streams import History, Messages, Stream, watch
from common.data.atomic import write_csv
from common.data.columns import MessageColumns
from common.data.synthetic.scenarios import first_changed_day, simulated, train_messages
from common.data.synthetic.topics import TOPICS
from common.data.synthetic.triage import TOPICS as CLASSES
from common.data.synthetic.triage import Request
from common.training import fit as training

# Of the default model on stable days, without labels that are turned.
ACCURACY = 0.874


class Row(NamedTuple):
    """What is printed of a history."""

    seed: int
    critical: int
    warning: int
    not_ok: str
    days_to_critical: int | str
    opened: str


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--scenario", choices=sorted(TOPICS.scenarios), default="stable")
    add("--days", type=int, default=200)
    add("--rows-per-day", type=int)
    add("--change-day", type=int)
    add("--accuracy", type=float, default=ACCURACY, help="by labels that are turned [%(default)s]")
    add("--floor", type=float, help="[.05 below the accuracy]")
    add("--seeds", type=int, nargs="+", default=[101])
    add("--workers", type=int, default=2)
    args = parser.parse_args()
    with ProcessPoolExecutor(args.workers) as executor:
        rows = list(executor.map(partial(run, args), args.seeds))
    headers = ("seed", "CRITICAL", "WARNING", "days not OK", "days to CRITICAL", "opened")
    sys.stdout.write(tabulate(rows, headers, tablefmt="github") + "\n")
    return 0


def run(args: argparse.Namespace, seed: int) -> Row:
    """One history: its incidents by gravest status, and how soon accuracy was CRITICAL."""
    random = np.random.default_rng([seed, 9])
    turned = max(0.0, 1 - args.accuracy / ACCURACY)
    change = first_changed_day(TOPICS, args.scenario, args.days, args.rows_per_day, args.change_day)
    days = simulated(TOPICS, args.scenario, args.days, args.rows_per_day, seed, change)
    stream = fitted(messages_of(train_messages(TOPICS, seed), turned, random))
    coming = [messages_of(day.messages, turned, random) for day in days]
    history = watch(stream, args.floor or args.accuracy - 0.05, coming, args.scenario)
    return Row(
        seed,
        critical=history.critical,
        warning=history.warning,
        not_ok=f"{history.not_ok:.1%}",
        days_to_critical=soonest(history, change),
        opened=", ".join(f"{what} {day + 1}" for day, what in history.told if "opened" in what),
    )


def soonest(history: History, change: int | None) -> int | str:
    """Days from the first changed one to the first look that is CRITICAL: 1 is the next morning."""
    if change is None:
        return "-"
    after = [day + 2 - change for day in history.critical_days if day + 1 >= change]
    return min(after, default="never")


def messages_of(rows: Sequence[Request], turned: float, random: np.random.Generator) -> Messages:
    """Texts and topics, some of which are turned into another one."""
    labels = [row.topic for row in rows]
    for k in np.flatnonzero(random.random(len(rows)) < turned).tolist():
        labels[k] = CLASSES[int(random.integers(len(CLASSES)))]
    return Messages([row.text for row in rows], labels)


def fitted(messages: Messages) -> Stream:
    """The default model of the messages."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.csv")
        rows = zip(messages.texts, messages.labels, strict=True)
        write_csv(path, ("text", "label"), rows)
        recipe = training.Recipe(
            "boosted", "text", holdout_percent=20, class_weight="none", seed=42
        )
        made = training.read_and_fit(path, MessageColumns("text", "label"), recipe)
    return Stream((), made.classifier, made.profile(), ())


if __name__ == "__main__":
    sys.exit(main())
