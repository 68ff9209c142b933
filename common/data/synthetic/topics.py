"""Messages of customers to support teams, and what can happen to them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from common.data.synthetic.origin import BRANDS
from common.data.synthetic.scenarios import Kind, Scenario
from common.data.synthetic.triage import COLUMNS, TARGET, Request, blocks
from common.data.synthetic.triage import TOPICS as TRIAGE_TOPICS

# From the day of the change on, whatever holds one of these is for the team that handles returns.
REROUTED_WORDS, REROUTED_TO = ("charge", "refund", "bill", "fee ", "pay"), "returns"
OUTAGE, OUTAGE_SHARE = "technical", 0.5
NEW_TOPIC_SHARE = 0.15
NEW_SUBJECTS = (
    "rental scooter", "scooter handlebar", "folding scooter", "borrowed helmet",
    "scooter kickstand", "scooter throttle",
)  # fmt: skip
NEW_PROBLEMS = (
    "wobbles downhill", "overheats while parked", "snapped at the hinge", "jammed uphill",
    "squeals when braking", "lost its left pedal", "drains the battery overnight",
)  # fmt: skip


def _rerouted(
    messages: Iterator[Request], strength: float, random: np.random.Generator
) -> Iterator[Request]:
    """Messages about money are another team's: the same texts with another meaning."""
    for message in messages:
        text = message.text.casefold()
        if any(word in text for word in REROUTED_WORDS) and random.random() < strength:
            yield message._replace(topic=REROUTED_TO)
        else:
            yield message


def _during_outage(
    messages: Iterator[Request], strength: float, random: np.random.Generator
) -> Iterator[Request]:
    """More messages about what doesn't work; within each topic they are as they were."""
    while True:
        wanted = bool(random.random() < OUTAGE_SHARE)
        yield next(message for message in messages if (message.topic == OUTAGE) == wanted)


def _on_new_product(
    messages: Iterator[Request], strength: float, random: np.random.Generator
) -> Iterator[Request]:
    """Some messages also tell of something that nobody has written about before."""
    for message in messages:
        if random.random() < NEW_TOPIC_SHARE * strength:
            subject, problem = (
                words[random.integers(len(words))] for words in (NEW_SUBJECTS, NEW_PROBLEMS)
            )
            yield message._replace(text=f"{message.text}. the {subject} {problem}")
        else:
            yield message


REROUTING = f"messages with words such as refund, charge or pay become {REROUTED_TO!r}"
SCENARIOS: dict[str, Scenario[Request]] = {
    "stable": Scenario("nothing changes"),
    "sudden-drift": Scenario(
        f"{REROUTING} at once: accuracy falls by 9 points", _rerouted, effect=-0.09
    ),
    "slow-drift": Scenario(
        f"{REROUTING} bit by bit: accuracy falls by 9 points", _rerouted, effect=-0.09, gradual=True
    ),
    "label-shift": Scenario(
        "an outage: half of the messages are technical, not a quarter: accuracy rises by 4 points",
        _during_outage,
        effect=0.04,
    ),
    "new-topic": Scenario(
        "15 % of the messages are also about something new, in new words: accuracy holds",
        _on_new_product,
    ),
    "label-delay": Scenario(
        "labels come 1 to 10 days later in files of their own, 5 % of them never", delayed=True
    ),
    "small-days": Scenario("20 to 60 messages a day, and nothing changes", rows=(20, 60)),
}
THEMES = tuple(f"{brand} {topic}" for brand in BRANDS for topic in TRIAGE_TOPICS)
TOPICS = Kind(TARGET, (TARGET, "urgency", "tone"), COLUMNS, blocks, SCENARIOS, THEMES)
