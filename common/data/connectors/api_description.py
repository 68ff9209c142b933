"""The file that describes an HTTP API: where its records are, how its pages follow each other.

url = "https://example.org/api/messages"

[token]
variable = "EXAMPLE_TOKEN"

[pages]
kind = "page"
parameter = "page"

[records]
path = "messages"
key = ["id"]

[columns]
text = "body"
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from common.data.connectors import description
from common.data.connectors.description import Table, WebAddress
from common.errors import InputError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Token(Table):
    """What proves who asks.

    Attributes:
        variable: of the environment or `.env`, that holds the token or password.
        user: for HTTP Basic: the token is this user's password.
        header, prefix: otherwise this header gets the token, after the prefix.
    """

    variable: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    user: str | None = None
    header: str = Field("Authorization", pattern=r"^[A-Za-z0-9-]+$")
    prefix: str = "Bearer "


class Cursor(Table):
    """Each answer holds what to ask for the next page.

    Attributes:
        path: of the cursor in an answer.
        parameter: that it is sent as. It replaces `first`, which only the first request sends.
        end: path of a value that is true in the last answer; without it the end is an answer
            without a cursor. A cursor that stands in the last answer is where the next run begins.
    """

    kind: Literal["cursor"]
    path: str
    parameter: str
    end: str | None = None


class Numbered(Table):
    """Pages have numbers; one without records is the end.

    Attributes:
        first: number of the first page.
    """

    kind: Literal["page"]
    parameter: str
    first: int = 1


class Offset(Table):
    """A request says how many records to pass over; an answer without records is the end."""

    kind: Literal["offset"]
    parameter: str


class Links(Table):
    """Each answer links to the next page: `Link: <...>; rel="next"`, RFC 8288."""

    kind: Literal["link"]


Pages = Annotated[Cursor | Numbered | Offset | Links, Field(discriminator="kind")]


class Records(Table):
    """Where the records are.

    Attributes:
        path: of the list in an answer; empty: the answer is the list.
        key: paths in a record that together name it, with its version where it changes.
    """

    path: str = ""
    key: list[str] = Field(min_length=1)


class Description(Table):
    """An HTTP API. Paths in JSON are names and numbers with dots between: `comments.0.body`.

    Attributes:
        parameters: sent with each request.
        first: sent with the first request only, beside `parameters`.
        requests_per_minute: at most so many.
        max_page_bytes: a longer answer is refused.
        columns: what each column is called, and its path in a record.
    """

    url: WebAddress
    parameters: dict[str, str | int] = Field({})
    first: dict[str, str | int] = Field({})
    headers: dict[str, str] = Field({})
    token: Token | None = None
    requests_per_minute: float = Field(60, gt=0)
    max_page_bytes: int = Field(100_000_000, ge=1)
    pages: Pages
    records: Records
    columns: dict[str, str] = Field(min_length=1)


def read(path: Path) -> Description:
    """Read a description.

    Raises:
        InputError: it can't be read, or something in it is wrong or missing.
    """
    found = description.read(path, Description)
    address = urlsplit(found.url)
    if found.token and address.scheme == "http" and address.hostname not in LOOPBACK:
        raise InputError(f"{path}, url: a token must not be sent without encryption: use https://.")
    return found
