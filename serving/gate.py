"""What stands before every page and contract: who may pass, how much, how fast, and what is noted.

Three layers around the application, the first outermost. Each is plain ASGI: it costs microseconds,
where a middleware of the framework costs as much as scoring a message.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import logging
import re
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access_log import AccessLog
from serving.metrics import Metrics
from serving.problems import Problem, log_frames, response
from serving.rate import RateLimit
from serving.tokens import FEEDBACK, Tokens

RawHeader = tuple[bytes, bytes]

logger = logging.getLogger(__name__)
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# What needs no token: whether the server lives, and the page, which holds no data.
PROBES = frozenset({"/health", "/health/live", "/health/ready", "/ping"})
PROBES |= {"/v2/health/live", "/v2/health/ready"}
OPEN = PROBES | {"/version", "/", "/label", "/history", "/favicon.ico"}
OPEN_FOLDER = "/static/"
FEEDBACK_PATHS = ("/api/feedback", "/api/labelling")
# Where files are sent: they may be large, and take as long as they take.
FILE_PATHS = frozenset({"/api/batch", "/api/labelling/queue"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
UNFORESEEN = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "Something unforeseen happened; the log of the server has more under the request's id.",
)
# Noted where the client has left before there was an answer, as nginx does.
LEFT = 499
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", POLICY),
    (b"cache-control", b"no-store"),
)


class Recorded:
    """Gives each request an id, its answer headers that keep browsers safe, and notes both."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: AccessLog) -> None:
        self._app, self._metrics, self._log = app, metrics, log
        self._start, self._numbers = uuid.uuid4().hex[:16], itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started: float = time.perf_counter()
        status: int | None = None
        # Random bytes for each request took a twelfth of its time.
        request_id = f"{self._start}-{next(self._numbers):x}"
        given = _header(scope, b"x-request-id")
        # A client may send one id with several requests, so it names nothing here; it is told back.
        told = given if given and REQUEST_ID.fullmatch(given) else request_id
        scope.setdefault("state", {})["request_id"] = request_id
        scope["state"]["told_id"] = told

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", told.encode()),
                    (b"x-triage-id", request_id.encode()),
                    *_added(SECURITY, message["headers"]),
                ]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            logger.debug("The client of request %s has left.", request_id)
        except Exception as error:  # noqa: BLE001  the edge
            log_frames(f"Request {request_id}: unforeseen", error)
            if status is None:
                await response(UNFORESEEN)(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.request(_path_of_route(scope), status or LEFT, seconds)
            self._log.write(scope, status or LEFT, seconds)


def _header(scope: Scope, name: bytes) -> str:
    """A header's value; empty where there is none."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _added(more: Iterable[RawHeader], there: Iterable[RawHeader]) -> list[RawHeader]:
    """Of some headers those that are not there yet."""
    names = {name for name, _ in there}
    return [header for header in more if header[0] not in names]


def _path_of_route(scope: Scope) -> str:
    """The path as the route is declared: nobody can make new series by typing paths."""
    route = scope.get("route")
    return str(getattr(route, "path", "none"))


@dataclass(frozen=True)
class Rules:
    """Who may pass.

    Attributes:
        names: host names that requests may address.
        origins: web origins whose pages may ask.
        tokens: who asks, and what for.
        rate: how often.
    """

    names: Collection[str]
    origins: Collection[str]
    tokens: Tokens
    rate: RateLimit


class Guarded:
    """Lets requests pass that address this server by name, come from nobody else's page, have a
    token where one is needed, and are not too many."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        try:
            self._check(scope)
        except Problem as problem:
            return await response(problem)(scope, receive, send)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        rules, path = self._rules, scope["path"]
        host = _header(scope, b"host")
        if not _is_address(_name(host)) and _name(host) not in rules.names and path not in PROBES:
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This server is not known by the name in the Host header; see SERVE_NAMES.",
            )
        origin = _header(scope, b"origin")
        if origin and scope["method"] not in SAFE_METHODS:
            own = origin.partition("://")[2] == host
            if not own and origin not in rules.origins:
                raise Problem(
                    HTTPStatus.FORBIDDEN,
                    "Pages of this origin may not ask here; see SERVE_ORIGINS.",
                )
        if path in OPEN or path.startswith(OPEN_FOLDER) or scope["method"] == "OPTIONS":
            return
        caller = rules.tokens.caller(_header(scope, b"authorization"))
        if caller is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "A token is needed: Authorization: Bearer TOKEN.",
                {"WWW-Authenticate": "Bearer"},
            )
        needed = FEEDBACK if path.startswith(FEEDBACK_PATHS) else "classify"
        if needed not in caller.roles:
            raise Problem(HTTPStatus.FORBIDDEN, f"This token may not be used to {needed}.")
        client = caller.name
        if not rules.tokens.are_needed and scope.get("client"):
            client = scope["client"][0]
        rules.rate.take(client)
        scope["state"]["caller"] = caller.name


def _name(host: str) -> str:
    """The name in a Host header, without the port.

    >>> _name("localhost:8000"), _name("[::1]:8000")
    ('localhost', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    """Whether it is an address instead of a name.

    A page that has its own name point here (DNS rebinding) sends that name, so an address is
    asked for by people and programs alone, such as a Prometheus that reads each pod.
    """
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Bounds:
    """How much of a body is read.

    Attributes:
        body_bytes, file_bytes: at most, of a request and of a file.
        seconds: in which the body of a request must come; of a file, its next bytes.
    """

    body_bytes: int
    file_bytes: int
    seconds: float


class Bounded:
    """Counts a body's bytes as they come, whatever its header says, and does not wait for ever."""

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app, self._bounds = app, bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        is_file = scope["path"] in FILE_PATHS
        most = self._bounds.file_bytes if is_file else self._bounds.body_bytes
        seconds, started = self._bounds.seconds, asyncio.get_running_loop().time()
        read, complete = 0, False

        async def receiving() -> Message:
            nonlocal read, complete
            if complete:  # what is waited for now is that the client leaves
                return await receive()
            since = asyncio.get_running_loop().time() if is_file else started
            with _late_as_problem():
                async with asyncio.timeout_at(since + seconds):
                    message = await receive()
            complete = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > most:
                raise _too_large(most)
            return message

        declared = _header(scope, b"content-length")
        if declared.isdecimal() and int(declared) > most:
            return await response(_too_large(most))(scope, receive, send)
        await self._app(scope, receiving, send)


@contextmanager
def _late_as_problem() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            "The body did not come in time.",
            {"Connection": "close"},
        ) from error


def _too_large(most: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The body has more than {most:,} bytes.",
        {"Connection": "close"},
    )
