"""Messages between customers and brands, and what can happen to them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from common.data.synthetic.messages import (
    BRAND_OPENINGS,
    COLUMNS,
    CUSTOMER_ENDINGS,
    CUSTOMER_OPENINGS,
    Message,
    blocks,
)
from common.data.synthetic.origin import BRANDS
from common.data.synthetic.scenarios import Kind, Scenario

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
SCENARIOS: dict[str, Scenario[Message]] = {
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
INBOUND = Kind("inbound", ("inbound",), COLUMNS, blocks, SCENARIOS, BRANDS)
