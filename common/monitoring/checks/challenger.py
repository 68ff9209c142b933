"""Has the challenger become the better model since the contest?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from common.evaluation.paired import mcnemar_p
from common.monitoring.checks.finding import FEWEST_ROWS, NAN, Finding, Status, too_few


def would_win(
    champion_correct: npt.NDArray[np.bool_],
    challenger_correct: npt.NDArray[np.bool_],
    significance: float = 0.05,
) -> Finding:
    """Would the challenger now win by accuracy, on the rows of this window?

    Args:
        champion_correct, challenger_correct: (n,) which answers to the same rows are right.
        significance: largest p-value of the exact one-sided McNemar test (Dietterich 1998).

    For information: always OK, because a champion that is good enough is no trouble. `value` is the
    challenger's gain in accuracy, -1 to 1; detail["wins"] says whether it would win. Looked at
    every day, an equal challenger wins by chance on one day in twenty: see it as a reason to hold a
    contest, which has its own holdout.
    """
    name, rows = "challenger", len(champion_correct)
    if rows < FEWEST_ROWS:
        return too_few(name, rows, rows)
    only_challenger = int((challenger_correct & ~champion_correct).sum())
    only_champion = int((champion_correct & ~challenger_correct).sum())
    p, gain = mcnemar_p(only_challenger, only_champion), (only_challenger - only_champion) / rows
    wins = p <= significance and gain > 0
    judged = "would now win against" if wins else "would not win against"
    reason = (
        f"the challenger {judged} the champion: {only_challenger:,} of {rows:,} rows only it gets "
        f"right, {only_champion:,} only the champion, p {p:.2g}"
    )
    detail = {
        "wins": wins, "p": p, "only_challenger": only_challenger, "only_champion": only_champion,
    }  # fmt: skip
    return Finding(name, Status.OK, reason, gain, NAN, NAN, 0.0, rows, detail)
