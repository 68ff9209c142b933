"""Messages with what they answer: found by ids within a file, and written into one column.

A text in context is three parts with U+001E between them: the message, the message that it answers
("" if it answers none, or one that isn't there), and 16 hexadecimal digits for the conversation.
The split keeps a conversation on one side by these (`split`); models read the other two
(`models.context`).
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.data import atomic
from common.data.files import REJECTS, parts
from common.data.reader import Chunk, MessageFile
from common.data.reading import Reading
from common.errors import InputError
from common.types import Advance

IN_CONTEXT, CONVERSATION = "text_in_context", "conversation"
SEPARATOR = "\x1e"
# SQLite takes 999 values a query, at least.
IDS_AT_ONCE = 900
# pandas writes whole numbers so where some are missing: as in twcs.csv.
_DECIMAL = re.compile(r"(\d+)\.0")

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class ReplyColumns:
    """Where a file has messages, what names them, and what names the one that each answers."""

    text: str
    identifier: str
    reply: str

    @property
    def needed(self) -> dict[str, str]:
        """The columns, each by the setting that names it."""
        return {
            "TEXT_COLUMN": self.text,
            "ID_COLUMN": self.identifier,
            "REPLY_COLUMN": self.reply,
        }


@dataclass(frozen=True)
class Joined:
    """What became of n rows: how many answer a message that is there, or one that isn't."""

    rows: int = 0
    found: int = 0
    missing: int = 0
    conversations: int = 0
    rejects: int = 0


def join(
    path: Path, output: Path, columns: ReplyColumns, reading: Reading, advance: Advance
) -> Joined:
    """Write the rows of a file, or of a folder's files, with IN_CONTEXT and CONVERSATION.

    It is read twice; texts wait on disk meanwhile, of each row 32 bytes are in memory. Rows that
    can't be read go to OUTPUT.rejects.csv, which is there before the output is.

    Args:
        advance: told of rows, twice of each.

    Raises:
        InputError: the file can't be read, lacks a column or has one of the two; the output can't
            be written.
    """
    names = _names(path, columns, reading)
    with (
        tempfile.TemporaryDirectory(prefix="triage-") as folder,
        closing(sqlite3.connect(Path(folder, "texts.db"))) as texts,
    ):
        texts.execute("PRAGMA journal_mode = OFF")
        texts.execute("CREATE TABLE message (id TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID")
        texts.execute("CREATE TABLE reject (line INTEGER, reason TEXT, raw TEXT)")
        roots = _survey(path, columns, reading, texts, advance)
        return _write(path, output, columns, reading, names, texts, roots, advance)


def conversations(ids: Keys, answered: Keys) -> Keys:
    """(n,) the conversation of each of n messages: its first message, if need be by name only.

    Args:
        ids: of the messages; answered: of those that they answer, 0 for none.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    (replies,) = np.nonzero(answered)
    nodes, at = np.unique(np.concatenate([ids, answered[replies]]), return_inverse=True)
    start, end = at[replies], at[len(ids) :]
    edges = coo_array((np.ones(len(start), bool), (start, end)), shape=(len(nodes), len(nodes)))
    count, component = connected_components(edges, directed=False)
    first = np.ones(len(nodes), bool)
    first[start] = False
    # In a circle, which only broken data has, none is first.
    roots = np.full(count, nodes[-1] if len(nodes) else 0, np.uint64)
    np.minimum.at(roots, component, nodes)
    of_first = np.full(count, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(of_first, component[first], nodes[first])
    roots = np.where(of_first < np.iinfo(np.uint64).max, of_first, roots)
    return np.asarray(roots[component[at[: len(ids)]]])


def in_context(
    messages: pa.LargeStringArray, answered: Sequence[str], roots: Keys
) -> pa.LargeStringArray:
    """(n,) texts in context; a blank message stays blank.

    >>> messages = pa.array(["still broken"], pa.large_string())
    >>> in_context(messages, ["Did it help?"], np.array([255], np.uint64)).to_pylist()
    ['still broken\\x1eDid it help?\\x1e00000000000000ff']
    """
    numbers = pa.array([f"{root:016x}" for root in roots.tolist()], pa.large_string())
    texts = (messages, pa.array(answered, pa.large_string()))
    own, other = (pc.replace_substring(each, SEPARATOR, " ") for each in texts)
    whole = pc.binary_join_element_wise(
        own, other, numbers, pa.scalar(SEPARATOR, pa.large_string())
    )
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(messages), ""), "", whole)


def _names(path: Path, columns: ReplyColumns, reading: Reading) -> list[str]:
    """The columns of the output; the files agree on those that they have."""
    names: list[str] | None = None
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            for setting, column in columns.needed.items():
                messages.require(column, setting)
            if names is not None and names != list(messages.columns):
                raise InputError(f"{part} has other columns than the files before: join it alone.")
            names = list(messages.columns)
            for column in (IN_CONTEXT, CONVERSATION):
                if column in names:
                    raise InputError(f"{part} has a column {column} already.")
    return names or []


def _chunks(path: Path, names: Sequence[str], reading: Reading) -> Iterator[Chunk]:
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            yield from messages.chunks(names)


def _ids(cells: pa.LargeStringArray) -> list[str]:
    """Ids as they name each other, `12.0` as `12`; "" for none."""
    found = [cell.strip() for cell in cells.to_pylist()]
    return [decimal[1] if (decimal := _DECIMAL.fullmatch(name)) else name for name in found]


def _key(name: str) -> int:
    """Of an id or a text; never 0."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") or 1


def _survey(
    path: Path,
    columns: ReplyColumns,
    reading: Reading,
    texts: sqlite3.Connection,
    advance: Advance,
) -> Keys:
    """Keep all texts by their ids, the first one of each; the conversation of each row."""
    ids, answered = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    for chunk in _chunks(path, list(dict.fromkeys(columns.needed.values())), reading):
        names, written = _ids(chunk.texts(columns.identifier)), chunk.texts(columns.text)
        replies = _ids(chunk.texts(columns.reply))
        pairs = list(zip(names, written.to_pylist(), strict=True))
        texts.executemany("INSERT OR IGNORE INTO message VALUES (?, ?)", (p for p in pairs if p[0]))
        # A message that nothing names is named by its text.
        own = (_key(name or f"{SEPARATOR}{text}") for name, text in pairs)
        ids.append(np.fromiter(own, np.uint64, len(pairs)))
        to = (_key(name) if name else 0 for name in replies)
        answered.append(np.fromiter(to, np.uint64, len(pairs)))
        advance(len(pairs))
    return conversations(np.concatenate(ids), np.concatenate(answered))


def _found(texts: sqlite3.Connection, ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = list(dict.fromkeys(name for name in ids if name))
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = wanted[start : start + IDS_AT_ONCE]
        marks = ", ".join("?" * len(some))
        found.update(texts.execute(f"SELECT id, text FROM message WHERE id IN ({marks})", some))
    return found


def _write(
    path: Path,
    output: Path,
    columns: ReplyColumns,
    reading: Reading,
    names: Sequence[str],
    texts: sqlite3.Connection,
    roots: Keys,
    advance: Advance,
) -> Joined:
    schema = pa.schema([(name, pa.large_string()) for name in (*names, IN_CONTEXT, CONVERSATION)])
    rows = found = missing = rejects = 0
    with atomic.atomic_path(output) as temporary:
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for chunk in _chunks(path, names, reading):
                cells = [chunk.texts(name) for name in names]
                replies = _ids(chunk.texts(columns.reply))
                there = _found(texts, replies)
                own = roots[rows : rows + len(replies)]
                answered = [there.get(name, "") for name in replies]
                context = in_context(chunk.texts(columns.text), answered, own)
                numbers = pa.array([f"{root:016x}" for root in own.tolist()], pa.large_string())
                writer.write_table(pa.table([*cells, context, numbers], schema=schema))
                rows += len(replies)
                found += sum(name in there for name in replies)
                missing += sum(name != "" and name not in there for name in replies)
                rejects += len(chunk.rejects)
                lines = ((each.line, each.reason, each.raw) for each in chunk.rejects)
                texts.executemany("INSERT INTO reject VALUES (?, ?, ?)", lines)
                advance(len(replies))
        if rows != len(roots):
            raise InputError(f"{path} was changed while it was read: start again.")
        beside = output.with_name(f"{output.name}{REJECTS}")
        if rejects:
            rejected = texts.execute("SELECT * FROM reject ORDER BY rowid")
            atomic.write_csv(beside, ("line", "reason", "raw"), rejected)
    if not rejects:
        atomic.remove(beside)
    return Joined(rows, found, missing, len(np.unique(roots)), rejects)
