"""What a row of windows is: of which model, from where, how long, and by which policy judged."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from common.monitoring.windows import Length
from common.text import printable

HOLDOUT, TABLE = "holdout", "table"
FILE = "file"


@dataclass(frozen=True)
class Feed:
    """Windows that are compared with each other, and whose incidents follow on each other.

    Looks with another source, length, floor or choice of version are feeds of their own, so that
    two of them can share one database.

    Attributes:
        model: its registered name.
        watched: which version is looked at: an alias, `latest`, a number, or `as scored`.
        source: a file or folder as `source_of` names it, or `holdout` or `table`.
        window: `file`, `7 days`, `500 rows`.
        floor: what accuracy must reach, 0 to 1.
    """

    model: str
    watched: str = "champion"
    source: str = TABLE
    window: str = FILE
    floor: float = 0.8

    @property
    def key(self) -> str:
        """What the database knows it by: plain ASCII, never that of another feed."""
        return json.dumps([self.model, self.watched, self.source, self.window, self.floor])

    @classmethod
    def of_key(cls, key: str) -> Feed | None:
        """The feed that a database knows by this key; None for a key of a former release.

        >>> Feed.of_key(Feed("triage", source="days").key)
        Feed(model='triage', watched='champion', source='days', window='file', floor=0.8)
        """
        try:
            return cls(*json.loads(key))
        except (ValueError, TypeError):
            return None

    @property
    def former_key(self) -> str:
        """What databases knew it by that told fewer feeds apart.

        >>> Feed("triage", window="7 days").former_key, Feed("triage", source=HOLDOUT).former_key
        ('triage, 7 days', 'triage, holdout')
        """
        if self.source == HOLDOUT:
            return printable(f"{self.model}, {HOLDOUT}")
        return printable(self.model if self.window == FILE else f"{self.model}, {self.window}")

    def __str__(self) -> str:
        return printable(
            f"{self.model} ({self.watched}), {self.source}, by {self.window}, floor {self.floor:g}"
        )


def feed_text(key: str) -> str:
    """A feed's key for people; one of a former database is readable as it is.

    >>> feed_text(Feed("triage", source="days", window="1 days").key), feed_text("triage, 1 days")
    ('triage (champion), days, by 1 days, floor 0.8', 'triage, 1 days')
    """
    return str(Feed.of_key(key) or key)


def window_text(length: Length) -> str:
    """The length of windows in words.

    >>> window_text(Length(days=7)), window_text(Length())
    ('7 days', 'file')
    """
    counted = {"days": length.days, "rows": length.rows}
    return next((f"{number} {unit}" for unit, number in counted.items() if number), FILE)


def source_of(path: Path, length: Length, root: Path) -> str:
    """What messages of a file or folder are from, the same every day.

    Whole files are compared with the others of their folder. Of days and rows, files whose names
    differ in digits alone are one source. Within `root` it is the path from there, so that a
    project can be moved.

    >>> source_of(Path("/a/data/day-2026-03-01.csv"), Length(days=1), Path("/a"))
    'data/day-#-#-#.csv'
    >>> source_of(Path("/b/day-2026-03-01.csv"), Length(), Path("/a"))
    '/b'
    """
    found = path.resolve()
    if length.days is None and length.rows is None and not found.is_dir():
        found = found.parent
    elif not found.is_dir():
        found = found.with_name(re.sub(r"[0-9]+", "#", found.name))
    if found.is_relative_to(root.resolve()):
        found = found.relative_to(root.resolve())
    return printable(found)
