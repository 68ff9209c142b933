"""How often each check of the monitor alarms for nothing, and how often it finds a change.

Simulated days of 300 messages against a holdout of 2,000: synthetic texts, a model that is right on
92 % and knows it. Each day is judged by the monitor's own suite, as a run of monitor.py does it.
Prints two tables in Markdown.

python -m benchmarks.alarms --runs 20
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tabulate import tabulate

from common.data.synthetic.messages import generate
from common.evaluation import profile
from common.evaluation.profile import Profile
from common.models import text
from common.monitoring.checks.finding import TROUBLE, Finding, Status
from common.monitoring.checks.suite import Baseline, check_accuracy, run_checks
from common.monitoring.history import PastWindows, record_window

HOLDOUT_ROWS, POOL, FLOOR = 2000, 60_000, 0.85
NAMES = np.array(["angry", "calm", "glad"], object)
SEGMENTS = np.array([f"segment {k}" for k in range(5)], object)
# Days before the first that is reported: `row_count` knows the usual after seven.
WARM_UP = 8
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
    labelled: float = 0.95
    delay: float = 1.0


STABLE = Kind()
SPARSE = Kind(labelled=0.6)


class Model:
    """A classifier that knows the words of a third of the messages; its answers are drawn."""

    classes_ = NAMES

    def predict_proba(self, texts: object, /) -> npt.NDArray[np.float64]:
        raise NotImplementedError

    def unknown_words(self, texts: Sequence[str], /) -> list[tuple[list[str], int]]:
        return text.unknown_words(texts, known())


@cache
def pool() -> list[str]:
    return [row[4] for block in generate(POOL, seed=11) for row in block]


@cache
def known() -> frozenset[str]:
    return frozenset(word for message in pool()[: POOL // 3] for word in text.tokens(message))


def messages(random: np.random.Generator, kind: Kind, rows: int) -> list[str]:
    # The first third is what the model was fitted on.
    texts = [pool()[k] for k in random.integers(POOL // 3, POOL, rows)]
    texts = [message[: max(1, int(len(message) * kind.shorter))] for message in texts]
    for k in np.flatnonzero(random.random(rows) < kind.foreign):
        texts[k] = " ".join(random.choice(SPANISH.split(), random.integers(5, 18)))
    for k in np.flatnonzero(random.random(rows) < kind.copies):
        texts[k] = texts[0]
    for k in np.flatnonzero(random.random(rows) < kind.replaced):
        texts[k] += "\ufffd"
    return texts


def day(random: np.random.Generator, kind: Kind, rows: int | None = None) -> Profile:
    """A day of the kind; as many messages as usual, give or take, or so many."""
    n = rows or int(random.poisson(kind.rows))
    numbers = random.choice(len(NAMES), n, p=kind.shares)
    segment = random.integers(0, len(SEGMENTS), n)
    confidence = np.clip(random.beta(kind.sure, 1, n), 1 / len(NAMES), 1)
    drop = kind.drop + kind.class_drop * (numbers == 2) + kind.segment_drop * (segment == 0)
    wrong = random.random(n) >= confidence - drop
    predicted = (numbers + wrong * random.integers(1, len(NAMES), n)) % len(NAMES)
    labels = NAMES[numbers]
    labels[random.random(n) < kind.unseen] = "nobody knows"
    labels[random.random(n) >= kind.labelled] = ""
    window = profile.of_rows(
        pa.array(messages(random, kind, n), pa.large_string()),
        labels,
        NAMES[predicted],
        confidence,
        segments=SEGMENTS[segment],
        delay_days=random.exponential(kind.delay, n),
        seed=int(random.integers(2**31)),
    )
    rejected, blank = (int(random.binomial(n, share)) for share in (kind.rejected, kind.blank))
    return profile.with_unread(window, rejected, blank)


class Monitor:
    """A monitor that judges one day after the other against one holdout."""

    def __init__(self, random: np.random.Generator, usual: Kind = STABLE) -> None:
        holdout = day(random, STABLE, HOLDOUT_ROWS)
        self._baseline = Baseline(Model(), holdout, FLOOR)
        self._past = PastWindows()
        for _ in range(WARM_UP):
            self.judge_accuracy(day(random, usual))

    def judge(self, window: Profile) -> dict[str, Status]:
        """The status of each check of the next day, asked when all labels have come."""
        past = self._past.past()
        return self._keep(window, run_checks(window, self._baseline, past, days_since_end=30.0))

    def judge_accuracy(self, window: Profile) -> dict[str, Status]:
        """The same of the checks on labels alone, which take a tenth of the time."""
        return self._keep(window, check_accuracy(window, self._baseline, self._past.past()))

    def _keep(self, window: Profile, findings: list[Finding]) -> dict[str, Status]:
        self._past.add(window, record_window("day", window, findings, Status.OK))
        return {finding.name: _unhidden(finding) for finding in findings}


def _unhidden(finding: Finding) -> Status:
    """An estimate may not warn where accuracy is measured; here it is asked all the same."""
    if finding.name == "estimated_accuracy" and finding.upper < finding.limit:
        return Status.WARNING
    return finding.status


MEASURED = ("accuracy", "accuracy_pooled", "degradation")
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


def runs_of_alarms(statuses: Sequence[Status]) -> list[Status]:
    """The worst status of each run of alarms; a run ends after two days without."""
    found: list[Status] = []
    quiet = 2
    for status in statuses:
        if status in TROUBLE:
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
    monitor = Monitor(random)
    judged = [monitor.judge(day(random, STABLE)) for _ in range(days)]
    return {name: [statuses[name] for statuses in judged] for name in judged[0]}


def small_run(days: int, seed: int) -> int:
    """CRITICAL runs of alarms in stable days of 20 to 60 rows."""
    random = np.random.default_rng([2, seed])
    monitor = Monitor(random)
    windows = [day(random, STABLE, int(random.integers(20, 61))) for _ in range(days)]
    judged = [monitor.judge_accuracy(window) for window in windows]
    runs = [runs_of_alarms([statuses[name] for statuses in judged]) for name in MEASURED]
    return sum(found.count(Status.CRITICAL) for found in runs)


def changed_run(days: int, seed: int) -> list[list[Status]]:
    """The first days after each change; a slow decline began five days before."""
    random = np.random.default_rng([3, seed])
    judged: dict[tuple[Kind, int], list[dict[str, Status]]] = {}
    found = []
    for name, _, kind in CHANGES:
        before = 5 if name == "accuracy_pooled" else 0
        if (kind, before) not in judged:
            monitor = Monitor(random, SPARSE if name == "label_coverage" else STABLE)
            for _ in range(before):
                monitor.judge_accuracy(day(random, kind))
            judged[kind, before] = [monitor.judge(day(random, kind)) for _ in range(days)]
        found.append([statuses[name] for statuses in judged[kind, before]])
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
        alarms = [runs_of_alarms(run[name]) for run in runs]
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
        critical = (alarm == Status.CRITICAL).any(axis=1).mean() if name in MEASURED else None
        shares = ((alarm[:, 0] > 0).mean(), (alarm > 0).any(axis=1).mean(), critical)
        rows.append((name, change, *("" if share is None else f"{share:.0%}" for share in shares)))
    headers = ("changed", "change", "first day", "within two days", "CRITICAL within two days")
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


if __name__ == "__main__":
    sys.exit(main())
