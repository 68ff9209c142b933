"""Synthetic messages of customers to support teams as an endless stream, with three classes each.

Every message, brand, place and person in it is MADE UP. `topic` is what it is about, `urgency` how
soon somebody should answer, `tone` how it sounds. How long messages are, how many words they share,
how often they are misspelt or repeated, and how often people would not agree on the class was
fitted to public collections of support messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.data.synthetic import phrases
from common.data.synthetic.messages import DAYS_A_BLOCK, HOURS_AWAKE, START, WEEKS
from common.data.synthetic.origin import BRANDS, PREFIX

TARGET = "topic"
TOPICS = tuple(phrases.TOPICS)
TONES = ("negative", "neutral", "positive")
URGENCIES = ("high", "normal", "low")
THREADS_A_BLOCK = 2_000
FILLINGS = 4_096  # of each gap; a power of two

# Shares of urgencies and tones by topic.
URGENCY_SHARES = {
    "delivery": (0.22, 0.60, 0.18),
    "technical": (0.27, 0.57, 0.16),
    "billing": (0.25, 0.61, 0.14),
    "account": (0.33, 0.53, 0.14),
    "returns": (0.10, 0.62, 0.28),
    "feedback": (0.03, 0.27, 0.70),
}
TONE_SHARES = dict.fromkeys(TOPICS, (0.55, 0.38, 0.07)) | {"feedback": (0.33, 0.17, 0.50)}
# How often two people who read the same message would call it by different names.
MISLABELLED = 0.03

# Of messages: those that continue a conversation without saying what about, and those that could
# be about a neighbouring topic.
UNSAID, SHARED = 0.3, 0.16

_GAP = re.compile(r"\{(\w+)\}")
_LETTERS = "etaoinshrdlcumwfgypbvk"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Request(NamedTuple):
    """A row of the file, each cell as it is written there, and the brand that it is written to."""

    tweet_id: str
    author_id: str
    created_at: str
    text: str
    topic: str
    urgency: str
    tone: str
    response_tweet_id: str
    in_response_to_tweet_id: str
    brand: str


COLUMNS = Request._fields[:-1]

# A phrase cut at its gaps: text, fillings, text, fillings, ... text.
Cut = tuple[Sequence[str], ...]


def blocks(seed: int = 42) -> Iterator[list[Request]]:
    """Yield messages for ever, in blocks; ids grow from 1."""
    first_id = 1
    for number in count():
        block = _block(number, first_id, seed)
        yield block
        first_id = int(block[-1].tweet_id) + 2


def _block(number: int, first_id: int, seed: int) -> list[Request]:
    random = np.random.default_rng([seed, number, 7])
    lengths = random.choice((1, 2, 3), THREADS_A_BLOCK, p=(0.70, 0.21, 0.09))
    n = int(lengths.sum())
    thread = np.repeat(np.arange(THREADS_A_BLOCK), lengths)
    turn = np.arange(n) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    topic = random.choice(len(TOPICS), THREADS_A_BLOCK, p=_shares(phrases.TOPICS.values()))[thread]
    urgency = _drawn(random, topic, URGENCY_SHARES)
    tone = _drawn(random, topic, TONE_SHARES)
    labels = [_mislabelled(random, *pair) for pair in (
        (topic, len(TOPICS)), (urgency, len(URGENCIES)), (tone, len(TONES)),
    )]  # fmt: skip
    brand = random.integers(0, len(BRANDS), THREADS_A_BLOCK)[thread]
    author = random.integers(100_000, 900_000, THREADS_A_BLOCK)[thread]
    texts = _texts(random, topic, urgency, tone, turn, brand)
    times = _times(random, number, thread, turn)
    last = turn == (lengths - 1)[thread]
    answered = ~last | (random.random(n) < 0.75)
    return [
        Request(
            str(tweet),
            f"{PREFIX}{author}",
            time,
            text,
            TOPICS[topic],
            URGENCIES[urgency],
            TONES[tone],
            str(tweet + 1) if answered else "",
            f"{tweet - 1}.0" if turn else "",
            BRANDS[brand],
        )
        for tweet, author, time, text, topic, urgency, tone, answered, turn, brand in zip(
            range(first_id, first_id + 2 * n, 2),
            author.tolist(),
            times,
            texts,
            *(label.tolist() for label in labels),
            answered.tolist(),
            turn.tolist(),
            brand.tolist(),
            strict=True,
        )
    ]


def _shares(percent: Iterable[float]) -> npt.NDArray[np.float64]:
    shares = np.fromiter(percent, float)
    return shares / shares.sum()


def _drawn(
    random: np.random.Generator, topic: npt.NDArray[np.int64], shares: Mapping[str, Sequence[float]]
) -> npt.NDArray[np.int64]:
    """(n,) numbers drawn by the shares of each message's topic."""
    ends = np.cumsum([shares[name] for name in TOPICS], axis=1)[topic]
    return (random.random(len(topic))[:, None] > ends[:, :-1]).sum(axis=1)


def _mislabelled(
    random: np.random.Generator, numbers: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    wrong = random.random(len(numbers)) < MISLABELLED
    return np.where(wrong, random.integers(0, classes, len(numbers)), numbers)


def _times(
    random: np.random.Generator,
    number: int,
    thread: npt.NDArray[np.int64],
    turn: npt.NDArray[np.int64],
) -> list[str]:
    """When each message was written, as in twcs.csv: in order but for later turns."""
    starts = np.sort(random.random(THREADS_A_BLOCK))[thread]
    day, within = np.divmod((number % WEEKS + starts) * DAYS_A_BLOCK, 1)
    # Few people write at night: squeeze the day's messages towards its middle.
    seconds = START.hour * 3600 + within * HOURS_AWAKE * 3600
    seconds = seconds + np.where(turn > 0, 3_000 * turn - random.integers(0, 2_900, len(turn)), 0)
    first = np.datetime64(START.replace(tzinfo=None), "D")
    moments = first + day.astype("timedelta64[D]") + seconds.astype("timedelta64[s]")
    weekdays = (moments.astype("datetime64[D]") - np.datetime64("1970-01-05")).astype(int) % 7
    months = np.datetime_as_string(moments, "s").tolist()
    return [
        f"{_WEEKDAYS[weekday]} {_MONTHS[at[5:7]]} {at[8:10]} {at[11:]} +0000 {at[:4]}"
        for weekday, at in zip(weekdays.tolist(), months, strict=True)
    ]


_MONTHS = {f"{n:02}": name for n, name in enumerate(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
)}  # fmt: skip


def _texts(
    random: np.random.Generator,
    topic: npt.NDArray[np.int64],
    urgency: npt.NDArray[np.int64],
    tone: npt.NDArray[np.int64],
    turn: npt.NDArray[np.int64],
    brand: npt.NDArray[np.int64],
) -> list[str]:
    """(n,) what people write."""
    n = len(topic)
    draws = random.integers(0, 1 << 40, (n, 10)).tolist()
    chances = random.random((n, 14)).tolist()
    unsaid = ((turn > 0) & (random.random(n) < UNSAID)).tolist()
    cut = _cut_phrases()
    return [
        _styled(
            _follow_up(cut, draw)
            if silent
            else _message(cut, TOPICS[t], URGENCIES[u], TONES[s], draw, chance),
            BRANDS[b],
            draw,
            chance,
        )
        for silent, t, u, s, b, draw, chance in zip(
            unsaid,
            topic.tolist(),
            urgency.tolist(),
            tone.tolist(),
            brand.tolist(),
            draws,
            chances,
            strict=True,
        )
    ]


class _Phrases(NamedTuple):
    cores: dict[str, list[Cut]]
    shared: dict[str, list[Cut]]
    follow_ups: list[Cut]
    openings: dict[str, list[Cut]]
    endings: dict[str, list[Cut]]
    urgencies: dict[str, list[Cut]]
    contexts: list[Cut]
    handles: list[str]


def _follow_up(cut: _Phrases, draw: Sequence[int]) -> list[str]:
    parts = [_filled(cut.follow_ups[draw[0] % len(cut.follow_ups)], draw[1])]
    if draw[2] % 2:
        parts.append(_filled(cut.follow_ups[draw[3] % len(cut.follow_ups)], draw[4]))
    return parts


def _message(
    cut: _Phrases,
    topic: str,
    urgency: str,
    tone: str,
    draw: Sequence[int],
    chance: Sequence[float],
) -> list[str]:
    """The parts of a message: what it is about, and mostly more."""
    cores = cut.shared[topic] if chance[0] < SHARED else cut.cores[topic]
    parts = [_filled(cores[draw[0] % len(cores)], draw[1])]
    if chance[1] < 0.36:
        openings = cut.openings[tone if chance[2] < 0.75 else "neutral"]
        parts.insert(0, _filled(openings[draw[2] % len(openings)], draw[2] >> 8))
    if chance[3] < 0.08:  # a second thing, of the same kind
        parts.append(_filled(cut.cores[topic][draw[3] % len(cut.cores[topic])], draw[3] >> 8))
    if chance[4] < 0.62:
        parts.append(_filled(cut.contexts[draw[4] % len(cut.contexts)], draw[4] >> 8))
        if chance[4] < 0.14:
            parts.append(_filled(cut.contexts[draw[5] % len(cut.contexts)], draw[5] >> 8))
    if chance[5] < (0.3 if urgency == "normal" else 0.72):
        said = cut.urgencies[urgency if chance[6] < 0.93 else "normal"]
        parts.append(_filled(said[draw[6] % len(said)], draw[6] >> 8))
    if chance[7] < (0.5 if tone == "neutral" else 0.75):
        said = cut.endings[tone if chance[8] < 0.93 else "neutral"]
        parts.append(_filled(said[draw[7] % len(said)], draw[7] >> 8))
    return parts


JOINERS = (". ", ". ", ". ", ", ", " ", " ", "! ", "... ", " - ", ".\n")


def _styled(parts: list[str], brand: str, draw: Sequence[int], chance: Sequence[float]) -> str:
    """The parts as one text, as people type: in a hurry, on phones, with emoji and links."""
    style, at = chance[9], draw[8]
    if style < 0.45:
        parts = [part[0].upper() + part[1:] for part in parts]
    text = JOINERS[at % len(JOINERS)].join(parts).replace("?.", "?").replace("?,", "?")
    if style > 0.75:
        text = text.lower()
        if style > 0.985:
            text = text.upper()
        elif style > 0.92:
            for long, short in phrases.SHORT.items():
                text = text.replace(long, short)
    slip = chance[10]
    if slip < 0.36 and len(text) > 9:
        text = _mistyped(text, at >> 8)
        if slip < 0.12:
            text = _mistyped(text, at >> 16)
    if chance[11] < 0.30:
        text += _decoration(chance[11], draw[9])
    if chance[12] < 0.66:
        return f"@{brand} {text}"
    if chance[12] < 0.78:
        handle = _cut_phrases().handles[at & (FILLINGS - 1)]
        return f"{text} @{brand}" if chance[12] < 0.71 else f"@{brand} @{handle} {text}"
    return text


def _decoration(chance: float, draw: int) -> str:
    if chance < 0.12:
        emoji = phrases.EMOJI[draw % len(phrases.EMOJI)]
        return f" {emoji * (1 + draw % 3)}" if draw & 4096 else f" {emoji}"
    if chance < 0.22:
        return f" https://t.co/{draw:010x}"
    if chance < 0.26:
        return f" #{_cut_phrases().handles[draw & (FILLINGS - 1)]}"
    return f" #{phrases.TAGS[draw % len(phrases.TAGS)]}"


def _mistyped(text: str, draw: int) -> str:
    """One slip: letters swapped, left out, doubled, another one, or a long one."""
    at = 1 + (draw >> 3) % (len(text) - 3)
    kind, letter = draw & 7, text[at]
    if kind < 2:
        return f"{text[:at]}{text[at + 1]}{letter}{text[at + 2 :]}"
    if kind < 4:
        return text[:at] + text[at + 1 :]
    if kind < 5:
        return text[:at] + letter + text[at:]
    if kind < 7:
        return text[:at] + _LETTERS[(draw >> 9) % len(_LETTERS)] + text[at + 1 :]
    return text[:at] + letter * 4 + text[at + 1 :] if letter in "aeiou" else text


def _filled(phrase: Cut, draw: int) -> str:
    """The phrase with its gaps filled."""
    if len(phrase) == 1:
        return phrase[0]  # type: ignore[return-value]
    if len(phrase) == 3:
        before, fillings, after = phrase
        return f"{before}{fillings[draw & (FILLINGS - 1)]}{after}"
    return "".join(
        part[(draw >> 3 * place) & (FILLINGS - 1)] if place % 2 else part  # type: ignore[misc]
        for place, part in enumerate(phrase)
    )


@cache
def _cut_phrases() -> _Phrases:
    """All phrases, cut at their gaps once."""
    gaps = _fillings()

    def cut(texts: Sequence[str]) -> list[Cut]:
        return [
            tuple(gaps[part] if place % 2 else part for place, part in enumerate(_GAP.split(text)))
            for text in texts
        ]

    shared: dict[str, list[Cut]] = {topic: [] for topic in TOPICS}
    for topics, texts in phrases.SHARED.items():
        for topic in topics:
            shared[topic] += cut(texts)
    return _Phrases(
        cores={topic: cut(texts) for topic, texts in phrases.CORES.items()},
        shared=shared,
        follow_ups=cut(phrases.FOLLOW_UPS),
        openings={tone: cut(texts) for tone, texts in phrases.OPENINGS.items()},
        endings={tone: cut(texts) for tone, texts in phrases.ENDINGS.items()},
        urgencies={urgency: cut(texts) for urgency, texts in phrases.URGENCIES.items()},
        contexts=cut(phrases.CONTEXTS),
        handles=gaps["handle"],
    )


def _fillings() -> dict[str, list[str]]:
    """FILLINGS words for each gap, the first of a list more often than the last."""
    random = np.random.default_rng(1)

    def some(words: Sequence[str]) -> list[str]:
        skewed = (random.random(FILLINGS) ** 1.7 * len(words)).astype(int)
        numbers = random.integers(2, 30, FILLINGS)
        return [
            words[at].replace("{n}", str(n)) for at, n in zip(skewed.tolist(), numbers, strict=True)
        ]

    names = [start + end for start in phrases.STARTS for end in phrases.ENDS]
    names = [names[at] for at in random.permutation(len(names)).tolist()]
    codes = random.integers(10_000, 99_999_999, FILLINGS).tolist()
    euros, cents = random.integers(2, 400, FILLINGS).tolist(), random.integers(0, 100, FILLINGS)
    return {
        "item": [
            f"{product} {item}" if draw < 0.3 else item
            for product, item, draw in zip(
                reversed(some(names)), some(phrases.ITEMS), random.random(FILLINGS), strict=True
            )
        ],
        "device": some(phrases.DEVICES),
        "person": some(phrases.PEOPLE),
        "place": some(names),
        "month": some(phrases.MONTHS),
        "when": some(phrases.DAYS),
        "span": some(phrases.SPANS),
        "since": [
            f"since {day.removeprefix('on ')}" for day in some(phrases.MONTHS + phrases.DAYS[:9])
        ],
        "year": [str(year) for year in random.integers(1998, 2024, FILLINGS)],
        "version": [f"{a}.{b}" for a, b in random.integers(1, 40, (FILLINGS, 2)).tolist()],
        "code": [f"{'#' if code % 3 else ''}{code}" for code in codes],
        "amount": [
            f"{'$£€'[euro % 3]}{euro}" + (f".{cent:02}" if cent % 2 else "")
            for euro, cent in zip(euros, cents.tolist(), strict=True)
        ],
        "handle": [
            f"{name.lower()}{end}" for name, end in zip(some(names), some(PEOPLE_ENDS), strict=True)
        ],
    }


PEOPLE_ENDS = ("", "_jo", "79", "xx", "_uk", "_official", "88", "girl", "dad", "fm", "_b", "2go")
