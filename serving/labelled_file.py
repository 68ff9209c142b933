"""Labels that people give, in a file that train.py and `monitor.py --labels` read as it is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from filelock import FileLock, Timeout

from common.data.appended_csv import AppendedCsv
from common.data.files import lock_of
from common.data.labelled_file import LabelColumns
from common.errors import InputError, SettingsError
from common.masking import Disclosure
from serving.problems import Problem

logger = logging.getLogger(__name__)


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

    Raises:
        SettingsError: another server writes the file.
        InputError: the file that is there is something else.
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
        self._writer = FileLock(lock_of(path), thread_local=False)
        self._labels: dict[str, str] = {}
        try:
            self._become_writer()
        except Timeout as error:
            raise SettingsError(
                f"another server writes {path}: let SERVE_LABELLED name another file."
            ) from error
        except OSError as error:  # nothing is written before somebody gives a label
            logger.warning("Labels can't be written to %s: %s.", path, error.strerror)

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
            self._require_writer()
            if self._file.size >= self._most_bytes:
                raise Problem(
                    HTTPStatus.INSUFFICIENT_STORAGE,
                    "The file of labels has reached its limit; see SERVE_LABELLED_BYTES.",
                )
            row = self._row(given)
            with _insufficient("The label could not be written to disk."):
                if given.id in self._labels:
                    self._file.rewrite(given.id, row)
                else:
                    self._file.append([row])
            self._labels[given.id] = given.label

    def remove(self, id: str) -> None:
        """Take a label back.

        Raises:
            Problem: 404, the message has none; 507, the file can't be written.
        """
        with self._lock:
            self._require_writer()
            if id not in self._labels:
                raise Problem(HTTPStatus.NOT_FOUND, "This message has no label.")
            with _insufficient("The label could not be removed on disk."):
                self._file.rewrite(id)
            del self._labels[id]

    def close(self) -> None:
        """Let another server write the file."""
        self._writer.release()

    def _become_writer(self) -> None:
        """Be the one who writes, and know what is there.

        Raises:
            Timeout: another process is.
            OSError, InputError: the folder can't be written, or the file can't be read.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._writer.acquire(blocking=False)
        try:
            self._file.end_last_line()
            self._labels = self._file.values(self._columns.label)
        except BaseException:
            self._writer.release()
            raise

    def _require_writer(self) -> None:
        """Raise Problem (503) if labels can't be written, as at the start."""
        if self._writer.is_locked:
            return
        try:
            self._become_writer()
        except (Timeout, OSError, InputError) as error:
            logger.error("Labels can't be written to %s: %s", self._path, error)
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Labels can't be written at the moment; the log of the server says why.",
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


@contextmanager
def _insufficient(detail: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        logger.error("%s %s", detail, error)
        raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, detail) from error
