"""What people write, without labels: unknown words, and other words than on the reference."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from common.evaluation.two_samples import shift_p
from common.monitoring.checks.finding import (
    FEWEST_ROWS,
    NAN,
    SIGNIFICANCE,
    Finding,
    reaches,
    too_few,
    warn_if,
)
from common.types import Floats

SHOWN = 10
MOST_MESSAGES, FEWEST_MESSAGES = 2000, 50
FOLDS, PERMUTATIONS = 5, 50
SEED = 20031
# As anonymised data calls people: @115712.
_NUMBERED = re.compile(r"@[0-9]+")
Bools = npt.NDArray[np.bool_]


def unknown_words(
    reference: Sequence[str],
    current: Sequence[str],
    known: Container[str],
    significance: float = SIGNIFICANCE,
    margin: float = 0.02,
) -> Finding:
    """Do messages hold more words that the model has never seen?

    Args:
        reference: messages the model was not fitted on (its holdout): of those it was, it knows
            every word.
        known: the model's words, as `common.models.text.tokens` writes them.
        margin: smallest rise of the mean share that matters.

    Unknown words come in clusters (one foreign message has a dozen), so the share is taken message
    by message and compared by Mann-Whitney's test; a test that counts words would find thousands of
    independent rows where there are hundreds. `value` is the mean share, 0 to 1, with its 95 %
    interval.
    """
    name = "unknown_words"
    (before, _), (now, words) = _unknown(reference, known), _unknown(current, known)
    if min(len(before), len(now)) < FEWEST_ROWS:
        return too_few(name, len(now), len(before))
    value, mean_before = float(now.mean()), float(before.mean())
    p = shift_p(now, before, "greater")
    error = 1.96 * float(stats.sem(now))
    status = warn_if(p < significance and reaches(value - mean_before, margin))
    frequent = [word for word, _ in words.most_common(SHOWN)]
    judged = "more than" if status else "about as many as"
    reason = (
        f"{value:.2%} of the words of a message are unknown to the model, {judged} in the reference"
        f" ({mean_before:.2%}), p {p:.2g} on {len(now):,} messages"
    )
    detail = {"reference": mean_before, "words": frequent, "p": p}
    lower, upper = max(0.0, value - error), min(1.0, value + error)
    return Finding(
        name, status, reason, value, lower, upper, mean_before + margin, len(now), detail
    )


def drift(
    reference: Sequence[str],
    current: Sequence[str],
    significance: float = 0.002,
    margin: float = 0.05,
    seed: int = SEED,
) -> Finding:
    """Can a classifier tell the messages of the window from those of the reference?

    Args:
        reference, current: messages; of each at most 2,000 are drawn, blank ones are left out.
        margin: smallest distance of the AUC from .5 that matters.

    The score is the mean AUC over 5 folds of a class-balanced logistic regression on TF-IDF of
    words, .5 for messages of one kind. Source: Lopez-Paz & Oquab, Revisiting Classifier Two-Sample
    Tests, 2017; Rabanser et al., Failing Loudly, 2019.

    Chance is measured on labels that are permuted, because the folds share training rows: the
    score then varies 1.33 to 1.46 times as much as the Mann-Whitney formula says for independent
    folds (measured on airline, support and synthetic messages). It is normal around .5 there, so 50
    permutations estimate its spread, and Student's t with 50 degrees of freedom pays for the
    estimate. They are made only where the score is past the margin; nothing hangs on them before.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    name = "text"
    random = np.random.default_rng(seed)
    before, now = (_drawn(side, random) for side in (reference, current))
    if min(len(before), len(now)) < FEWEST_MESSAGES:
        return too_few(name, len(now), len(before), FEWEST_MESSAGES)
    vectorizer = TfidfVectorizer(analyzer=_words, sublinear_tf=True)
    features = vectorizer.fit_transform(before + now)
    is_now = np.arange(len(before) + len(now)) >= len(before)
    value, limit = _cross_validated_auc(features, is_now, random), 0.5 + margin
    if value > limit:
        chance = [
            _cross_validated_auc(features, random.permutation(is_now), random)
            for _ in range(PERMUTATIONS)
        ]
        spread = float(np.sqrt(np.mean((np.array(chance) - 0.5) ** 2)))
        limit = max(limit, 0.5 + spread * float(stats.t.isf(significance, PERMUTATIONS)))
    status = warn_if(value > limit)
    weights = _fitted(features, is_now).coef_[0]
    words, order = vectorizer.get_feature_names_out(), np.argsort(weights, kind="stable")
    more, fewer = ([str(word) for word in words[k]] for k in (order[::-1][:SHOWN], order[:SHOWN]))
    judged = "can be told" if status else "can't be told beyond chance"
    reason = (
        f"{len(now):,} messages {judged} from the reference by their words: AUC {value:.4f}, limit "
        f"{limit:.4f}; more of {', '.join(more[:3])}, fewer of {', '.join(fewer[:3])}"
    )
    detail = {"more": more, "fewer": fewer, "reference_rows": len(before)}
    return Finding(name, status, reason, value, NAN, NAN, limit, len(now), detail)


def _unknown(texts: Sequence[str], known: Container[str]) -> tuple[Floats, Counter[str]]:
    """The share of unknown words in each message that has any words, and these words."""
    shares, words = [], Counter[str]()
    for text in texts:
        found = _words(text)
        unknown = [word for word in found if word not in known]
        words.update(set(unknown))
        if found:
            shares.append(len(unknown) / len(found))
    return np.array(shares, float), words


def _words(text: str) -> list[str]:
    """The words of a message, but nobody's number: each of them is new, and in several messages of
    one day. On stable days of 300 messages they made one alarm in twenty of the drift alone."""
    from common.models.text import tokens

    return [word for word in tokens(text) if not _NUMBERED.fullmatch(word)]


def _drawn(texts: Sequence[str], random: np.random.Generator) -> list[str]:
    """At most MOST_MESSAGES of the messages that are not blank."""
    full = [text for text in texts if text.strip()]
    if len(full) <= MOST_MESSAGES:
        return full
    return [full[k] for k in random.choice(len(full), MOST_MESSAGES, replace=False)]


def _fitted(features: Any, is_now: Bools) -> Any:
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
        model = _fitted(features[~held], is_now[~held])
        scores.append(_auc(model.decision_function(features[held]), is_now[held]))
    return float(np.mean(scores))


def _auc(scores: Floats, positive: Bools) -> float:
    """Chance that a positive row scores higher than another one (Hanley & McNeil 1982)."""
    n = int(positive.sum())
    ranks = stats.rankdata(scores)[positive].sum()
    return float((ranks - n * (n + 1) / 2) / (n * (len(scores) - n)))
