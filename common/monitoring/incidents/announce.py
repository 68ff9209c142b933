"""Which bursts people are told of: each once, however long it lasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from common.monitoring.bursts import Burst
from common.monitoring.checks.finding import Status
from common.monitoring.feed import Feed
from common.monitoring.incidents.incident import NEWS, Notice
from common.monitoring.incidents.lifecycle import day_of, incident_id
from common.monitoring.incidents.tables import ANY_VERSION, Key
from common.monitoring.news import News
from common.monitoring.spoken_news import SHOWN_BURSTS, in_words

BURSTS = "bursts"
# What comes again so soon is not told again.
QUIET_DAYS = 7


def key_of(feed: Feed) -> Key:
    """News belongs to the feed, whatever version of the model answers it."""
    return Key(feed.key, ANY_VERSION, BURSTS)


def notice(feed: Feed, news: News, told: Iterable[Notice], at: datetime) -> Notice | None:
    """What is to be told of a window; None if nothing has burst that was not told before.

    Args:
        told: all notices of the feed.
    """
    before = [each for each in told if each.change == NEWS]
    new = [burst for burst in news.bursts or () if not _is_told(burst, news.window, before)]
    if not new:
        return None
    reason = in_words(new, news.window)
    first = min(burst.since for burst in new)
    return Notice(
        incident=incident_id(feed.key, BURSTS, news.window),
        model=feed.model,
        finding=BURSTS,
        change=NEWS,
        status=Status.OK,
        since=day_of(first, at),
        at=at,
        window=news.window,
        reason=reason,
        # What is not named has not been told: it is news as long as it lasts.
        detail={"phrases": [phrase for burst in new[:SHOWN_BURSTS] for phrase in burst.phrases]},
        feed=feed.key,
        version=ANY_VERSION,
    )


def _is_told(burst: Burst, window: str, before: Sequence[Notice]) -> bool:
    """Whether one of its phrases was told, in the present run of elevated windows or lately."""
    oldest = min(burst.since, str(date.fromisoformat(window) - timedelta(days=QUIET_DAYS)))
    lately = [each for each in before if oldest <= each.window <= window]
    phrases = {phrase for each in lately for phrase in _phrases(each)}
    words = {word for phrase in phrases for word in phrase.split(" ")}
    return bool(phrases & set(burst.phrases)) or words.issuperset(burst.phrases[0].split(" "))


def _phrases(told: Notice) -> list[str]:
    found = told.detail.get("phrases")
    return [str(phrase) for phrase in found] if isinstance(found, list) else []
