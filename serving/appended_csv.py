"""A CSV file that rows are added to, each on disk before anybody is told that it was taken."""

from __future__ import annotations

import csv
import io
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import disk
from common.data import atomic, csv_rows
from common.data.reader import MessageFile
from common.errors import InputError


class AppendedCsv:
    """One file with one writer; several threads may use it.

    Args:
        path: made with its folder when the first row comes.
        columns: of the rows; a file that is there must have them, and may have more.
        key: the column that names a row.
        setting: what names the file, for messages.

    Raises:
        InputError: the file that is there lacks a column, is not CSV with commas, or can't be read.
    """

    def __init__(self, path: Path, columns: Sequence[str], key: str, setting: str) -> None:
        self.path = path
        self._key = key
        self._columns = list(columns)
        self._lock = threading.Lock()
        if path.exists() and path.stat().st_size:
            with MessageFile(path) as messages:
                for column in columns:
                    messages.require(column, setting)
                if messages.header is None or messages.delimiter != ",":
                    raise InputError(f"{path} is not CSV with commas: let {setting} name another.")
                self._columns = messages.columns
            _end_last_line(path)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size if self.path.exists() else 0

    def values(self, column: str) -> dict[str, str]:
        """The cells of a column by the key of their rows; of several the last counts."""
        if not self.size:
            return {}
        found: dict[str, str] = {}
        with MessageFile(self.path) as messages:
            for chunk in messages.chunks([self._key, column]):
                keys, cells = chunk.texts(self._key), chunk.texts(column)
                found.update(zip(keys.to_pylist(), cells.to_pylist(), strict=True))
        return found

    def append(self, rows: Sequence[Mapping[str, str]], durable: bool = True) -> None:
        """Add rows, in one write.

        Args:
            durable: return only when they are on disk.

        Raises:
            InputError: they can't be written; the file is as it was.
        """
        with self._lock:
            try:
                self._append(rows, durable)
            except OSError as error:
                raise InputError(disk.explained(error, self.path)) from error

    def remove(self, key: str) -> bool:
        """Take away the rows of this key; return whether there was one.

        Raises:
            InputError: the file can't be written; it is as it was.
        """
        with self._lock:
            if not self.size:
                return False
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                header, *rows = csv.reader(file)
            at = header.index(self._key)
            kept = [row for row in rows if not (len(row) > at and row[at] == key)]
            if len(kept) < len(rows):
                atomic.write_csv(self.path, header, kept)
            return len(kept) < len(rows)

    def _append(self, rows: Sequence[Mapping[str, str]], durable: bool) -> None:
        text = io.StringIO(newline="")
        before = self.size
        if not before:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            csv_rows.write(text, [self._columns])
        csv_rows.write(text, ([row.get(name, "") for name in self._columns] for row in rows))
        content = text.getvalue().encode("utf-8", "replace")
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.write(descriptor, content) < len(content):
                os.ftruncate(descriptor, before)
                raise OSError(28, "no space left on the disk")
            if durable:
                os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
        finally:
            os.close(descriptor)


def _end_last_line(path: Path) -> None:
    """Put an end to a line whose writing was broken off, so that the next one is whole.

    What is left of it stays: those who read the file reject the line, and say so.
    """
    with path.open("rb+") as file:
        quotes, last = 0, b"\n"
        while block := file.read(1_000_000):
            quotes += block.count(b'"')
            last = block[-1:]
        if last != b"\n":
            file.write(b'"\n' if quotes % 2 else b"\n")
