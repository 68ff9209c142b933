"""The file that describes pages of a website: where they start, and what is on them.

start = ["https://example.org/products/1/reviews"]
contact = "reviews@example.com"
item = "li.review"
next = "a.next"
key = ["id"]

[columns]
id = "::attr(data-id)"
text = "p.body"
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from common.data.connectors import description
from common.data.connectors.description import Table, WebAddress, origin
from common.setting_values import is_web_address

_MAIL = re.compile(r"[^@\s()]+@[^@\s()]+\.[^@\s()]+")


def _contact(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or not (
        _MAIL.fullmatch(text) or is_web_address(text)
    ):
        raise ValueError("must be a mail address or a web page where you can be reached")
    return text


class Description(Table):
    """Pages of a website. Selectors are CSS; `::attr(NAME)` at their end takes an attribute.

    Attributes:
        start: the first page of each list of items, all on one host.
        contact: mail address or web page of who fetches; each request tells it.
        robot: what robots.txt calls the one who fetches.
        item: selects the items on a page.
        next: selects the link to the next page; None: only the pages in `start` are read.
        key: columns that together name an item.
        newest_first: a later run stops where the last complete one began.
        optional: columns that may be missing in all items of a page.
        requests_per_minute: at most so many; robots.txt may ask for fewer.
        max_pages: of one run; the next one goes on.
        max_page_bytes: a longer page is refused.
        columns: name of each column, and what selects it in an item.
    """

    start: list[WebAddress] = Field(min_length=1)
    contact: Annotated[str, AfterValidator(_contact)]
    robot: str = Field("triage-trio", pattern=r"^[A-Za-z_-]+$")
    item: str
    next: str | None = None
    key: list[str] = Field(min_length=1)
    newest_first: bool = False
    optional: list[str] = Field([])
    requests_per_minute: float = Field(30, gt=0)
    max_pages: int = Field(1000, ge=1)
    max_page_bytes: int = Field(10_000_000, ge=1)
    columns: dict[str, str] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len({origin(url) for url in self.start}) > 1:
            raise ValueError("start names pages of several hosts: describe each host in a file")
        for field, names in (("key", self.key), ("optional", self.optional)):
            for name in names:
                if name not in self.columns:
                    raise ValueError(f"{field} names {name!r}, which is not in [columns]")
        return self


def read(path: Path) -> Description:
    """Read a description.

    Raises:
        InputError: it can't be read, or something in it is wrong or missing.
    """
    return description.read(path, Description)
