"""What monitors said of days, and tables of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from tabulate import tabulate

from benchmarks.monitors.days import BEFORE, STABLE

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
    alarm on the first day, and on any.

    Args:
        verdicts: rows of `Verdict`.
    """
    changes = [kind for kind in verdicts["kind"].unique() if kind not in (BEFORE, STABLE)]
    rows = []
    for names, of_method in verdicts.groupby(["monitor", "method", "limit"], sort=False):
        alarms = {kind: days["alarm"] for kind, days in of_method.groupby("kind")}
        before = f"{alarms[BEFORE].mean():.0%}" if BEFORE in alarms else ""
        power = [_power(of_method[of_method["kind"] == change]) for change in changes]
        rows.append([*names, before, f"{alarms[STABLE].mean():.0%}", *power])
    headers = ["monitor", "method", "limit", "days before", "stable days", *changes]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def at_rate(verdicts: pd.DataFrame, rates: dict[str, float]) -> pd.DataFrame:
    """The verdicts of methods that have a score, with the limit moved so that each alarms on the
    share of stable days that `rates` names for what it looks at.

    The limit lies at a score of a stable day: no more days than that are above it.
    """
    scored = verdicts[verdicts["score"].notna()]
    moved = []
    for _, of_method in scored.groupby(["monitor", "method"], sort=False):
        stable = np.sort(of_method.loc[of_method["kind"] == STABLE, "score"])[::-1]
        allowed = round(rates[of_method["about"].iloc[0]] * len(stable))
        limit = stable[allowed] if allowed < len(stable) else -np.inf
        moved.append(of_method.assign(alarm=of_method["score"] > limit, limit=f"{abs(limit):.3g}"))
    return pd.concat(moved, ignore_index=True)


def rate(verdicts: pd.DataFrame, method: str) -> float:
    """The share of days with an alarm on which nothing happened, those before too: an incident that
    was opened then is not opened again."""
    usual = verdicts["kind"].isin([BEFORE, STABLE]) & (verdicts["method"] == method)
    return float(verdicts.loc[usual, "alarm"].mean())


def _power(of_kind: pd.DataFrame) -> str:
    attempts = of_kind.groupby(["history", "attempt"])
    within = attempts["alarm"].any().mean()
    first = of_kind.loc[of_kind["day"] == 0, "alarm"].mean()
    return f"{first:.0%}, {within:.0%}"
