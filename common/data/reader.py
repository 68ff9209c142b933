"""Messages in: any file as a stream of chunks; what cannot be read is set aside, never dropped.

Reads CSV, JSON lines, Parquet and Excel; CSV and JSON lines also as .gz, .bz2, .xz, .zst or .zip.
Compression, Parquet and Excel are told by content, JSON lines by the name. Every value of CSV, JSON
lines and Excel is text: `NA`, `null` and `None` are what somebody wrote.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Self

import pyarrow as pa
import pyarrow.compute as pc

from common.data import compression, csv_reader, excel_reader, joined_archive, jsonl_reader, ranges
from common.data.archive_parts import refuse_parts
from common.data.csv_reader import Block, Dialect, Reject, Rows
from common.data.encoding import HEAD_BYTES, refuse_unnamed
from common.data.files import readable
from common.data.header import missing_header_hint
from common.data.lines import ByteRange, Lines, RowTooLong
from common.data.ranges import Range, RowGroups
from common.data.reading import FIND_OUT, MOST_COLUMNS, Reading
from common.errors import InputError, MissingColumn

CHUNK_ROWS = 10_000
CHUNK_CHARACTERS = 8_000_000

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Chunk:
    """Some rows in the file's order, parsed when they are first looked at.

    Attributes:
        bytes_done: how far the file is read.
        path: the file, for messages.
        table: the columns; CSV and JSON lines give strings, Parquet keeps its types.
        raw: of CSV, each row as it stands in the file, without its line end; else None.
        rejects: rows that could not be read.
        replaced: cells in which bytes that are not text became U+FFFD.
    """

    content: Block | Rows
    bytes_done: int = 0
    path: Path = Path()

    @cached_property
    def _rows(self) -> Rows:
        return self.content.parse()

    @property
    def table(self) -> pa.Table:
        return self._rows.table

    def texts(self, column: str) -> pa.LargeStringArray:
        """(n,) a column as text, empty where there is none.

        Raises:
            InputError: it holds lists, structures or other values that are not text.
        """
        return as_text(self.table.column(column), f"{self.path}, column {column!r},")

    def where(self, wanted: pa.BooleanArray) -> Chunk:
        """The chunk with some of its n rows; all that could not be read stay with it."""
        rows = self._rows
        raw = None if rows.raw is None else rows.raw.filter(wanted)
        return replace(self, content=replace(rows, table=rows.table.filter(wanted), raw=raw))

    @property
    def raw(self) -> pa.LargeStringArray | None:
        return self._rows.raw

    @property
    def rejects(self) -> list[Reject]:
        return self._rows.rejects

    @property
    def replaced(self) -> int:
        return self._rows.replaced


class MessageFile:
    """An open file of messages: its columns, and its rows when iterated over, chunk by chunk.

    Memory is bounded by the chunk: `chunk_rows` rows or some millions of characters.

    Attributes:
        path: the file.
        reading: its form, as far as that is known.
        schema: names and types of the columns, in the file's order.
        size: bytes of the file as it lies on disk.
        header: of CSV, the header as it stands in the file; else None.
        delimiter: of CSV, what stands between its cells.
        columnar: whether it is Parquet, which is not read from its start to its end.

    Args:
        keys: of JSON lines, all of them, if they are known: else the file is read for them.

    >>> with MessageFile(Path("messages.csv")) as messages:    # doctest: +SKIP
    ...     for chunk in messages:
    ...         chunk.table.column("text")

    Raises:
        InputError: the file is missing, unreadable, damaged, empty or no known format. Raised on
            opening where the start of the file shows it, else while iterating.
    """

    header: str | None = None
    delimiter: str = ","
    columnar: bool = False

    def __init__(
        self,
        path: Path,
        chunk_rows: int = CHUNK_ROWS,
        reading: Reading = FIND_OUT,
        keys: Sequence[str] | None = None,
    ) -> None:
        self.path = path
        self.reading = reading
        self._keys = keys
        self._content = path  # what is read: of Excel, a sheet as CSV
        self._chunk_rows = chunk_rows
        with ExitStack() as self._open_files, readable(path):
            if path.exists() and not path.is_file() and not path.is_dir():
                raise InputError(
                    f"{path} is a pipe or a device, which can't be read twice: save it as a file."
                )
            self.size = path.stat().st_size
            self.schema, self._contents = self._open()
            self._refuse_many_columns(self.columns)
            self._refuse_repeated_columns()
            self._open_files = self._open_files.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open_files.close()

    def __iter__(self) -> Iterator[Chunk]:
        return self.chunks(self.columns)

    def chunks(self, columns: Sequence[str], within: Range | None = None) -> Iterator[Chunk]:
        """All rows, with these of the columns.

        Args:
            within: only these, of the ranges that `cut` gave.
        """
        contents = self._contents(tuple(columns), within)
        while True:
            with readable(self.path):
                content = next(contents, None)
            if content is None:
                return
            yield Chunk(content, self._bytes_done, self.path)

    def cut(self, size: int) -> Sequence[Range]:
        """Ranges of about `size` bytes that together hold all rows, in order; none where a file
        can't be read from its middle: it is compressed, an Excel file, or not in UTF-8.

        Raises:
            InputError: as when it is read.
        """
        with readable(self.path):
            if self.columnar:
                return ranges.cut_row_groups(self._group_bytes, size)
            lines = self._lines()
            if not self._is_plain:
                return []
            if self.header is None:
                return ranges.cut_lines(lines, size)
            self._header(lines)
            return ranges.cut_csv(lines, self._dialect(()), size)

    @property
    def columns(self) -> list[str]:
        return list(self.schema.names)

    def require(self, column: str, setting: str) -> None:
        """Raise MissingColumn, which names the columns that are there, unless `column` is."""
        if column not in self.columns:
            hint = ""
            if self.header is not None and self.reading.header is None:
                text = column if setting == "TEXT_COLUMN" else "text"
                hint = missing_header_hint(self.columns, text)
            raise MissingColumn(self.path, column, self.columns, setting, hint)

    def _refuse_repeated_columns(self) -> None:
        counts = Counter(self.columns)
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:
            shown = ", ".join(map(repr, twice[:10]))
            raise InputError(
                f"{self.path}: the header names {shown} more than once; rename one of them. "
                f"{missing_header_hint(self.columns, 'text')}".rstrip()
            )

    def _refuse_many_columns(self, columns: Sequence[str]) -> None:
        if len(columns) > MOST_COLUMNS:
            raise InputError(
                f"{self.path} has {len(columns):,} columns, more than the {MOST_COLUMNS:,} that "
                "can be read: is it a table of messages?"
            )

    def _open(self) -> tuple[pa.Schema, Contents]:
        self._raw = self._open_files.enter_context(self._opened())
        if self._raw.peek(4).startswith(b"PAR1"):
            return self._open_parquet()
        if not self.reading.joined:
            refuse_parts(self._raw, self.path)
        if excel_reader.is_excel(self._raw, self.path):
            return self._open_excel()
        if not self.reading.encoding:
            refuse_unnamed(self._head(), self.path)
        if jsonl_reader.named(self.path):
            return self._open_json_lines()
        return self._open_csv()

    def _open_parquet(self) -> tuple[pa.Schema, Contents]:
        import pyarrow.parquet as pq

        self.columnar = True
        file = pq.ParquetFile(self._raw)
        groups = range(file.num_row_groups)
        self._group_bytes = [file.metadata.row_group(at).total_byte_size for at in groups]

        def contents(columns: tuple[str, ...], within: Range | None) -> Iterator[Rows]:
            chosen = groups[within.start : within.stop] if isinstance(within, RowGroups) else groups
            for batch in file.iter_batches(self._chunk_rows, list(chosen), columns=list(columns)):
                batch.validate(full=True)
                yield Rows(pa.Table.from_batches([batch]).select(list(columns)))

        return file.schema_arrow, contents

    def _open_excel(self) -> tuple[pa.Schema, Contents]:
        self._content = self._open_files.enter_context(
            excel_reader.as_csv(self.path, self.reading.sheet, named=self.reading.header is None)
        )
        self.reading = replace(self.reading, delimiter=",", encoding="utf-8")
        return self._open_csv()

    def _open_json_lines(self) -> tuple[pa.Schema, Contents]:
        columns = self._keys or jsonl_reader.keys(self._lines(), self.path)

        def contents(wanted: tuple[str, ...], within: Range | None) -> Iterator[Rows]:
            yield from jsonl_reader.rows_of(
                self._lines(within), wanted, self._chunk_rows, CHUNK_CHARACTERS
            )

        return _strings_schema(columns), contents

    def _open_csv(self) -> tuple[pa.Schema, Contents]:
        columns = self._header(self._lines())

        def contents(wanted: tuple[str, ...], within: Range | None) -> Iterator[Block | Rows]:
            lines = self._lines(within)
            if within is None:
                self._header(lines)
            yield from csv_reader.rows_of(lines, self._dialect(wanted), self._chunk_rows)

        return _strings_schema(columns), contents

    def _dialect(self, wanted: tuple[str, ...]) -> Dialect:
        return Dialect(
            self.delimiter,
            tuple(self.columns),
            wanted,
            self._transcoded,
            self.reading.field_characters,
        )

    def _header(self, lines: Lines) -> list[str]:
        given, header = self.reading.delimiter, self.reading.header
        try:
            self.delimiter, columns = csv_reader.take_header(
                lines, given or csv_reader.DELIMITERS, self.reading.field_characters
            )
        except csv.Error as error:
            raise InputError(f"{self.path}, line 1: the header is broken: {error}.") from error
        except RowTooLong as error:
            raise InputError(f"{self.path}, line 1: {error}.") from error
        if not columns:
            raise InputError(f"{self.path} is empty or starts with a blank line: no header.")
        self._refuse_many_columns(columns)
        if header is not None:
            lines.give_back(keep=0)
            names = [pa.array([name]) for name in header]
            self.header = csv_reader.written(names, self.delimiter)[0].as_py()
            return list(header)
        self.header = csv_reader.cleaned(lines.raw())
        lines.start_row()
        return [csv_reader.cleaned(name) for name in columns]

    @property
    def _bytes_done(self) -> int:
        done = self._raw.tell()
        if self._content == self.path:
            return done
        return done * self.size // self._content.stat().st_size

    def _decompressed(self, raw: io.BufferedReader) -> io.BufferedReader:
        if self._content != self.path:
            return raw
        return compression.decompressed(raw, self.path, self.reading.member)

    def _opened(self) -> io.BufferedReader:
        if self.reading.joined and self._content == self.path:
            return joined_archive.open_joined(self.path)
        return self._content.open("rb")

    def _head(self) -> bytes:
        with self._opened() as raw:
            return self._decompressed(raw).read(HEAD_BYTES)

    def _lines(self, within: Range | None = None) -> Lines:
        """The file's lines, from its start or within a range."""
        self._raw = self._open_files.enter_context(self._opened())
        stream = self._decompressed(self._raw)
        head = stream.peek(4096)[:4096]
        mark, encoding = next(
            ((mark, name) for mark, name in _ENCODINGS if head.startswith(mark)), (b"", "utf-8")
        )
        if self.reading.encoding:
            encoding = codecs.lookup(self.reading.encoding).name
        elif not mark and head.count(0) > len(head) / 5:
            raise InputError(
                f"{self.path} is a binary file, or UTF-16 without a byte order mark: "
                "save it as UTF-8, or name its encoding (--encoding utf-16-le)."
            )
        self._transcoded = encoding != "utf-8"
        self._is_plain = stream is self._raw and self._content == self.path and not self._transcoded
        if self._transcoded:
            return Lines(_Transcoded(stream, encoding), self.reading.row_bytes)
        stream.read(len(mark) if mark == codecs.BOM_UTF8 else 0)
        if not isinstance(within, ByteRange):
            return Lines(stream, self.reading.row_bytes)
        stream.seek(within.start.offset, io.SEEK_CUR)
        return Lines(stream, self.reading.row_bytes, within)


Contents = Callable[[tuple[str, ...], Range | None], Iterator[Block | Rows]]


class _Transcoded:
    """A stream in another encoding, read as UTF-8; what is not text becomes U+FFFD."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
        # utf-16-le and the like keep it.
        self._start = self._text.read(1).removeprefix("\ufeff")

    def read(self, size: int, /) -> bytes:
        text, self._start = self._start + self._text.read(size), ""
        return text.encode("utf-8", "replace")


def _strings_schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, pa.large_string()) for name in columns])


def as_text(column: pa.ChunkedArray, where: str) -> pa.LargeStringArray:
    """Values of a column as text, empty where there is none; True and False as Python writes them.

    Raises:
        InputError: the column holds lists, structures or other values that are not text.
    """
    if pa.types.is_boolean(column.type):
        column = pc.if_else(column, "True", "False")
    try:
        texts = column.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{where} holds {column.type}, which is not text.") from error
    return pc.fill_null(texts, "").combine_chunks()
