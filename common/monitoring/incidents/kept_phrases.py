"""In how many messages of each window phrases stood, as the book keeps it for later windows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from common.monitoring.incidents.lifecycle import place
from common.monitoring.incidents.tables import decoding
from common.monitoring.phrases import PhraseCounts

# Eight weeks of days are looked back at.
KEPT_WINDOWS = 60


def put(
    connection: sqlite3.Connection, feed: str, found: Mapping[str, PhraseCounts], masked: bool
) -> None:
    """Keep what windows hold, where more of their messages were looked at than before.

    Only what `PhraseCounts.frequent` lets through, and only of the last windows.
    """
    known = {
        window: (messages, bool(was_masked))
        for window, messages, was_masked in connection.execute(
            "SELECT window, messages, masked FROM phrases WHERE feed = ?", (feed,)
        )
    }
    for window, every in found.items():
        messages, was_masked = known.get(window, (0, masked))
        if was_masked == masked and every.messages <= messages:
            continue
        kept = every.frequent()
        connection.execute(
            "INSERT OR REPLACE INTO phrases VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(feed, window, place(window), int(masked), kept.messages, kept.least),
                json.dumps(dict(kept.counts), ensure_ascii=False),
            ),
        )
    connection.execute(
        """DELETE FROM phrases WHERE feed = ? AND window NOT IN (
        SELECT window FROM phrases WHERE feed = ? ORDER BY place DESC LIMIT ?)""",
        (feed, feed, KEPT_WINDOWS),
    )


def get(connection: sqlite3.Connection, feed: str, masked: bool) -> dict[str, PhraseCounts]:
    """What is kept of windows, oldest first, whose messages did or did not hold masks."""
    rows = connection.execute(
        """SELECT window, messages, least, counts FROM phrases WHERE feed = ? AND masked = ?
        ORDER BY place""",
        (feed, int(masked)),
    ).fetchall()
    with decoding():
        return {
            window: PhraseCounts(messages, dict(json.loads(counts)), least)
            for window, messages, least, counts in rows
        }
