"""Log files and console lines: rotating, UTC, one line a record, never a secret.

A file's line: `2026-01-31T06:00:00Z INFO 3f9c2a1b Scored 1,000 messages`; the third word is the id
of the run of the script, the same for all its lines.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from logging.handlers import RotatingFileHandler
from pathlib import Path

from common import LOGS
from common.masking import CONTACTS, Rule, mask
from common.text import escape, redact, shortened

FOLDER = LOGS
MAX_BYTES = 5_000_000
BACKUPS = 5
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")
# A name or a label that a line quotes may be as long as a file.
LINE_CHARACTERS, TRACEBACK_CHARACTERS = 10_000, 100_000

# These log every step; their failures reach us as exceptions anyway.
CHATTY = ("mlflow", "alembic", "urllib3", "git", "matplotlib")
# Says as an error what it raises.
REPEATING = "mlflow.store.db.utils"

# For `extra`: a record that the console has no need of.
FILE_ONLY = {"file_only": True}


class LineFormatter(logging.Formatter):
    """One line a record; the lines of a traceback follow it, marked so that none passes as one."""

    converter = staticmethod(time.gmtime)

    def __init__(self, pattern: str, secrets: Iterable[str] = (), tracebacks: bool = True) -> None:
        super().__init__(pattern, datefmt="%Y-%m-%dT%H:%M:%SZ")
        self.secrets = set(secrets)
        self.tracebacks = tracebacks
        self.masked: tuple[Rule, ...] = ()

    def formatMessage(self, record: logging.LogRecord) -> str:
        # Not cut before: a password may be told by the @ after it.
        hidden = redact(record.message, self.secrets)
        record.message = escape(mask(shortened(hidden, LINE_CHARACTERS), self.masked))
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        # A copy: another handler may have kept its own rendering of the traceback in the record.
        copy = logging.makeLogRecord(record.__dict__ | {"exc_text": None})
        if not self.tracebacks:
            copy.exc_info = None
        return super().format(copy)

    def formatException(self, exc_info) -> str:  # type: ignore[no-untyped-def]
        hidden = redact(super().formatException(exc_info), self.secrets)
        lines = mask(shortened(hidden, TRACEBACK_CHARACTERS), self.masked).splitlines()
        return "\n".join(f"    | {escape(line)}" for line in lines)


def environment_secrets() -> list[str]:
    """What the environment holds for MLflow and must not be shown."""
    names = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY")
    return [os.environ[name] for name in names if len(os.environ.get(name, "")) > 3]


@contextmanager
def logging_to(script: str, run: str) -> Iterator[logging.Logger]:
    """Log to `logs/<script>.log` and, in plain lines, to stderr; undone when the block ends."""
    logger = logging.getLogger()
    before = logger.handlers, logger.level, logging.raiseExceptions
    console = logging.StreamHandler()
    console.setFormatter(LineFormatter("%(message)s", environment_secrets(), tracebacks=False))
    console.addFilter(
        lambda record: record.name != "py.warnings" and not hasattr(record, "file_only")
    )
    logger.handlers = [console]
    logger.setLevel(logging.INFO)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger(REPEATING).setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
    # A full disk must not turn each log line into a traceback on stderr.
    logging.raiseExceptions = False
    try:
        logger.addHandler(_file_handler(script, run))
    except OSError as error:
        logger.warning("Cannot log to %s (%s): the console has all there is.", FOLDER, error)
    try:
        yield logger
    finally:
        for handler in logger.handlers:
            with suppress(OSError):  # what a full disk did not take is flushed once more
                handler.close()
        logging.captureWarnings(False)
        logger.handlers, logging.raiseExceptions = before[0], before[2]
        logger.setLevel(before[1])


def hide(secrets: Iterable[str]) -> None:
    """Never write these from now on, neither to the file nor to the console."""
    secrets = set(filter(None, secrets))
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, LineFormatter):
            handler.formatter.secrets |= secrets


def remove_older(script: str, days: float) -> None:
    """Remove the lines of `logs/<script>.log` and its rotated files that are older, to the day.

    A file is cut in place: another run of the script may be writing to it.
    """
    now = datetime.now(UTC)
    try:
        oldest, due = (f"{now - timedelta(days=d):%Y-%m-%dT%H:%M:%SZ}" for d in (days, days + 1))
    except OverflowError:  # longer than there are dates
        return
    names = [f"{script}.log", *(f"{script}.log.{number}" for number in range(1, BACKUPS + 1))]
    for path in (FOLDER / name for name in names):
        with suppress(OSError):  # the script must not fail for its log
            if path.is_file() and _first_time(path) < due:
                _cut_before(path, oldest)


def _first_time(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(len("2026-01-31T06:00:00Z")).decode("ascii", "replace")


def _cut_before(path: Path, oldest: str) -> None:
    with path.open("r+b") as file:
        lines = file.readlines()
        # What follows a record's first line, such as a traceback, has no time.
        recent = (
            number
            for number, line in enumerate(lines)
            if _TIME.match(line) and line[:20].decode() >= oldest
        )
        kept = b"".join(lines[next(recent, len(lines)) :])
        file.seek(0)
        file.write(kept)
        file.truncate()
    if not kept and path.suffix != ".log":
        path.unlink()


def mask_contacts() -> None:
    """From now on mask mail addresses and numbers of people: an error may quote a cell."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, LineFormatter):
            handler.formatter.masked = CONTACTS


class _LogFile(RotatingFileHandler):
    """A log file whose disk may fill up: that is said once, and breaks nothing."""

    told = False

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not self.told and isinstance(error, OSError):
            self.told = True
            logging.warning("Cannot log to %s (%s).", self.baseFilename, error.strerror or error)


def _file_handler(script: str, run: str) -> logging.Handler:
    FOLDER.mkdir(exist_ok=True)
    handler = _LogFile(
        FOLDER / f"{script}.log",
        maxBytes=MAX_BYTES,
        backupCount=BACKUPS,
        encoding="utf-8",
        errors="backslashreplace",
    )
    pattern = f"%(asctime)s %(levelname)s {run} %(message)s"
    handler.setFormatter(LineFormatter(pattern, environment_secrets()))
    return handler
