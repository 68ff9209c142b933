"""Tell a dead man's switch that the monitor ran, so that its silence is noticed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.monitoring.alerts import webhook
from common.monitoring.alerts.deadline import run_together
from common.monitoring.alerts.formats import line
from common.text import redact

LIMIT_SECONDS = 5.0
TEXT_CHARACTERS = 500

logger = logging.getLogger(__name__)


def ping(url: str, ok: bool, text: str) -> None:
    """POST one line to `url`, or to `url` + "/fail" if the run failed, within 5 seconds.

    The convention of healthchecks.io. A failure is one warning without the address, whose path is
    a secret. Source: https://healthchecks.io/docs/http_api/
    """
    path, mark, query = url.partition("?")
    address = url if ok else path.rstrip("/") + "/fail" + mark + query
    body = line(redact(text), TEXT_CHARACTERS).encode()
    end = time.monotonic() + LIMIT_SECONDS
    problems: list[str | None] = []

    def post() -> None:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        problems.append(webhook.post(address, body, headers, end))

    run_together([post], end)
    problem = problems[0] if problems else f"not taken within {LIMIT_SECONDS:g} s"
    if problem:
        logger.warning("The heartbeat was not sent: %s.", problem)


@contextmanager
def heartbeat(url: str | None) -> Iterator[Callable[[str], None]]:
    """Ping when the block ends, also if it fails; yield a function that sets the line to send.

    Without a `url` nothing is sent.
    """
    text = "done"

    def set_text(line: str) -> None:
        nonlocal text
        text = line

    try:
        yield set_text
    except Exception as error:
        if url:
            ping(url, ok=False, text=str(error))
        raise
    if url:
        ping(url, ok=True, text=text)
