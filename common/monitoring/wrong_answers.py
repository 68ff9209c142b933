"""What the wrong answers of a window have in common: a class, words, a segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from common.evaluation.profile import Profile
from common.evaluation.two_samples import MIN_ROWS, Share, higher_share_p
from common.monitoring.telling_words import TellingWord, share_with, telling_words
from common.text import listed, percent, quoted
from common.types import Json

SHOWN_WORDS = 8
SENTENCE_WORDS = 5
# A class is named if it has so much of what is wrong beyond the usual, a segment if it is so sure.
MOST = 0.5
SEGMENT_P = 0.001


@dataclass(frozen=True)
class ClassErrors:
    """A class whose messages are answered wrongly, and with which class most of them."""

    true: str
    predicted: str
    wrong: int
    rows: int

    def to_json(self) -> dict[str, Json]:
        return {
            "true": self.true,
            "predicted": self.predicted,
            "wrong": self.wrong,
            "rows": self.rows,
        }


@dataclass(frozen=True)
class WrongAnswers:
    """What messages with wrong answers have in common that those with right ones lack.

    Attributes:
        wrong, right: messages with a class, of the window.
        mostly: the class with most of what is wrong beyond the usual; None if there is none.
        words: in the wrong ones, more than in the right ones.
        shares: of the wrong ones, and of the right ones, that hold one of the first words.
        segments: (wrong, rows) of those with more wrong answers than the others, the worst first.
    """

    wrong: int
    right: int
    mostly: ClassErrors | None
    words: tuple[TellingWord, ...]
    shares: tuple[float, float]
    segments: Mapping[str, Share]

    @property
    def sentences(self) -> tuple[str, ...]:
        """In common, in plain words; none if nothing is."""
        found = []
        if self.mostly:
            most = self.mostly
            found.append(
                f"mostly class {quoted(most.true)}: {most.wrong:,} of its {most.rows:,} messages "
                f"are answered wrongly, most of them as {quoted(most.predicted)}"
            )
        if self.words:
            words = listed((quoted(word.word) for word in self.words[:SENTENCE_WORDS]), "or")
            share, other = map(percent, self.shares)
            found.append(
                f"{share} of the wrong answers hold {words}, {other} of the right answers do"
            )
        if self.segments:
            name, errors = next(iter(self.segments.items()))
            found.append(
                f"in segment {quoted(name)} {percent(errors.value)} of {errors.rows:,} answers are "
                "wrong"
            )
        return tuple(found)

    def to_json(self) -> dict[str, Json]:
        return {
            "wrong": self.wrong,
            "right": self.right,
            "sentences": list(self.sentences),
            "mostly": self.mostly.to_json() if self.mostly else None,
            "words": [word.to_json() for word in self.words],
            "shares": {"wrong": self.shares[0], "right": self.shares[1]},
            "segments": {
                name: {"wrong": share.part, "rows": share.rows}
                for name, share in self.segments.items()
            },
        }


def wrong_answers(window: Profile, reference: Profile | None) -> WrongAnswers | None:
    """Compare the messages that were answered wrongly with the others; None without either."""
    wrong = window.rows - window.correct
    if not wrong or not window.correct:
        return None
    rows = window.sample.filter(pc.not_equal(window.sample.column("label"), ""))
    is_right = pc.equal(rows.column("label"), rows.column("predicted"))
    texts, right_texts = (
        [text for text in rows.filter(chosen).column("text").to_pylist() if text]
        for chosen in (pc.invert(is_right), is_right)
    )
    words = telling_words(texts, right_texts, SHOWN_WORDS)
    first = [word.word for word in words[:SENTENCE_WORDS]]
    return WrongAnswers(
        wrong=wrong,
        right=window.correct,
        mostly=_mostly(window, reference),
        words=words,
        shares=(share_with(first, texts), share_with(first, right_texts)),
        segments=_worse_segments(window),
    )


def _mostly(window: Profile, reference: Profile | None) -> ClassErrors | None:
    """The class with at least MOST of the wrong answers that its share of the reference's and the
    size of the window don't explain."""
    rows, wrong = _by_class(window)
    usual_rows, usual_wrong = _by_class(reference) if reference else (Counter[str](), Counter())
    excess = {
        name: wrong[name] - rows[name] * usual_wrong[name] / max(1, usual_rows[name])
        for name in rows
        if wrong[name]
    }
    more = {name: value for name, value in excess.items() if value > 0}
    if len(rows) < 2 or not more:
        return None
    name = max(more, key=lambda key: more[key])
    if more[name] < MOST * sum(more.values()) or wrong[name] < 3:
        return None
    answers = Counter(
        {
            predicted: count
            for (true, predicted), count in window.pairs.items()
            if true == name != predicted
        }
    )
    (predicted, _), *_ = answers.most_common(1)
    return ClassErrors(name, predicted, wrong[name], rows[name])


def _by_class(profile: Profile) -> tuple[Counter[str], Counter[str]]:
    """Rows of each true class, and how many of them are answered wrongly."""
    rows: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for (true, predicted), count in profile.pairs.items():
        rows[true] += count
        wrong[true] += count if true != predicted else 0
    return rows, wrong


def _worse_segments(window: Profile) -> dict[str, Share]:
    """Segments with more wrong answers than all others have together, beyond chance."""
    wrong = {name: Share(right, rows).rest for name, (right, rows) in window.segments.items()}
    asked = {name: share for name, share in wrong.items() if share.rows >= MIN_ROWS}
    total = Share(sum(s.part for s in wrong.values()), sum(s.rows for s in wrong.values()))
    worse = {
        name: share
        for name, share in asked.items()
        if (others := Share(total.part - share.part, total.rows - share.rows)).rows
        # Bonferroni: the best of many segments is far off by chance.
        and higher_share_p(share, others) < SEGMENT_P / len(asked)
    }
    return dict(sorted(worse.items(), key=lambda pair: -pair[1].value))
