"""One POST to an address that may hold a token: bounded in time and size, nothing of it shown."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from common.monitoring.alerts.deadline import Outcome, retry

CONNECT_SECONDS, READ_SECONDS = 3.05, 5.0
BUSY = (429, 500, 502, 503, 504)
COMPLAINT_BYTES = 512


def post(
    address: str, body: bytes, headers: Mapping[str, str], end: float, complaint: bytes = b""
) -> str | None:
    """POST `body`; return what went wrong, in words without the address, or None.

    Redirects are not followed: a message goes where it was told to, or nowhere. The answer's body
    is not read, except for its first 512 bytes if `complaint` asks for them.

    Args:
        address: http:// or https://.
        end: when to stop trying, by `time.monotonic`.
        complaint: text in a 2xx body that means it failed after all.
    """
    import requests
    from urllib3.exceptions import HTTPError

    # It logs the paths of addresses, where tokens are.
    logging.getLogger("urllib3").setLevel(logging.ERROR)

    def attempt(left: float) -> Outcome:
        try:
            with requests.post(
                address,
                data=body,
                headers=dict(headers),
                timeout=(min(CONNECT_SECONDS, left), min(READ_SECONDS, left)),
                allow_redirects=False,
                stream=True,
            ) as answer:
                if not 200 <= answer.status_code < 300:
                    return Outcome(f"HTTP {answer.status_code}", answer.status_code in BUSY)
                if complaint and complaint in next(answer.iter_content(COMPLAINT_BYTES), b""):
                    return Outcome("it took the message and then failed", True)
                return Outcome()
        except (requests.ConnectionError, requests.Timeout) as error:
            return Outcome(type(error).__name__, True)
        except (requests.RequestException, HTTPError, ValueError) as error:
            return Outcome(type(error).__name__)

    return retry(attempt, end)
