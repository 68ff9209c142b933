"""Calls to other machines: all at once, retried if that may help, never beyond a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

# Seconds to wait before each further attempt.
PAUSES = (0.5, 1.0, 2.0)


class Outcome(NamedTuple):
    """What became of an attempt.

    Attributes:
        problem: what went wrong, in words without addresses and passwords; None if it is done.
        may_pass: whether another attempt may help.
    """

    problem: str | None = None
    may_pass: bool = False


def run_together(tasks: Iterable[Callable[[], None]], end: float) -> None:
    """Run all tasks at once; return when they are done, at `end` (of `time.monotonic`) the latest.

    Unfinished tasks are abandoned and do not keep the process alive: time-outs hold for single
    reads, and against a receiver that drips one byte a second nothing else helps.
    """
    threads = [threading.Thread(target=task, daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def retry(attempt: Callable[[float], Outcome], end: float) -> str | None:
    """Try until it is done, is refused for good or PAUSES are over; return the problem or None.

    urllib3's Retry would do it for HTTP alone, and reads answers to their end, however long.

    Args:
        attempt: told how many seconds are left.
        end: when to stop trying, by `time.monotonic`.
    """
    outcome = attempt(max(0.1, end - time.monotonic()))
    for pause in PAUSES:
        if not outcome.may_pass or time.monotonic() + pause >= end:
            break
        time.sleep(pause)
        outcome = attempt(max(0.1, end - time.monotonic()))
    return outcome.problem
