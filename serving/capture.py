"""Answered messages, a file a day, for `monitor.py --predictions FOLDER --labels FILE`."""

from __future__ import annotations

import hashlib
import logging
import queue
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from common.data.appended_csv import AppendedCsv
from common.errors import InputError
from common.masking import mask
from serving.scorer import Answer, Question
from serving.settings import CaptureMode
from serving.shadow import Second

# Batches that may wait to be written; what comes beyond is not kept, and a warning says so.
MOST_BATCHES = 1000
ENDED = None
STOP_SECONDS = 5

logger = logging.getLogger(__name__)
Batch = Sequence[tuple[Question, Answer, Second | None]]


@dataclass(frozen=True)
class CaptureColumns:
    """How the columns that monitor.py looks for are called."""

    id: str
    time: str
    text: str

    def all(self, mode: CaptureMode) -> tuple[str, ...]:
        """Names of the columns; what is kept of the text depends on the mode."""
        text = {"hash": ("text_sha256",), "none": ()}.get(mode, (self.text,))
        answer = ("prediction", "confidence", "model_version")
        return (self.id, self.time, *text, *answer, "challenger_version", "challenger_prediction")


class Capture:
    """Keeps answered messages; written by `run` in a thread of its own.

    Args:
        mode: what is kept of a text.
        share: of the requests, 0 to 1, that is kept.
    """

    def __init__(
        self,
        folder: Path,
        columns: CaptureColumns,
        mode: CaptureMode,
        share: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder, self._columns, self._mode, self._share = folder, columns, mode, share
        self._now = now
        self._waiting: queue.Queue[tuple[datetime, Batch] | None] = queue.Queue(MOST_BATCHES)
        self._file: AppendedCsv | None = None
        self._failed = False

    def keep(self, batch: Batch) -> None:
        """Have a batch written, as far as it is in the share; never waits."""
        chosen = [
            each
            for each in batch
            if each[0].request_id and (self._share == 1 or random.random() < self._share)
        ]
        if self._mode == "off" or not chosen:
            return
        try:
            self._waiting.put_nowait((self._now(), chosen))
        except queue.Full:
            logger.warning("Messages come faster than they can be kept: some are left out.")

    def run(self) -> None:
        """Write until told to stop, and what waits then."""
        while (waiting := self._waiting.get()) is not ENDED:
            at, batch = waiting
            try:
                self._of_day(at).append(
                    [row for each in batch for row in self._rows(at, *each)], durable=False
                )
            except (InputError, OSError) as error:
                if not self._failed:
                    logger.error("Answered messages can't be kept: %s", error)
                self._failed = True
            else:
                self._failed = False

    def stop(self) -> None:
        """Let `run` end when all is written; a disk that hangs is not waited for."""
        with suppress(queue.Full):
            self._waiting.put(ENDED, timeout=STOP_SECONDS)

    def _of_day(self, at: datetime) -> AppendedCsv:
        path = self._folder / f"{at:%Y-%m-%d}.csv"
        if self._file is None or self._file.path != path:
            columns = self._columns.all(self._mode)
            self._file = AppendedCsv(path, columns, self._columns.id, "SERVE_CAPTURE_FOLDER")
        return self._file

    def _rows(
        self, at: datetime, question: Question, answer: Answer, second: Second | None
    ) -> list[dict[str, str]]:
        rows = []
        for row, (id, text) in enumerate(zip(question.ids(), question.texts, strict=True)):
            label, confidence = answer.label(row), answer.confidence(row)
            if label is None:
                continue
            rows.append(
                {
                    self._columns.id: id,
                    self._columns.time: at.isoformat(timespec="seconds"),
                    **self._text(text),
                    "prediction": label,
                    "confidence": str(confidence),
                    "model_version": str(answer.served.number),
                    "challenger_version": str(second.version) if second else "",
                    "challenger_prediction": (second.labels[row] or "") if second else "",
                }
            )
        return rows

    def _text(self, text: str) -> dict[str, str]:
        if self._mode == "hash":
            return {"text_sha256": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()}
        if self._mode == "none":
            return {}
        return {self._columns.text: mask(text) if self._mode == "masked" else text}
