"""Windows whose messages a model was fitted on: it knows the answers, so they prove nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.data import split
from common.evaluation.profile import Profile

# A message that a model was never shown is now and then a copy of one that it was.
LEAST_SHARE, LEAST_MESSAGES = 0.8, 10


def fitted_windows(
    windows: Mapping[str, Profile], tested: split.Keys | None, holdout_percent: int
) -> frozenset[str]:
    """The names of those that were in the file that a version was fitted on.

    Which side of the split a message is on follows from its text. So a window was in that file if
    the messages of its holdout side are, nearly all, among those that the version was tested on,
    or was fitted on elsewhere.

    Args:
        tested: keys of these messages (`split.keys`); None if they are not recorded.
        holdout_percent: of the version.
    """
    if tested is None:
        return frozenset()
    return frozenset(
        name for name, window in windows.items() if _was_split(window, tested, holdout_percent)
    )


def _was_split(window: Profile, tested: split.Keys, holdout_percent: int) -> bool:
    keys = split.keys([text for text in window.unfitted() if text])
    held = keys[split.held_out(keys, holdout_percent)]
    return len(held) >= LEAST_MESSAGES and bool(np.isin(held, tested).mean() >= LEAST_SHARE)
