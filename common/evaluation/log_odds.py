"""Which words tell one group of messages from another."""

from __future__ import annotations

from typing import Any

import numpy as np

from common.types import Floats

# How many messages the prior weighs as much as. The more, the less rare words are believed.
PRIOR_MESSAGES = 50.0


def log_odds_z(with_word: Floats, messages: int, with_other: Floats, others: int) -> Floats:
    """(W,) how many standard errors the log-odds of each word lie above those of the other group.

    Args:
        with_word, with_other: (W,) messages of each group that hold the word.
        messages, others: all messages of each group.

    The prior is what both groups say together, so that neither rare words nor those that everybody
    writes come first, as they do by ratios or by differences. Messages are counted, not words: one
    that repeats itself is one. Source: Monroe, Colaresi & Quinn, Fightin' Words, Political Analysis
    2008, equations 16, 20 and 22.

    >>> log_odds_z(np.array([30.0, 90.0]), 100, np.array([2.0, 92.0]), 100).round(1).tolist()
    [3.7, -0.1]
    """
    share = (with_word + with_other) / max(1, messages + others)
    prior, rest = PRIOR_MESSAGES * share, PRIOR_MESSAGES * (1 - share)

    def log_odds(held: Floats, rows: int) -> Any:
        # Half a row, where everybody or nobody holds the word.
        return np.log((held + prior + 0.5) / (rows - held + rest + 0.5))

    difference = log_odds(with_word, messages) - log_odds(with_other, others)
    variance = 1 / (with_word + prior + 0.5) + 1 / (with_other + prior + 0.5)
    return np.asarray(difference / np.sqrt(variance), float)
