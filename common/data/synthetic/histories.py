"""Histories of daily files, to watch the monitor work and to count its false and missed alarms.

A folder gets `train.csv`, the messages before the first day, to fit a model on; a file for each
day, `2026-01-01.csv` and so on; and at last `scenario.json`, which says what happens when. Columns
are those of the sample and `brand`. Where labels come late, the days' files have no classes: these
come in `labels-2026-01-02.csv` and so on, a file for each day on which there are labels.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

from common.data.atomic import atomic_path, make_folder, write_csv
from common.data.synthetic import scenarios
from common.data.synthetic.messages import DEFAULT_SEED, TIME_FORMAT
from common.data.synthetic.scenarios import FIRST_DAY, Kind
from common.data.synthetic.topics import TOPICS
from common.errors import InputError

MOST_DELAY = 10
NEVER_LABELLED = 0.05

Label = tuple[datetime, str, tuple[str, ...]]


@dataclass(frozen=True)
class WrittenDay:
    """A day of a history: ISO date, messages, and what the change does to accuracy on it."""

    date: str
    rows: int
    accuracy_effect: float


@dataclass(frozen=True)
class History:
    """What `scenario.json` says, key by key: what happens, and when."""

    scenario: str
    what_happens: str
    synthetic: bool
    seed: int
    train_rows: int
    change_day: int | None
    change_date: str | None
    accuracy_effect: float
    days: list[WrittenDay]


def write(
    folder: Path,
    name: str,
    days: int,
    rows_a_day: int | None = None,
    seed: int = DEFAULT_SEED,
    change_day: int | None = None,
    kind: Kind[Any] = TOPICS,
    start: date = FIRST_DAY,
) -> History:
    """Write a history into a new or empty folder; return what its `scenario.json` says.

    The same arguments give the same bytes.

    Args:
        name: a key of the kind's scenarios.
        days: 1 to MOST_DAYS.
        rows_a_day: None for ROWS_A_DAY, or what the scenario says.
        change_day: the first day of the change, from 1; None for two thirds through.
        start: date of the first day.

    Raises:
        SettingsError: a number is out of range or makes no sense with the scenario.
        InputError: the folder is not empty or can't be written.
    """
    scenario = kind.scenarios[name]
    first = scenarios.first_changed_day(kind, name, days, rows_a_day, change_day)
    _require_empty(folder)
    train = scenarios.train_messages(kind, seed, start)
    write_csv(folder / "train.csv", (*kind.columns, "brand"), train)

    simulated = scenarios.simulated(kind, name, days, rows_a_day, seed, first, start)
    days_written = _write_days(folder, kind, scenario, simulated, seed)
    history = History(
        scenario=name,
        what_happens=scenario.summary,
        synthetic=True,
        seed=seed,
        train_rows=len(train),
        change_day=first,
        change_date=days_written[first - 1].date if first else None,
        accuracy_effect=scenario.effect,
        days=days_written,
    )
    with atomic_path(folder / "scenario.json") as temporary:
        temporary.write_text(json.dumps(asdict(history), indent=2) + "\n", encoding="utf-8")
    return history


def _write_days(
    folder: Path,
    kind: Kind[Any],
    scenario: scenarios.Scenario[Any],
    days: Iterable[scenarios.Day[Any]],
    seed: int,
) -> list[WrittenDay]:
    """A file for each day, and for each day on which labels come late."""
    written: list[WrittenDay] = []
    awaited: dict[date, list[Label]] = defaultdict(list)
    fields = (*kind.columns, "brand")
    columns = tuple(c for c in fields if not (scenario.delayed and c in kind.labels))
    chosen = itemgetter(*map(fields.index, columns))
    for number, day in enumerate(days, 1):
        write_csv(folder / f"{day.day}.csv", columns, map(chosen, day.messages))
        if scenario.delayed:
            for label in _labels(kind, day, seed, number):
                awaited[label[0].date()].append(label)
            _write_labels(folder, kind, day.day, awaited.pop(day.day, []))
        effect = round(scenario.effect * day.strength, 4) or 0.0
        written.append(WrittenDay(str(day.day), len(day.messages), effect))
    for late in sorted(awaited):
        _write_labels(folder, kind, late, awaited[late])
    return written


def _require_empty(folder: Path) -> None:
    """Two histories must not mix, and no file of the user's may be lost."""
    make_folder(folder)
    try:
        empty = not any(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot look into {folder}: {error.strerror}.") from error
    if not empty:
        raise InputError(f"{folder} is not empty: name a new folder for the history.")


def _labels(kind: Kind[Any], day: scenarios.Day[Any], seed: int, number: int) -> Iterable[Label]:
    """When each message of a day gets its labels, its id and they; some are never labelled."""
    random, rows = scenarios.chance(seed, number, 1), len(day.messages)
    delays = random.integers(1, MOST_DELAY, rows, endpoint=True).tolist()
    times = scenarios.moments(day.day, 1, rows, random)
    random.shuffle(times)
    labelled = random.random(rows) >= NEVER_LABELLED
    for message, delay, time, comes in zip(day.messages, delays, times, labelled, strict=True):
        if comes:
            classes = tuple(getattr(message, name) for name in kind.labels)
            yield time + timedelta(days=delay), message.tweet_id, classes


def _write_labels(folder: Path, kind: Kind[Any], day: date, labels: list[Label]) -> None:
    if labels:
        columns = ("tweet_id", *kind.labels, "labelled_at")
        rows = (
            (tweet, *classes, time.strftime(TIME_FORMAT)) for time, tweet, classes in sorted(labels)
        )
        write_csv(folder / f"labels-{day}.csv", columns, rows)
