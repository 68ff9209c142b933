"""What a connector promises, so that what it gives can be kept once and only once.

To add one: a module with a class like `Connector` and a function that opens it, a line in
`catalogue.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path, PurePath
from typing import Any, Protocol

import pyarrow as pa

from common.data.csv_reader import Reject
from common.data.reading import FIND_OUT, Reading

# Where a connector goes on: anything that JSON can hold; None: at the start.
Position = Any


@dataclass(frozen=True)
class Asked:
    """What is to be fetched.

    Attributes:
        source: a file that is a source or describes one.
        reading: of an archive, the form of the file in it.
        after_column: of a query, the column that says which rows are new.
        since: of a query, the least value of that column; None: all.
        database: of a query, the address of the database, which may hold a password.
    """

    source: Path
    reading: Reading = FIND_OUT
    after_column: str | None = None
    since: str | None = None
    database: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Batch:
    """Some rows, and where to go on when they are kept.

    Attributes:
        table: columns of text (large_string); null where there is no value.
        position: the next batch starts here, also in another run.
        rejects: rows that could not be read.
        keys: one for each row; a row whose key was kept before is left out. None: all are new.
    """

    table: pa.Table
    position: Position
    rejects: Sequence[Reject] = ()
    keys: Sequence[bytes] | None = None


class Connector(Protocol):
    """An open source."""

    @property
    def identity(self) -> str:
        """What is fetched, for people: all that makes rows of one source, and no secret."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns of every batch."""
        ...

    def batches(self, position: Position) -> Iterator[Batch]:
        """All rows from a position on, in an order in which no row is passed over.

        Raises:
            InputError: the source can't be reached or read. What came before it stands.
        """
        ...


def is_same(before: str, now: str) -> bool:
    """Whether two identities are of one source.

    A relative path of SQLite was once kept as it was written, wherever it started.

    >>> is_same("query 12 by id of sqlite:///../desk.db", "query 12 by id of sqlite:////srv/desk.db")
    True
    """
    (query, _, written), (own, found, path) = (
        identity.partition(" of sqlite:///") for identity in (before, now)
    )
    if not found or query != own:
        return before == now
    parts = [part for part in PurePath(normpath(written)).parts if part != ".."]
    return parts == [*PurePath(normpath(path)).parts[-len(parts) :]]


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> pa.Table:
    """(rows, columns) texts as a table."""
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [pa.array(column, pa.large_string()) for column in cells]
    return pa.table(arrays, schema=text_schema(columns))


def text_schema(columns: Sequence[str]) -> pa.Schema:
    """The schema of every batch."""
    return pa.schema([(name, pa.large_string()) for name in columns])
