"""Which words tell one group of messages from another."""

from __future__ import annotations

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
    2008, equations 16 to 22.

    >>> log_odds_z(np.array([30.0, 90.0]), 100, np.array([2.0, 92.0]), 100).round(1).tolist()
    [4.1, -0.4]
    """
    share = (with_word + with_other) / max(1, messages + others)
    # Half a row, where everybody or nobody holds the word.
    prior, rest = PRIOR_MESSAGES * share + 0.5, PRIOR_MESSAGES * (1 - share) + 0.5
    held, lack = with_word + prior, messages - with_word + rest
    other_held, other_lack = with_other + prior, others - with_other + rest
    difference = np.log(held / lack) - np.log(other_held / other_lack)
    # The terms of messages without the word count where most hold it; the paper leaves them out.
    variance = 1 / held + 1 / lack + 1 / other_held + 1 / other_lack
    return np.asarray(difference / np.sqrt(variance), float)
