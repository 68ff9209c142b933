"""Bring the database of a former release to the tables of today, with all that it holds.

Each step goes from one version to the next and is never changed again, so it names tables and keys
as they were then. All steps run in one transaction: a process that is killed leaves the old version
as it was.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from common.data import sqlite
from common.monitoring.incidents.tables import VERSION, WINDOWS_TABLE, decoding, place


def upgrade(connection: sqlite3.Connection) -> None:
    """Migrate to VERSION, if the database is older.

    Raises:
        sqlite3.Error: it can't be read or written.
    """
    if _version(connection) >= VERSION:
        return
    with sqlite.transaction(connection):
        # Another process may have done it meanwhile.
        for step in STEPS[_version(connection) - 1 :]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _give_windows_a_table(connection: sqlite3.Connection) -> None:
    """1 to 2: what is remembered of a window was in the details of its finding `accuracy`."""
    rows = connection.execute(
        """SELECT a.model, a.window, a.status, a.detail, d.detail FROM windows a
        LEFT JOIN windows d ON d.model = a.model AND d.window = a.window AND d.finding = 'drift'
        WHERE a.finding = 'accuracy'"""
    ).fetchall()
    connection.execute("ALTER TABLE windows RENAME TO findings")
    connection.execute("DROP INDEX windows_in_order")
    for statement in (
        *WINDOWS_TABLE,
        "CREATE INDEX findings_in_order ON findings (model, finding, place, window)",
    ):
        connection.execute(statement)
    for model, window, status, accuracy, drift in rows:
        with decoding():
            detail = json.loads(accuracy)
            remembered = detail.pop("window")
            warned = json.loads(drift)["warned"] if drift else None
            record = {
                "window": window,
                "status": status,
                "read": remembered["read"],
                "labelled": remembered["labelled"],
                "correct": remembered["correct"],
                "accuracy": _interval(remembered),
                "estimate": remembered["estimated"],
                "degradation": remembered["degradation"],
                "drift_warnings": warned,
            }
        connection.execute(
            "INSERT INTO windows VALUES (?, ?, ?, ?)",
            (model, window, place(window), json.dumps(record)),
        )
        connection.execute(
            """UPDATE findings SET detail = ?
            WHERE model = ? AND finding = 'accuracy' AND window = ?""",
            (json.dumps(detail), model, window),
        )


def _interval(remembered: Mapping[str, Any]) -> dict[str, Any] | None:
    if remembered["accuracy"] is None:
        return None
    return {
        "value": remembered["accuracy"],
        "lower": remembered["lower"],
        "upper": remembered["upper"],
    }


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


STEPS = (_give_windows_a_table,)
