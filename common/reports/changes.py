"""Of the contest page: what would change if the challenger were promoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.masking import OPEN, Disclosure
from common.training.flips import Example, Pair

SHOWN_PAIRS = 20


@dataclass(frozen=True)
class Row:
    """A message whose class flips, as it may be shown; the champion's answer comes first.

    Attributes:
        row: from 0, among the rows that both models answered.
    """

    row: int
    text: str
    confidence: tuple[float, float]
    words: tuple[list[str], list[str]]
    automatic: tuple[bool, bool] | None


@dataclass(frozen=True)
class Counts:
    """Rows, how many of them are right, and how many automatic (None: no answer is routed)."""

    rows: int
    right_before: int
    right_after: int
    auto_before: int | None
    auto_after: int | None


@dataclass(frozen=True)
class Changes:
    """What the section shows.

    Attributes:
        total: of all rows whose class flips.
        pairs: the most frequent, with the messages that are shown of each.
        left_out: pairs that are not shown, and what they come to.
    """

    total: Counts
    pairs: list[tuple[Pair, list[Row]]]
    left_out: tuple[int, Counts]

    @property
    def messages(self) -> int:
        return sum(len(rows) for _, rows in self.pairs)


def shown(pairs: Sequence[Pair], texts: Sequence[str], disclosure: Disclosure = OPEN) -> Changes:
    """The section; at most `disclosure.examples` messages in all, masked as it says.

    Args:
        pairs: the most frequent first.
        texts: (n,) messages of the rows that both models answered.
    """
    left = disclosure.examples
    listed = []
    for pair in pairs[:SHOWN_PAIRS]:
        rows = [_row(found, texts[found.row], disclosure) for found in pair.examples[:left]]
        left -= len(rows)
        listed.append((pair, rows))
    others = pairs[SHOWN_PAIRS:]
    return Changes(_sum(pairs), listed, (len(others), _sum(others)))


def _row(found: Example, text: str, disclosure: Disclosure) -> Row:
    before, after = (disclosure.words(words, text) for words in found.words)
    (may_show,) = disclosure.shown([text])
    return Row(found.row, may_show, found.confidence, (before, after), found.automatic)


def _sum(pairs: Sequence[Pair]) -> Counts:
    routed = bool(pairs) and all(pair.auto_before is not None for pair in pairs)
    return Counts(
        rows=sum(pair.rows for pair in pairs),
        right_before=sum(pair.right_before for pair in pairs),
        right_after=sum(pair.right_after for pair in pairs),
        auto_before=sum(pair.auto_before or 0 for pair in pairs) if routed else None,
        auto_after=sum(pair.auto_after or 0 for pair in pairs) if routed else None,
    )
