"""The folder that rows are fetched into: numbered Parquet files, and how far the source was read.

A part is written under a hidden name. One transaction in `_fetch.db` then says that it counts, and
from where to go on; then it gets its name. So a run that is killed at any moment leaves rows that
count, or rows that are removed and fetched again, and nobody ever sees the second kind.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from common.data import atomic, csv_rows
from common.data.connectors.base import Batch, Position, is_same, text_schema
from common.data.csv_reader import Reject
from common.data.files import REJECTS
from common.data.sqlite import connect, sqlite_errors, transaction
from common.errors import InputError
from common.masking import mask

STATE = "_fetch.db"
# A part is closed when it has so many rows or bytes, or holds rows that are older than this: a kill
# costs at most that.
PART_ROWS, PART_BYTES, PART_SECONDS = 100_000, 64_000_000, 60.0

_APPLICATION, _VERSION = 0x54724665, 1  # "TrFe"
_SCHEMA = (
    "CREATE TABLE source (identity TEXT NOT NULL, columns TEXT NOT NULL, masked TEXT,"
    " position TEXT NOT NULL, parts INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " rejects INTEGER NOT NULL)",
    "CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID",
)


@dataclass
class Landed:
    """What a run has brought.

    Attributes:
        parts: names of the files.
        repeated: rows that had been fetched before and were left out.
        rows_in_all: rows of all runs so far.
    """

    parts: list[str]
    rows: int = 0
    rejects: int = 0
    repeated: int = 0
    rows_in_all: int = 0


class Landing:
    """Made by `opened`; do not construct directly.

    Attributes:
        position: where to go on.
        landed: what this run has brought.
    """

    def __init__(
        self, folder: Path, state: sqlite3.Connection, columns: Sequence[str], masked: str | None
    ) -> None:
        self._folder, self._state, self._columns, self._masked = folder, state, columns, masked
        row = state.execute("SELECT position, parts, rows FROM source").fetchone()
        self.position: Position = json.loads(row[0])
        self._parts, rows_in_all = int(row[1]), int(row[2])
        self.landed = Landed([], rows_in_all=rows_in_all)
        self._tables: list[pa.Table] = []
        self._rejects: list[Reject] = []
        self._keys: set[bytes] = set()
        self._since = time.monotonic()
        self._settle()

    def add(self, batch: Batch) -> int:
        """Take a batch; return how many of its rows are new. Kept for sure after `commit`."""
        table = batch.table if batch.keys is None else self._unseen(batch.table, batch.keys)
        self.landed.repeated += len(batch.table) - len(table)
        if not self._tables and not self._rejects:
            self._since = time.monotonic()
        if len(table):
            self._tables.append(self._disclosed(table))
        self._rejects += batch.rejects
        self.position = batch.position
        if (
            sum(map(len, self._tables)) >= PART_ROWS
            or sum(held.nbytes for held in self._tables) >= PART_BYTES
            or time.monotonic() - self._since >= PART_SECONDS
        ):
            self.commit()
        return len(table)

    def commit(self) -> None:
        """Make a part of the rows that are held, and keep the position.

        Raises:
            InputError: the folder can't be written.
            StoreError: the state can't be written.
        """
        rows = sum(map(len, self._tables))
        part = self._part(self._parts) if rows or self._rejects else None
        if part:
            try:
                self._write(part)
            except OSError as error:
                for path in _with_rejects(_hidden(part)):
                    atomic.remove(path)
                reason = error.strerror or error
                raise InputError(f"cannot write {part}: {reason}.") from error
        with transaction(self._state):
            self._state.execute(
                "UPDATE source SET position = ?, parts = parts + ?, rows = rows + ?, "
                "rejects = rejects + ?",
                (json.dumps(self.position), int(part is not None), rows, len(self._rejects)),
            )
            self._state.executemany("INSERT INTO seen VALUES (?)", [(k,) for k in self._keys])
        if part:
            self._publish(part)
            self._parts += 1
            self.landed.parts.append(part.name)
        self.landed.rows += rows
        self.landed.rows_in_all += rows
        self.landed.rejects += len(self._rejects)
        self._tables, self._rejects, self._keys = [], [], set()

    def _settle(self) -> None:
        """Give its name to a part that counts; remove one that does not."""
        if self._parts:
            self._publish(self._part(self._parts - 1))
        for path in _with_rejects(_hidden(self._part(self._parts))):
            path.unlink(missing_ok=True)

    def _unseen(self, table: pa.Table, keys: Sequence[bytes]) -> pa.Table:
        new = []
        for key in keys:
            known = (
                key in self._keys
                or self._state.execute("SELECT 1 FROM seen WHERE key = ?", (key,)).fetchone()
            )
            if not known:
                self._keys.add(key)
            new.append(not known)
        return table.filter(pa.array(new, pa.bool_()))

    def _disclosed(self, table: pa.Table) -> pa.Table:
        if self._masked is None:
            return table
        at = table.schema.get_field_index(self._masked)
        texts = [None if text is None else mask(text) for text in table.column(at).to_pylist()]
        return table.set_column(at, table.schema.field(at), pa.array(texts, pa.large_string()))

    def _part(self, number: int) -> Path:
        return self._folder / f"part-{number:05d}.parquet"

    def _write(self, part: Path) -> None:
        hidden, rejects = _with_rejects(_hidden(part))
        whole = pa.concat_tables([text_schema(self._columns).empty_table(), *self._tables])
        with atomic.create(hidden) as file:
            pq.write_table(whole, file)
            file.flush()
            os.fsync(file.fileno())
        if self._rejects:
            shown = mask if self._masked else str
            binary = atomic.create(rejects)
            with io.TextIOWrapper(binary, "utf-8", errors="replace", newline="") as lines:
                csv_rows.write(lines, [("line", "reason", "raw")])
                csv_rows.write(lines, ((r.line, r.reason, shown(r.raw)) for r in self._rejects))
                lines.flush()
                os.fsync(lines.fileno())
        atomic.sync_folder(self._folder)

    def _publish(self, part: Path) -> None:
        """The rejects first: where there is a part, nothing of it is missing."""
        for hidden, final in zip(
            reversed(_with_rejects(_hidden(part))), reversed(_with_rejects(part)), strict=True
        ):
            if hidden.exists():
                hidden.replace(final)
        atomic.sync_folder(self._folder)


@contextmanager
def opened(
    folder: Path, identity: str, columns: Sequence[str], masked: str | None
) -> Iterator[Landing]:
    """Open a folder to fetch into; it is made if need be.

    Args:
        identity: of the source; a folder has rows of one.
        masked: the column whose texts are masked before they are written; None: none.

    Raises:
        InputError: the folder holds other files or rows of another source, or another run is at it.
        StoreError: its state can't be read or written.
    """
    atomic.make_folder(folder)
    state_path = folder / STATE
    try:
        with FileLock(folder / ".fetch.lock", timeout=0), sqlite_errors(state_path):
            _refuse_foreign(folder)
            state = connect(state_path, _APPLICATION, _VERSION, _SCHEMA)
            try:
                _remember(state, folder, identity, columns, masked)
                yield Landing(folder, state, columns, masked)
            finally:
                state.close()
    except Timeout as error:
        raise InputError(f"{folder} is being fetched into by another run: wait for it.") from error
    except PermissionError as error:
        raise InputError(f"cannot write in {folder}: {error.strerror}.") from error


def _refuse_foreign(folder: Path) -> None:
    others = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    if others and not (folder / STATE).exists():
        raise InputError(
            f"{folder} holds files that were not fetched ({min(others)}): name an empty or a new "
            "folder."
        )


def _remember(
    state: sqlite3.Connection,
    folder: Path,
    identity: str,
    columns: Sequence[str],
    masked: str | None,
) -> None:
    """Note the source on the first run; refuse another one later."""
    now = (identity, json.dumps(list(columns)), masked)
    with transaction(state):
        before = state.execute("SELECT identity, columns, masked FROM source").fetchone()
        if before is None:
            state.execute("INSERT INTO source VALUES (?, ?, ?, 'null', 0, 0, 0)", now)
            return
    elsewhere = "fetch into a new folder."
    if not is_same(before[0], identity):
        raise InputError(f"{folder} holds rows of {before[0]}, not of {identity}: {elsewhere}")
    if before[1] != now[1]:
        raise InputError(
            f"{folder} has the columns {', '.join(json.loads(before[1]))}, but the source now has "
            f"{', '.join(columns)}: {elsewhere}"
        )
    if before[2] != masked:
        kept = f"masks in {before[2]!r}" if before[2] else "no masks"
        raise InputError(f"{folder} was fetched with {kept}: do the same again, or {elsewhere}")
    if before[0] != identity:
        with transaction(state):
            state.execute("UPDATE source SET identity = ?", (identity,))


def _hidden(part: Path) -> Path:
    return part.with_name(f".{part.name}")


def _with_rejects(part: Path) -> tuple[Path, Path]:
    """A part and its rejects, which readers of Parquet folders pass over: `_` comes first."""
    hidden = part.name.startswith(".")
    return part, part.with_name(f"{'.' * hidden}_{part.name.removeprefix('.')}{REJECTS}")
