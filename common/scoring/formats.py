"""The formats of outputs: how a file starts, how scored rows are written, how the file ends.

To add a format, write a class like the three below and list it in FORMATS; nothing else knows them.
"""

from __future__ import annotations

import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from common.data import atomic, csv_reader, csv_rows
from common.data.csv_reader import Reject
from common.data.reader import Chunk, MessageFile
from common.errors import SettingsError

ROW_GROUP = 100_000
REJECTS_HEADER = b"line,reason,raw\n"


@dataclass(frozen=True)
class Layout:
    """Which columns an output has.

    Attributes:
        text_column: the input's column with the message.
        keep: the input's columns that are kept, in order; None: all of them.
        added: names and types of the columns that follow.
        spreadsheet_safe: quote texts that a spreadsheet would run as formulas (CSV alone).
    """

    text_column: str
    keep: tuple[str, ...] | None
    added: pa.Schema
    spreadsheet_safe: bool = False


@dataclass(frozen=True)
class Cells:
    """The cells to add to n rows, of which m have a text; the others get empty cells.

    Attributes:
        filled: (n,) Arrow booleans: which rows have a text.
        columns: (m,) Arrow array for each added column; the classes are a dictionary array.
    """

    filled: pa.Array
    columns: Sequence[pa.Array]


class Format(ABC):
    """Writes one output.

    Attributes:
        name: what --format calls it; also the ending of names that we make.
        endings: of names that mean this format.
        kept: names of the input's columns that the output has.
    """

    name: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]

    def __init__(self, messages: MessageFile, layout: Layout) -> None:
        self.layout = layout
        self.kept = list(messages.columns if layout.keep is None else layout.keep)

    @property
    def needed(self) -> list[str]:
        """Names of the input's columns that must be parsed."""
        return list(dict.fromkeys([*self.kept, self.layout.text_column]))

    @abstractmethod
    def head(self) -> bytes:
        """Return what the content starts with."""

    @abstractmethod
    def chunk(self, chunk: Chunk, cells: Cells) -> bytes:
        """Return the rows of a chunk with the added cells. Runs in worker processes."""

    def finish(self, content: Path) -> Path:
        """Make the file to publish, on disk, of all that was written; return its path."""
        return content

    def _table(self, chunk: Chunk, cells: Cells) -> pa.Table:
        table = chunk.table.select(self.kept)
        added = cells_as_table(self.layout.added, cells)
        for name, column in zip(added.column_names, added.columns, strict=True):
            table = table.append_column(name, column)
        return table


class Csv(Format):
    """CSV with the input's delimiter.

    Rows of a CSV input are copied as they stand, unless columns are left out or cells changed.
    """

    name = "csv"
    endings = (".csv", ".tsv", ".txt")

    def __init__(self, messages: MessageFile, layout: Layout) -> None:
        super().__init__(messages, layout)
        self._delimiter = messages.delimiter
        copies_rows = layout.keep is None and not layout.spreadsheet_safe
        # The header of the rows that are copied; None: rows are written anew.
        self._copied_header = messages.header if copies_rows else None

    @property
    def needed(self) -> list[str]:
        return super().needed if self._copied_header is None else [self.layout.text_column]

    def head(self) -> bytes:
        header = self._copied_header
        if header is None:
            header = self._header(self._safe(pa.chunked_array([self.kept], pa.string())))
        return f"{header}{self._delimiter}{self._header(self.layout.added.names)}\n".encode()

    def chunk(self, chunk: Chunk, cells: Cells) -> bytes:
        if self._copied_header is None:
            columns = [self._safe(column) for column in chunk.table.select(self.kept).columns]
            rows = csv_reader.written(columns, self._delimiter)
        else:
            rows = chunk.raw
        empty = pa.array([""] * len(rows), pa.large_string())
        added = [
            pc.replace_with_mask(empty, cells.filled, self._written(column))
            for column in cells.columns
        ]
        joined = pc.binary_join_element_wise(rows, *added, _scalar(self._delimiter))
        return _joined(pc.binary_join_element_wise(joined, _scalar(""), _scalar("\n")))

    def _header(self, names: Sequence[str] | pa.ChunkedArray) -> str:
        columns = [pa.array([str(name)]) for name in names]
        return str(csv_reader.written(columns, self._delimiter)[0].as_py())

    def _safe(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        return harmless(column) if self.layout.spreadsheet_safe else column

    def _written(self, column: pa.Array) -> pa.LargeStringArray:
        """Cells of an added column, quoted if they need it; numbers never do."""
        if pa.types.is_dictionary(column.type):  # each class is quoted once
            names = csv_reader.written([column.dictionary], self._delimiter)
            return names.take(column.indices).fill_null("")
        if pa.types.is_string(column.type):
            return csv_reader.written([column], self._delimiter)
        return column.cast(pa.large_string())


class JsonLines(Format):
    """One JSON object for each row; cells without a value are null."""

    name = "jsonl"
    endings = (".jsonl", ".ndjson", ".json")

    def head(self) -> bytes:
        return b""

    def chunk(self, chunk: Chunk, cells: Cells) -> bytes:
        rows = self._table(chunk, cells).to_pylist()
        lines = (json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        # A text of Parquet may hold what UTF-8 can't.
        return "".join(lines).encode("utf-8", "replace")


class Parquet(Format):
    """Parquet with the input's types; until all is scored, Arrow streams one after the other."""

    name = "parquet"
    endings = (".parquet",)

    def __init__(self, messages: MessageFile, layout: Layout) -> None:
        super().__init__(messages, layout)
        fields = [messages.schema.field(name) for name in self.kept]
        schema = pa.schema([*fields, *layout.added])
        self._schema = schema.with_metadata(messages.schema.metadata)

    def head(self) -> bytes:
        return as_stream(self._schema.empty_table())

    def chunk(self, chunk: Chunk, cells: Cells) -> bytes:
        return as_stream(self._table(chunk, cells))

    def finish(self, content: Path) -> Path:
        return to_parquet(content)


FORMATS: dict[str, type[Format]] = {kind.name: kind for kind in (Csv, JsonLines, Parquet)}
ENDINGS = {ending: kind.name for kind in FORMATS.values() for ending in kind.endings}


def require_known(name: str) -> None:
    """Refuse a name that --format can't have.

    Raises:
        SettingsError: lists those it can.
    """
    if name not in FORMATS:
        raise SettingsError(f"--format must be one of {', '.join(FORMATS)}, not {name!r}.")


def cells_as_table(added: pa.Schema, cells: Cells) -> pa.Table:
    """Return the added columns of all n rows; those without a text have nulls."""
    columns = []
    for field, column in zip(added, cells.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        empty = pa.nulls(len(cells.filled), field.type)
        columns.append(pc.replace_with_mask(empty, cells.filled, column))
    return pa.table(columns, schema=added)


def harmless(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Put a quote before texts that a spreadsheet would run as formulas, so that it shows them.

    Source: OWASP, CSV Injection.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    return pc.replace_substring_regex(column, r"\A([=+\-@\t\r])", r"'\1")


def reject_lines(rejects: Sequence[Reject]) -> bytes:
    """Return lines of the CSV of rows that could not be read; REJECTS_HEADER is its first."""
    lines = io.StringIO()
    csv_rows.write(lines, ((reject.line, reject.reason, reject.raw) for reject in rejects))
    return lines.getvalue().encode("utf-8")


def as_stream(table: pa.Table) -> bytes:
    """Return a table in Arrow's stream format, schema first."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def to_parquet(streams: Path) -> Path:
    """Convert a file of Arrow streams, one after the other, to Parquet beside it.

    Row groups have ROW_GROUP rows, however many each stream has.
    """
    import pyarrow.parquet as pq

    target = streams.with_name(streams.name + "-parquet")
    with ExitStack() as files:
        source = files.enter_context(pa.OSFile(str(streams)))
        rest = pa.ipc.open_stream(source).read_all()
        written = files.enter_context(atomic.create(target))
        writer = files.enter_context(pq.ParquetWriter(written, rest.schema))
        while len(rest) or source.tell() < source.size():
            parts, rows = [rest], len(rest)
            while rows < ROW_GROUP and source.tell() < source.size():
                parts.append(pa.ipc.open_stream(source).read_all())
                rows += len(parts[-1])
            table = pa.concat_tables(parts).unify_dictionaries()
            if len(table):
                writer.write_table(table.slice(0, ROW_GROUP).combine_chunks())
            rest = table.slice(ROW_GROUP)
        writer.close()
        written.flush()
        os.fsync(written.fileno())
    return target


def _scalar(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _joined(strings: pa.LargeStringArray) -> bytes:
    """Return all strings as one."""
    _, offsets, data = strings.buffers()
    if data is None:
        return b""
    ends = np.frombuffer(offsets, np.int64)
    first, last = ends[strings.offset], ends[strings.offset + len(strings)]
    return data[first:last].to_pybytes() if last > first else b""
