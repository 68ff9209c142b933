"""Work that talks to others: all at once, again where that may help, never beyond a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

# Seconds to wait before each further attempt.
PAUSES = (0.5, 1.0, 2.0)


def together(tasks: Iterable[Callable[[], None]], end: float) -> None:
    """Run all tasks at once; return when they are done, at `end` (of `time.monotonic`) the latest.

    What is not done by then is left to itself and keeps no script from ending: time-outs hold for
    single reads, and against a receiver that drips one byte a second nothing else helps.
    """
    threads = [threading.Thread(target=task, daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def attempts(attempt: Callable[[float], tuple[str | None, bool]], end: float) -> str | None:
    """Try until it is done, is refused for good or PAUSES are over; what went wrong, or None.

    urllib3's Retry would do it for HTTP alone, and reads answers to their end, however long.

    Args:
        attempt: told how many seconds are left; gives what went wrong (None: nothing), and whether
            another attempt may help.
    """
    for pause in (*PAUSES, None):
        problem, may_help = attempt(max(0.1, end - time.monotonic()))
        if problem is None or not may_help:
            return problem
        if pause is None or time.monotonic() + pause >= end:
            return problem
        time.sleep(pause)
    raise AssertionError("the last pause is None")
