"""What makes synthetic days like real ones: weekdays, themes that come and go, words that are new.

Fitted on two public streams of tweets to companies, so that the figures by which the monitor tells
days apart are spread as there: the rows of a day, the words that come up most, and how well a day
can be told from the weeks before by its words. How well they agree is in docs/monitoring.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

import numpy as np

from common.data.synthetic.messages import Message
from common.data.synthetic.triage import Request

Row = TypeVar("Row", Message, Request)

# Messages of a day as a multiple of the mean, Monday first, and the spread of its logarithm.
WEEKDAYS = (0.93, 1.12, 1.08, 1.13, 1.1, 0.83, 0.81)
ROWS_SPREAD = 0.2
# A theme begins on so many days, lasts so many on average, and has such a share of the messages.
THEMES_A_DAY, THEME_DAYS, THEME_SHARES = 0.5, 2.5, (0.02, 0.03, 0.04, 0.06, 0.15)
# A name that nobody has written before comes up every so many days, in so many of the messages.
NEW_NAME_DAYS, NEW_NAME_SHARE = 4, 0.012
COPIED_SHARE = 0.01
SYLLABLES = ("zor", "vel", "qui", "mab", "tex", "lun", "pir", "dax", "fen", "kol", "ry", "ops")


@dataclass(frozen=True)
class Theme:
    """Messages that resemble each other, and which share of the day's messages they are."""

    name: str
    share: float


@dataclass(frozen=True)
class Life(Generic[Row]):
    """What is going on on one day.

    Attributes:
        themes: what more people than usual write about.
        names: words that did not exist before the history began.
    """

    themes: Sequence[Theme]
    names: Sequence[str]

    def messages(self, stream: Iterator[Row], random: np.random.Generator) -> Iterator[Row]:
        """Messages of the day, for ever, out of a stream on which nothing goes on."""
        last: Row | None = None
        while True:
            message = self._next(stream, random.random())
            if last is not None and random.random() < COPIED_SHARE:
                message = last._replace(tweet_id=message.tweet_id, created_at=message.created_at)
            elif self.names and random.random() < NEW_NAME_SHARE * len(self.names):
                name = self.names[int(random.integers(len(self.names)))]
                message = message._replace(text=f"{message.text} {name}")
            yield message
            last = message

    def _next(self, stream: Iterator[Row], chance: float) -> Row:
        for theme in self.themes:
            if chance < theme.share:
                return next(message for message in stream if theme_of(message) == theme.name)
            chance -= theme.share
        return next(stream)


def theme_of(message: Message | Request) -> str:
    """What a message resembles others in: the brand, and what it is about."""
    return f"{message.brand} {message.topic}" if isinstance(message, Request) else message.brand


def lives(names: Sequence[str], days: int, random: np.random.Generator) -> list[Life[Any]]:
    """What goes on on each day of a history.

    Args:
        names: of the themes that there are.
    """
    found: list[list[Theme]] = [[] for _ in range(days)]
    words: list[str] = []
    known: list[list[str]] = []
    for day in range(days):
        if random.random() < THEMES_A_DAY:
            theme = Theme(
                names[int(random.integers(len(names)))], float(random.choice(THEME_SHARES))
            )
            for later in range(day, min(days, day + int(random.geometric(1 / THEME_DAYS)))):
                found[later].append(theme)
        if day % NEW_NAME_DAYS == 0:
            words.append("".join(random.choice(SYLLABLES, 3)))
        known.append(words[-3:])  # the older ones are out of fashion
    return [Life(*pair) for pair in zip(found, known, strict=True)]


def rows_of(day: date, mean: int, random: np.random.Generator) -> int:
    """How many messages a day has."""
    spread = float(np.exp(ROWS_SPREAD * random.standard_normal() - ROWS_SPREAD**2 / 2))
    return max(1, round(mean * WEEKDAYS[day.weekday()] * spread))
