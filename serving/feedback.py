"""Labels that people give, in a file that train.py and `monitor.py --labels` read as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from filelock import FileLock, Timeout

from common.errors import InputError
from common.masking import Disclosure
from serving.appended_csv import AppendedCsv
from serving.problems import Problem


@dataclass(frozen=True)
class LabelColumns:
    """How the columns that have a meaning elsewhere are called; the others are the file's own."""

    id: str
    time: str
    text: str
    label: str

    @property
    def all(self) -> tuple[str, ...]:
        own = ("prediction", "model_version", "labelled_by", "source", "request_id")
        return (self.id, self.time, self.text, self.label, *own)


@dataclass(frozen=True)
class GivenLabel:
    """One message with the class that somebody gives it.

    Attributes:
        id: names the message; a second label takes the place of the first.
        written_at: when the message was written, as it was told; empty: now.
        predicted, version: what was answered, and by which version; empty and None: nothing.
        by: name of the token, or `local`.
        source: where it was given: page, labelling or api.
        request_id: of the answer that it is about; empty: of none.
    """

    id: str
    text: str
    label: str
    written_at: str = ""
    predicted: str = ""
    version: int | None = None
    by: str = ""
    source: str = "api"
    request_id: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it says what was predicted."""
        return self.label == self.predicted


class LabelledFile:
    """Where labels go; each is on disk when `add` returns.

    Args:
        most_bytes: above which nothing is taken any more.
        shown: how texts may be stored.
    """

    def __init__(
        self,
        path: Path,
        columns: LabelColumns,
        most_bytes: int,
        shown: Disclosure,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._columns, self._most_bytes, self._shown, self._now = columns, most_bytes, shown, now
        self._file = AppendedCsv(path, columns.all, columns.id, "SERVE_LABELLED")
        self._path, self._lock = path, threading.Lock()
        self._writer = FileLock(path.with_name(f".{path.name}.lock"), thread_local=False)
        self._labels = self._file.values(columns.label)

    def __len__(self) -> int:
        return len(self._labels)

    def label_of(self, id: str) -> str | None:
        """The class that a message was given; None: none yet."""
        return self._labels.get(id)

    def add(self, given: GivenLabel) -> None:
        """Add a label, or replace the one that the message has.

        Raises:
            Problem: 507, the file has reached its limit or the disk is full.
        """
        with self._lock:
            self._require_alone()
            if self._file.size >= self._most_bytes:
                raise Problem(
                    HTTPStatus.INSUFFICIENT_STORAGE,
                    "The file of labels has reached its limit; see SERVE_LABELLED_BYTES.",
                )
            try:
                if given.id in self._labels:
                    self._file.remove(given.id)
                self._file.append([self._row(given)])
            except InputError as error:
                raise Problem(
                    HTTPStatus.INSUFFICIENT_STORAGE, "The label could not be written to disk."
                ) from error
            self._labels[given.id] = given.label

    def remove(self, id: str) -> None:
        """Take a label back.

        Raises:
            Problem: 404, the message has none; 507, the file can't be written.
        """
        with self._lock:
            self._require_alone()
            if id not in self._labels:
                raise Problem(HTTPStatus.NOT_FOUND, "This message has no label.")
            try:
                self._file.remove(id)
            except InputError as error:
                raise Problem(
                    HTTPStatus.INSUFFICIENT_STORAGE, "The label could not be removed on disk."
                ) from error
            del self._labels[id]

    def close(self) -> None:
        """Let another server write the file."""
        self._writer.release()

    def _require_alone(self) -> None:
        """Be the one writer from the first label on; another may have written before."""
        if self._writer.is_locked:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer.acquire(blocking=False)
            self._labels = self._file.values(self._columns.label)
        except (Timeout, OSError, InputError) as error:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Another server writes the file of labels, or it can't be written: SERVE_LABELLED "
                "names another one.",
            ) from error

    def _row(self, given: GivenLabel) -> dict[str, str]:
        columns = self._columns
        (text,) = self._shown.shown([given.text])
        return {
            columns.id: given.id,
            columns.time: given.written_at or self._now().isoformat(timespec="seconds"),
            columns.text: text,
            columns.label: given.label,
            "prediction": given.predicted,
            "model_version": "" if given.version is None else str(given.version),
            "labelled_by": given.by,
            "source": given.source,
            "request_id": given.request_id,
        }
