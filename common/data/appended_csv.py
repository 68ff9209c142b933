"""A CSV file that rows are added to, each on disk before anybody is told that it was taken."""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from common import disk
from common.data import atomic, csv_rows
from common.data.reader import MessageFile
from common.errors import InputError

Row = Mapping[str, str]


class AppendedCsv:
    """One file with one writer, which uses it in one thread at a time.

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
        if path.exists() and path.stat().st_size:
            with MessageFile(path) as messages:
                for column in columns:
                    messages.require(column, setting)
                if messages.header is None or messages.delimiter != ",":
                    raise InputError(f"{path} is not CSV with commas: let {setting} name another.")
                self._columns = messages.columns

    def end_last_line(self) -> None:
        """Put an end to a line whose writing was broken off, so that the next one is whole.

        What is left of it stays: those who read the file reject the line, and say so.

        Raises:
            OSError: the file can't be written.
        """
        if not self.size:
            return
        with self.path.open("rb+") as file:
            quotes, last = 0, b"\n"
            while block := file.read(1_000_000):
                quotes += block.count(b'"')
                last = block[-1:]
            if last != b"\n":
                file.write(b'"\n' if quotes % 2 else b"\n")

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
                if chunk.replaced:
                    raise InputError(f"{self.path} is not UTF-8: save it as UTF-8.")
                keys, cells = chunk.texts(self._key), chunk.texts(column)
                found.update(zip(keys.to_pylist(), cells.to_pylist(), strict=True))
        return found

    def append(self, rows: Sequence[Row], durable: bool = True) -> None:
        """Add rows, in one write.

        Args:
            durable: return only when they are on disk.

        Raises:
            InputError: they can't be written; the file is as it was.
        """
        try:
            self._append(rows, durable)
        except OSError as error:
            raise InputError(disk.explained(error, self.path)) from error

    def rewrite(self, key: str, row: Row | None = None) -> None:
        """Take away the rows of this key, and add another one in the same step.

        Columns that the new row doesn't name keep what the last of the old ones has there.

        Raises:
            InputError: the file can't be read or written; it is as it was.
        """

        def rows(source: IO[str]) -> Iterator[Sequence[str]]:
            found = csv.reader(source)
            header = next(found)
            yield header
            at, before = header.index(self._key), {}
            for cells in found:
                if len(cells) > at and cells[at] == key:
                    before = dict(zip(header, cells, strict=False))
                else:
                    yield cells
            if row is not None:
                yield self._cells({**before, **row})

        self._rewrite(rows)

    def edit(
        self, change: Callable[[Row], Row], added: Sequence[Row], columns: Sequence[str] = ()
    ) -> None:
        """Change rows and add others, in one step: who is killed has done all of it or nothing.

        Args:
            change: gives what takes the place of a row; of columns that it leaves out, the cell
                stays. A row with too few or too many cells is no row, and stays.
            columns: to be had after it, at the end of those that are there.

        Raises:
            InputError: the file can't be read or written; it is as it was.
        """
        before = list(self._columns)
        self._columns += [name for name in columns if name not in before]

        def rows(source: IO[str]) -> Iterator[Sequence[str]]:
            found = csv.reader(source)
            if self.size:
                next(found)
            yield self._columns
            more = [""] * (len(self._columns) - len(before))
            for cells in found:
                if len(cells) == len(before):
                    row = dict(zip(before, cells, strict=True))
                    yield self._cells({**row, **change(row)})
                elif cells:
                    yield [*cells, *more]
            yield from map(self._cells, added)

        try:
            if not self.path.exists():
                atomic.make_folder(self.path.parent)
                atomic.write_csv(self.path, self._columns, map(self._cells, added))
                self.path.chmod(0o600)  # as a file that `append` makes
            else:
                self._rewrite(rows)
        except BaseException:
            self._columns = before
            raise

    def rows(self) -> Iterator[Row]:
        """The rows as `edit` sees them.

        Raises:
            InputError: the file can't be read.
        """
        if not self.size:
            return
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as source:
                found = csv.reader(source)
                next(found)
                for cells in found:
                    if len(cells) == len(self._columns):
                        yield dict(zip(self._columns, cells, strict=True))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{self.path} can't be read: {error}.") from error

    def _cells(self, row: Row) -> list[str]:
        return [row.get(name, "") for name in self._columns]

    def _rewrite(self, rows: Callable[[IO[str]], Iterable[Sequence[str]]]) -> None:
        try:
            with (
                atomic.atomic_path(self.path) as temporary,
                self.path.open(encoding="utf-8-sig", newline="") as source,
                temporary.open("w", encoding="utf-8", newline="", errors="replace") as target,
            ):
                csv_rows.write(target, rows(source))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{self.path} can't be rewritten: {error}.") from error

    def _append(self, rows: Sequence[Row], durable: bool) -> None:
        text = io.StringIO(newline="")
        before = self.size
        if not before:
            atomic.make_folder(self.path.parent)
            csv_rows.write(text, [self._columns])
        csv_rows.write(text, ([row.get(name, "") for name in self._columns] for row in rows))
        content = text.getvalue().encode("utf-8", "replace")
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.write(descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                os.fsync(descriptor)
                if not before:
                    atomic.sync_folder(self.path.parent)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
        finally:
            os.close(descriptor)
