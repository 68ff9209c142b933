"""The edge of the scripts: signals, progress, the result, errors to one line and exit codes.

Exit codes of train and predict: 0 done, 2 usage or settings, 3 input, 4 store or model not
available, 1 anything unforeseen (traceback in the log file), 128 + signal when interrupted.
The monitor speaks the Nagios convention instead: every failure of its own is 3, UNKNOWN.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from common import logs
from common.errors import InputError, SettingsError, StoreError, TriageError
from common.settings import Settings, load
from common.text import credentials

EXIT_UNFORESEEN, EXIT_USAGE, EXIT_INPUT, EXIT_STORE = 1, 2, 3, 4
SECONDS_BETWEEN_PROGRESS_LINES = 10
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
) -> int:
    """Parse, read the settings, log, call `main(args, settings)` and turn errors into exit codes.

    Args:
        failure_exit: exit code of every failure, instead of one for each kind.
        failure_word: what the line of a failure starts with, after the script's name.
    """
    _open_closed_streams()
    with (
        logs.logging_to(script, run=uuid.uuid4().hex[:8]),
        _signals_raise(),
        rare_garbage_collection(),
    ):
        try:
            code = _parsed(parser, main, argv)
            try:
                sys.stdout.flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                _leave_stdout()
                raise TriageError(f"cannot write to stdout: {error.strerror}.") from error
            return code
        except TriageError as error:
            logger.error("%s: %s: %s", script, failure_word, error)
            return failure_exit or _exit_code(error)
        except (KeyboardInterrupt, Interrupted) as error:
            number = getattr(error, "signal_number", signal.SIGINT)
            logger.error("%s: interrupted by %s.", script, signal.Signals(number).name)
            return 128 + number
        except BrokenPipeError:
            # The reader of stdout has left (`| head`): nothing to say, and no one to say it to.
            _leave_stdout()
            return 128 + signal.SIGPIPE
        except Exception as error:
            logger.error(
                "%s: %s: unforeseen %s: %s (traceback in %s)",
                script,
                failure_word,
                type(error).__name__,
                error,
                logs.FOLDER / f"{script}.log",
                exc_info=True,
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


def _parsed(parser: argparse.ArgumentParser, main: Main, argv: Sequence[str] | None) -> int:
    args = parser.parse_args(argv)
    flags = {field: vars(args)[field] for field in Settings.model_fields if field in vars(args)}
    settings = load(flags)
    logging.getLogger().setLevel(settings.log_level)
    private = map(settings.plain, ("heartbeat_url", "smtp_url"))
    logs.hide([*settings.addresses(), *filter(None, private)])
    logs.hide(logs.environment_secrets() + credentials(settings.mlflow_tracking_uri or ""))
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


def _leave_stdout() -> None:
    """Python flushes stdout once more at its end, and would complain once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
def _signals_raise() -> Iterator[None]:
    """SIGTERM and SIGHUP end a script as Ctrl-C does: temporary files go, runs are closed.

    A signal that is ignored already (nohup) stays so.
    """
    _received.clear()

    def interrupt(number: int, _frame: object) -> None:
        _received.append(number)
        raise Interrupted(number)

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
