"""Days of synthetic messages in which a known thing happens from a known day on.

All scenarios of one seed and number of rows hold the same messages until the change, and
`train_messages` are those of the weeks before. Days are as different as real ones (`life`). As in
`twcs.csv`, an answer may refer to a message that isn't there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from typing import Generic, TypeVar

import numpy as np

from common.data.synthetic import life
from common.data.synthetic.messages import HOURS_AWAKE, TIME_FORMAT, Message
from common.data.synthetic.triage import Request
from common.errors import SettingsError

FIRST_DAY = date(2026, 1, 1)
FIRST_HOUR = 6
TRAIN_ROWS, TRAIN_DAYS = 20_000, 60
MOST_DAYS = 3_650
ROWS_A_DAY = 300

Row = TypeVar("Row", Message, Request)


@dataclass(frozen=True)
class Scenario(Generic[Row]):
    """What happens.

    Attributes:
        summary: in one line.
        alter: messages as they would come -> as they come, given the strength of the change (0 to
            1) and a source of chance; None where nothing changes.
        effect: what the whole change does to the accuracy of a model fitted before it, a
            difference of shares.
        gradual: the strength grows day by day and is 1 on the last.
        rows: fewest and most messages a day, where their number varies.
        delayed: labels come days after their messages.
    """

    summary: str
    alter: Callable[[Iterator[Row], float, np.random.Generator], Iterator[Row]] | None = None
    effect: float = 0.0
    gradual: bool = False
    rows: tuple[int, int] | None = None
    delayed: bool = False


@dataclass(frozen=True)
class Kind(Generic[Row]):
    """Messages of one kind.

    Attributes:
        target: the column of their class, if nobody names another.
        labels: all columns that say what a message is.
        columns: of a file; those of a history and `brand`.
        blocks: seed -> an endless stream of them, in blocks.
        scenarios: what can happen to them, by name: the same names for each kind.
        themes: what `life.theme_of` says of them.
    """

    target: str
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    blocks: Callable[[int], Iterator[list[Row]]]
    scenarios: Mapping[str, Scenario[Row]]
    themes: tuple[str, ...]


@dataclass(frozen=True)
class Day(Generic[Row]):
    """One day's messages, and the strength of the change: 0 before it, 1 where it is whole."""

    day: date
    strength: float
    messages: list[Row]


def train_messages(kind: Kind[Row], seed: int, start: date = FIRST_DAY) -> list[Row]:
    """TRAIN_ROWS messages of the TRAIN_DAYS before `start`, to fit a model on."""
    times = moments(start - timedelta(days=TRAIN_DAYS), TRAIN_DAYS, TRAIN_ROWS, chance(seed, 0))
    return _dated(chain.from_iterable(kind.blocks(seed)), times)


def simulated(
    kind: Kind[Row],
    name: str,
    days: int,
    rows_a_day: int | None = None,
    seed: int = 42,
    change_day: int | None = None,
    start: date = FIRST_DAY,
) -> Iterator[Day[Row]]:
    """Yield the days of a scenario, the first of them `start`.

    Args:
        name: a key of the kind's scenarios.
        rows_a_day: of each day; None for about ROWS_A_DAY, fewer on weekends, or what the scenario
            says.
        change_day: as `first_changed_day` gives it.
    """
    scenario = kind.scenarios[name]
    messages: Iterator[Row] = islice(chain.from_iterable(kind.blocks(seed)), TRAIN_ROWS, None)
    lives = life.lives(kind.themes, days, chance(seed, 0, 2))
    for number, strength in enumerate(_strengths(days, change_day, scenario.gradual), start=1):
        random = chance(seed, number)
        day = start + timedelta(days=number - 1)
        rows = rows_a_day or life.rows_of(day, ROWS_A_DAY, chance(seed, number, 2))
        if scenario.rows:
            rows = int(random.integers(*scenario.rows, endpoint=True))
        times = moments(day, 1, rows, random)
        coming = lives[number - 1].messages(messages, chance(seed, number, 3))
        if scenario.alter and strength:
            coming = scenario.alter(coming, strength, random)
        yield Day(day, strength, _dated(coming, times))


def first_changed_day(
    kind: Kind[Row],
    name: str,
    days: int,
    rows_a_day: int | None = None,
    change_day: int | None = None,
) -> int | None:
    """The number of the first changed day, from 1: as given, or two thirds through.

    None where nothing ever changes.

    Raises:
        SettingsError: a number is out of range or makes no sense with the scenario.
    """
    scenario = kind.scenarios[name]
    if not 1 <= days <= MOST_DAYS:
        raise SettingsError(f"a history has 1 to {MOST_DAYS:,} days, not {days:,}")
    if scenario.rows and rows_a_day:
        raise SettingsError(f"{name} chooses its own rows of a day: leave their number out")
    if not scenario.alter:
        if change_day is not None:
            raise SettingsError(f"nothing changes in {name}: leave the day of the change out")
        return None
    first = days * 2 // 3 + 1 if change_day is None else change_day
    if not 1 <= first <= days:
        raise SettingsError(f"the change must be on one of the days 1 to {days:,}, not {first:,}")
    return first


def chance(seed: int, *purpose: int) -> np.random.Generator:
    """Randomness of its own for each purpose, so that one part of a history moves no other."""
    # To numpy, zeros at the end of a seed are nothing: the 1 tells these from the seeds of blocks.
    return np.random.default_rng([seed, *purpose, 1])


def moments(first: date, days: int, rows: int, random: np.random.Generator) -> list[datetime]:
    """Times of `rows` messages spread over the waking hours of some days, in order."""
    morning = datetime(first.year, first.month, first.day, FIRST_HOUR, tzinfo=UTC)
    day, within = np.divmod(np.sort(random.random(rows)) * days, 1)
    hours = 24 * day + HOURS_AWAKE * within
    return [morning + timedelta(hours=hour) for hour in hours.tolist()]


def _dated(messages: Iterator[Row], times: list[datetime]) -> list[Row]:
    """The next messages, one for each time."""
    return [
        message._replace(created_at=moment.strftime(TIME_FORMAT))
        # Times first: zip looks there for another one before it takes a message.
        for moment, message in zip(times, messages, strict=False)
    ]


def _strengths(days: int, change_day: int | None, gradual: bool) -> list[float]:
    """The strength of the change on each day."""
    before = days if change_day is None else change_day - 1
    changed = days - before
    ramp = [(k + 1) / changed if gradual else 1.0 for k in range(changed)]
    return [0.0] * before + ramp
