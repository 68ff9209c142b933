"""Messages in: any file as a stream of chunks; what cannot be read is set aside, never dropped.

Reads CSV (comma, semicolon or tab), JSON lines and Parquet; plain or as .gz, .bz2, .xz, .zst or
.zip with one member. Compression and Parquet are told by content, JSON lines by the name. Every
value of CSV and JSON lines is text: `NA`, `null` and `None` are what somebody wrote.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import hashlib
import io
import json
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from common import delimited
from common.delimited import Block, Dialect, Lines, Reject, Rows
from common.errors import InputError, MissingColumn

CHUNK_ROWS = 10_000
CHUNK_CHARACTERS = 32_000_000
JSON_LINES = (".jsonl", ".ndjson", ".json")
DELIMITED = (".csv", ".tsv", ".txt")

_JSON = json.JSONDecoder()
_JSON_KEY = re.compile(r'\s*[{,]\s*("(?:[^"\\]|\\.)*")\s*:\s*')

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
        table: the columns; CSV and JSON lines give strings, Parquet keeps its types.
        raw: of CSV, each row as it stands in the file, without its line end; else None.
        rejects: rows that could not be read.
        replaced: cells in which bytes that are no text became U+FFFD.
    """

    content: Block | Rows
    bytes_done: int = 0

    @cached_property
    def _rows(self) -> Rows:
        return self.content.parse()

    @property
    def table(self) -> pa.Table:
        return self._rows.table

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
        schema: names and types of the columns, in the file's order.
        size: bytes of the file as it lies on disk.
        header: of CSV, the header as it stands in the file; else None.
        delimiter: of CSV, what stands between its cells.

    >>> with MessageFile(Path("messages.csv")) as messages:    # doctest: +SKIP
    ...     for chunk in messages:
    ...         chunk.table.column("text")

    Raises:
        InputError: the file is missing, unreadable, damaged, empty or no known format. Raised on
            opening where the start of the file shows it, else while iterating.
    """

    header: str | None = None
    delimiter: str = ","

    def __init__(self, path: Path, chunk_rows: int = CHUNK_ROWS) -> None:
        self.path = path
        self._chunk_rows = chunk_rows
        with ExitStack() as self._open_files, _readable(path):
            if path.exists() and not path.is_file() and not path.is_dir():
                raise InputError(
                    f"{path} is a pipe or a device, which can't be read twice: save it as a file."
                )
            self.size = path.stat().st_size
            self.schema, self._contents = self._open()
            self._refuse_repeated_columns()
            self._open_files = self._open_files.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open_files.close()

    def __iter__(self) -> Iterator[Chunk]:
        return self.chunks(self.columns)

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """All rows, with these of the columns."""
        contents = self._contents(tuple(columns))
        while True:
            with _readable(self.path):
                content = next(contents, None)
            if content is None:
                return
            yield Chunk(content, self._raw.tell())

    @property
    def columns(self) -> list[str]:
        return list(self.schema.names)

    def require(self, column: str, setting: str) -> None:
        """Raise MissingColumn, which names the columns that are there, unless `column` is."""
        if column not in self.columns:
            raise MissingColumn(self.path, column, self.columns, setting)

    def _refuse_repeated_columns(self) -> None:
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise InputError(
                f"{self.path}: the header names {', '.join(map(repr, twice))} more than once; "
                "rename one of them."
            )

    def _open(self) -> tuple[pa.Schema, Contents]:
        self._raw = self._open_files.enter_context(self.path.open("rb"))
        if self._raw.peek(4).startswith(b"PAR1"):
            return self._open_parquet()
        if _is_json_lines(self.path):
            return self._open_json_lines()
        return self._open_csv()

    def _open_parquet(self) -> tuple[pa.Schema, Contents]:
        import pyarrow.parquet as pq

        file = pq.ParquetFile(self._raw)

        def contents(columns: tuple[str, ...]) -> Iterator[Rows]:
            for batch in file.iter_batches(self._chunk_rows, columns=list(columns)):
                batch.validate(full=True)
                yield Rows(pa.Table.from_batches([batch]).select(list(columns)))

        return file.schema_arrow, contents

    def _open_json_lines(self) -> tuple[pa.Schema, Contents]:
        # Keys may appear late: a first pass finds them all, so that no value is lost.
        found: dict[str, None] = {}
        for line in self._lines():
            if not found and line.lstrip().startswith("["):
                raise InputError(
                    f"{self.path} holds a JSON array; JSON lines has one object on each line "
                    "(jq -c '.[]' converts it)."
                )
            found.update(dict.fromkeys(_json_object(line) or ()))
        if not found:
            raise InputError(f"{self.path} holds no JSON object.")

        def contents(columns: tuple[str, ...]) -> Iterator[Rows]:
            rows: list[list[str]] = []
            rejects: list[Reject] = []
            characters = 0
            for number, line in enumerate(self._lines(), start=1):
                record = _json_object(line)
                if record is not None:
                    cells = _json_cells(line, record)
                    rows.append([cells.get(column, "") for column in columns])
                elif line.strip():
                    raw = delimited.cleaned(line.rstrip("\r\n"))
                    rejects.append(Reject(number, "not a JSON object", raw))
                characters += len(line)
                if len(rows) + len(rejects) >= self._chunk_rows or characters > CHUNK_CHARACTERS:
                    yield _text_rows(rows, columns, rejects)
                    rows, rejects, characters = [], [], 0
            if rows or rejects:
                yield _text_rows(rows, columns, rejects)

        return _strings_schema(list(found)), contents

    def _open_csv(self) -> tuple[pa.Schema, Contents]:
        columns = self._header(self._lines())

        def contents(wanted: tuple[str, ...]) -> Iterator[Block | Rows]:
            lines = self._lines()
            self._header(lines)
            dialect = Dialect(self.delimiter, tuple(columns), wanted, self._transcoded)
            yield from delimited.rows_of(lines, dialect, self._chunk_rows)

        return _strings_schema(columns), contents

    def _header(self, lines: Lines) -> list[str]:
        try:
            self.delimiter, columns = delimited.take_header(lines)
        except csv.Error as error:
            raise InputError(f"{self.path}, line 1: the header is broken: {error}.") from error
        if not columns:
            raise InputError(f"{self.path} is empty or starts with a blank line: no header.")
        self.header = delimited.cleaned(lines.raw())
        lines.start_row()
        return [delimited.cleaned(name) for name in columns]

    def _lines(self) -> Lines:
        """The file's lines from its start."""
        self._raw = self._open_files.enter_context(self.path.open("rb"))
        stream = _decompressed(self._raw, self.path)
        head = stream.peek(4096)[:4096]
        mark, encoding = next(
            ((mark, name) for mark, name in _ENCODINGS if head.startswith(mark)), (b"", "utf-8")
        )
        if not mark and head.count(0) > len(head) / 5:
            raise InputError(
                f"{self.path} is a binary file, or UTF-16 without a byte order mark: "
                "save it as UTF-8."
            )
        self._transcoded = encoding != "utf-8"
        if self._transcoded:
            return Lines(_Transcoded(stream, encoding))
        stream.read(len(mark))
        return Lines(stream)


Contents = Callable[[tuple[str, ...]], Iterator[Block | Rows]]


class _Transcoded:
    """A stream in another encoding, read as UTF-8; what is no text becomes U+FFFD."""

    def __init__(self, stream: io.BufferedReader, encoding: str) -> None:
        self._text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")

    def read(self, size: int, /) -> bytes:
        return self._text.read(size).encode("utf-8", "replace")


def _text_rows(rows: list[list[str]], columns: Sequence[str], rejects: list[Reject]) -> Rows:
    clean = [[delimited.cleaned(cell) for cell in row] for row in rows]
    replaced = sum(
        map(str.__ne__, (c for row in rows for c in row), (c for row in clean for c in row))
    )
    cells = list(zip(*clean, strict=True)) or [()] * len(columns)
    arrays = [pa.array(column, pa.large_string()) for column in cells]
    return Rows(pa.table(arrays, names=list(columns)), None, rejects, replaced)


def _strings_schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, pa.large_string()) for name in columns])


def as_text(column: pa.ChunkedArray, where: str) -> pa.LargeStringArray:
    """Values of a column as text, empty where there is none; True and False as Python writes them.

    Raises:
        InputError: the column holds lists, structures or other values that are no text.
    """
    if pa.types.is_boolean(column.type):
        column = pc.if_else(column, "True", "False")
    try:
        texts = column.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{where} holds {column.type}, which is no text.") from error
    return pc.fill_null(texts, "").combine_chunks()


def sha256(path: Path) -> str:
    """Hexadecimal digest of the whole file."""
    with _readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _decompressed(raw: io.BufferedReader, path: Path) -> io.BufferedReader:
    """The content of a compressed file, told by its first bytes; a plain file as it is."""
    head = raw.peek(6)[:6]
    if head.startswith(b"\x1f\x8b"):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if head.startswith(b"BZh"):
        return io.BufferedReader(bz2.BZ2File(raw))
    if head.startswith(b"\xfd7zXZ\x00"):
        return io.BufferedReader(lzma.LZMAFile(raw))
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return io.BufferedReader(pa.CompressedInputStream(raw, "zstd"))
    if head.startswith(b"PK\x03\x04"):
        archive = zipfile.ZipFile(raw)
        # macOS adds a folder of its own to every archive.
        members = [
            member
            for member in archive.infolist()
            # is_dir() fails where a damaged name is empty.
            if not member.filename.endswith("/") and not member.filename.startswith("__MACOSX/")
        ]
        if len(members) != 1:
            raise InputError(
                f"{path} is a zip archive with {len(members)} files; it must hold exactly one."
            )
        return io.BufferedReader(archive.open(members[0]))  # type: ignore[arg-type]
    return raw


def _is_json_lines(path: Path) -> bool:
    endings = [suffix.lower() for suffix in path.suffixes[-2:]]
    return any(ending in JSON_LINES for ending in endings) and endings[-1] not in DELIMITED


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _json_cells(line: str, record: dict[str, Any]) -> dict[str, str]:
    """The record as text: strings as they are, null empty, all else as the line spells it.

    1.10 must not become 1.1, nor 1e5 in a list 100000.0.
    """
    if all(isinstance(value, str) for value in record.values()):
        return record
    cells, end = {}, 0
    while key := _JSON_KEY.match(line, end):
        value, end = _JSON.raw_decode(line, key.end())
        spelt = "" if value is None else line[key.end() : end]
        cells[json.loads(key[1])] = value if isinstance(value, str) else spelt
    return cells


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())


_DAMAGED = (
    EOFError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pa.ArrowException,
)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what reading can raise into one line that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a directory: name a file.") from error
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied.") from error
    except _DAMAGED as error:
        raise InputError(
            f"{path} is damaged or cut short ({one_line(error)}): get a new copy."
        ) from error
    except (OSError, RuntimeError, NotImplementedError, UnicodeError) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}.") from error
