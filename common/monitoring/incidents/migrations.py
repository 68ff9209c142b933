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
from common.monitoring.incidents.lifecycle import place
from common.monitoring.incidents.tables import VERSION, decoding


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
    for statement in (
        "ALTER TABLE windows RENAME TO findings",
        "DROP INDEX windows_in_order",
        """CREATE TABLE windows (
        model TEXT, window TEXT, place TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (model, window))""",
        "CREATE INDEX windows_in_order ON windows (model, place, window)",
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


def _tell_versions_apart(connection: sqlite3.Connection) -> None:
    """2 to 3: windows and incidents belong to a feed and a version, and people may decide.

    Which version judged them is not known (0), and feeds keep their former names, until a look
    adopts them.
    """
    for statement in (
        "DROP INDEX windows_in_order",
        "DROP INDEX findings_in_order",
        "DROP INDEX notices_of_findings",
        "ALTER TABLE windows RENAME TO former_windows",
        "ALTER TABLE findings RENAME TO former_findings",
        """CREATE TABLE windows (
        feed TEXT, version INTEGER, window TEXT, place TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (feed, version, window))""",
        """CREATE TABLE findings (
        feed TEXT, version INTEGER, finding TEXT, window TEXT, place TEXT NOT NULL,
        judged_at TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, value REAL, lower REAL,
        upper REAL, "limit" REAL, rows INTEGER NOT NULL, detail TEXT NOT NULL,
        PRIMARY KEY (feed, version, finding, window))""",
        """INSERT INTO windows SELECT model, 0, window, place, record FROM former_windows
        ORDER BY rowid""",
        """INSERT INTO findings SELECT model, 0, finding, window, place, judged_at, status, reason,
        value, lower, upper, "limit", rows, detail FROM former_findings ORDER BY rowid""",
        "DROP TABLE former_windows",
        "DROP TABLE former_findings",
        "ALTER TABLE notices RENAME COLUMN model TO feed",
        "ALTER TABLE notices ADD COLUMN version INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX windows_in_order ON windows (feed, place, window)",
        "CREATE INDEX findings_in_order ON findings (feed, version, finding, place, window)",
        "CREATE INDEX notices_of_findings ON notices (feed, finding)",
        """CREATE TABLE decisions (
        number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at TEXT NOT NULL,
        by TEXT NOT NULL, reason TEXT NOT NULL, feed TEXT, finding TEXT, incident TEXT, window TEXT,
        until TEXT)""",
    ):
        connection.execute(statement)


def _keep_summaries(connection: sqlite3.Connection) -> None:
    """3 to 4: what files held is kept, so that they need not be read again."""
    connection.execute(
        """CREATE TABLE summaries (
        key TEXT PRIMARY KEY, used_at TEXT NOT NULL, summary TEXT NOT NULL)"""
    )


def _keep_phrases(connection: sqlite3.Connection) -> None:
    """4 to 5: in how many messages of a window phrases stood, for what is new in later ones."""
    connection.execute(
        """CREATE TABLE phrases (
        feed TEXT, window TEXT, place TEXT NOT NULL, masked INTEGER NOT NULL,
        messages INTEGER NOT NULL, least INTEGER NOT NULL, counts TEXT NOT NULL,
        PRIMARY KEY (feed, window))"""
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


STEPS = (_give_windows_a_table, _tell_versions_apart, _keep_summaries, _keep_phrases)
