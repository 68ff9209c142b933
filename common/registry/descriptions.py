"""What MLflow's pages say of a model and its versions: who is champion, since when, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from tabulate import tabulate

from common import text
from common.registry.register import Entry
from common.text import brief

# Of the description's column in MLflow's database.
LONGEST = 5000
CONTEST = "\n\nIts contest: "
REASON_CHARACTERS = 160
HOW: Mapping[str, str] = {
    "contest": "won its contest",
    "manual": "promoted by hand",
    "rollback": "rolled back to",
    "outside": "alias moved by another program",
}


def of_model(entries: Sequence[Entry]) -> str:
    """The champion and the history as a table, the newest entry first; what is too long is cut.

    Args:
        entries: of the history, oldest first; at least one.
    """
    champion = entries[-1].version
    head = f"Champion: version {champion}.\n\n" if champion else "There is no champion.\n\n"
    rows = [
        (
            moment(entry.at),
            entry.version or "none",
            entry.replaced or "",
            HOW.get(entry.kind, entry.kind),
            brief(entry.reason.replace("|", "/"), REASON_CHARACTERS),
        )
        for entry in reversed(entries)
    ]
    headers = ("since", "version", "instead of", "how", "why")
    for shown in range(len(rows), 0, -1):
        older = len(rows) - shown
        tail = f"\n\n{older:,} older entries: `python -m common.registry history`" if older else ""
        table = tabulate(rows[:shown], headers, tablefmt="github", disable_numparse=True)
        if len(text := head + table + tail) <= LONGEST:
            return text
    return head.strip()


def of_champion(entry: Entry, before: str) -> str:
    """A version's description from when it became champion otherwise than by its contest.

    Args:
        before: its description until now.
    """
    how = {"manual": "promoted by hand", "rollback": "by a rollback"}.get(entry.kind, entry.kind)
    return _with_contest(f"Champion since {moment(entry.at)}, {how}: {entry.reason}.", before)


def of_replaced(entry: Entry, before: str) -> str:
    """A version's description from when another one replaced it."""
    how = HOW.get(entry.kind, entry.kind)
    other = f"version {entry.version}" if entry.version else "nothing"
    status = f"No longer champion: replaced by {other} on {moment(entry.at)} ({other} was {how})."
    if entry.kind == "contest":
        status = f"No longer champion: {other} {how} on {moment(entry.at)}."
    return _with_contest(status, before)


def _with_contest(status: str, before: str) -> str:
    _, mark, contest = before.partition(CONTEST)
    return f"{status}{CONTEST}{contest if mark else before}"[:LONGEST]


def moment(at: str) -> str:
    """A time as people read it.

    >>> moment("2026-03-02T06:00:00+00:00")
    '2026-03-02 06:00 UTC'
    """
    return text.moment(datetime.fromisoformat(at))
