"""What monitors said of days, and tables of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from tabulate import tabulate

from benchmarks.monitors.days import BEFORE, SAME_MESSAGES, STABLE

# What a method looks at: texts and answers, or whether answers are right.
DRIFT, ACCURACY, ANY = "drift", "accuracy", "any"


class Verdict(NamedTuple):
    """What one method said of one day.

    Attributes:
        about: DRIFT, ACCURACY or ANY.
        history, kind, attempt, day: which day.
        score: larger is worse; nan where the method has none.
        limit: of the score, in words.
    """

    monitor: str
    method: str
    about: str
    history: int
    kind: str
    attempt: int
    day: int
    alarm: bool
    score: float = np.nan
    limit: str = ""


def table(verdicts: pd.DataFrame) -> str:
    """Markdown: of each method the share of days with an alarm, of the usual days before (where it
    has judged them) and of stable days after them; of each change, the share of attempts with an
    alarm on the first day, and on any. To what looks for drift, days are stable whose labels alone
    have changed.

    Args:
        verdicts: rows of `Verdict`.
    """
    changes = [kind for kind in verdicts["kind"].unique() if kind not in (BEFORE, STABLE)]
    columns = ["stable days", *changes]
    if BEFORE in set(verdicts["kind"]):
        columns = ["days before", *columns]
    rows = []
    for names, of_method in verdicts.groupby(["monitor", "method", "limit"], sort=False):
        stable = _stable(of_method)
        others = of_method.drop(stable.index)
        cells = {
            "days before": _share(of_method[of_method["kind"] == BEFORE]),
            "stable days": _share(stable),
            **{change: _power(others[others["kind"] == change]) for change in changes},
        }
        rows.append([*names, *(cells[column] for column in columns)])
    headers = ["monitor", "method", "limit", *columns]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def at_rate(verdicts: pd.DataFrame, rates: dict[str, float]) -> pd.DataFrame:
    """The verdicts of methods that have a score, with the limit moved so that each alarms on the
    share of stable days that `rates` names for what it looks at.

    The limit lies at a score of a stable day: no more days than that are above it.
    """
    scored = verdicts[verdicts["score"].notna()]
    moved = []
    for _, of_method in scored.groupby(["monitor", "method"], sort=False):
        scores = np.sort(_stable(of_method)["score"])[::-1]
        allowed = round(rates[of_method["about"].iloc[0]] * len(scores))
        limit = scores[allowed] if allowed < len(scores) else -np.inf
        alarm = of_method["score"] > limit
        moved.append(of_method.assign(alarm=alarm, limit=f"{abs(limit):.3g}"))
    return pd.concat(moved, ignore_index=True)


def rate(verdicts: pd.DataFrame, method: str) -> float:
    """The share of days with an alarm on which nothing happened, those before too: an incident that
    was opened then is not opened again."""
    of_method = verdicts[verdicts["method"] == method]
    usual = pd.concat([of_method[of_method["kind"] == BEFORE], _stable(of_method)])
    return float(usual["alarm"].mean())


def _stable(of_method: pd.DataFrame) -> pd.DataFrame:
    """The days after those before on which nothing has changed that the method looks at."""
    same = SAME_MESSAGES if of_method["about"].iloc[0] == DRIFT else (STABLE,)
    return of_method[of_method["kind"].isin(same)]


def _share(days: pd.DataFrame) -> str:
    return "" if days.empty else f"{days['alarm'].mean():.1%}"


def _power(of_kind: pd.DataFrame) -> str:
    if of_kind.empty:
        return ""
    attempts = of_kind.groupby(["history", "attempt"])
    within = attempts["alarm"].any().mean()
    first = of_kind.loc[of_kind["day"] == 0, "alarm"].mean()
    return f"{first:.0%}, {within:.0%}"
