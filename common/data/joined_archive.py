"""A zip archive that was split in parts (`zip -s`), read as if it were whole; nothing is copied.

The parts hold the archive from its start to its end; only the directory at the end counts from the
starts of the parts. So the stream is the bytes of the parts in their order, up to the directory,
and then a directory that counts from the start of the stream. Source: APPNOTE.TXT 6.3.10 by PKWARE,
4.3.12 to 4.3.16 (the records), 4.5.3 (zip64), 8.5 (the mark of a split archive).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

from common.data.compression import MAX_DIRECTORY_BYTES, too_many_members
from common.errors import InputError

_SPLIT_MARK = b"PK\x07\x08"
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_END_MARK, _END64_MARK, _LOCATOR_MARK = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY_MARK = b"PK\x01\x02"
_LONGEST_COMMENT = 0xFFFF
# A field that says "look in the part of the record for zip64".
_LONG, _SHORT = 0xFFFFFFFF, 0xFFFF
_ZIP64 = 1


@dataclass(frozen=True)
class _Directory:
    """Where the directory of an archive is: the part, the byte in it, and how long it is."""

    last_part: int
    part: int
    offset: int
    size: int
    entries: int


def parts_of(path: Path) -> list[Path]:
    """The parts of the archive whose last part is `path`, in order: .z01, .z02, ..., .zip.

    Just `path` if the archive was not split.

    Raises:
        InputError: a part is missing, or the file is not the end of a zip archive.
    """
    with path.open("rb") as last:
        count = _directory(last, path).last_part
    beside = {other.name.lower(): other for other in path.parent.iterdir()} if count else {}
    names = [f"{path.stem}.z{number:02d}" for number in range(1, count + 1)]
    missing = [name for name in names if name.lower() not in beside]
    if missing:
        shown = ", ".join(missing[:10]) + (", ..." if len(missing) > 10 else "")
        raise InputError(
            f"{path} is the last of {count + 1} parts, but {path.parent} has no {shown}: put all "
            "parts in one folder."
        )
    return [*(beside[name.lower()] for name in names), path]


def open_joined(path: Path) -> io.BufferedReader:
    """The whole archive as a stream that can be read anywhere.

    Args:
        path: the .zip file, which is the last part; the others are beside it.

    Raises:
        InputError: as `parts_of`; or the parts do not belong together.
        OSError: a part can't be read.
    """
    parts = parts_of(path)
    with parts[0].open("rb") as first:
        marked = first.read(4) == _SPLIT_MARK  # also where all went into one part
    if not marked and len(parts) == 1:
        return path.open("rb")
    if not marked:
        raise InputError(f"{parts[0]} is not the first part of a split archive like {path}.")
    with path.open("rb") as last:
        directory = _directory(last, path)
    sizes = [part.stat().st_size for part in parts]
    starts = [0, *accumulate(sizes)]
    if directory.size > MAX_DIRECTORY_BYTES:
        raise too_many_members(path)
    if directory.part >= len(parts):
        raise misfit(path)
    at = starts[directory.part] + directory.offset
    files = _Joined([_Segment(part, 0, size) for part, size in zip(parts, sizes, strict=True)])
    with files:
        files.seek(at)
        written = io.BufferedReader(files).read(directory.size)
    mark = len(_SPLIT_MARK)  # left out, so that the stream starts as any archive
    entries = b"".join(_moved(written, directory.entries, [s - mark for s in starts], path))
    content = [
        _Segment(part, mark if part == parts[0] else 0, min(size, at - start))
        for part, size, start in zip(parts, sizes, starts, strict=False)
        if start < at
    ]
    end = _end(directory.entries, len(entries), at - mark)
    return io.BufferedReader(_Joined([*content, _Segment(entries + end)]))


def misfit(path: Path) -> InputError:
    """The error that says that parts are not of one archive, and which one looks wrong."""
    *parts, _last = parts_of(path)
    usual = parts[0].stat().st_size if parts else 0
    odd = [part.name for part in parts if part.stat().st_size != usual]
    hint = f" Look at {odd[0]}, which has another size than {parts[0].name}." if odd else ""
    return InputError(
        f"the parts of {path} do not fit together: one is damaged, cut short, of another archive "
        f"or under the name of another part.{hint} Get all parts again."
    )


def _directory(last: BinaryIO, path: Path) -> _Directory:
    """What the records at the end of the last part say."""
    length = last.seek(0, io.SEEK_END)
    last.seek(max(0, length - _END.size - _LONGEST_COMMENT - _LOCATOR.size))
    start, tail = last.tell(), last.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        raise InputError(f"{path} is not a zip archive, or its end is missing: get a new copy.")
    _, here, part, _, entries, size, offset, _ = _END.unpack_from(tail, at)
    before = at - _LOCATOR.size
    if before >= 0 and tail[before : before + 4] == _LOCATOR_MARK:
        _, where, offset64, total = _LOCATOR.unpack_from(tail, before)
        # It stands right before the locator, unless it is the last record of another part.
        last.seek(offset64 if where == total - 1 else max(0, start + before - _END64.size))
        record = last.read(_END64.size)
        if len(record) < _END64.size or not record.startswith(_END64_MARK):
            raise InputError(f"{path} is damaged: its end does not say where its directory is.")
        *_, here, part, _, entries, size, offset = _END64.unpack(record)
    return _Directory(here, part, offset, size, entries)


def _moved(written: bytes, count: int, starts: Sequence[int], path: Path) -> Iterator[bytes]:
    """The entries of a directory, counting from the start of the stream."""
    at = 0
    for _ in range(count):
        if len(written) - at < _ENTRY.size or written[at : at + 4] != _ENTRY_MARK:
            raise misfit(path)
        fields = list(_ENTRY.unpack_from(written, at))
        name, extra, comment = fields[10:13]
        body = written[at + _ENTRY.size : at + _ENTRY.size + name + extra + comment]
        at += _ENTRY.size + name + extra + comment
        sizes, offset, part = _long_values(fields, body[name : name + extra], path)
        if part >= len(starts):
            raise misfit(path)
        moved = struct.pack(f"<{len(sizes) + 1}Q", *sizes, starts[part] + offset)
        kept = b"".join(
            struct.pack("<2H", kind, len(value)) + value
            for kind, value in _extras(body[name : name + extra])
            if kind != _ZIP64
        )
        kept = struct.pack("<2H", _ZIP64, len(moved)) + moved + kept
        fields[11], fields[13], fields[16] = len(kept), 0, _LONG
        yield _ENTRY.pack(*fields) + body[:name] + kept + body[name + extra :]


def _long_values(fields: Sequence[int], extra: bytes, path: Path) -> tuple[list[int], int, int]:
    """Of an entry: its sizes that stand in the record of zip64, its offset and its part."""
    packed = dict(_extras(extra)).get(_ZIP64, b"")
    plain, stored, part, offset = fields[9], fields[8], fields[13], fields[16]
    longs = sum(value == _LONG for value in (plain, stored, offset))
    if len(packed) < 8 * longs + 4 * (part == _SHORT):
        raise misfit(path)
    values = list(struct.unpack_from(f"<{longs}Q", packed))
    if offset == _LONG:
        offset = values.pop()
    if part == _SHORT:
        (part,) = struct.unpack_from("<L", packed, 8 * longs)
    return values, offset, part


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _end(entries: int, size: int, at: int) -> bytes:
    """The records at the end of an archive in one part, in the form that has room for all."""
    end64 = _END64.pack(_END64_MARK, _END64.size - 12, 45, 45, 0, 0, entries, entries, size, at)
    locator = _LOCATOR.pack(_LOCATOR_MARK, 0, at + size, 1)
    return end64 + locator + _END.pack(_END_MARK, 0, 0, _SHORT, _SHORT, _LONG, _LONG, 0)


@dataclass(frozen=True)
class _Segment:
    """Bytes from `start` to `stop` of a file, or bytes in memory."""

    content: Path | bytes
    start: int = 0
    stop: int = -1

    @property
    def size(self) -> int:
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.stop - self.start


class _Joined(io.RawIOBase):
    """Segments one after the other; one file is open at a time."""

    def __init__(self, segments: Sequence[_Segment]) -> None:
        self._segments = segments
        self._starts = [0, *accumulate(segment.size for segment in segments)]
        self._at = 0
        self._open: tuple[int, BinaryIO] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        for number, segment in enumerate(self._segments):
            within = self._at - self._starts[number]
            if 0 <= within < segment.size:
                part = self._read(number, within, min(len(buffer), segment.size - within))
                buffer[: len(part)] = part
                self._at += len(part)
                return len(part)
        return 0

    def close(self) -> None:
        if self._open:
            self._open[1].close()
            self._open = None
        super().close()

    def _read(self, number: int, within: int, size: int) -> bytes:
        segment = self._segments[number]
        if isinstance(segment.content, bytes):
            return segment.content[within : within + size]
        if self._open is None or self._open[0] != number:
            if self._open:
                self._open[1].close()
            self._open = number, segment.content.open("rb")
        file = self._open[1]
        file.seek(segment.start + within)
        return file.read(size)
