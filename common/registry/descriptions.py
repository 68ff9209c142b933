"""What MLflow's pages say of the registered model and its versions; Markdown.

A version's first paragraph is its status, because MLflow's table of versions shows the first word
or two. All else, such as a person's notes, stays when the status changes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from common.registry.history import Entry, Reign

LONGEST = 5000  # characters, of the columns in MLflow's database
STATUS = re.compile(r"[A-Z][a-z ]+(?: since| on|,) \d{4}-\d\d-\d\d \d\d:\d\d UTC")
CONTEST = "### Contest"
CHAMPIONS = "### Champions"
CUT = "\n\n(cut: see contest.html of its run)"
KINDS = {
    "contest": "won its contest",
    "manual": "by hand",
    "rollback": "rollback",
    "outside": "outside of this program",
}


def with_status(text: str | None, status: str) -> str:
    """A version's description with another status.

    >>> with_status("Rejected, 2026-03-02 06:00 UTC.\\n\\nNotes", "Replaced.")
    'Replaced.\\n\\nNotes'
    """
    first, _, rest = (text or "").strip().partition("\n\n")
    kept = rest if STATUS.match(first) else text
    return _cut("\n\n".join(filter(None, (status, (kept or "").strip()))))


def with_contest(text: str | None, outcome: str, at: str, contest: str) -> str:
    """A new version's description: what became of it, and its contest.

    Args:
        text: the description so far; a status in it, such as that of a new champion, stays.
        outcome: in a word, for the status if there is none yet.
        contest: Markdown.
    """
    before = (text or "").strip() or f"{outcome.capitalize()}, {moment(at)}."
    return _cut(f"{before}\n\n{CONTEST}\n\n{contest}")


def of_champion(entry: Entry) -> str:
    """The status of an entry's version."""
    since = moment(entry.at)
    if entry.kind == "contest":
        return f"Champion since {since}: it won its contest."
    if entry.kind == "manual":
        return f"Champion since {since}, promoted by hand ({entry.by}): {sentence(entry.reason)}"
    if entry.kind == "rollback":
        return (
            f"Champion since {since}, again: rollback from version {entry.replaced} ({entry.by}): "
            f"{sentence(entry.reason)}"
        )
    return f"Champion since {since} at the latest: {sentence(entry.reason)}"


def of_replaced(entry: Entry) -> str:
    """The status of the version that an entry has replaced."""
    by = f"version {entry.version}" if entry.version else "no other version"
    if entry.kind == "rollback":
        return f"Rolled back on {moment(entry.at)} to {by} ({entry.by}): {sentence(entry.reason)}"
    how = {"contest": ", which won its contest", "manual": f", by hand ({entry.by})"}
    return f"Replaced on {moment(entry.at)} by {by}{how.get(entry.kind, '')}."


def of_model(text: str | None, reigns: Sequence[Reign]) -> str:
    """The registered model's description: a person's own text, then its champions as a table.

    Args:
        reigns: oldest first; those that no longer fit are left out.
    """
    own = (text or "").partition(CHAMPIONS)[0].strip()
    own = own or "Sorts customer-support messages into classes."
    head = [
        own,
        f"{CHAMPIONS}\n\n{_present(reigns)}",
        "| version | from | until | how | by | why |\n|---|---|---|---|---|---|",
    ]
    left = LONGEST - sum(map(len, head)) - 200
    rows: list[str] = []
    for reign in reversed(reigns):
        row = _row(reign)
        left -= len(row) + 1
        if left < 0:
            break
        rows.append(row)
    if not rows:
        return _cut("\n\n".join(head[:2]))
    table = "\n".join([head[2], *rows])
    more = len(reigns) - len(rows)
    note = f"\n\n{more} earlier ones: `python -m common.registry history`." if more else ""
    return _cut("\n\n".join([*head[:2], table]) + note)


def moment(at: str) -> str:
    """A time as people read it.

    >>> moment("2026-03-02T06:00:00+00:00")
    '2026-03-02 06:00 UTC'
    """
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def sentence(text: str) -> str:
    """With a full stop at its end."""
    return f"{' '.join(text.split()).rstrip('.')}."


def _present(reigns: Sequence[Reign]) -> str:
    last = reigns[-1].entry if reigns else None
    if last is None or last.version is None:
        return "No version is champion."
    return f"Version {last.version} is the champion, since {moment(last.at)}."


def _row(reign: Reign) -> str:
    entry = reign.entry
    cells = (
        str(entry.version or "none"),
        moment(entry.at),
        moment(reign.until) if reign.until else "now",
        KINDS.get(entry.kind, entry.kind),
        entry.by,
        entry.reason,
    )
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str, longest: int = 300) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - len(CUT)] + CUT
