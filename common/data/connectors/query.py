"""Rows of a database query, in the order of a column that says which of them are new.

Rows that are equal in this column may come one by one, and a run may end between them. So the next
run asks for the last value again (`>=`), and leaves out the rows with it that were kept, by their
content: of equal rows, as many as were kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from common import ROOT, logs
from common.data.connectors.base import Asked, Batch, Position, text_table
from common.data.files import readable
from common.errors import InputError, MissingColumn, SettingsError
from common.text import credentials, first_line, without_password

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, TextClause

BATCH_ROWS = 10_000
# Rows with one value of the column that can be told apart between two runs.
MOST_TIES = 1_000_000

# Types whose values are the same after a way through text; a float may not be.
_ORDERED: dict[str, tuple[type, Any]] = {
    "int": (int, int),
    "decimal": (Decimal, Decimal),
    "datetime": (datetime, datetime.fromisoformat),
    "date": (date, date.fromisoformat),
    "uuid": (UUID, UUID),
    "text": (str, str),
}
_END = re.compile(r";\s*(--[^\n]*\s*)*\Z")
# What SQLAlchemy would take for a parameter, or for one that is escaped.
_PARAMETER = re.compile(r"\\:(?!:)|(?<![:\w\\]):(?=[\w$])")


@dataclass(frozen=True)
class Query:
    """A query of a database; see `base.Connector`."""

    engine: Engine
    sql: str
    after_column: str
    since: str | None
    columns: Sequence[str]
    identity: str

    def batches(self, position: Position) -> Iterator[Batch]:
        with _explained(self.identity), self.engine.connect() as connection:
            connection.execution_options(stream_results=True, yield_per=BATCH_ROWS)
            self._refuse_missing_values(connection)
            if position is None:
                boundary = _Boundary(self._first(connection), {})
            else:
                boundary = _Boundary(_parsed(position["last"]), position["ties"])
            last = boundary.last
            rows = connection.execute(self._newer(last), {} if last is None else {"last": last})
            at = self.columns.index(self.after_column)
            for part in rows.partitions(BATCH_ROWS):
                texts = [_texts(values, self.columns) for values in part]
                new = [
                    row
                    for row, values in zip(texts, part, strict=True)
                    if boundary.is_new(values[at], row)
                ]
                position = boundary.position()
                if boundary.ties > MOST_TIES:
                    raise InputError(
                        f"more than {MOST_TIES:,} rows have one value of {self.after_column!r}: "
                        "name a finer column with --after-column."
                    )
                if new:
                    yield Batch(text_table(self.columns, new), position)

    def _newer(self, last: object) -> TextClause:
        column = self.engine.dialect.identifier_preparer.quote(self.after_column)
        least = f"WHERE {column} >= :last " if last is not None else ""
        return _wrapped(self.sql, f"{least}ORDER BY {column}", bound=last is not None)

    def _refuse_missing_values(self, connection: Connection) -> None:
        column = self.engine.dialect.identifier_preparer.quote(self.after_column)
        nulls = _wrapped(self.sql, f"WHERE {column} IS NULL", what="count(*)")
        count = connection.execute(nulls).scalar_one()
        if count:
            raise InputError(
                f"{count:,} rows have no {self.after_column!r}, so nothing tells when they are "
                "new: name another column, or leave them out in the query."
            )

    def _first(self, connection: Connection) -> object:
        """--since as a value of the column's type; None if all rows are asked for."""
        if self.since is None:
            return None
        column = self.engine.dialect.identifier_preparer.quote(self.after_column)
        sample = connection.execute(_wrapped(self.sql, "", what=column)).scalar()
        if sample is None:
            return self.since
        try:
            value = _ORDERED[_kind(sample)][1](self.since)
        except (ValueError, ArithmeticError):
            raise SettingsError(
                f"--since {self.since!r} is not a value like those of {self.after_column!r}, such "
                f"as {_text(sample, self.after_column)!r}."
            ) from None
        if isinstance(sample, datetime) and sample.tzinfo and not value.tzinfo:
            return value.replace(tzinfo=UTC)
        return value


@contextmanager
def opened(asked: Asked) -> Iterator[Query]:
    """Connect, and find out which columns a query has.

    Raises:
        SettingsError: no database or no column is named.
        InputError: the database can't be reached, or refuses the query.
    """
    import sqlalchemy as sa

    if asked.database is None:
        raise SettingsError(
            "which database? Set SOURCE_URL in .env or in the environment, such as "
            "postgresql://HOST/NAME with user and password."
        )
    if asked.after_column is None:
        raise SettingsError(
            f"{asked.source} needs --after-column NAME: a column that grows with each new row, "
            "such as an id or a time."
        )
    logs.hide(credentials(asked.database))
    with readable(asked.source):
        sql = _END.sub("", asked.source.read_text("utf-8-sig"))
    try:
        url = sa.make_url(asked.database)
        place = _place(url)
        if url.get_backend_name() == "sqlite":
            url = _read_only(url)
        engine = sa.create_engine(url, hide_parameters=True, poolclass=sa.pool.NullPool)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise SettingsError(
            "SOURCE_URL is not an address of a database like postgresql://HOST/NAME with user and "
            "password (it is not shown: it may hold one)."
        ) from error
    except ImportError as error:
        raise SettingsError(
            f"SOURCE_URL names a kind of database that needs the Python package {error.name}"
            f"{': make postgres' if error.name == 'psycopg' else ''}."
        ) from error
    try:
        with _explained(place), engine.connect() as connection:
            columns = tuple(connection.execute(_wrapped(sql, "WHERE 1 = 0")).keys())
        twice = [name for name, count in Counter(columns).items() if count > 1]
        if twice:
            raise InputError(f"{asked.source} gives two columns {twice[0]!r}: name one with AS.")
        if asked.after_column not in columns:
            raise MissingColumn(asked.source, asked.after_column, columns, "--after-column")
        digest = hashlib.sha256(sql.encode()).hexdigest()[:12]
        identity = f"query {digest} by {asked.after_column} of {place}"
        yield Query(engine, sql, asked.after_column, asked.since, columns, identity)
    finally:
        engine.dispose()


def _wrapped(sql: str, condition: str, what: str = "*", bound: bool = False) -> TextClause:
    """A selection from the query, whose own colons and percent signs mean what they meant."""
    import sqlalchemy as sa

    inner = _PARAMETER.sub(r"\\\g<0>", sql)
    clause = sa.text(f"SELECT {what} FROM (\n{inner}\n) AS fetched {condition}")
    # Without a type: the driver knows better than a cast what a value of Python is.
    return clause.bindparams(sa.bindparam("last", type_=sa.types.NullType())) if bound else clause


def _read_only(url: Any) -> Any:
    """The address of a SQLite file, opened such that a missing one is not made."""
    path = Path(url.database or "")
    if not path.is_file():
        raise InputError(f"the database {path} of SOURCE_URL does not exist.")
    return url.set(
        database=f"file:{path.resolve().as_uri()[7:]}", query={"mode": "ro", "uri": "true"}
    )


def _place(url: Any) -> str:
    """The database, without who asks it."""
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "").absolute()
        # A project that is moved, or a release beside the one before, goes on.
        return f"sqlite:///{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}"
    host = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    return f"{url.get_backend_name()}://{host}/{url.database or ''}"


@contextmanager
def _explained(what: str) -> Iterator[None]:
    import sqlalchemy as sa

    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        reason = first_line(getattr(error, "orig", None) or error)
        reason = reason.partition(" with text ")[0]  # SQLite quotes what is not UTF-8
        raise InputError(f"{what} failed: {without_password(reason).rstrip('.')}.") from error


def _kind(value: object) -> str:
    # A datetime is a date, too: the first that fits.
    found = [name for name, (kind, _) in _ORDERED.items() if isinstance(value, kind)]
    if not found or isinstance(value, bool):
        raise InputError(
            f"--after-column holds {type(value).__name__}, which can't be compared exactly: name "
            "a column of whole numbers, decimals, times, dates, UUIDs or text."
        )
    return found[0]


class _Boundary:
    """The last value so far, and which rows with it are kept.

    Args:
        ties: how many rows were kept before with the last value, by their digest.
    """

    def __init__(self, last: object, ties: Mapping[str, int]) -> None:
        self.last = last
        self._kept = Counter(ties)
        self._passed: Counter[str] | None = Counter()  # of those kept before, seen again
        self._waiting: list[Sequence[str | None]] = []  # for their digest, which few rows need

    @property
    def ties(self) -> int:
        return len(self._kept)

    def is_new(self, value: object, row: Sequence[str | None]) -> bool:
        """Whether the next row, whose values only grow, was not kept before; then it is now."""
        if value != self.last:
            self.last, self._passed = value, None
            self._kept.clear()
            self._waiting = [row]
            return True
        if self._passed is None:
            self._waiting.append(row)
            return True
        digest = _digest(row)
        self._passed[digest] += 1
        if self._passed[digest] <= self._kept[digest]:
            return False
        self._kept[digest] += 1
        return True

    def position(self) -> Position:
        """Where another run goes on."""
        self._kept.update(map(_digest, self._waiting))
        self._waiting = []
        return {"last": [_kind(self.last), str(self.last)], "ties": dict(self._kept)}


def _parsed(last: Sequence[str]) -> object:
    kind, text = last
    return _ORDERED[kind][1](text)


def _digest(row: Sequence[str | None]) -> str:
    return hashlib.sha256(json.dumps(row).encode()).hexdigest()[:32]


def _texts(values: Sequence[object], columns: Sequence[str]) -> list[str | None]:
    return [
        value if value is None or type(value) is str else _text(value, columns[at])
        for at, value in enumerate(values)
    ]


def _text(value: object, column: str) -> str:
    """A value as a cell of a file would have it.

    Raises:
        InputError: it is not text at all.
    """
    if isinstance(value, datetime):
        # The session's time zone must not make another row of it.
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        raise InputError(f"the column {column!r} holds bytes: turn it into text in the query.")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
