"""Alerts to people: a JSON message to each address, within a deadline, never naming the address."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

DEADLINE_SECONDS = 20.0
CONNECT_SECONDS, READ_SECONDS = 3.05, 5.0
RETRIES = 2

logger = logging.getLogger(__name__)


def send(urls: Sequence[str], alert: Mapping[str, Any], deadline: float = DEADLINE_SECONDS) -> int:
    """POST `alert` as JSON to every address at once; return how many took it.

    Redirects are not followed: an alert goes where it was told to, or nowhere. What fails is
    logged with the receiver's host alone, because an address may hold a token.

    Args:
        deadline: seconds for the whole delivery with its retries; a receiver that drips one byte
            a second would defeat time-outs of single reads.
    """
    # It logs the paths of addresses, where tokens are.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    outcome: dict[str, str | None] = {}

    def deliver(url: str) -> None:
        outcome[url] = _post(url, alert)

    end = time.monotonic() + deadline
    # Daemons: a receiver that never ends its answer must not keep the script from ending.
    threads = [threading.Thread(target=deliver, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = f"no answer within {deadline:g} s"
    for position, url in enumerate(urls, start=1):
        problem = outcome.get(url, late)
        if problem:
            logger.error(
                "Alert not delivered to address %d of ALERT_URLS (%s): %s.",
                position,
                _host(url),
                problem,
            )
    return sum(outcome.get(url, late) is None for url in urls)


def _post(url: str, alert: Mapping[str, Any]) -> str | None:
    """What went wrong, or None."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import HTTPError
    from urllib3.util import Retry

    retry = Retry(
        total=RETRIES,
        backoff_factor=0.5,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=None,
        redirect=0,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retry))
        session.mount("https://", HTTPAdapter(max_retries=retry))
        try:
            answer = session.post(
                url,
                json=dict(alert),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
        except (requests.RequestException, HTTPError, ValueError) as error:
            return type(error).__name__
    return None if 200 <= answer.status_code < 300 else f"HTTP {answer.status_code}"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"
