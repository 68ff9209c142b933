"""How often each finding of the monitor alarms for nothing, and how often it finds a change.

Simulated days of 300 messages against a holdout of 2,000: synthetic texts, a model that is right on
92 % and knows it. Prints two tables in Markdown.

python benchmarks/alarms.py --runs 20
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from common.data.synthetic.messages import generate
from common.evaluation.metrics import confusion_counts
from common.models.text import tokens
from common.monitoring.checks import (
    accuracy,
    calibration,
    classes,
    distribution,
    estimated,
    quality,
    words,
)
from common.monitoring.checks import segments as by_segment
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.checks.severity import escalate

HOLDOUT_ROWS, POOL, FLOOR = 2000, 60_000, 0.85
NAMES = ("angry", "calm", "glad")
SPANISH = (
    "hola mi pedido no ha llegado y nadie me contesta por favor ayuda el vuelo fue cancelado que "
    "puedo hacer gracias la maleta se perdio en el aeropuerto quiero un reembolso ahora muy mal "
    "servicio cuando van a responder la aplicacion funciona con este telefono es una verguenza"
)


@dataclass(frozen=True)
class Kind:
    """What a day is like; the defaults are a stable one."""

    rows: int = 300
    drop: float = 0.0  # right answers fewer than the confidences say
    class_drop: float = 0.0  # the same for messages of the last class
    segment_drop: float = 0.0  # the same for one segment of five
    sure: float = 11.5  # Beta(sure, 1) are the confidences: mean sure / (sure + 1)
    shares: tuple[float, ...] = (0.5, 0.3, 0.2)
    foreign: float = 0.0
    shorter: float = 1.0
    copies: float = 0.0
    blank: float = 0.005
    replaced: float = 0.003
    rejected: float = 0.002
    unseen: float = 0.001
    labelled: float = 0.6
    delay: float = 1.0


@dataclass(frozen=True)
class Window:
    """Rows as the findings see them, and counts of what is wrong with them."""

    true: Any
    predicted: Any
    confidence: Any
    segment: Any
    texts: list[str]
    delay: Any
    counts: dict[str, int]
    arrived: int

    @property
    def correct(self) -> Any:
        return self.true == self.predicted

    @property
    def confusion(self) -> Any:
        return confusion_counts(self.true, self.predicted, NAMES)


@cache
def pool() -> list[str]:
    return [row[4] for block in generate(POOL, seed=11) for row in block]


@cache
def known() -> frozenset[str]:
    return frozenset(word for text in pool()[: POOL // 3] for word in tokens(text))


def day(random: np.random.Generator, kind: Kind, rows: int | None = None) -> Window:
    n = rows or kind.rows
    numbers = random.choice(len(NAMES), n, p=kind.shares)
    segment = random.integers(0, 5, n)
    confidence = np.clip(random.beta(kind.sure, 1, n), 1 / len(NAMES), 1)
    drop = kind.drop + kind.class_drop * (numbers == 2) + kind.segment_drop * (segment == 0)
    wrong = random.random(n) >= confidence - drop
    predicted = (numbers + wrong * random.integers(1, len(NAMES), n)) % len(NAMES)
    # The first third is what the model was fitted on.
    texts = [pool()[k] for k in random.integers(POOL // 3, POOL, n)]
    texts = [text[: max(1, int(len(text) * kind.shorter))] for text in texts]
    for k in np.flatnonzero(random.random(n) < kind.foreign):
        texts[k] = " ".join(random.choice(SPANISH.split(), random.integers(5, 18)))
    for k in np.flatnonzero(random.random(n) < kind.copies):
        texts[k] = texts[0]
    shares = ("blank", "replaced", "rejected", "unseen", "labelled")
    counts = {share: int(random.binomial(n, getattr(kind, share))) for share in shares}
    counts["duplicates"] = n - len(set(texts))
    names = np.array(NAMES, object)
    return Window(
        names[numbers], names[predicted], confidence, segment, texts,
        random.exponential(kind.delay, n), counts, int(random.poisson(kind.rows)),
    )  # fmt: skip


class Monitor:
    """All findings of one day against one holdout; remembers what pooled findings need."""

    def __init__(self, random: np.random.Generator) -> None:
        stable = Kind()
        self.holdout = day(random, stable, HOLDOUT_ROWS)
        same_size = [day(random, stable) for _ in range(7)]
        self.duplicates = sum(window.counts["duplicates"] for window in same_size)
        self.arrived = [int(random.poisson(stable.rows)) for _ in range(14)]
        self.windows: list[tuple[int, int]] = []
        self.degraded: list[Status] = []

    def looks(self) -> dict[str, Callable[[Window], Finding]]:
        was = self.holdout
        m, holdout_right = len(was.true), int(was.correct.sum())
        before = Counter(was.predicted)

        def share(function: Callable[..., Finding], name: str) -> Callable[[Window], Finding]:
            part, rows = was.counts.get(name, 0), m
            if name == "duplicates":
                part, rows = self.duplicates, 7 * Kind().rows
            return lambda now: function(now.counts[name], len(now.true), part, rows)

        def degradation(now: Window) -> Finding:
            right = int(now.correct.sum())
            found = accuracy.degradation(right, len(now.true), holdout_right, m)
            self.degraded.append(found.status)
            return replace(found, status=escalate(self.degraded))

        def pooled(now: Window) -> Finding:
            self.windows.append((int(now.correct.sum()), len(now.true)))
            return accuracy.pooled_against_floor(self.windows, FLOOR)

        def segment(now: Window) -> Finding:
            keys = {str(key): now.correct[now.segment == key] for key in range(5)}
            pairs = {key: (int(right.sum()), len(right)) for key, right in keys.items()}
            return by_segment.accuracy(pairs, FLOOR)

        def row_count(now: Window) -> Finding:
            found = quality.row_count(now.arrived, self.arrived[-14:])
            self.arrived.append(now.arrived)
            return found

        lengths = np.array([len(text) for text in was.texts], float)
        return {
            "accuracy": lambda now: accuracy.against_floor(
                int(now.correct.sum()), len(now.true), FLOOR
            ),
            "accuracy_pooled": pooled,
            "degradation": degradation,
            "macro_f1": lambda now: classes.macro_f1(now.confusion, was.confusion),
            "class_recall": lambda now: classes.recall(now.confusion, was.confusion, NAMES),
            "segment_accuracy": segment,
            "calibration": lambda now: calibration.drift(
                now.correct, now.confidence, was.correct, was.confidence
            ),
            "predicted_classes": lambda now: distribution.predicted_classes(
                before, Counter(now.predicted)
            ),
            "confidence": lambda now: distribution.confidence(
                was.confidence, now.confidence, was.predicted, now.predicted
            ),
            "unknown_words": lambda now: words.unknown_words(was.texts, now.texts, known()),
            "text": lambda now: words.drift(was.texts, now.texts),
            "blank": share(quality.blank, "blank"),
            "duplicates": share(quality.duplicates, "duplicates"),
            "replaced": share(quality.replaced, "replaced"),
            "rejected": share(quality.rejected, "rejected"),
            "unseen_labels": share(quality.unseen_labels, "unseen"),
            "label_coverage": share(quality.label_coverage, "labelled"),
            "length": lambda now: quality.length(
                np.array([len(text) for text in now.texts], float), lengths
            ),
            "row_count": row_count,
            "label_delay": lambda now: quality.label_delay(now.delay, was.delay),
            "estimated_accuracy": lambda now: estimated.accuracy(
                now.confidence, was.confidence, was.correct, FLOOR
            ),
        }


LABELLED = ("accuracy", "accuracy_pooled", "degradation")
CHANGES: tuple[tuple[str, str, Kind], ...] = (
    ("accuracy", "accuracy .92 to .80", Kind(drop=0.12)),
    ("accuracy_pooled", "accuracy .82 for six days, floor .85", Kind(drop=0.1)),
    ("degradation", "accuracy .92 to .84", Kind(drop=0.08)),
    ("macro_f1", "accuracy .92 to .84", Kind(drop=0.08)),
    ("class_recall", "recall of one class of three -.25", Kind(class_drop=0.25)),
    ("segment_accuracy", "one segment of five -.30, floor .85", Kind(segment_drop=0.3)),
    ("calibration", "accuracy .08 below confidence", Kind(drop=0.08)),
    ("predicted_classes", "classes .5 .3 .2 to .3 .5 .2", Kind(shares=(0.3, 0.5, 0.2))),
    ("confidence", "mean confidence .92 to .87", Kind(sure=6.7)),
    ("unknown_words", "15 % foreign messages", Kind(foreign=0.15)),
    ("text", "15 % foreign messages", Kind(foreign=0.15)),
    ("text", "15 % foreign messages, 500 rows", Kind(foreign=0.15, rows=500)),
    ("blank", ".5 % blank to 5 %", Kind(blank=0.05)),
    ("duplicates", "a fifth is one message", Kind(copies=0.2)),
    ("replaced", ".3 % broken to 5 %", Kind(replaced=0.05)),
    ("rejected", ".2 % rejected to 5 %", Kind(rejected=0.05)),
    ("unseen_labels", ".1 % unknown labels to 5 %", Kind(unseen=0.05)),
    ("label_coverage", "60 % labelled to 40 %", Kind(labelled=0.4)),
    ("length", "messages cut to half", Kind(shorter=0.5)),
    ("row_count", "a third of the rows", Kind(rows=100)),
    ("label_delay", "labels after 4 days, not 1", Kind(delay=4.0)),
    ("estimated_accuracy", "mean confidence .92 to .78", Kind(sure=3.5)),
)


def incidents(statuses: Sequence[Status]) -> list[Status]:
    """The worst status of each run of alarms; a run ends after two days without."""
    found: list[Status] = []
    quiet = 2
    for status in statuses:
        if status in (Status.WARNING, Status.CRITICAL):
            if quiet < 2:
                found[-1] = max(found[-1], status)
            else:
                found.append(status)
            quiet = 0
        else:
            quiet += 1
    return found


def stable_run(days: int, seed: int) -> dict[str, list[Status]]:
    random = np.random.default_rng([1, seed])
    looks, kind = Monitor(random).looks(), Kind()
    windows = [day(random, kind) for _ in range(days)]
    return {name: [look(now).status for now in windows] for name, look in looks.items()}


def small_run(days: int, seed: int) -> int:
    """CRITICAL incidents in stable days of 20 to 60 rows."""
    random = np.random.default_rng([2, seed])
    looks = Monitor(random).looks()
    windows = [day(random, Kind(), int(random.integers(20, 61))) for _ in range(days)]
    every = [incidents([looks[name](now).status for now in windows]) for name in LABELLED]
    return sum(found.count(Status.CRITICAL) for found in every)


def changed_run(days: int, seed: int) -> list[list[Status]]:
    """The first days after each change; a slow decline began five days before, the others then."""
    random = np.random.default_rng([3, seed])
    found = []
    for name, _, kind in CHANGES:
        look = Monitor(random).looks()[name]
        if name in LABELLED:
            for _ in range(5):
                look(day(random, kind if name == "accuracy_pooled" else Kind()))
        found.append([look(day(random, kind)).status for _ in range(days)])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20, help="runs of stable days [20]")
    parser.add_argument("--days", type=int, default=200, help="days of such a run [200]")
    parser.add_argument("--tries", type=int, default=200, help="tries of each change [200]")
    parser.add_argument("--workers", type=int, default=2, help="processes [2]")
    args = parser.parse_args()
    with ProcessPoolExecutor(args.workers) as executor:
        stable = list(executor.map(partial(stable_run, args.days), range(args.runs)))
        small = list(executor.map(partial(small_run, args.days), range(args.tries)))
        changed = list(executor.map(partial(changed_run, 2), range(args.tries)))
    write(report_stable(stable) + "\n\n" + report_changed(changed) + "\n\n")
    write(
        f"Stable days of 20 to 60 rows: {sum(small)} CRITICAL in {len(small)} runs of "
        f"{args.days} days.\n"
    )
    return 0


def write(text: str) -> None:
    sys.stdout.write(text)


def report_stable(runs: list[dict[str, list[Status]]]) -> str:
    """False alarms: days in a thousand, incidents in a run."""
    rows, totals = [], {level: np.zeros(len(runs)) for level in (Status.WARNING, Status.CRITICAL)}
    for name in runs[0]:
        alarms = [incidents(run[name]) for run in runs]
        days = np.mean([status != Status.OK for run in runs for status in run[name]])
        counts = {level: np.array([a.count(level) for a in alarms]) for level in totals}
        for level, total in totals.items():
            total += counts[level]
        means = (f"{counts[level].mean():.2f}" for level in totals)
        rows.append((name, f"{1000 * days:.2f}", *means))
    rows.append(("all together, mean", "", *(f"{total.mean():.2f}" for total in totals.values())))
    rows.append(("worst run", "", *(f"{total.max():.0f}" for total in totals.values())))
    headers = ("stable", "days in 1,000", "WARNING a run", "CRITICAL a run")
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def report_changed(runs: list[list[list[Status]]]) -> str:
    rows = []
    for k, (name, change, _) in enumerate(CHANGES):
        alarm = np.array([[int(status) for status in run[k]] for run in runs])
        critical = (alarm == Status.CRITICAL).any(axis=1).mean() if name in LABELLED else None
        shares = ((alarm[:, 0] > 0).mean(), (alarm > 0).any(axis=1).mean(), critical)
        rows.append((name, change, *("" if share is None else f"{share:.0%}" for share in shares)))
    headers = ("changed", "change", "first day", "within two days", "CRITICAL within two days")
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


if __name__ == "__main__":
    sys.exit(main())
