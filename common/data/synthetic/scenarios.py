"""Days of synthetic messages in which a known thing happens from a known day on.

All scenarios of one seed and number of rows hold the same messages until the change, and
`train_messages` are those of the weeks before. As in `twcs.csv`, an answer may refer to a message
that isn't there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice

import numpy as np

from common.data.synthetic.messages import (
    BRAND_OPENINGS,
    CUSTOMER_ENDINGS,
    CUSTOMER_OPENINGS,
    HOURS_AWAKE,
    TIME_FORMAT,
    Message,
    blocks,
)
from common.errors import SettingsError

FIRST_DAY = date(2026, 1, 1)
FIRST_HOUR = 6
TRAIN_ROWS, TRAIN_DAYS = 20_000, 60
MOST_DAYS = 3_650
ROWS_A_DAY = 300

OTHER_CLASS_TOPICS = ("a double charge", "a gift card")
SHIFTED_SHARE = 0.3
NEW_TOPIC_SHARE = 0.15
NEW_SUBJECTS = (
    "the rental scooter", "my scooter", "the folding handlebar", "a borrowed helmet",
    "the scooter recall", "the kickstand", "the electric throttle",
)  # fmt: skip
NEW_PROBLEMS = (
    "wobbles downhill", "overheats while parked", "snapped at the hinge", "jammed uphill",
    "smells burnt", "squeals when braking", "lost its left pedal",
)  # fmt: skip
NEW_REQUESTS = (
    "kindly park it outdoors", "a mechanic will inspect both brakes", "unplug the battery tonight",
    "every recall includes free spare parts", "stop riding until the inspection",
    "replacement throttles ship tomorrow", "which serial digits are engraved underneath?",
)  # fmt: skip

Alter = Callable[[Iterator[Message], float, np.random.Generator], Iterator[Message]]


@dataclass(frozen=True)
class Scenario:
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
    alter: Alter | None = None
    effect: float = 0.0
    gradual: bool = False
    rows: tuple[int, int] | None = None
    delayed: bool = False


@dataclass(frozen=True)
class Day:
    """One day's messages, and the strength of the change: 0 before it, 1 where it is whole."""

    day: date
    strength: float
    messages: list[Message]


def train_messages(seed: int) -> list[Message]:
    """TRAIN_ROWS messages of the TRAIN_DAYS before the first day, to fit a model on."""
    times = moments(FIRST_DAY - timedelta(days=TRAIN_DAYS), TRAIN_DAYS, TRAIN_ROWS, chance(seed, 0))
    return _dated(chain.from_iterable(blocks(seed)), times)


def simulated(
    scenario: Scenario,
    days: int,
    rows_a_day: int | None = None,
    seed: int = 42,
    change_day: int | None = None,
) -> Iterator[Day]:
    """Yield the days of a scenario, the first of them FIRST_DAY.

    Args:
        rows_a_day: None for ROWS_A_DAY, or what the scenario says.
        change_day: as `first_changed_day` gives it.
    """
    messages: Iterator[Message] = islice(chain.from_iterable(blocks(seed)), TRAIN_ROWS, None)
    for number, strength in enumerate(_strengths(days, change_day, scenario.gradual), start=1):
        random = chance(seed, number)
        rows = rows_a_day or ROWS_A_DAY
        if scenario.rows:
            rows = int(random.integers(*scenario.rows, endpoint=True))
        day = FIRST_DAY + timedelta(days=number - 1)
        times = moments(day, 1, rows, random)
        coming = messages
        if scenario.alter and strength:
            coming = scenario.alter(messages, strength, random)
        yield Day(day, strength, _dated(coming, times))


def first_changed_day(
    name: str, days: int, rows_a_day: int | None = None, change_day: int | None = None
) -> int | None:
    """The number of the first changed day, from 1: as given, or two thirds through.

    None where nothing ever changes.

    Raises:
        SettingsError: a number is out of range or makes no sense with the scenario.

    >>> first_changed_day("sudden-drift", 60)
    41
    """
    scenario = SCENARIOS[name]
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


def _dated(messages: Iterator[Message], times: list[datetime]) -> list[Message]:
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


def _to_other_class(
    messages: Iterator[Message], strength: float, random: np.random.Generator
) -> Iterator[Message]:
    """Messages about some topics are of the other class: the same texts with another meaning."""
    for message in messages:
        text = message.text.casefold()
        if any(topic in text for topic in OTHER_CLASS_TOPICS) and random.random() < strength:
            yield message._replace(inbound=str(message.inbound == "False"))
        else:
            yield message


def _with_other_shares(
    messages: Iterator[Message], strength: float, random: np.random.Generator
) -> Iterator[Message]:
    """Fewer customers, more brands; within each class the messages are as they were."""
    while True:
        wanted = str(random.random() < SHIFTED_SHARE)
        yield next(message for message in messages if message.inbound == wanted)


def _on_new_topic(
    messages: Iterator[Message], strength: float, random: np.random.Generator
) -> Iterator[Message]:
    """Some messages are about something that nobody has written about before."""
    for message in messages:
        if random.random() < NEW_TOPIC_SHARE * strength:
            to = f"{message.text.split()[0]} " if message.text.startswith("@") else ""
            text = to + _new_text(message.inbound == "True", random)
            yield message._replace(text=text)
        else:
            yield message


def _new_text(inbound: bool, random: np.random.Generator) -> str:
    def one(phrases: tuple[str, ...]) -> str:
        return phrases[random.integers(len(phrases))]

    if inbound:
        opening, ending = one(CUSTOMER_OPENINGS), one(CUSTOMER_ENDINGS)
        return f"{opening} {one(NEW_SUBJECTS)} {one(NEW_PROBLEMS)} {ending}".strip()
    return f"{one(BRAND_OPENINGS)} {one(NEW_REQUESTS)} It's about {one(NEW_SUBJECTS)}.".strip()


REVERSAL = f"messages about {' or '.join(OTHER_CLASS_TOPICS)} become the other class"
SCENARIOS = {
    "stable": Scenario("nothing changes"),
    "sudden-drift": Scenario(
        f"{REVERSAL} at once: accuracy falls by 9 points", _to_other_class, effect=-0.09
    ),
    "slow-drift": Scenario(
        f"{REVERSAL} bit by bit: accuracy falls by 9 points",
        _to_other_class,
        effect=-0.09,
        gradual=True,
    ),
    "label-shift": Scenario(
        "customers write 30 % of the messages, not 59 %, and as before: accuracy falls by 1 point",
        _with_other_shares,
        effect=-0.01,
    ),
    "new-topic": Scenario(
        "15 % of the messages are about something new, in new words: accuracy holds", _on_new_topic
    ),
    "label-delay": Scenario(
        "labels come 1 to 10 days later in files of their own, 5 % of them never", delayed=True
    ),
    "small-days": Scenario("20 to 60 messages a day, and nothing changes", rows=(20, 60)),
}
