"""What is new in a window: found, in one piece, and hardly ever where nothing is."""

from itertools import chain, islice

import numpy as np
import pytest

from common.data.synthetic.scenarios import simulated
from common.data.synthetic.topics import TOPICS
from common.monitoring.bursts import LEAST_MESSAGES, LEAST_WEEKDAYS, Before, find_bursts
from common.monitoring.phrases import phrases_of

USUAL = [
    f"{noun} {verb} {ending}"
    for noun in ("order", "refund", "invoice", "parcel", "account")
    for verb in ("lost", "late", "wrong", "missing", "open", "broken")
    for ending in ("today", "yesterday", "again", "please", "thanks", "sorry", "anyway", "monday")
]


def draw(seed, rows=200):
    return [str(text) for text in np.random.default_rng(seed).choice(USUAL, rows, replace=False)]


def past(days=20, extra=None, kept=False):
    """Windows 01, 02, ... of usual messages, and of what else came on a day."""
    found = []
    for day in range(1, days + 1):
        counts = phrases_of(draw(day) + list((extra or {}).get(day, ()))).counts()
        found.append(Before(f"{day:02}", counts.frequent() if kept else counts))
    return found


def gift_cards(count, start=0):
    return [f"gift card code {USUAL[(start + 7 * k) % len(USUAL)]} {k}" for k in range(count)]


def bursts_of(texts, before=None):
    return find_bursts("99", phrases_of(texts), past() if before is None else before)


def test_a_new_topic_is_one_burst_in_the_words_that_stand_together():
    (burst,) = bursts_of(draw(0) + gift_cards(30))
    assert burst.phrases == ("gift card code",)
    assert (burst.messages, burst.looked_at, burst.expected) == (30, 230, 0)
    assert burst.since == "99"
    assert [day.share for day in burst.course] == [*[0] * 20, 30 / 230]
    assert set(burst.rows) == set(range(200, 230))


def test_nothing_is_new_on_a_usual_day():
    assert bursts_of(draw(0)) == ()


@pytest.mark.parametrize("kept", [False, True])
def test_it_has_burst_since_the_first_of_the_days_in_a_row(kept):
    extra = {5: gift_cards(20), 18: gift_cards(20), 19: gift_cards(25, 3), 20: gift_cards(30, 5)}
    (burst,) = bursts_of(draw(0) + gift_cards(30), past(extra=extra, kept=kept))
    assert burst.since == "18"


def test_what_lasts_for_weeks_is_usual_in_the_end():
    extra = {day: gift_cards(25, day) for day in range(6, 21)}
    assert bursts_of(draw(0) + gift_cards(25), past(extra=extra)) == ()


def test_too_few_messages_are_no_burst():
    assert bursts_of(draw(0) + gift_cards(LEAST_MESSAGES - 1)) == ()
    assert bursts_of(draw(0) + gift_cards(LEAST_MESSAGES)) != ()


def test_copies_of_one_message_are_no_burst():
    assert bursts_of(draw(0) + ["@115712 win a gift card now"] * 50) == ()


def test_what_is_told_in_other_messages_is_another_burst():
    outage = [f"login server outage {text}" for text in USUAL[::12]]
    found = bursts_of(draw(0) + gift_cards(30) + outage)
    assert {burst.phrases for burst in found} == {("gift card code",), ("login server outage",)}


def test_what_comes_on_the_same_weekday_is_no_news():
    mondays = {day: gift_cards(20, day) for day in (3, 10, 17)}
    before = past(23, extra=mondays)
    plain = bursts_of(draw(0) + gift_cards(20), before)
    same = [
        Before(each.window, each.phrases, int(each.window) in mondays) for each in before
    ]  # fmt: skip
    assert len(mondays) == LEAST_WEEKDAYS
    assert plain, "it is rarer on other days"
    assert bursts_of(draw(0) + gift_cards(20), same) == ()


def test_what_is_usual_is_no_burst_because_it_is_rare_on_that_weekday():
    rare = (1, 8, 15)
    often = {day: gift_cards(20, day) for day in range(1, 22) if day not in rare}
    before = [
        Before(each.window, each.phrases, int(each.window) in rare) for each in past(21, often)
    ]  # fmt: skip
    assert bursts_of(draw(0) + gift_cards(20), before) == ()


def test_messages_without_a_day_are_compared_with_and_not_charted():
    reference = Before(None, phrases_of(draw(1) + draw(2)).counts())
    (burst,) = bursts_of(draw(0) + gift_cards(30), [reference])
    assert [day.window for day in burst.course] == ["99"]
    assert burst.since == "99"


def test_without_anything_before_nothing_is_new():
    assert bursts_of(gift_cards(30), []) == ()


def texts_of_days(name, days, seed, change_day=None):
    found = simulated(TOPICS, name, days, 300, seed, change_day)
    return [[message.text for message in day.messages] for day in found]


@pytest.mark.parametrize("seed", [101, 102])
def test_the_new_topic_of_the_synthetic_history_is_found_on_its_day(seed):
    days = [phrases_of(texts) for texts in texts_of_days("new-topic", 22, seed, 21)]
    before = [Before(f"{k:02}", day.counts()) for k, day in enumerate(days)]
    on_the_day = find_bursts("20", days[20], before[:20])
    the_day_after = find_bursts("21", days[21], before[:21])
    assert "scooter" in on_the_day[0].phrases[0]
    assert on_the_day[0].since == "20"
    assert the_day_after[0].since == "20"


def false_days(days):
    """How many of the days 4, 5, ... have a burst, where all of the days before is known, and where
    what is kept of them is."""
    phrases = [phrases_of(day) for day in days]
    exact = [Before(f"{k:03}", found.counts()) for k, found in enumerate(phrases)]
    kept = [Before(each.window, each.phrases.frequent()) for each in exact]
    return [
        sum(
            bool(find_bursts(f"{k:03}", phrases[k], before[max(0, k - 28) : k]))
            for k in range(3, len(days))
        )
        for before in (exact, kept)
    ]


def independent_days(days, seed):
    stream = chain.from_iterable(TOPICS.blocks(seed))
    return [[message.text for message in islice(stream, 300)] for _ in range(days)]


def varying_days(days, seed, dispersion):
    """Days that are about topics in shares that vary: gamma with mean 1, so that messages of one
    are negative binomial."""
    random = np.random.default_rng(seed)
    pool = list(islice(chain.from_iterable(TOPICS.blocks(seed)), 30_000))
    topics = sorted({(each.brand, each.topic) for each in pool})
    texts = {
        topic: [each.text for each in pool if (each.brand, each.topic) == topic] for topic in topics
    }
    share = np.array([len(texts[topic]) for topic in topics], float)
    found = []
    for _ in range(days):
        weight = share * random.gamma(1 / dispersion, dispersion, len(topics))
        rows = random.multinomial(300, weight / weight.sum())
        found.append(
            [
                str(text)
                for topic, n in zip(topics, rows, strict=True)
                for text in random.choice(texts[topic], n)
            ]
        )
    return found


@pytest.mark.slow
def test_on_at_most_one_in_twenty_days_without_news_something_is_found():
    """200 independent days, and 200 whose topics vary: .05 is promised, .01 was found."""
    independent = false_days(independent_days(203, 11))
    varying = false_days(varying_days(203, 12, 0.1))
    assert max(*independent, *varying) <= 10, (independent, varying)
