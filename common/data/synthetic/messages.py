"""Synthetic messages between customers and brands as an endless stream.

Every message, brand and customer in it is MADE UP. The columns are those of the Kaggle file
`twcs.csv`; `inbound` is True where a customer wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

import numpy as np

from common.data.synthetic.origin import BRANDS

TIME_FORMAT = "%a %b %d %H:%M:%S +0000 %Y"
DEFAULT_SEED = 42
THREADS_A_BLOCK = 2_000
DAYS_A_BLOCK = 7
WEEKS = 6
START = datetime(2024, 3, 4, 6, tzinfo=UTC)
HOURS_AWAKE = 17


class Message(NamedTuple):
    """A row of the file, each cell as it is written there, and whose customer it is about."""

    tweet_id: str
    author_id: str
    inbound: str
    created_at: str
    text: str
    response_tweet_id: str
    in_response_to_tweet_id: str
    brand: str


COLUMNS = Message._fields[:-1]
Row = tuple[str, str, str, str, str, str, str]

TOPICS = (
    "my order", "the delivery", "a double charge", "no signal", "my luggage", "the app",
    "my password", "the cancellation", "my refund", "the opening hours", "my booking",
    "the invoice", "the update", "a gift card",
)  # fmt: skip
PROBLEMS = (
    "still hasn't arrived", "keeps crashing", "was charged twice", "is gone", "doesn't work at all",
    "is three days late", "got lost again", "shows the wrong amount", "won't load", "was cancelled",
    "disappeared from the account", "is stuck on pending", "came broken", "takes forever",
)  # fmt: skip
CUSTOMER_OPENINGS = (
    "", "", "hey", "hi", "seriously", "wow", "so", "ok so", "um", "hello?", "good morning", "ugh",
    "please help,", "quick question:", "great job,", "honestly", "dear team,",
)  # fmt: skip
CUSTOMER_ENDINGS = (
    "", "", "what now?", "this is ridiculous", "any idea when this gets fixed?", "fix it!!",
    "been waiting for hours and hours", "thanks in advance", "never again", "can someone help me?",
    "smh", "worst service ever", "not impressed", "is it just me?", "love it, NOT",
    "please let me know", "could you check please?", "I sent you a DM", "third time this month",
)  # fmt: skip
PRAISE = (
    "you were great today", "best service ever", "the new app is lovely", "sorted in five minutes",
    "your team made my day", "so happy with the refund", "big shout out to the crew",
)  # fmt: skip
BRAND_OPENINGS = (
    "", "", "Hi there!", "Hello,", "Sorry to hear that.", "We're sorry about that.",
    "Thanks for reaching out.", "Oh no!", "That's not what we want.", "Hey!", "Good morning,",
    "Thanks for letting us know.", "We understand.", "Hmm.",
)  # fmt: skip
BRAND_REQUESTS = (
    "could you send us a DM with your order number?", "please check the link below and try again",
    "our team is looking into it", "have you tried to restart it?", "can you tell us more?",
    "which device is it?", "we've passed this on", "please allow up to two days",
    "when did this start?", "what does the screen show?", "we'd like to help",
    "any idea when this started?", "let us know how it goes", "is it still happening?",
)  # fmt: skip
SHARED = (
    "thanks!", "ok", "thanks, will do", "sent you a DM", "any update?", "done", "great, thank you",
    "you're welcome", "just did", "no worries", "is it working now?", "please check your DMs",
    "yes, since this morning", "all good now", "will do 👍", "👍", "NA", "null", "None",
    "sorry about that", "got it, thanks", "let me check", "still looking into it",
)  # fmt: skip
FOREIGN = (
    "hola, {topic}: no funciona, ¿me pueden ayudar?", "bonjour, {topic} ne marche plus",
    "wann kommt denn {topic} endlich?", "merci beaucoup", "gracias por la ayuda",
)  # fmt: skip
EMOJI = ("", "", "", "", "", " 😡", " 😂", " 🙏", " 👍", " 😭", " 🙂", " 💔")
INITIALS = ("JK", "AB", "MT", "RS", "LN", "PW")


def generate(rows: int, seed: int = DEFAULT_SEED) -> Iterator[list[Row]]:
    """Yield exactly `rows` rows in blocks, each row a tuple of strings in the order of COLUMNS.

    Memory is bounded by the block, 2,000 threads of a customer and a brand.

    >>> sum(len(block) for block in generate(5000))
    5000
    """
    left = rows
    for block in blocks(seed):
        if left <= 0:
            return
        yield [message[:-1] for message in block[:left]]
        left -= len(block)


def blocks(seed: int = DEFAULT_SEED) -> Iterator[list[Message]]:
    """Yield messages for ever, in blocks; ids count from 1."""
    first_id = 1
    for number in count():
        block = _block(number, first_id, seed)
        yield block
        first_id += len(block)


def _block(number: int, first_id: int, seed: int) -> list[Message]:
    random = np.random.default_rng([seed, number])
    lengths = random.choice((1, 2, 3, 4), THREADS_A_BLOCK, p=(0.2, 0.42, 0.22, 0.16))
    draws = random.integers(0, 1 << 30, (int(lengths.sum()), 8)).tolist()
    chances = random.random((int(lengths.sum()), 6)).tolist()
    starts = np.sort(random.random(THREADS_A_BLOCK))
    rows: list[Message] = []
    for thread, length in enumerate(lengths.tolist()):
        brand = BRANDS[draws[len(rows)][0] % len(BRANDS)]
        customer = _customer(draws[len(rows)][1])
        topic = TOPICS[draws[len(rows)][2] % len(TOPICS)]
        day, within = divmod(float(number % WEEKS + starts[thread]) * DAYS_A_BLOCK, 1)
        # Few people write at night: squeeze the day's messages towards its middle.
        clock = START + timedelta(days=day, hours=within * HOURS_AWAKE)
        for turn in range(length):
            inbound = turn % 2 == 0
            tweet = first_id + len(rows)
            draw, chance = draws[len(rows)], chances[len(rows)]
            text = _text(inbound, topic, draw, chance)
            # Mostly people name whom they write to; sometimes another of their own kind.
            if chance[0] < 0.62:
                text = f"@{brand if inbound else customer} {text}"
            elif chance[0] < 0.74:
                other = BRANDS[draw[7] % len(BRANDS)]
                text = f"@{_customer(draw[7]) if inbound else other} {text}"
            clock += timedelta(seconds=60 + draw[7] % 3_000)
            rows.append(
                Message(
                    str(tweet),
                    customer if inbound else brand,
                    str(inbound),
                    clock.strftime(TIME_FORMAT),
                    text,
                    str(tweet + 1) if turn + 1 < length else "",
                    f"{tweet - 1}.0" if turn else "",
                    brand,
                )
            )
    return rows


def _customer(draw: int) -> str:
    return str(100_000 + draw % 800_000)


def _text(inbound: bool, topic: str, draw: Sequence[int], chance: Sequence[float]) -> str:
    """One message; a part of them could have been written by either side."""
    if chance[1] < 0.12:
        text = SHARED[draw[3] % len(SHARED)]
        return text if chance[2] < 0.4 else f"{text} about {topic}"
    if chance[1] < 0.14:
        return FOREIGN[draw[3] % len(FOREIGN)].format(topic=topic)
    # Some customers write like a brand, and some agents like a friend.
    formal = inbound == (chance[2] < 0.05)
    if formal:
        opening = BRAND_OPENINGS[draw[3] % len(BRAND_OPENINGS)]
        middle = BRAND_REQUESTS[draw[4] % len(BRAND_REQUESTS)]
        text = (
            f"{opening} {middle} It's about {topic}." if chance[3] < 0.6 else f"{opening} {middle}"
        )
    else:
        opening = CUSTOMER_OPENINGS[draw[3] % len(CUSTOMER_OPENINGS)]
        middle = f"{topic} {PROBLEMS[draw[4] % len(PROBLEMS)]}"
        if chance[3] < 0.15:
            middle = PRAISE[draw[4] % len(PRAISE)]
        text = f"{opening} {middle} {CUSTOMER_ENDINGS[draw[5] % len(CUSTOMER_ENDINGS)]}"
    return _styled(text.strip(), formal, draw, chance)


def _styled(text: str, formal: bool, draw: Sequence[int], chance: Sequence[float]) -> str:
    if chance[4] < 0.15 and len(text) > 5:
        at = draw[6] % (len(text) - 2)
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]  # two letters swapped
    elif chance[4] < 0.2:
        text = text.upper()
    elif chance[4] < 0.24:
        text = text.replace("so", "soooo", 1)
    elif chance[4] < 0.27:
        text = text.replace(" and ", " &amp; ").replace(". ", ".\n", 1)
    if chance[5] < 0.25:
        text += EMOJI[draw[6] % len(EMOJI)]
    elif chance[5] < 0.37:
        text += f" https://t.co/{draw[5]:010x}"
    elif chance[5] < 0.42:
        text += " #fail" if not formal else " #heretohelp"
    elif formal and chance[5] < 0.55:
        text += f" -{INITIALS[draw[6] % len(INITIALS)]}"
    return text
