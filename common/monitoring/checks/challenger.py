"""Has the challenger become the better model since the contest?"""

from __future__ import annotations

from common.evaluation.paired import mcnemar_p
from common.evaluation.two_samples import MIN_ROWS
from common.monitoring.checks.finding import Finding, Status, too_few
from common.text import p_value

SIGNIFICANCE = 0.05


def would_win(*, rows: int, only_champion: int, only_challenger: int) -> Finding:
    """Would the challenger now win by accuracy, on the labelled rows of this window?

    Args:
        only_champion, only_challenger: how many of `rows` one of the two alone gets right.

    For information: always OK, because a champion that is good enough is not a trouble. `value` is
    the challenger's gain in accuracy, -1 to 1; detail["wins"] says whether it would win, by the
    exact one-sided McNemar test (Dietterich 1998). Looked at every day, an equal challenger wins by
    chance on one day in twenty: see it as a reason to hold a contest, which has its own holdout.
    """
    if rows < MIN_ROWS:
        return too_few("challenger", rows, rows)
    p, gain = mcnemar_p(only_challenger, only_champion), (only_challenger - only_champion) / rows
    wins = p <= SIGNIFICANCE and gain > 0
    judged = "would now win against" if wins else "would not win against"
    reason = (
        f"the challenger {judged} the champion: {only_challenger:,} of {rows:,} rows only it gets "
        f"right, {only_champion:,} only the champion, {p_value(p)}"
    )
    detail = {
        "wins": wins,
        "p": p,
        "only_challenger": only_challenger,
        "only_champion": only_champion,
    }
    return Finding("challenger", Status.OK, reason, value=gain, limit=0.0, rows=rows, detail=detail)
