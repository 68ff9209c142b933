"""What goes wrong, as RFC 9457 problem details that never repeat messages or paths."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
# What the framework refuses by itself.
DETAILS = {
    404: "There is nothing at this path; /openapi.json lists what there is.",
    405: "This path does not take this method.",
    400: "The request can't be read.",
}
# What each path may answer when it can't do what was asked.
DOCUMENTED = {
    400: "The request can't be read",
    401: "A token is needed",
    403: "The token, or the page that asks, may not do this",
    404: "No such model, version, output or path",
    408: "The body did not come in time",
    413: "The body is too large",
    415: "The body is of a kind that is not taken here",
    421: "The server is not known by this name",
    422: "The content can't be used",
    429: "Too many requests or messages: try again",
    503: "The server drains, or something it needs is out of reach",
    507: "What should be kept can't be written",
}
_PLAIN = {
    "missing": "is missing",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_parsing": "must be true or false",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "too_short": "must not be empty",
    "greater_than_equal": "is too small",
    "literal_error": "has a value that it can't have",
    "model_attributes_type": "must be an object",
}


class Problem(HTTPException):
    """A request that can't be met.

    Args:
        detail: one sentence for who has asked; it must not repeat what was sent.
        headers: of the answer.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(int(status), detail, dict(headers or {}))


@contextmanager
def frames_alone(what: str) -> Iterator[None]:
    """Log what fails by its kind and place; its words may repeat a message."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  nobody waits for it
        log_frames(f"{what}: unforeseen", error)


def log_frames(what: str, error: Exception) -> None:
    """Log an error by its kind and place alone."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s %s:\n%s", what, type(error).__name__, frames)


def body(status: HTTPStatus, detail: str) -> bytes:
    """A problem as JSON.

    >>> json.loads(body(HTTPStatus.NOT_FOUND, "Nothing."))
    {'type': 'about:blank', 'title': 'Not Found', 'status': 404, 'detail': 'Nothing.'}
    """
    said = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return json.dumps(said).encode()


def response(problem: HTTPException) -> Response:
    """The answer to a request that can't be met."""
    content = body(HTTPStatus(problem.status_code), problem.detail)
    return Response(content, problem.status_code, dict(problem.headers or {}), MEDIA_TYPE)


def refused(detail: str) -> Problem:
    """A request whose content can't be used."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def plain(kind: str) -> str:
    """What is wrong with a value, by pydantic's name of the error.

    >>> plain("list_type"), plain("something_new")
    ('must be a list', "can't be used")
    """
    return _PLAIN.get(kind, "can't be used")
