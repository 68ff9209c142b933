"""What people write, without labels: unknown words, and other words than on the reference."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Any

import numpy as np
from scipy import stats

from common.evaluation.log_odds import log_odds_z
from common.evaluation.two_samples import MIN_ROWS, Share, higher_share_p, shift_p
from common.models.text import is_person, tokens
from common.monitoring.checks.finding import (
    LASTING_SIGNIFICANCE,
    SIGNIFICANCE,
    Finding,
    too_few,
    warn_if,
)
from common.monitoring.checks.usual import NOTHING, Figure, PastFigures, Prior, usual
from common.monitoring.telling_words import LEAST_Z, says_something
from common.text import p_value
from common.types import Bools, Floats

SHOWN, LOOKED_AT = 10, 200
# Smallest rise of the mean share of unknown words that matters.
UNKNOWN_MARGIN = 0.01
# How much the share moves from day to day: .003 to .005 on real streams, more where most is known.
UNKNOWN_SPREAD = 0.008
# Of drift: how many messages are drawn of each side, how sure it must be, and the smallest distance
# of the AUC from .5 that matters.
MAX_MESSAGES, MIN_MESSAGES = 2000, 50
DRIFT_SIGNIFICANCE, AUC_MARGIN = 0.002, 0.05
# The AUC on days of two real streams: .48 to .60 for one brand, .58 to .66 for airlines.
AUC_PRIOR = Prior(0.57, 0.03)
FOLDS, FOLDS_SHARE = 5, 1.46
# Of words that come up: how many are looked at, the smallest effect that matters (Cohen calls
# .2 small), and what it was on days of two real streams.
SURGING_WORDS, SURGE_MARGIN, SURGE_PRIOR = 5, 0.2, Prior(0.2, 0.04)
SEED = 20031

# Of each message: its unknown words, and how many words it has in all (`models.base.KnowsWords`).
UnknownWords = Sequence[tuple[list[str], int]]


def unknown_words(
    reference: UnknownWords, current: UnknownWords, past: PastFigures = NOTHING
) -> Finding:
    """Do messages hold more words that the model has never seen, than there and than is usual?

    Args:
        past: mean shares of the windows before.
        reference: of messages the model was not fitted on (its holdout): of those it was, it knows
            every word.

    Unknown words come in clusters (one foreign message has a dozen), so the share is taken message
    by message and compared by Mann-Whitney's test; a test that counts words would find thousands of
    independent rows where there are hundreds. `value` is the mean share, 0 to 1, with its 95 %
    interval.
    """
    before, now = _shares(reference), _shares(current)
    if min(len(before), len(now)) < MIN_ROWS:
        return too_few("unknown_words", len(now), len(before))
    value, mean_before = float(now.mean()), float(before.mean())
    p = shift_p(now, before, "greater")
    error = float(stats.sem(now))
    held = usual(Figure(value, error), past, Prior(mean_before, UNKNOWN_SPREAD))
    margin = max(mean_before, held.centre + UNKNOWN_MARGIN)
    limit = max(margin, held.limit)
    lasts = held.lasts and p < LASTING_SIGNIFICANCE and value >= margin
    status = warn_if(lasts or (p < SIGNIFICANCE and value >= limit))
    judged = "more than usual and" if status else "no more than usual or"
    reason = (
        f"{value:.2%} of the words of a message are unknown to the model, {judged} in the reference"
        f" ({mean_before:.2%}): limit {limit:.2%}, {p_value(p)} on {len(now):,} messages"
    )
    messages_with = Counter(word for unknown, _ in current for word in dict.fromkeys(unknown))
    telling = (word for word, _ in messages_with.most_common() if says_something(word))
    frequent = list(islice(telling, SHOWN))
    return Finding(
        "unknown_words",
        status,
        reason,
        value=value,
        lower=max(0.0, value - 1.96 * error),
        upper=min(1.0, value + 1.96 * error),
        limit=limit,
        figure=Figure(value, error),
        rows=len(now),
        detail={"reference": mean_before, "words": frequent, "p": p, "lasts": lasts},
    )


def drift(reference: Sequence[str], current: Sequence[str], past: PastFigures = NOTHING) -> Finding:
    """Can a classifier tell the messages of the window from those of the reference, better than it
    could tell the windows before?

    Args:
        reference, current: messages; of each at most 2,000 are drawn, blank ones and copies are
            left out: what is copied is told by its copy, not by its words.
        past: AUC of the windows before.

    The score is the mean AUC over 5 folds of a class-balanced logistic regression on TF-IDF of
    words, .5 for messages of one kind. Source: Lopez-Paz & Oquab, Revisiting Classifier Two-Sample
    Tests, 2017; Rabanser et al., Failing Loudly, 2019.

    Chance is that of Mann-Whitney's test, FOLDS_SHARE times as wide, because the folds share
    training rows: on permuted labels the score varied 1.33 to 1.46 times as much as the formula
    says (airline, support and synthetic messages).
    """
    random = np.random.default_rng(SEED)
    before, now = (_draw(side, random) for side in (reference, current))
    if min(len(before), len(now)) < MIN_MESSAGES:
        return too_few("text", len(now), len(before), MIN_MESSAGES)
    features, names = _tf_idf(before + now)
    is_now = np.arange(len(before) + len(now)) >= len(before)
    value = _cross_validated_auc(features, is_now, random)
    rows = len(before), len(now)
    error = FOLDS_SHARE * math.sqrt((sum(rows) + 1) / (12 * math.prod(rows)))
    chance, once = (
        0.5 + error * float(stats.norm.isf(p)) for p in (DRIFT_SIGNIFICANCE, LASTING_SIGNIFICANCE)
    )
    held = usual(Figure(value, error), past, AUC_PRIOR)
    limit = max(0.5 + AUC_MARGIN, chance, held.limit)
    lasts = held.lasts and value > max(0.5 + AUC_MARGIN, once)
    status = warn_if(lasts or value > limit)
    more, fewer = _more_and_fewer(features, names, is_now)
    judged = "can be told" if status else "can't be told better than usual"
    sides = (("more", more), ("fewer", fewer))
    told = ", ".join(f"{side} of {', '.join(words[:3])}" for side, words in sides if words)
    reason = (
        f"{len(now):,} messages {judged} from the reference by their words: AUC {value:.4f}, limit "
        f"{limit:.4f}{'; ' if told else ''}{told}"
    )
    return Finding(
        "text",
        status,
        reason,
        value=value,
        limit=limit,
        figure=Figure(value, error),
        rows=len(now),
        detail={
            "more": more,
            "fewer": fewer,
            "reference_rows": len(before),
            "lasts": lasts,
        },
    )


def surging(
    reference: Sequence[str], current: Sequence[str], past: PastFigures = NOTHING
) -> Finding:
    """Are a few words far more frequent than in the reference, and more so than is usual?

    Args:
        reference, current: messages; of each at most 2,000 are drawn, no blank ones or copies.
        past: what was measured of the windows before.

    `value` is the root mean square, over the SURGING_WORDS words with the greatest effect, of
    Cohen's h, 2 asin sqrt(share now) - 2 asin sqrt(share then), where .2 is small and .5 medium
    (Cohen, Statistical Power Analysis, 1988). Most messages are as they always were where a new
    brand, another language or an outage comes in, so a measure of all words hardly moves; these few
    words do.
    """
    random = np.random.default_rng(SEED)
    before, now = (_draw(side, random) for side in (reference, current))
    if min(len(before), len(now)) < MIN_MESSAGES:
        return too_few("surging_words", len(now), len(before), MIN_MESSAGES)
    count, count_before = (_messages_with(side) for side in (now, before))
    names = sorted(count)
    share = np.array([count[name] for name in names]) / len(now)
    share_before = np.array([count_before[name] for name in names]) / len(before)
    effects = 2 * (np.arcsin(np.sqrt(share)) - np.arcsin(np.sqrt(share_before)))
    order = np.argsort(-effects, kind="stable")[:SURGING_WORDS]
    value = float(np.sqrt((np.maximum(effects[order], 0) ** 2).mean())) if len(order) else 0.0
    error = math.sqrt((1 / len(now) + 1 / len(before)) / SURGING_WORDS)
    p = min(
        (
            higher_share_p(Share(count[name], len(now)), Share(count_before[name], len(before)))
            for name in (names[k] for k in order)
        ),
        default=1.0,
    )
    p = min(1.0, p * max(len(names), 1))  # Bonferroni's correction for all words
    held = usual(Figure(value, error), past, SURGE_PRIOR)
    limit = max(SURGE_MARGIN, held.limit)
    lasts = held.lasts and p < LASTING_SIGNIFICANCE and value >= SURGE_MARGIN
    status = warn_if(lasts or (p < SIGNIFICANCE and value >= limit))
    shown = [
        {"word": names[k], "share": float(share[k]), "reference": float(share_before[k])}
        for k in order
    ]
    most = ", ".join(f"{w['word']} ({w['reference']:.1%} to {w['share']:.1%})" for w in shown[:3])
    judged = "more than usual" if status else "no more than usual"
    reason = (
        f"the words that come up most in {len(now):,} messages do so {judged}: {most}; effect "
        f"{value:.4f}, limit {limit:.4f}, {p_value(p)}"
    )
    return Finding(
        "surging_words",
        status,
        reason,
        value=value,
        limit=limit,
        figure=Figure(value, error),
        rows=len(now),
        detail={"surging": shown, "p": p, "lasts": lasts},
    )


def _messages_with(texts: Sequence[str]) -> Counter[str]:
    """In how many messages each word is; numbers are of no subject."""
    found = Counter(chain.from_iterable(dict.fromkeys(_words(text)) for text in texts))
    return Counter({word: n for word, n in found.items() if any(map(str.isalpha, word))})


def _shares(words: UnknownWords) -> Floats:
    """The share of unknown words in each message that has any words."""
    return np.array([len(unknown) / count for unknown, count in words if count], float)


# Messages of the reference are asked for with every window.
@lru_cache(maxsize=2 * MAX_MESSAGES)
def _words(text: str) -> list[str]:
    """The words of a message, but nobody's number: each of them is new, and in several messages of
    one day. On stable days of 300 messages they made one alarm in twenty of the drift alone."""
    return [word for word in tokens(text) if not is_person(word)]


def _draw(texts: Sequence[str], random: np.random.Generator) -> list[str]:
    """At most MAX_MESSAGES of the different messages that are not blank."""
    full = [text for text in dict.fromkeys(texts) if text.strip()]
    if len(full) <= MAX_MESSAGES:
        return full
    return [full[k] for k in random.choice(len(full), MAX_MESSAGES, replace=False)]


def _tf_idf(texts: Sequence[str]) -> tuple[Any, Any]:
    """(n, W) sparse features of the messages, and the (W,) words that they stand for."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=_words, sublinear_tf=True)
    return vectorizer.fit_transform(texts), vectorizer.get_feature_names_out()


def _more_and_fewer(features: Any, names: Any, is_now: Bools) -> tuple[list[str], list[str]]:
    """The words that say what is new and what is gone, the clearest first."""
    held, held_before = (
        np.asarray((features[side] > 0).sum(axis=0), float).ravel() for side in (is_now, ~is_now)
    )
    rows = int(is_now.sum())
    z = log_odds_z(held, rows, held_before, len(is_now) - rows)
    more, fewer = (
        [
            str(names[k])
            for k in np.argsort(-side, kind="stable")[:LOOKED_AT]
            if side[k] >= LEAST_Z and says_something(str(names[k]))
        ][:SHOWN]
        for side in (z, -z)
    )
    return more, fewer


def _fit(features: Any, is_now: Bools) -> Any:
    from sklearn.linear_model import LogisticRegression

    # liblinear: a tenth of a second where the default solver takes a second.
    return LogisticRegression(class_weight="balanced", solver="liblinear").fit(features, is_now)


def _cross_validated_auc(features: Any, is_now: Bools, random: np.random.Generator) -> float:
    """Mean over folds that have the same share of each side."""
    fold = np.empty(len(is_now), int)
    for side in (is_now, ~is_now):
        fold[random.permutation(np.flatnonzero(side))] = np.arange(side.sum()) % FOLDS
    scores = []
    for k in range(FOLDS):
        held = fold == k
        model = _fit(features[~held], is_now[~held])
        scores.append(_auc(model.decision_function(features[held]), is_now[held]))
    return float(np.mean(scores))


def _auc(scores: Floats, positive: Bools) -> float:
    """Chance that a positive row scores higher than another one (Hanley & McNeil 1982)."""
    n = int(positive.sum())
    ranks = stats.rankdata(scores)[positive].sum()
    return float((ranks - n * (n + 1) / 2) / (n * (len(scores) - n)))
