"""The edge of the scripts: signals, progress, the result, errors to one line and exit codes.

Exit codes of train and predict: 0 done, 2 usage or settings, 3 input, 4 store or model not
available, 1 anything unforeseen (traceback in the log file), 128 + signal when interrupted; of
train also 5: a model was fitted, but could not be compared with the champion, which stays.
The monitor speaks the Nagios convention instead: every failure of its own is 3, UNKNOWN.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import logging
import os
import signal
import stat
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from common import ROOT, disk, logs
from common.errors import InputError, SettingsError, StoreError, TriageError
from common.settings import Settings
from common.settings_reader import load
from common.text import credentials

EXIT_UNFORESEEN, EXIT_USAGE, EXIT_INPUT, EXIT_STORE, EXIT_NO_CONTEST = 1, 2, 3, 4, 5
SECONDS_BETWEEN_PROGRESS_LINES = 10
SECONDS_TO_LEAVE = 3.0
logger = logging.getLogger(__name__)
_received: list[int] = []
Main = Callable[[argparse.Namespace, Settings], int]


class Interrupted(BaseException):
    """A signal asked the script to end; not an Exception, so that nothing swallows it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def run(
    script: str,
    parser: argparse.ArgumentParser,
    main: Main,
    argv: Sequence[str] | None = None,
    failure_exit: int | None = None,
    failure_word: str = "error",
    kind: type[Settings] = Settings,
) -> int:
    """Parse, read the settings, log, call `main(args, settings)` and turn errors into exit codes.

    Args:
        failure_exit: exit code of every failure, instead of one for each kind.
        failure_word: what the line of a failure starts with, after the script's name.
        kind: which settings are read.
    """
    _open_closed_streams()
    with _signals_raise(script), rare_garbage_collection():
        try:
            with logs.logging_to(script, run=uuid.uuid4().hex[:8]):
                try:
                    call = functools.partial(_parsed, script, parser, main, argv, kind)
                    return _code(script, call, failure_exit, failure_word)
                except (KeyboardInterrupt, Interrupted) as error:  # also while a failure is told
                    return _interrupted(script, error)
        except (KeyboardInterrupt, Interrupted) as error:  # while the lines above were at work
            return _interrupted(script, error)


def _code(script: str, call: Callable[[], int], failure_exit: int | None, failure_word: str) -> int:
    try:
        code = call()
        with _writing_stdout():
            sys.stdout.flush()
        return code
    except Exception as error:  # noqa: BLE001  the edge
        return _failed(script, error, failure_exit, failure_word)


def leave(code: int) -> NoReturn:
    """End the process with this exit code, within seconds.

    Python would first wait for threads of a pool, and MLflow fetches with one: a store that does
    not end its answer would keep a script that has said its last line. From here on a signal ends
    the process without a word.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_IGN if code > 128 else signal.SIG_DFL)
    end = threading.Timer(SECONDS_TO_LEAVE, os._exit, [code])
    end.daemon = True
    end.start()
    sys.exit(code)


@contextmanager
def _writing_stdout() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        kind = InputError if disk.is_full(error) else TriageError
        raise kind(f"cannot write to stdout: {error.strerror}.") from error


def _interrupted(script: str, error: BaseException) -> int:
    number = getattr(error, "signal_number", signal.SIGINT)
    logger.error("%s: interrupted by %s.", script, signal.Signals(number).name)
    _settle_stdout(interrupted=True)
    return 128 + number


def _failed(script: str, error: Exception, failure_exit: int | None, failure_word: str) -> int:
    """Say in one line why the script ends; return its exit code."""
    _settle_stdout()
    if isinstance(error, BrokenPipeError):
        # The reader of stdout has left (`| head`): nothing to say, and no one to say it to.
        return 128 + signal.SIGPIPE
    if not isinstance(error, TriageError) and disk.is_full(error):
        error = InputError(disk.explained(error, Path.cwd(), ROOT))
    if isinstance(error, TriageError):
        logger.error("%s: %s: %s", script, failure_word, error)
        return failure_exit or _exit_code(error)
    logger.error(
        "%s: %s: unforeseen %s: %s (traceback in %s)",
        script,
        failure_word,
        type(error).__name__,
        error,
        logs.FOLDER / f"{script}.log",
        exc_info=error,
    )
    return failure_exit or EXIT_UNFORESEEN


def show(text: str, data: object, as_json: bool) -> None:
    """Write the result to stdout: a text for people or, on one line, JSON for scripts.

    The log file gets the text either way.
    """
    for line in filter(str.strip, text.splitlines()):
        logger.info("%s", line, extra=logs.FILE_ONLY)
    result = json.dumps(data) if as_json else text
    # A file's name may hold bytes that are not text, and a terminal may not know all characters.
    encoding = sys.stdout.encoding or "utf-8"
    with _writing_stdout():
        sys.stdout.write(result.encode(encoding, "backslashreplace").decode(encoding) + "\n")


@contextmanager
def progress(task: str, unit: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of units just done.

    A bar when stderr is a terminal, else a plain line every ten seconds.
    """
    from tqdm import tqdm

    if sys.stderr.isatty():
        from tqdm.contrib.logging import logging_redirect_tqdm

        with (
            logging_redirect_tqdm(),
            tqdm(desc=task, unit=unit, total=total, unit_scale=True, leave=False) as bar,
        ):

            def fill(units: int) -> None:
                _raise_if_interrupted()
                bar.update(units)

            yield fill
        return

    done, start = 0, time.monotonic()
    spoken = start

    def size(units: int) -> str:
        return str(units) if units < 1000 else str(tqdm.format_sizeof(units))

    def advance(units: int) -> None:
        nonlocal done, spoken
        _raise_if_interrupted()
        done += units
        now = time.monotonic()
        if now - spoken >= SECONDS_BETWEEN_PROGRESS_LINES:
            spoken = now
            rate = done / (now - start)
            share = f" of {size(total)}" if total else ""
            speed = f", {size(round(rate))} {unit}/s" if rate >= 1 else ""
            left = f", about {(total - done) / rate:.0f} s left" if total and rate else ""
            logger.info("%s: %s%s %s%s%s", task, size(done), share, unit, speed, left)

    yield advance


def _parsed(
    script: str,
    parser: argparse.ArgumentParser,
    main: Main,
    argv: Sequence[str] | None,
    kind: type[Settings],
) -> int:
    args = parser.parse_args(argv)
    flags = {field: vars(args)[field] for field in kind.model_fields if field in vars(args)}
    settings = load(flags, kind=kind)
    logging.getLogger().setLevel(settings.log_level)
    logs.remove_older(script, settings.log_days)
    private = map(settings.plain, ("heartbeat_url", "smtp_url"))
    logs.hide([*settings.addresses(), *filter(None, private)])
    logs.hide(logs.environment_secrets() + credentials(settings.mlflow_tracking_uri or ""))
    if settings.mask:
        logs.mask_contacts()
    return main(args, settings)


def _open_closed_streams() -> None:
    """Point closed standard streams (`>&-`) to /dev/null.

    Otherwise the next file opened would get their descriptor, and everything printed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)
            if null != number:
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def _settle_stdout(interrupted: bool = False) -> None:
    """Python flushes stdout once more at its end, and would complain if that fails again.

    Whoever interrupts a script does not wait for the reader of a pipe, who may stand still.
    """
    with suppress(ValueError):  # closed, or not a real file
        descriptor = sys.stdout.fileno()
        try:
            if interrupted and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BrokenPipeError
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _exit_code(error: Exception) -> int:
    codes = {SettingsError: EXIT_USAGE, InputError: EXIT_INPUT, StoreError: EXIT_STORE}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), EXIT_UNFORESEEN)


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Collect garbage rarely, and not at exit, when the process frees it anyway.

    The collector took a third of a start, which is importing and building classes.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.freeze()


@contextmanager
def _signals_raise(script: str) -> Iterator[None]:
    """SIGTERM and SIGHUP end a script as Ctrl-C does: temporary files go, runs are closed.

    A second one, some seconds later, ends it at once.
    A signal that is ignored already (nohup) stays so.
    """
    _received.clear()
    since = 0.0

    def interrupt(number: int, _frame: object) -> None:
        nonlocal since
        if not _received:
            since = time.monotonic()
            _received.append(number)
            raise Interrupted(number)
        # `timeout`, shells and people send it twice: that must not break off the tidying up.
        if time.monotonic() - since > SECONDS_TO_LEAVE:
            name = signal.Signals(number).name
            os.write(2, f"{script}: interrupted by {name}.\n".encode())
            os._exit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    heard = [number for number in numbers if before[number] != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


def _raise_if_interrupted() -> None:
    """Python drops an exception that a signal raises in a callback, as while it forks."""
    if _received:
        raise Interrupted(_received[0])
