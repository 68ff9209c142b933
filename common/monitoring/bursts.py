"""What is new in a window: phrases that far more messages hold than before.

Phrases that stand in mostly the same messages are one burst.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from common.monitoring.phrases import PhraseCounts, Phrases
from common.monitoring.rates import Matrix, Rates, rates
from common.types import Floats, Json

# The share of windows without any news on which something is found nevertheless.
FALSE_DISCOVERY_RATE = 0.05
# The smallest burst that matters: messages, their share of all, and how many times as many as are
# expected. Five messages of one person, sent in parts, were a burst on a real day; eight were none.
LEAST_MESSAGES, LEAST_SHARE, LEAST_GROWTH = 8, 0.01, 2.0
# On so many windows of the same weekday rates are compared with them too.
LEAST_WEEKDAYS = 3
# A window of before was elevated from so many messages on.
LEAST_ELEVATED = 3
# Which share of the messages of the rarer of two phrases hold both, if they are of one burst; of
# the more frequent one's, if they are one phrase.
SAME_MESSAGES, SAME_PHRASE = 0.5, 0.7
SHOWN_PHRASES, WORDED_PHRASES = 5, 30


@dataclass(frozen=True)
class Before:
    """What is known of the phrases of before.

    Attributes:
        window: its name; None for messages that are of no window, such as a reference's.
        same_weekday: it is a day that began on the same day of the week.
    """

    window: str | None
    phrases: PhraseCounts
    same_weekday: bool = False


@dataclass(frozen=True)
class WindowShare:
    """Which share of a window's messages hold a phrase, 0 to 1."""

    window: str
    share: float


@dataclass(frozen=True)
class Burst:
    """Phrases that stand in mostly the same messages, and in far more of them than before.

    Attributes:
        phrases: the clearest first; all figures are those of the first.
        messages: that hold it, of `looked_at` different ones.
        expected: how many would, were all as before.
        growth: how many times as many there are; of what was never seen, at least.
        p: the chance of so many.
        since: the first of the windows in a row in which it was elevated.
        course: its share in each window, this one last.
        rows: the messages that hold it, those with most of the other phrases first.
    """

    phrases: tuple[str, ...]
    messages: int
    looked_at: int
    expected: float
    growth: float
    p: float
    since: str
    course: tuple[WindowShare, ...]
    rows: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {
            "phrases": list(self.phrases),
            "messages": self.messages,
            "looked_at": self.looked_at,
            "expected": self.expected,
            "growth": self.growth,
            "p": self.p,
            "since": self.since,
            "course": [{"window": day.window, "share": day.share} for day in self.course],
        }


def find_bursts(window: str, now: Phrases, before: Sequence[Before]) -> tuple[Burst, ...]:
    """The bursts of a window, the clearest first.

    Args:
        window: its name.
        before: oldest first, each with messages.

    A phrase has burst if more messages hold it than in all windows before, and than in those of the
    same weekday where there are LEAST_WEEKDAYS: what comes every Monday is no news. The hypotheses
    are the phrases of LEAST_MESSAGES messages in all windows together. Given this sum each test is
    exact, so that rare ones may be left out (Tarone, Biometrics 1990). The false discovery rate is
    held by Benjamini & Hochberg's procedure (JRSS B 1995): where nothing is new, that is the chance
    of any. Bursts are counted as discoveries, not phrases: twenty phrases of one would let in
    another by chance.
    """
    here = now.counts()
    least = max(LEAST_MESSAGES, LEAST_SHARE * here.messages)
    names = [name for name, count in here.counts.items() if count >= least]
    if not names or not before:
        return ()
    counts = np.array([here.counts[name] for name in names], float)
    usual = rates(names, [each.phrases for each in before])
    compared = [usual]
    weekdays = [each.phrases for each in before if each.same_weekday]
    if len(weekdays) >= LEAST_WEEKDAYS:
        compared.append(rates(names, weekdays, usual.dispersion))
    p = np.max([each.p(counts, here.messages) for each in compared], axis=0)
    at_most = np.max([each.expected(here.messages) for each in compared], axis=0)
    expected = np.max([each.expected(here.messages, prior=0) for each in compared], axis=0)
    asked = _hypotheses(here, [each.phrases for each in before])
    found = np.flatnonzero((p <= FALSE_DISCOVERY_RATE) & (counts >= LEAST_GROWTH * at_most))
    columns = np.array([now.names.index(names[k]) for k in found], int)
    together = _together(now, columns)
    bursts = []
    for group in _discovered(_groups(p[found], together), p[found], asked):
        first = found[group[0]]
        course = _course(before, usual, first)
        elevated = float(LEAST_GROWTH * at_most[first] / here.messages)
        bursts.append(
            Burst(
                phrases=_worded(
                    [names[found[k]] for k in group[:WORDED_PHRASES]],
                    together[np.ix_(group, group)],
                ),
                messages=int(counts[first]),
                looked_at=here.messages,
                expected=float(expected[first]),
                growth=float(counts[first] / at_most[first]),
                p=float(p[first]),
                since=_since(window, course, before, elevated),
                course=(*course, WindowShare(window, float(counts[first] / here.messages))),
                rows=_clearest(now, columns[group]),
            )
        )
    return tuple(bursts)


def _hypotheses(here: PhraseCounts, before: Sequence[PhraseCounts]) -> int:
    total = Counter(here.counts)
    for each in before:
        total.update(each.counts)
    return sum(count >= LEAST_MESSAGES for count in total.values())


def _discovered(groups: Sequence[list[int]], p: Floats, asked: int) -> list[list[int]]:
    """The groups whose first phrase is a discovery, with those of their others that would be one.

    Args:
        groups: phrases, the smallest p-value first in each and among all.
    """
    limits = FALSE_DISCOVERY_RATE * np.arange(1, len(groups) + 1) / asked
    first = np.array([p[group[0]] for group in groups])
    held = np.flatnonzero(first <= limits)
    if not len(held):
        return []
    return [[k for k in group if p[k] <= limits[held[-1]]] for group in groups[: held[-1] + 1]]


def _course(before: Sequence[Before], usual: Rates, phrase: int) -> list[WindowShare]:
    shares = usual.counts[phrase] / usual.messages
    return [
        WindowShare(each.window, float(share))
        for each, share in zip(before, shares, strict=True)
        if each.window is not None
    ]


def _since(
    window: str, course: Sequence[WindowShare], before: Sequence[Before], elevated: float
) -> str:
    """The first window of those in a row, up to this one, with at least such a share."""
    sizes = {each.window: each.phrases.messages for each in before}
    since = window
    for day in reversed(course):
        if day.share < elevated or day.share * sizes[day.window] < LEAST_ELEVATED:
            break
        since = day.window
    return since


def _together(now: Phrases, columns: npt.NDArray[np.int_]) -> Matrix:
    """(F, F) how many messages hold two phrases."""
    held = now.held[:, columns].astype(float)
    return np.asarray((held.T @ held).toarray(), float)


def _groups(p: Floats, together: Matrix) -> list[list[int]]:
    """Phrases by burst, the clearest of each first."""
    counts = np.diag(together)
    share = together / np.minimum.outer(counts, counts)
    left = np.lexsort((-counts, p)).tolist()
    groups = []
    while left:
        group = [k for k in left if share[left[0], k] >= SAME_MESSAGES]
        groups.append(group)
        left = [k for k in left if k not in group]
    return groups


def _worded(names: Sequence[str], together: Matrix) -> tuple[str, ...]:
    """At most SHOWN_PHRASES phrases, the clearest first; what always stands together as one, and
    none whose words are all told.

    >>> every = np.full((5, 5), 9.0)
    >>> _worded(["gift", "card", "gift card", "card code", "code"], every)
    ('gift card code',)
    """
    counts, place = np.diag(together), {name: k for k, name in enumerate(names)}
    pairs = [name for name in names if " " in name]
    longer = {name: [name] for name in names if " " not in name} | _chained(pairs, together, place)
    for pair in pairs:
        for word in pair.split(" "):
            if word in longer and counts[place[pair]] >= SAME_PHRASE * counts[place[word]]:
                longer[word] = longer[pair]
    shown: list[str] = []
    told: set[str] = set()
    for words in (longer[name] for name in names):
        if not told.issuperset(words):
            shown.append(" ".join(words))
            told.update(words)
    return tuple(shown[:SHOWN_PHRASES])


def _chained(pairs: Sequence[str], together: Matrix, place: dict[str, int]) -> dict[str, list[str]]:
    """The words of each pair, together with those of pairs that go on from it."""
    chains, counts = {pair: pair.split(" ") for pair in pairs}, np.diag(together)
    for one, other in permutations(pairs, 2):
        first, second = chains[one], chains[other]
        both = together[place[one], place[other]]
        least = SAME_PHRASE * max(counts[place[one]], counts[place[other]])
        if first is not second and first[-1] == second[0] and both >= least:
            joined = [*first, *second[1:]]
            chains = {
                pair: joined if words is first or words is second else words
                for pair, words in chains.items()
            }
    return chains


def _clearest(now: Phrases, columns: npt.NDArray[np.int_]) -> tuple[int, ...]:
    """The messages that hold the first phrase, those with most of the others first."""
    held = now.held[:, columns].toarray()
    rows = np.flatnonzero(held[:, 0])
    order = np.argsort(-held[rows].sum(axis=1), kind="stable")
    return tuple(now.rows[rows[order]].tolist())
