"""What people write, without labels: unknown words, and other words than on the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from scipy import stats

from common.evaluation.log_odds import log_odds_z
from common.evaluation.two_samples import MIN_ROWS, shift_p
from common.models.text import is_person, tokens
from common.monitoring.checks.finding import SIGNIFICANCE, Finding, reaches, too_few, warn_if
from common.monitoring.telling_words import LEAST_Z, says_something
from common.text import p_value
from common.types import Bools, Floats

SHOWN, LOOKED_AT = 10, 200
# Smallest rise of the mean share of unknown words that matters.
UNKNOWN_MARGIN = 0.02
# Of drift: how many messages are drawn of each side, how sure it must be, and the smallest distance
# of the AUC from .5 that matters.
MAX_MESSAGES, MIN_MESSAGES = 2000, 50
DRIFT_SIGNIFICANCE, AUC_MARGIN = 0.002, 0.05
FOLDS, PERMUTATIONS = 5, 50
SEED = 20031

# Of each message: its unknown words, and how many words it has in all (`models.base.KnowsWords`).
UnknownWords = Sequence[tuple[list[str], int]]


def unknown_words(reference: UnknownWords, current: UnknownWords) -> Finding:
    """Do messages hold more words that the model has never seen?

    Args:
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
    error = 1.96 * float(stats.sem(now))
    status = warn_if(p < SIGNIFICANCE and reaches(value - mean_before, UNKNOWN_MARGIN))
    judged = "more than" if status else "about as many as"
    reason = (
        f"{value:.2%} of the words of a message are unknown to the model, {judged} in the reference"
        f" ({mean_before:.2%}), {p_value(p)} on {len(now):,} messages"
    )
    messages_with = Counter(word for unknown, _ in current for word in dict.fromkeys(unknown))
    telling = (word for word, _ in messages_with.most_common() if says_something(word))
    frequent = list(islice(telling, SHOWN))
    return Finding(
        "unknown_words",
        status,
        reason,
        value=value,
        lower=max(0.0, value - error),
        upper=min(1.0, value + error),
        limit=mean_before + UNKNOWN_MARGIN,
        rows=len(now),
        detail={"reference": mean_before, "words": frequent, "p": p},
    )


def drift(reference: Sequence[str], current: Sequence[str]) -> Finding:
    """Can a classifier tell the messages of the window from those of the reference?

    Args:
        reference, current: messages; of each at most 2,000 are drawn, blank ones are left out.

    The score is the mean AUC over 5 folds of a class-balanced logistic regression on TF-IDF of
    words, .5 for messages of one kind. Source: Lopez-Paz & Oquab, Revisiting Classifier Two-Sample
    Tests, 2017; Rabanser et al., Failing Loudly, 2019.

    Chance is measured on labels that are permuted, because the folds share training rows: the
    score then varies 1.33 to 1.46 times as much as the Mann-Whitney formula says for independent
    folds (measured on airline, support and synthetic messages). It is normal around .5 there, so 50
    permutations estimate its spread, and Student's t with 50 degrees of freedom pays for the
    estimate. They are made only if the score is past the margin; nothing hangs on them before.
    """
    random = np.random.default_rng(SEED)
    before, now = (_draw(side, random) for side in (reference, current))
    if min(len(before), len(now)) < MIN_MESSAGES:
        return too_few("text", len(now), len(before), MIN_MESSAGES)
    features, names = _tf_idf(before + now)
    is_now = np.arange(len(before) + len(now)) >= len(before)
    value = _cross_validated_auc(features, is_now, random)
    limit = 0.5 + AUC_MARGIN
    if value > limit:
        limit = max(limit, 0.5 + _chance(features, is_now, random))
    status = warn_if(value > limit)
    more, fewer = _more_and_fewer(features, names, is_now)
    judged = "can be told" if status else "can't be told beyond chance"
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
        rows=len(now),
        detail={"more": more, "fewer": fewer, "reference_rows": len(before)},
    )


def _shares(words: UnknownWords) -> Floats:
    """The share of unknown words in each message that has any words."""
    return np.array([len(unknown) / count for unknown, count in words if count], float)


def _words(text: str) -> list[str]:
    """The words of a message, but nobody's number: each of them is new, and in several messages of
    one day. On stable days of 300 messages they made one alarm in twenty of the drift alone."""
    return [word for word in tokens(text) if not is_person(word)]


def _draw(texts: Sequence[str], random: np.random.Generator) -> list[str]:
    """At most MAX_MESSAGES of the messages that are not blank."""
    full = [text for text in texts if text.strip()]
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


def _chance(features: Any, is_now: Bools, random: np.random.Generator) -> float:
    """How far from .5 the score of messages of one kind comes with DRIFT_SIGNIFICANCE."""
    scores = [
        _cross_validated_auc(features, random.permutation(is_now), random)
        for _ in range(PERMUTATIONS)
    ]
    spread = float(np.sqrt(np.mean((np.array(scores) - 0.5) ** 2)))
    return spread * float(stats.t.isf(DRIFT_SIGNIFICANCE, PERMUTATIONS))


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
