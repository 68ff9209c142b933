"""A zip archive of messages as it is downloaded, whole or in parts.

The file in it is read from its start each time, which takes seconds; what was kept is passed over.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from common.data import compression, joined_archive
from common.data.connectors.base import Asked, Batch, Position, text_schema
from common.data.files import readable
from common.data.reader import MessageFile, as_text
from common.errors import InputError

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Archive:
    """A file in an archive; see `base.Connector`.

    Attributes:
        identity: the file's name, checksum and length: the same for an archive in parts.
    """

    messages: MessageFile
    identity: str

    @property
    def columns(self) -> Sequence[str]:
        return self.messages.columns

    def batches(self, position: Position) -> Iterator[Batch]:
        before = position or {"rows": 0, "rejects": 0}
        if before.get("complete"):
            return
        _verify(self.messages.path, self.messages.reading.member)
        rows = rejects = 0
        for chunk in self.messages:
            table = _texts(chunk.table, self.messages.path)
            new_rows = table.slice(min(len(table), max(0, before["rows"] - rows)))
            new_rejects = chunk.rejects[max(0, before["rejects"] - rejects) :]
            rows += len(table)
            rejects += len(chunk.rejects)
            if len(new_rows) or new_rejects:
                yield Batch(new_rows, {"rows": rows, "rejects": rejects}, new_rejects)
        end = {"rows": rows, "rejects": rejects, "complete": True}
        yield Batch(text_schema(self.columns).empty_table(), end)


@contextmanager
def opened(asked: Asked) -> Iterator[Archive]:
    """Open an archive.

    Raises:
        InputError: it is not a zip archive, a part is missing, it is encrypted, not exactly one
            file is meant, or the file holds no messages.
    """
    path = asked.source
    if path.suffix.lower() != ".zip":
        raise InputError(f"{path} is one part of an archive: name {path.with_suffix('.zip')}.")
    reading = replace(asked.reading, joined=True)
    with ExitStack() as stack, _explained(path):
        member = _member(path, reading.member)
        messages = stack.enter_context(
            MessageFile(path, reading=replace(reading, member=member.filename))
        )
        stack = stack.pop_all()
    with stack:
        identity = f"{member.filename} (CRC {member.CRC:08x}, {member.file_size:,} bytes)"
        yield Archive(messages, identity)


def _member(path: Path, wanted: str | None) -> zipfile.ZipInfo:
    with readable(path), joined_archive.open_joined(path) as raw:
        found = compression.zip_member(raw, path, wanted)
    if found.flag_bits & 1:
        raise InputError(f"{found.filename} in {path} is encrypted: unpack it with its password.")
    return found


def _verify(path: Path, member: str | None) -> None:
    """Read the file to its end, where its checksum is compared, before any row of it is kept."""
    with _explained(path), joined_archive.open_joined(path) as raw:
        content = compression.decompressed(raw, path, member)
        while content.read(_READ_BYTES):
            pass


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Of an archive in parts, damage is said to be that of a part."""
    try:
        with readable(path):
            yield
    except InputError as error:
        cause = error.__cause__
        damaged = isinstance(cause, zipfile.BadZipFile | zlib.error | EOFError)
        if damaged and len(joined_archive.parts_of(path)) > 1:
            raise joined_archive.misfit(path) from error
        raise


def _texts(table: pa.Table, path: Path) -> pa.Table:
    if all(field.type == pa.large_string() for field in table.schema):
        return table
    texts = [as_text(table.column(name), f"{path}, column {name!r},") for name in table.columns]
    return pa.table(texts, schema=text_schema(table.column_names))
