"""How long a server may take: whatever it sends, a call ends in time.

MLflow's own time-out holds for single reads, so a server that sends one byte a second is never too
slow for it. Here each call to a server has a deadline for all of it, retries included. What is
still waiting then is left to a thread that keeps no process alive.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from common.errors import StoreError

CALL_SECONDS = 120.0
# Models are megabytes; these calls carry them, or pages and figures.
TRANSFER_SECONDS = 3600.0
TRANSFERS = (
    *("download_artifacts", "log_artifact", "log_artifacts", "log_model_artifacts"),
    *("log_dict", "log_figure", "log_table", "log_text"),
)

# What tidies up after a failure: a script that was asked to end must not wait for a dead server.
TIDYING_SECONDS = 5.0

Result = TypeVar("Result")
_longest: contextvars.ContextVar[float | None] = contextvars.ContextVar("longest", default=None)


def within(seconds: float, call: Callable[[], Result], late: str) -> Result:
    """Return what a call gives, or raise what it raises; it runs in a thread of its own.

    Args:
        late: what is said if it has not ended after so many seconds.

    Raises:
        StoreError: it has not ended.
    """
    future: Future[Result] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(call))
        except BaseException as error:  # noqa: BLE001  raised again by result()
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return future.result(min(seconds, _longest.get() or seconds))
    except TimeoutError as error:
        if future.done():  # the call's own
            raise
        raise StoreError(late) from error


@contextmanager
def hurried() -> Iterator[None]:
    """Give calls in this block TIDYING_SECONDS at most."""
    before = _longest.set(TIDYING_SECONDS)
    try:
        yield
    finally:
        _longest.reset(before)


class PatientClient:
    """MLflow's client of a server, of which every call has a deadline."""

    def __init__(self, client: Any, server: str) -> None:
        self._client = client
        self._server = server

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found
        seconds = TRANSFER_SECONDS if name in TRANSFERS else CALL_SECONDS

        @wraps(found)
        def call(*args: Any, **kwargs: Any) -> Any:
            late = f"the MLflow server {self._server} does not answer: it took too long."
            return within(seconds, lambda: found(*args, **kwargs), late)

        return call
