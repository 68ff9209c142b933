"""Classes that a rule makes from the texts: VADER's sentiment, critical words, words of one's own.

A model fitted on such classes is measured by how well it agrees with the rule, not with people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from common.data.lexicon import VADER, read_lexicon
from common.errors import SettingsError

# VADER looks up each word among all words of the text.
VADER_CHARACTERS = 10_000
# VADER's thresholds of the compound score, from its README and the paper.
POSITIVE, NEGATIVE = 0.05, -0.05

# What customers write when it can't wait: danger, crime, law, and urgency itself.
CRITICAL_WORDS = (
    *("urgent", "urgently", "asap", "emergency", "emergencies", "life threatening", "call 911"),
    *("danger", "dangerous", "unsafe", "hazard", "caught fire", "smoke", "injured"),
    *("injury", "hospital", "ambulance", "bleeding", "allergic", "poisoned", "suicide", "suicidal"),
    *("police", "assault", "assaulted", "threatened", "harassed", "harassment"),
    *(
        "stranded",
        "funeral",
        "lawyer",
        "lawyers",
        "attorney",
        "lawsuit",
        "legal action",
        "suing",
        "sue you",
        "chargeback",
    ),
    *("fraud", "fraudulent", "scam", "scammed", "scammer", "phishing", "stolen", "theft", "stole"),
    *("robbed", "hacked", "hacker", "hackers", "compromised", "unauthorized", "unauthorised"),
    *("data breach", "identity theft"),
)
# As NegEx does: a negation takes back what follows within so many words, up to the end of the
# clause.
NEGATED_WORDS = 3
# Longer than so many words are.
_NEGATION_CHARACTERS = 200
NEGATIONS = (
    *("no", "not", "non", "never", "nothing", "none", "without", "nor", "neither", "cannot"),
    *("hardly", "cant", "dont", "doesnt", "didnt", "isnt", "wasnt", "arent", "werent", "aint"),
    *("wont", "wouldnt", "couldnt", "shouldnt", "havent", "hasnt", "hadnt"),
)
# Words that look like a negation of what follows, and are none.
PSEUDO_NEGATIONS = ("not only", "not just", "no doubt", "no wonder")

_WORD = r"[^\W_]+(?:['’][^\W_]+)*"

Labeller = Callable[[Sequence[str]], list[str]]


def by_sentiment(texts: Sequence[str]) -> list[str]:
    """`negative`, `neutral` or `positive` by VADER's compound score with its published cut at 0.05.

    Of a long text it judges the beginning, VADER_CHARACTERS.

    Source: Hutto & Gilbert, VADER, ICWSM 2014, in the implementation of NLTK, with the list of
    words that comes with the project.
    """
    analyzer = _vader()
    scores = (analyzer.polarity_scores(text[:VADER_CHARACTERS])["compound"] for text in texts)
    return [
        "positive" if score >= POSITIVE else "negative" if score <= NEGATIVE else "neutral"
        for score in scores
    ]


@cache
def _vader() -> Any:
    from nltk.sentiment.vader import SentimentIntensityAnalyzer, VaderConstants

    # NLTK's own start looks for a list that has to be downloaded.
    analyzer = SentimentIntensityAnalyzer.__new__(SentimentIntensityAnalyzer)
    analyzer.lexicon, analyzer.constants = read_lexicon(VADER), VaderConstants()
    return analyzer


def by_critical(texts: Sequence[str]) -> list[str]:
    """`critical` where one of CRITICAL_WORDS stands in the text and isn't negated, else `normal`.

    A word is negated if one of NEGATIONS, or a word that ends in n't, is among the NEGATED_WORDS
    words before it, with nothing between them that ends a clause (a mark of punctuation, a hash, a
    line break, `but`).

    Source: after Chapman et al., A simple algorithm for identifying negated findings (NegEx), 2001.

    >>> by_critical(["My card was STOLEN", "No rush, it isn't urgent", "It's not working, urgent!"])
    ['critical', 'normal', 'critical']
    """
    return ["critical" if _is_critical(text) else "normal" for text in texts]


def _is_critical(text: str) -> bool:
    starts = (found.start() for found in whole_words(CRITICAL_WORDS).finditer(text))
    return any(not _is_negated(text[max(0, at - _NEGATION_CHARACTERS) : at]) for at in starts)


def _is_negated(before: str) -> bool:
    """Whether the text before a word negates it."""
    clause = _clause_end().split(before)[-1]
    clause = whole_words(PSEUDO_NEGATIONS).sub(" ", clause)
    words = re.findall(_WORD, clause.replace("’", "'").casefold())[-NEGATED_WORDS:]
    return any(word in NEGATIONS or word.endswith("n't") for word in words)


@cache
def _clause_end() -> re.Pattern[str]:
    return re.compile(r"[.,;:!?…()#\n\r–—]|\s-\s|\bbut\b", re.IGNORECASE)


@cache
def whole_words(words: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that finds each of these words, in any case, where it isn't part of a longer one.

    >>> whole_words(("asap", "c++")).findall("ASAP, asaparagus and C++")
    ['ASAP', 'C++']
    """
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, words)) + r")(?!\w)", re.IGNORECASE)


def by_keywords(words: Sequence[str]) -> Labeller:
    """A labeller that finds `critical` where one of `words` stands in the text, else `normal`.

    >>> by_keywords(["asap"])(["Call me ASAP!", "asaparagus"])
    ['critical', 'normal']
    """
    pattern = whole_words(tuple(words))
    return lambda texts: ["critical" if pattern.search(text) else "normal" for text in texts]


def labeller(label_with: str, keywords: Sequence[str]) -> Labeller | None:
    """What makes the classes from the texts; None if they are in a file.

    Args:
        keywords: for "keywords".

    Raises:
        SettingsError: there is no such way to label.
    """
    match label_with:
        case "column" | "file":
            return None
        case "sentiment" | "vader":
            return by_sentiment
        case "critical":
            return by_critical
        case "keywords":
            return by_keywords(keywords)
    raise SettingsError(
        f"LABEL_WITH must be column, sentiment, critical, keywords or file, not {label_with!r}."
    )


def agreement(label_with: str) -> str:
    """What figures mean where a rule made the classes, in one sentence; "" where none did.

    >>> agreement("critical")
    'Labels made by a rule (LABEL_WITH=critical): accuracy measures agreement with the rule, not \
with people.'
    """
    if label_with in ("column", "file"):
        return ""
    return (
        f"Labels made by a rule (LABEL_WITH={label_with}): accuracy measures agreement with the "
        "rule, not with people."
    )


def without_rule_words(texts: Sequence[str], label_with: str, keywords: Sequence[str]) -> list[str]:
    """The texts without the words that a rule looks for; some may be empty then.

    Of sentiment these are the words of the list, and those that turn or weigh them. Negations of
    "critical" stay, and so do marks of punctuation.

    Raises:
        SettingsError: `label_with` is no rule.
    """
    match label_with:
        case "sentiment" | "vader":
            return [_without_sentiment(text) for text in texts]
        case "critical":
            words: tuple[str, ...] = CRITICAL_WORDS
        case "keywords":
            words = tuple(keywords)
        case _:
            raise SettingsError(f"LABEL_WITH={label_with} is no rule that looks at words.")
    return [whole_words(words).sub(" ", text) for text in texts]


def _without_sentiment(text: str) -> str:
    return " ".join(word for word in text.split() if not _is_of_sentiment(word))


def _is_of_sentiment(token: str) -> bool:
    analyzer = _vader()
    constants = analyzer.constants
    word = token.lower()
    forms = (word, word.strip(".,;:!?-'\"()"))
    return (
        any(
            form in analyzer.lexicon or form in constants.NEGATE or form in constants.BOOSTER_DICT
            for form in forms
        )
        or "n't" in word
    )
