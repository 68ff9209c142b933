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
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from common.errors import InputError, MissingColumn

CHUNK_ROWS = 10_000
CHUNK_CHARACTERS = 32_000_000
FIELD_CHARACTERS = 16_000_000
DELIMITERS = ",;\t"
JSON_LINES = (".jsonl", ".ndjson", ".json")

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Reject:
    """A row that could not be read: its first physical line (from 1), why, and its raw text."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Chunk:
    """Some rows in the file's order, the rejects met among them, and how far the file is read.

    CSV and JSON lines give columns of strings, Parquet keeps its types.
    """

    table: pa.Table
    rejects: list[Reject] = field(default_factory=list)
    bytes_done: int = 0


class MessageFile:
    """An open file of messages: its columns, and its rows when iterated over, chunk by chunk.

    Memory is bounded by the chunk: `chunk_rows` rows or 32 million characters.

    Attributes:
        path: the file.
        schema: names and types of the columns, in the file's order.
        size: bytes of the file as it lies on disk.
        rejected: rows set aside so far.
        replaced: cells so far in which bytes that are no text became U+FFFD.

    >>> with MessageFile(Path("messages.csv")) as messages:    # doctest: +SKIP
    ...     for chunk in messages:
    ...         chunk.table.column("text")

    Raises:
        InputError: the file is missing, unreadable, damaged, empty or no known format. Raised on
            opening where the start of the file shows it, else while iterating.
    """

    def __init__(self, path: Path, chunk_rows: int = CHUNK_ROWS) -> None:
        self.path = path
        self.rejected = 0
        self.replaced = 0
        self._chunk_rows = chunk_rows
        with ExitStack() as self._open_files, _readable(path):
            self.size = path.stat().st_size
            self.schema, self._chunks = self._open()
            self._refuse_repeated_columns()
            self._open_files = self._open_files.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open_files.close()

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            with _readable(self.path):
                chunk = next(self._chunks, None)
            if chunk is None:
                return
            self.rejected += len(chunk.rejects)
            yield chunk

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

    def _open(self) -> tuple[pa.Schema, Iterator[Chunk]]:
        self._raw = self._open_files.enter_context(self.path.open("rb"))
        if self._raw.peek(4).startswith(b"PAR1"):
            return self._open_parquet()
        if _is_json_lines(self.path):
            return self._open_json_lines()
        return self._open_csv()

    def _open_parquet(self) -> tuple[pa.Schema, Iterator[Chunk]]:
        import pyarrow.parquet as pq

        file = pq.ParquetFile(self._raw)

        def chunks() -> Iterator[Chunk]:
            done = 0
            for batch in file.iter_batches(batch_size=self._chunk_rows):
                done += batch.num_rows
                share = done / file.metadata.num_rows
                yield Chunk(pa.Table.from_batches([batch]), [], round(share * self.size))

        return file.schema_arrow, chunks()

    def _open_json_lines(self) -> tuple[pa.Schema, Iterator[Chunk]]:
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
        columns = list(found)

        def rows() -> Iterator[list[str] | Reject]:
            for number, line in enumerate(self._lines(), start=1):
                record = _json_object(line)
                if record is not None:
                    yield [_json_cell(record.get(column)) for column in columns]
                elif line.strip():
                    yield Reject(number, "not a JSON object", line.rstrip("\r\n"))

        return _strings_schema(columns), self._collect(rows(), columns)

    def _open_csv(self) -> tuple[pa.Schema, Iterator[Chunk]]:
        csv.field_size_limit(FIELD_CHARACTERS)
        lines = _CsvLines(self._lines())
        delimiter, columns = self._header(lines)

        def rows() -> Iterator[list[str] | Reject]:
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            width = len(columns)
            while True:
                lines.start_row()
                try:
                    row = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    # An open quote swallows all that follows: give up its first line only.
                    lines.give_back(keep=1)
                    yield Reject(lines.number, str(error), lines.raw())
                    continue
                if len(row) == width:
                    yield row
                elif row:
                    reason = f"expected {width} fields, found {len(row)}"
                    yield Reject(lines.number, reason, lines.raw())

        return _strings_schema(columns), self._collect(rows(), columns)

    def _header(self, lines: _CsvLines) -> tuple[str, list[str]]:
        """Read the header with each delimiter; the one that finds the most columns is right."""

        def names(delimiter: str) -> list[str]:
            lines.give_back(keep=0)
            return next(csv.reader(lines, delimiter=delimiter, strict=True), [])

        try:
            delimiter = max(DELIMITERS, key=lambda candidate: len(names(candidate)))
            columns = names(delimiter)
        except csv.Error as error:
            raise InputError(f"{self.path}, line 1: the header is broken: {error}.") from error
        if not columns:
            raise InputError(f"{self.path} is empty or starts with a blank line: no header.")
        return delimiter, columns

    def _lines(self) -> Iterator[str]:
        """The file's lines from its start, decoded, line ends kept."""
        self._raw = self._open_files.enter_context(self.path.open("rb"))
        stream = _decompressed(self._raw, self.path)
        head = stream.peek(4096)[:4096]
        encoding = next((name for mark, name in _ENCODINGS if head.startswith(mark)), "utf-8")
        if encoding == "utf-8" and head.count(0) > len(head) / 5:
            raise InputError(
                f"{self.path} is a binary file, or UTF-16 without a byte order mark: "
                "save it as UTF-8."
            )
        # Surrogates stand for bytes that are no UTF-8 until `_strings` meets them: valid files pay
        # nothing for it. UTF-16 has no such way; there the replacement itself is looked for.
        self._look_for_marks = not encoding.startswith("utf-8")
        errors = "replace" if self._look_for_marks else "surrogateescape"
        text = io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")
        return self._open_files.enter_context(text)

    def _collect(self, rows: Iterator[list[str] | Reject], columns: list[str]) -> Iterator[Chunk]:
        kept: list[list[str]] = []
        rejects: list[Reject] = []
        characters = 0
        for row in rows:
            if isinstance(row, Reject):
                rejects.append(Reject(row.line, row.reason, _cleaned(row.raw)))
                characters += len(row.raw)
            else:
                kept.append(row)
                characters += sum(map(len, row))
            if len(kept) + len(rejects) >= self._chunk_rows or characters > CHUNK_CHARACTERS:
                yield Chunk(self._table(kept, columns), rejects, self._raw.tell())
                kept, rejects, characters = [], [], 0
        if kept or rejects:
            yield Chunk(self._table(kept, columns), rejects, self._raw.tell())

    def _table(self, rows: list[list[str]], columns: list[str]) -> pa.Table:
        cells: Sequence[Sequence[str]] = list(zip(*rows, strict=True)) or [()] * len(columns)
        return pa.table([self._strings(column) for column in cells], names=columns)

    def _strings(self, cells: Sequence[str]) -> pa.Array:
        if self._look_for_marks:
            self.replaced += sum("\ufffd" in cell for cell in cells)
        try:
            return pa.array(cells, pa.string())
        except UnicodeEncodeError:
            cleaned = [_cleaned(cell) for cell in cells]
            self.replaced += sum(map(str.__ne__, cells, cleaned))
            return pa.array(cleaned, pa.string())


class _CsvLines:
    """Physical lines with their numbers, and a way back: what a broken row took is read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.number = 1
        self._lines = lines
        self._taken: list[str] = []
        self._waiting: deque[str] = deque()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self._taken.append(line)
        return line

    def start_row(self) -> None:
        """What was taken belongs to the row before; `number` is the next row's first line."""
        self.number += len(self._taken)
        self._taken.clear()

    def give_back(self, keep: int) -> None:
        """Read again, next, all lines of this row but the first `keep`."""
        self._waiting.extendleft(reversed(self._taken[keep:]))
        del self._taken[keep:]

    def raw(self) -> str:
        """The row as it stands in the file, without its last line end."""
        return "".join(self._taken).rstrip("\r\n")


def _strings_schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in columns])


def as_text(column: pa.ChunkedArray, where: str) -> list[str | None]:
    """Values of a column as text, None where there is none; True and False as Python writes them.

    Raises:
        InputError: the column holds lists, structures or other values that are no text.
    """
    if pa.types.is_boolean(column.type):
        return [None if value is None else str(value) for value in column.to_pylist()]
    try:
        return list(column.cast(pa.string()).to_pylist())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{where} holds {column.type}, which is no text.") from error


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
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]
        if len(members) != 1:
            raise InputError(
                f"{path} is a zip archive with {len(members)} files; it must hold exactly one."
            )
        return io.BufferedReader(archive.open(members[0]))  # type: ignore[arg-type]
    return raw


def _is_json_lines(path: Path) -> bool:
    return any(suffix.lower() in JSON_LINES for suffix in path.suffixes[-2:])


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line, parse_float=_Decimal)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


class _Decimal(float):
    """A number that remembers how the file spells it: 1.10 must not become 1.1."""

    def __new__(cls, spelling: str) -> Self:
        number = super().__new__(cls, spelling)
        number.spelling = spelling
        return number

    spelling: str


def _json_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, _Decimal):
        return value.spelling
    return json.dumps(value, ensure_ascii=False)


def _cleaned(text: str) -> str:
    """Bytes that were no text, kept as surrogates, become U+FFFD as decoding would have made it."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # a lone surrogate that a JSON escape wrote
        return text.encode("utf-8", "replace").decode("utf-8")


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
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException) as error:
        raise InputError(f"{path} is damaged or cut short ({error}): get a new copy.") from error
    except (OSError, RuntimeError, NotImplementedError, UnicodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
