"""One SQLite file of our own: made when it is first used, and failing in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from common.errors import StoreError, StoreFull

BUSY_SECONDS = 30.0
REMEDY = "restore it from a backup, or move it away to begin a new one."
EXPLAINED = {
    sqlite3.SQLITE_BUSY: f"was held by another process for {BUSY_SECONDS:.0f} s: is it stuck?",
    sqlite3.SQLITE_READONLY: "can't be written: let this user write the file and its folder.",
    sqlite3.SQLITE_CANTOPEN: "can't be opened: is its folder there, and may this user write it?",
    sqlite3.SQLITE_FULL: "can't be written: no space left on its disk.",
    sqlite3.SQLITE_NOTADB: f"is not a SQLite database: {REMEDY}",
    sqlite3.SQLITE_IOERR: "can't be read or written: is its disk full or failing?",
    sqlite3.SQLITE_CORRUPT: f"is damaged: {REMEDY}",
}


def connect(
    path: Path, application_id: int, version: int, schema: Sequence[str]
) -> sqlite3.Connection:
    """Open the file; make it where it is missing or empty.

    Args:
        application_id: tells it from other programs' databases; not 0.
        version: of the schema, from 1.
        schema: statements that make the tables.

    Raises:
        StoreError: another program's, or from a newer version.
        sqlite3.Error: for `sqlite_errors`.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        if _number(connection, "application_id") != application_id:
            with transaction(connection):
                _make(connection, path, application_id, version, schema)
        if _number(connection, "user_version") > version:
            raise StoreError(
                f"{path} was written by a newer version of this program: upgrade, or move it away."
            )
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and for writing from the start: what is read still holds when it is used."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn every failure of SQLite into one line."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # no fault of the file
    except sqlite3.Error as error:
        # The lower byte is the kind, the rest is detail.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind = StoreFull if code == sqlite3.SQLITE_FULL else StoreError
        raise kind(f"{path} {EXPLAINED.get(code, f'failed: {error}; {REMEDY}')}") from error


def _make(
    connection: sqlite3.Connection,
    path: Path,
    application_id: int,
    version: int,
    schema: Sequence[str],
) -> None:
    if _number(connection, "application_id") == application_id:
        return  # by another process, meanwhile
    if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StoreError(f"{path} is another program's database: name another file.")
    for statement in (
        *schema,
        f"PRAGMA application_id = {application_id}",
        f"PRAGMA user_version = {version}",
    ):
        connection.execute(statement)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
