"""The content of a file as a stream, whatever it is compressed with; told by its first bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path, PurePosixPath
from typing import Protocol

from common.errors import InputError

# Deflate expands at most 1,032-fold; real messages compress about 10-fold, synthetic ones 50-fold.
MAX_EXPANSION = 200
UNCHECKED_BYTES = 100_000_000
# Python keeps some 500 bytes for each entry of an archive, an entry has at least 46.
MAX_DIRECTORY_BYTES, MAX_MEMBERS = 10_000_000, 10_000
# What xz may allocate: `xz -9` takes 65 MB, but a file may ask for 4 GB.
MAX_XZ_BYTES = 256_000_000


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def decompressed(
    raw: io.BufferedReader, path: Path, member: str | None = None
) -> io.BufferedReader:
    """The content of a .gz, .bz2, .xz, .zst or .zip file; a plain file as it is.

    Args:
        path: what messages call the file.
        member: of an archive, the file to read; it can be left out where there is just one.

    Raises:
        InputError: not exactly one file fits; or, while reading, the content is more than 200 times
            as long as the file: a bomb.
    """
    head = raw.peek(6)[:6]
    if head.startswith(b"PK\x03\x04"):
        found = zip_member(raw, path, member)
        return _bounded(zipfile.ZipFile(raw).open(found), raw, path)
    if member is not None:
        raise InputError(f"{path} is not a zip archive: leave out --member.")
    if head.startswith(b"\x1f\x8b"):
        return _bounded(gzip.GzipFile(fileobj=raw), raw, path)
    if head.startswith(b"BZh"):
        return _bounded(bz2.BZ2File(raw), raw, path)
    if head.startswith(b"\xfd7zXZ\x00"):
        return _bounded(_Xz(raw, path), raw, path)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        return _bounded(pa.CompressedInputStream(raw, "zstd"), raw, path)
    return raw


def _refuse_large_directory(raw: io.BufferedReader, path: Path) -> None:
    """Refuse a zip archive whose directory would take much memory, before it is read."""
    size = raw.seek(0, io.SEEK_END)
    raw.seek(max(0, size - (1 << 16) - 98))  # the records of its end, and a comment
    end = raw.read()
    raw.seek(0)
    # As zipfile looks for it; the record of zip64 before it wins.
    at = len(end) - 22 if end[-22:].startswith(b"PK\x05\x06") else end.rfind(b"PK\x05\x06")
    directory = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    if at >= 76 and end[at - 76 : at - 72] == b"PK\x06\x06":
        directory = int.from_bytes(end[at - 36 : at - 28], "little")
    if directory > MAX_DIRECTORY_BYTES:
        raise too_many_members(path)


def too_many_members(path: Path) -> InputError:
    """The error that says so."""
    return InputError(f"{path} is an archive with more than {MAX_MEMBERS:,} files: unpack it.")


def zip_member(raw: io.BufferedReader, path: Path, wanted: str | None = None) -> zipfile.ZipInfo:
    """The entry of a file in a zip archive.

    Args:
        path: what messages call the archive.
        wanted: its name; it can be left out where there is just one file.

    Raises:
        InputError: not exactly one file fits, or the archive is not to be trusted.
        zipfile.BadZipFile: it is damaged.
    """
    _refuse_large_directory(raw, path)
    # macOS adds a folder of its own to every archive; is_dir() fails where a damaged name is empty.
    members = [
        member
        for member in zipfile.ZipFile(raw).infolist()
        if not member.filename.endswith("/") and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) > MAX_MEMBERS:
        raise too_many_members(path)
    names = [member.filename for member in members]
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise InputError(
                f"{path} holds {name!r}, a path that leaves the archive: it is not to be trusted."
            )
    found = [member for member in members if wanted in (None, member.filename)]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")
    if wanted is not None and names:
        raise InputError(f"{path} has no single file {wanted!r}; it holds {shown}.")
    raise InputError(
        f"{path} is a zip archive with {len(names)} files"
        + (f" ({shown}): choose with --member." if names else "; it must hold one.")
    )


class _Xz:
    """The content of an .xz file, one stream after the other, within a limit of memory."""

    def __init__(self, raw: io.BufferedReader, path: Path) -> None:
        self._raw, self._path = raw, path
        self._stream = lzma.LZMADecompressor(memlimit=MAX_XZ_BYTES)

    def read(self, size: int, /) -> bytes:
        while True:
            given = b""
            if self._stream.eof:
                given = self._stream.unused_data.lstrip(b"\0") or self._raw.read(1 << 16)
                given = given.lstrip(b"\0")  # padding
                if not given:
                    return b""
                self._stream = lzma.LZMADecompressor(memlimit=MAX_XZ_BYTES)
            elif self._stream.needs_input:
                given = self._raw.read(1 << 16)
                if not given:
                    raise EOFError("it ends before its end-of-stream marker")
            try:
                part = self._stream.decompress(given, size)
            except lzma.LZMAError as error:
                if "emory" not in str(error):
                    raise
                raise InputError(
                    f"{self._path} needs more than {MAX_XZ_BYTES:,} bytes of memory to unpack: "
                    "decompress it yourself if you trust it."
                ) from error
            if part:
                return part


class _Bounded(io.RawIOBase):
    """Refuses input that expands too much."""

    def __init__(self, content: _Readable, raw: io.BufferedReader, path: Path) -> None:
        self._content, self._raw, self._path = content, raw, path
        self._total = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        part = self._content.read(len(buffer))
        buffer[: len(part)] = part
        self._total += len(part)
        if self._total > UNCHECKED_BYTES + MAX_EXPANSION * self._raw.tell():
            raise InputError(
                f"{self._path} swells to more than {MAX_EXPANSION} times its size, as bombs do; "
                "decompress it yourself if you trust it."
            )
        return len(part)


def _bounded(content: _Readable, raw: io.BufferedReader, path: Path) -> io.BufferedReader:
    return io.BufferedReader(_Bounded(content, raw, path), 1 << 16)
