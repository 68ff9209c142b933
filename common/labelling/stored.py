"""The file of labels that answers go to: what it holds, for one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from common.data import atomic, drawn, split
from common.data.appended_csv import AppendedCsv, Row
from common.data.files import lock_of
from common.data.labelled_file import LabelColumns
from common.errors import InputError
from common.labelling.known import has_text

SETTING = "--into"


class StoredLabels:
    """A file of labels and its rows; made by `open_file`.

    Attributes:
        by_id: rows by what names a message.
        by_key: rows by what tells a text from others.
    """

    def __init__(self, file: AppendedCsv, columns: LabelColumns) -> None:
        self.file, self.columns = file, columns
        self.by_id: dict[str, Row] = {}
        self.by_key: dict[int, list[Row]] = {}
        for row in file.rows():
            self.by_id[row[columns.id].strip()] = row
            if row[columns.text].strip():
                (key,) = split.keys([row[columns.text]]).tolist()
                self.by_key.setdefault(key, []).append(row)

    @property
    def classes(self) -> set[str]:
        return set(map(self.label, self.by_id.values())) - {""}

    def label(self, row: Row) -> str:
        return row[self.columns.label].strip()

    def has_other(self, id: str, text: str) -> bool:
        """Whether another message has this id."""
        there = self.by_id[id][self.columns.text] if id in self.by_id else ""
        (key,) = split.keys([there]).tolist()
        return there.strip() != "" and not has_text(key, text)

    def label_of(self, id: str, text: str) -> str:
        """The class of a message, also if the page gave it; "" if it has none."""
        there = id in self.by_id and not self.has_other(id, text)
        return self.label(self.by_id[id]) if there else ""

    def label_of_text(self, key: int) -> str:
        """The class that a text was corrected to, else the one of all its rows; "" if they don't
        agree."""
        rows = self.by_key.get(key, [])
        corrected = [row for row in rows if is_correction(row)]
        labels = set(map(self.label, corrected or rows)) - {""}
        return labels.pop() if len(labels) == 1 else ""


def is_correction(row: Row) -> bool:
    """Whether a row says what a label should be that looked wrong."""
    return row.get(drawn.WHY, "").strip() == drawn.LABEL_ISSUE


def says_how_drawn(row: Row) -> bool:
    """Whether a row says what its message was drawn for, or with which probability."""
    return any(row.get(name, "").strip() for name in (drawn.WHY, drawn.PROBABILITY))


@contextmanager
def open_file(path: Path, columns: LabelColumns) -> Iterator[StoredLabels]:
    """The file of labels, for this process alone while the block runs; it may not be there yet.

    Raises:
        InputError: another process writes to it, or it is something else.
    """
    atomic.make_folder(path.parent)
    try:
        with FileLock(lock_of(path), timeout=0):
            needed = (columns.id, columns.text, columns.label)
            is_new = not path.exists() or not path.stat().st_size
            file = AppendedCsv(path, columns.of_queues if is_new else needed, columns.id, SETTING)
            file.values(columns.label)  # refuses what is not UTF-8
            yield StoredLabels(file, columns)
    except Timeout as error:
        raise InputError(
            f"{path} is in use by a server or another command: stop it first, or name another file "
            "with --into (train.py reads a folder of such files)."
        ) from error
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}.") from error
