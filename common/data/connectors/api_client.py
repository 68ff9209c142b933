"""Requests to an HTTP API: patient, within its limits, and telling the token to nobody else."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from common import __version__, logs
from common.data.connectors.api_description import Description, Token
from common.data.connectors.description import origin
from common.errors import InputError, SettingsError
from common.text import redact

if TYPE_CHECKING:
    import requests
    from urllib3 import Retry

CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
# With a back-off of 1, 2, 4 ... seconds, or what Retry-After says: about two minutes.
TRIES = 8
LONGEST_WAIT = 3600
# Of the body of a page, however steadily it drips.
PAGE_SECONDS = 600.0
BUSY = (429, 500, 502, 503, 504)
_BYTES_AT_ONCE = 1 << 16

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """An answer of an API.

    Attributes:
        content: its JSON.
        next_url: what it links to as its next page, or None.
    """

    content: Any
    next_url: str | None


class Client:
    """Asks one API, one request after the other.

    Raises:
        SettingsError: the variable of the token is not set.
    """

    def __init__(self, description: Description) -> None:
        import requests
        from requests.adapters import HTTPAdapter

        self._description = description
        self._session = requests.Session()
        self._session.headers.update(
            {"User-Agent": f"triage-trio/{__version__}", "Accept": "application/json"}
            | description.headers
        )
        # Set in any case: without it, requests would look for a password in ~/.netrc.
        self._session.auth = _authentication(description.token)
        adapter = HTTPAdapter(max_retries=_retries())
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        self._earliest = 0.0

    def close(self) -> None:
        """Close what is open."""
        self._session.close()

    def get(self, url: str, parameters: Mapping[str, str | int] | None = None) -> Answer:
        """Ask for a page.

        Raises:
            InputError: no whole answer came within all tries, or it is not JSON, or too long, or
                the URL is of another host.
        """
        if origin(url) != origin(self._description.url):
            raise InputError(
                f"{self._description.url} names {urlsplit(url).hostname} for its next page: the "
                "token is not sent to another address."
            )
        problem = ""
        for tries in range(TRIES):
            if tries:  # an answer broke off; all else is tried again by urllib3
                time.sleep(2 ** (tries - 1))
            self._wait()
            problem, answer = self._ask(url, parameters)
            if answer:
                return answer
        raise InputError(f"{self._description.url} can't be read: {problem}.")

    def _wait(self) -> None:
        """Keep to the number of requests per minute."""
        time.sleep(max(0.0, self._earliest - time.monotonic()))
        self._earliest = time.monotonic() + 60 / self._description.requests_per_minute

    def _ask(
        self, url: str, parameters: Mapping[str, str | int] | None
    ) -> tuple[str, Answer | None]:
        """The answer, or why it is worth another try."""
        import requests

        try:
            response = self._session.get(
                url,
                params=parameters,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            reason = _reason(error)
            raise InputError(f"{self._description.url} can't be reached: {reason}.") from None
        with response:
            self._refuse_failure(response)
            try:
                body = self._body(response)
            except requests.RequestException as error:
                return f"its answers break off ({_reason(error)})", None
        following = response.links.get("next", {}).get("url")
        next_url = requests.compat.urljoin(url, following) if following else None
        return "", Answer(self._parsed(body), next_url)

    def _refuse_failure(self, response: requests.Response) -> None:
        status, url = response.status_code, self._description.url
        if status == 200:
            return
        if 300 <= status < 400:
            raise InputError(f"{url} redirects to another address: set that as url.")
        if status in (401, 403):
            token = self._description.token
            mend = f"look at {token.variable}" if token else "it wants a [token]"
            raise InputError(f"{url} refuses access (HTTP {status}): {mend}.")
        again = "; try again later, what was fetched is kept" if status in BUSY else ""
        raise InputError(
            f"{url} answers with HTTP {status} {response.reason or ''}".rstrip() + again + "."
        )

    def _body(self, response: requests.Response) -> bytes:
        """The whole body.

        Raises:
            InputError: it is too long.
            requests.RequestException: it breaks off, or takes too long.
        """
        import requests

        late = threading.Event()

        def end() -> None:
            late.set()
            with suppress(OSError, RuntimeError, ValueError):  # it ends at this moment
                response.raw.shutdown()

        timer = threading.Timer(PAGE_SECONDS, end)
        timer.daemon = True
        timer.start()
        body = b""
        try:
            body = self._read(response)
        except requests.RequestException:
            if not late.is_set():
                raise
        finally:
            timer.cancel()
        if late.is_set():
            raise requests.Timeout(f"a page takes more than {PAGE_SECONDS:.0f} s")
        return body

    def _read(self, response: requests.Response) -> bytes:
        most, body = self._description.max_page_bytes, bytearray()
        for part in response.iter_content(_BYTES_AT_ONCE):
            body += part
            if len(body) > most:
                raise InputError(
                    f"{self._description.url} sends pages of more than {most:,} bytes: ask for "
                    "smaller ones, or set max_page_bytes."
                )
        return bytes(body)

    def _parsed(self, body: bytes) -> Any:
        try:
            # Numbers stay as they are written.
            return json.loads(body, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{self._description.url} does not answer with JSON.") from error


def _secret(token: Token) -> str:
    value = os.environ.get(token.variable, "").strip()
    if not value:
        raise SettingsError(f"{token.variable} is not set: put the token into it, or into .env.")
    if not (value.isascii() and value.isprintable()):
        raise SettingsError(f"{token.variable} holds characters that no header may have.")
    logs.hide([value])
    return value


def _authentication(token: Token | None) -> Callable[[Any], Any]:
    """What puts the token into a request."""
    from requests.auth import HTTPBasicAuth

    if token is None:
        return lambda request: request
    value = _secret(token)
    if token.user is not None:
        return HTTPBasicAuth(token.user, value)

    def authenticate(request: Any) -> Any:
        request.headers[token.header] = token.prefix + value
        return request

    return authenticate


def _retries() -> Retry:
    """Tries again what may pass, and says so."""
    from urllib3 import Retry

    class Told(Retry):
        def get_retry_after(self, response: Any) -> float | None:
            seconds = super().get_retry_after(response)
            if seconds:
                logger.info("The server asks to wait %.0f s.", seconds)
            return seconds

    return Told(
        total=TRIES - 1,
        connect=3,
        redirect=False,
        status_forcelist=BUSY,
        allowed_methods=("GET",),
        backoff_factor=0.5,
        raise_on_status=False,
        retry_after_max=LONGEST_WAIT,
    )


def _reason(error: Exception) -> str:
    """Why, without the request, which may hold a cursor or a token."""
    cause: Any = error.args[0] if error.args else error
    cause = getattr(cause, "reason", cause)
    return redact(type(cause).__name__ if isinstance(cause, BaseException) else str(cause))
