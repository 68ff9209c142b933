"""Artifacts of an embedded store are found again after its folder was moved or copied.

MLflow notes where artifacts lie as absolute addresses, with each experiment, run and model. Those
of a store of ours start with `mlartifacts` beside its database (see `store`), so the addresses that
a moved or copied database brings along can be told and put right.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

FOLDER = "mlartifacts"
WAIT_SECONDS = 60
# Columns of MLflow's database that say where artifacts lie; the first is where new ones go.
_LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)


def artifact_folder(database: Path) -> Path:
    """Where the artifacts of a database are kept."""
    return database.parent / FOLDER


def follow(database: Path) -> list[Path]:
    """Have a database look for its artifacts beside itself; return the folders it had before.

    A database that was copied without its artifacts goes on reading those of the original, and
    writes what is new beside itself.

    One transaction: all addresses are changed, or none. To be called under the store's lock.

    Raises:
        sqlite3.Error: the database can't be read or written.
    """
    now = artifact_folder(database)
    with closing(sqlite3.connect(database, timeout=WAIT_SECONDS)) as connection:
        found = connection.execute("SELECT DISTINCT artifact_location FROM experiments")
        old = {
            root: before
            for (root,) in found
            if (before := local_path(root or "")) and _left_behind(before, database)
        }
        with connection:
            for root in old:
                for table, column in _LOCATIONS if now.is_dir() else _LOCATIONS[:1]:
                    connection.execute(
                        f"UPDATE {table} SET {column} = :new || substr({column}, :length + 1) "
                        f"WHERE {column} = :old OR substr({column}, 1, :length + 1) = :old || '/'",
                        {"new": now.as_uri(), "old": root, "length": len(root)},
                    )
    return list(old.values())


def _left_behind(before: Path, database: Path) -> bool:
    """Whether a folder of artifacts was beside this database when that lay somewhere else.

    Not so if somebody has given the experiment another place, such as a larger disk: that place
    exists, and has no database of this name beside it.
    """
    now = artifact_folder(database)
    if before.name != FOLDER or before == now or _same(before, now):
        return False
    other = before.with_name(database.name)
    if os.path.isfile(other):  # noqa: PTH113  False, not PermissionError, if that is forbidden
        return not _same(other, database)  # a copy, and the original is still there
    return now.is_dir() and not os.path.exists(before)  # noqa: PTH110


def local_path(address: str) -> Path | None:
    """The path that an address of artifacts names; None if it is not one of this machine."""
    parts = urlsplit(address)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(url2pathname(parts.path))
    return Path(address) if address.startswith("/") else None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there, or out of reach
        return False
