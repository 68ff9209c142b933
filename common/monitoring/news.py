"""What is new in the newest window of days, held against the windows before, or the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow.compute as pc

from common.evaluation.profile import Profile
from common.monitoring.bursts import Before, Burst, find_bursts
from common.monitoring.phrases import PhraseCounts, phrases_of
from common.monitoring.windows import UNDATED
from common.types import Json

# How far back is looked: so many windows, and the days of the same weekday in so many weeks.
PAST_WINDOWS, PAST_WEEKS = 28, 8
# With fewer windows the reference is one more.
LEAST_WINDOWS = 3
# Of each window before so many messages are looked at, or reading the past would take longer than
# the look itself.
PAST_MESSAGES = 500
SHOWN_EXAMPLES = 3


@dataclass(frozen=True)
class News:
    """What is new in a window.

    Attributes:
        masked: its messages hold masks.
        bursts: the clearest first; None if there is nothing to compare with.
        examples: of each burst, messages that hold most of its phrases.
        counted: phrases of this window and of those before, as far as messages were at hand.
    """

    window: str
    looked_at: int
    masked: bool = False
    bursts: tuple[Burst, ...] | None = None
    examples: tuple[tuple[str, ...], ...] = ()
    counted: Mapping[str, PhraseCounts] = field(default_factory=dict)


@dataclass(frozen=True)
class ShownBurst:
    """A burst, with some of its messages."""

    burst: Burst
    examples: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        return {**self.burst.to_json(), "examples": list(self.examples)}


def shown_bursts(news: News | None, examples: int) -> tuple[ShownBurst, ...] | None:
    """The bursts as they are shown; None if that was not asked.

    Args:
        examples: messages of each at most.
    """
    if news is None or news.bursts is None:
        return None
    return tuple(
        ShownBurst(burst, shown[:examples])
        for burst, shown in zip(news.bursts, news.examples, strict=True)
    )


def news_of(
    newest: str,
    windows: Mapping[str, Profile],
    days: int,
    kept: Mapping[str, PhraseCounts],
    reference: Profile | None,
) -> News | None:
    """What is new in the newest window; None if it has no messages.

    Args:
        newest: its name.
        windows: of the data, with it.
        days: length of a window.
        kept: what is known of windows whose messages are not at hand.
        reference: what else there is to compare with, where windows are few.
    """
    texts = _texts(windows[newest])
    if not texts:
        return None
    now = phrases_of(texts)
    names = _before(newest, {*windows, *kept} - {UNDATED}, days)
    at_hand = {name: _texts(windows[name], PAST_MESSAGES) for name in names if name in windows}
    counted = {name: phrases_of(own).counts() for name, own in at_hand.items() if own}
    before = [
        Before(name, found, days == 1 and _same_weekday(name, newest))
        for name in names
        if (found := counted.get(name) or kept.get(name)) and found.messages
    ]
    if len(before) < LEAST_WINDOWS and reference is not None and any(reference.texts()):
        before = [Before(None, phrases_of(reference.texts()).counts()), *before]
    bursts = find_bursts(newest, now, before) if before else None
    return News(
        newest,
        looked_at=len(now.rows),
        masked=windows[newest].masked,
        bursts=bursts,
        examples=tuple(
            tuple(texts[row] for row in burst.rows[:SHOWN_EXAMPLES]) for burst in bursts or ()
        ),
        counted={**counted, newest: now.counts()},
    )


def _before(newest: str, names: set[str], days: int) -> Sequence[str]:
    """The windows before that are compared with, oldest first."""
    earlier = sorted(name for name in names if name < newest)
    oldest = (date.fromisoformat(newest) - timedelta(weeks=PAST_WEEKS)).isoformat()
    weekdays = [
        name
        for name in earlier[:-PAST_WINDOWS]
        if days == 1 and name >= oldest and _same_weekday(name, newest)
    ]
    return [*weekdays, *earlier[-PAST_WINDOWS:]]


def _same_weekday(one: str, other: str) -> bool:
    return date.fromisoformat(one).weekday() == date.fromisoformat(other).weekday()


def _texts(window: Profile, most: int | None = None) -> list[str]:
    """Messages of a window, at most so many, drawn evenly; none if it was summed up."""
    if window.summed_up:
        return []
    sample = window.sample
    if most is not None and len(sample) > most:
        sample = sample.take(pc.select_k_unstable(sample, most, [("order", "ascending")]))
    return [text for text in sample.column("text").to_pylist() if text]
