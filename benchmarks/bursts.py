"""What is new on each day of a stream, and how often something is where nothing is.

With a file: its days in their order, beside the check `surging_words`; its messages shuffled over
its days, so that nothing is new on any; and messages of other people among those of a day. Without:
synthetic days that are independent, whose topics vary, and in which a known thing happens.

    python -m benchmarks.bursts --file tweets.csv --shuffles 40 --foreign other.csv
    python -m benchmarks.bursts --days 1000
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from benchmarks.streams import _moments
from common.data.synthetic.scenarios import simulated
from common.data.synthetic.topics import TOPICS
from common.monitoring.bursts import Before, Burst, find_bursts
from common.monitoring.checks import words
from common.monitoring.checks.finding import TROUBLE
from common.monitoring.checks.usual import Figure, PastFigures
from common.monitoring.feed import Feed
from common.monitoring.incidents import announce
from common.monitoring.incidents.incident import Notice
from common.monitoring.news import PAST_WINDOWS, News
from common.monitoring.phrases import PhraseCounts, Phrases, phrases_of

FIRST = date(2026, 1, 5)
# The first day that is looked at has so many before it.
LEAST_DAYS = 3
SHARES = (0.05, 0.1, 0.2)
DISPERSIONS = (0.05, 0.1, 0.2, 0.5)
ROWS = 300

Random = np.random.Generator


@dataclass(frozen=True)
class Day:
    """Messages of a day, and their phrases."""

    name: str
    texts: list[str]

    @cached_property
    def phrases(self) -> Phrases:
        return phrases_of(self.texts)

    @cached_property
    def counts(self) -> PhraseCounts:
        return self.phrases.counts()


def bursts_of(
    day: Day, before: Sequence[Day], kept: bool = False, weekdays: bool = True
) -> tuple[Burst, ...]:
    """What is new on a day.

    Args:
        kept: only what is kept of a window is known of the days before.
    """
    weekday = date.fromisoformat(day.name).weekday()
    known = [
        Before(
            each.name,
            each.counts.frequent() if kept else each.counts,
            weekdays and date.fromisoformat(each.name).weekday() == weekday,
        )
        for each in before[-PAST_WINDOWS:]
    ]
    return find_bursts(day.name, day.phrases, known)


def days_of(args: argparse.Namespace) -> list[Day]:
    table = pd.read_csv(args.file, dtype=str, encoding_errors="replace", keep_default_na=False)
    moments = _moments(table[args.time_column])
    table = table[moments.notna() & (table[args.text_column].str.strip() != "")]
    names = moments[table.index].dt.strftime("%Y-%m-%d")
    found = [Day(str(name), list(group[args.text_column])) for name, group in table.groupby(names)]
    return [day for day in found if len(day.texts) >= args.least_rows]


def in_order(days: Sequence[Day], train_days: int) -> list[tuple[object, ...]]:
    """Each day: what is new, and what `surging_words` says against the first days."""
    reference = [text for day in days[:train_days] for text in day.texts]
    figures: list[Figure] = []
    rows = []
    for k, day in enumerate(days):
        if k < LEAST_DAYS:
            continue
        found = bursts_of(day, days[:k])
        new = "; ".join(
            f"{', '.join(b.phrases)}: {b.messages:,} ({b.expected:.1f} expected) since {b.since}"
            for b in found
        )
        surging = "-"
        if k >= train_days:
            past = PastFigures(figures[:-2][-20:], figures[-2:])
            check = words.surging(reference, day.texts, past)
            figures += [check.figure] if check.figure else []
            warns = "WARNING" if check.status in TROUBLE else "OK"
            surging = f"{warns}: {check.value:.2f}, limit {check.limit:.2f}"
        rows.append((day.name, len(day.texts), new or "nothing", surging))
    return rows


def false_days(histories: Sequence[Sequence[Day]]) -> list[tuple[str, int, str]]:
    """By what is known of the days before: how many days there are, and with a burst."""
    ways: dict[str, Callable[[Day, Sequence[Day]], tuple[Burst, ...]]] = {
        "all of the days before": lambda day, before: bursts_of(day, before),
        "what is kept of them": lambda day, before: bursts_of(day, before, kept=True),
        "2,000 messages of the first days": _against_reference,
    }
    rows = []
    for way, look in ways.items():
        found = [
            bool(look(days[k], days[:k]))
            for days in histories
            for k in range(LEAST_DAYS, len(days))
        ]
        rows.append((way, len(found), f"{np.mean(found):.2%}"))
    return rows


def _against_reference(day: Day, before: Sequence[Day]) -> tuple[Burst, ...]:
    texts = [text for each in before for text in each.texts][:2000]
    return find_bursts(day.name, day.phrases, [Before(None, phrases_of(texts).counts())])


def shuffled(days: Sequence[Day], seed: int) -> list[Day]:
    """The same messages on days of the same sizes, in any order."""
    texts = [text for day in days for text in day.texts]
    order = np.random.default_rng(seed).permutation(len(texts)).tolist()
    mixed = iter([texts[k] for k in order])
    return [Day(day.name, list(islice(mixed, len(day.texts)))) for day in days]


def with_foreign(
    days: Sequence[Day], foreign: Sequence[str], train_days: int
) -> list[tuple[str, str, str]]:
    """On how many days other people's messages are a burst; with names that they call, without."""
    plain = [re.sub(r"@\w+", "", text) for text in foreign]
    rows = []
    for share in SHARES:
        found = []
        for texts in (foreign, plain):
            hits = []
            for k in range(train_days, len(days)):
                random = np.random.default_rng([k, 3])
                own = list(days[k].texts)
                count = min(round(share * len(own)), len(texts))
                places = random.choice(len(own), count, replace=False).tolist()
                coming = random.choice(len(texts), count, replace=False).tolist()
                for place, at in zip(places, coming, strict=True):
                    own[place] = texts[at]
                hits.append(bool(bursts_of(Day(days[k].name, own), days[:k])))
            found.append(f"{np.mean(hits):.0%}")
        rows.append((f"{share:.0%}", *found))
    return rows


def told(days: Sequence[Day], first: int) -> tuple[int, int, int]:
    """How many days are looked at, how many have a burst, and on how many people are told."""
    bursts = {day.name: bursts_of(day, days[:k]) for k, day in enumerate(days) if k >= first}
    notices: list[Notice] = []
    for name, found in bursts.items():
        news = News(name, looked_at=0, bursts=found)
        new = announce.notice(Feed("stream", window="1 days"), news, notices, datetime.now(UTC))
        notices += [new] if new else []
    return len(bursts), sum(map(bool, bursts.values())), len(notices)


def named(texts: Sequence[list[str]]) -> list[Day]:
    return [Day(str(FIRST + timedelta(days=k)), day) for k, day in enumerate(texts)]


def independent(days: int, seed: int) -> list[Day]:
    stream = chain.from_iterable(TOPICS.blocks(seed))
    return named([[message.text for message in islice(stream, ROWS)] for _ in range(days)])


def varying(days: int, seed: int, dispersion: float) -> list[Day]:
    """Days that are about brands and topics in shares that vary by gamma factors with mean 1."""
    random = np.random.default_rng(seed)
    texts: dict[tuple[str, str], list[str]] = {}
    for message in islice(chain.from_iterable(TOPICS.blocks(seed)), 60_000):
        texts.setdefault((message.brand, message.topic), []).append(message.text)
    share = np.array([len(found) for found in texts.values()], float)
    made = []
    for _ in range(days):
        weight = share * random.gamma(1 / dispersion, dispersion, len(share))
        rows = random.multinomial(ROWS, weight / weight.sum()).tolist()
        pairs = zip(texts.values(), rows, strict=True)
        made.append([str(t) for found, n in pairs for t in random.choice(found, n)])
    return named(made)


def scenario(name: str, seed: int, days: int = 35) -> list[Day]:
    change = 31 if TOPICS.scenarios[name].alter else None
    found = simulated(TOPICS, name, days, None, seed, change, FIRST)
    return named([[message.text for message in day.messages] for day in found])


def synthetic(days: int) -> None:
    for seed in range(1, 6):
        days_of_scenario = scenario("new-topic", 700 + seed)
        found = bursts_of(days_of_scenario[30], days_of_scenario[:30])
        new = "; ".join(f"{', '.join(b.phrases)} ({b.messages})" for b in found)
        write(f"new-topic, seed {700 + seed}, its first day: {new or 'nothing'}\n")
    for seed in (101, 102, 103):
        looked_at, with_burst, times = told(scenario("stable", seed, 100), PAST_WINDOWS // 3)
        write(f"stable, seed {seed}: {looked_at} days, {with_burst} with a burst, {times} told\n")
    rows = [("independent", *row) for row in false_days([independent(days, 11)])]
    for dispersion in DISPERSIONS:
        of_days = false_days([varying(days, 12, dispersion)])
        rows += [(f"topics vary, {dispersion:g}", *row) for row in of_days]
    headers = ("days", "what is known", "looked at", "with a burst")
    write("\n" + tabulate(rows, headers, tablefmt="github") + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--file", type=Path)
    add("--text-column", default="text")
    add("--time-column", default="created_at")
    add("--least-rows", type=int, default=60, help="days with fewer messages are left out [60]")
    add("--train-days", type=int, default=9, help="of the reference of surging_words [9]")
    add("--shuffles", type=int, default=40)
    add("--foreign", type=Path, help="messages of other people, in a column of the same name")
    add("--foreign-like", default=".", help="only those that match this pattern")
    add("--days", type=int, default=1000, help="synthetic ones, without a file [1000]")
    args = parser.parse_args()
    if not args.file:
        synthetic(args.days)
        return 0
    days = days_of(args)
    headers: tuple[str, ...] = ("day", "messages", "what is new", "surging_words")
    write(tabulate(in_order(days, args.train_days), headers, tablefmt="github") + "\n\n")
    looked_at, with_burst, times = told(days, LEAST_DAYS)
    write(f"{looked_at} days, {with_burst} with a burst, people are told on {times}\n\n")
    rows = false_days([shuffled(days, seed) for seed in range(args.shuffles)])
    write(tabulate(rows, ("what is known", "days", "with a burst"), tablefmt="github") + "\n")
    if args.foreign:
        table = pd.read_csv(args.foreign, dtype=str, encoding_errors="replace")
        texts = table[args.text_column].dropna()
        texts = list(texts[texts.str.contains(args.foreign_like)])
        found = with_foreign(days, texts, args.train_days)
        headers = ("foreign", "days with a burst", "without the names they call")
        write("\n" + tabulate(found, headers, tablefmt="github") + "\n")
    return 0


def write(text: str) -> None:
    sys.stdout.write(text)


if __name__ == "__main__":
    sys.exit(main())
