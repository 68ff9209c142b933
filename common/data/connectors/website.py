"""Items on the pages of a website, such as reviews, as a settings file describes them.

Each item is known by its key, so that pages that are read again, or shift while they are read,
bring nothing twice. A run that was interrupted goes on with the page after the last one that was
kept. Later runs look at all pages again; where the newest items come first, they stop when they
have met all items of the page that the last complete run began with.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from common.data.connectors import website_description, website_process
from common.data.connectors.base import Asked, Batch, Position, text_table
from common.data.connectors.website_description import Description
from common.data.connectors.website_process import Page, Spider
from common.errors import InputError
from common.text import redact

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """How far the pages were read.

    Attributes:
        list_number: of the addresses in `start`, the one whose pages are being read.
        url: the next page; None: the first one.
        first: keys of the first page.
        unmet: keys of the first page of the last complete reading that were not met yet.
        before: of each list, the keys of the first page of its last complete reading.
    """

    list_number: int = 0
    url: str | None = None
    first: Sequence[str] = ()
    unmet: Sequence[str] = ()
    before: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Website:
    """Pages of a website; see `base.Connector`."""

    description: Description
    spider: Spider
    identity: str

    @property
    def columns(self) -> Sequence[str]:
        return tuple(self.description.columns)

    def batches(self, position: Position) -> Iterator[Batch]:
        place, read, items = Place(**position or {}), set[str](), 0
        from_start = place == Place(before=place.before)
        for _ in range(self.description.max_pages):
            url = place.url or self.description.start[place.list_number]
            if url in read:
                raise InputError(f"{redact(url)} was read already in this run: look at next.")
            read.add(url)
            page = self.spider.page(url)
            keys = self._keys(page, url)
            if page.items and not items:
                self._refuse_missing_columns(page, url)
            items += len(page.items)
            place = self._after(place, page, [key.hex() for key in keys])
            yield Batch(text_table(self.columns, page.items), asdict(place), keys=keys)
            if place == Place(before=place.before):
                break
        else:
            logger.warning("max_pages (%d) are read: the next run goes on.", len(read))
        if from_start and not items:
            raise InputError(
                f"no page has an element that matches {self.description.item!r}: look at item."
            )

    def _after(self, place: Place, page: Page, keys: Sequence[str]) -> Place:
        """Where to go on after a page."""
        start = self.description.start[place.list_number]
        if place.url is None:
            met_before = place.before.get(start, ()) if self.description.newest_first else ()
            place = replace(place, first=keys, unmet=met_before)
        unmet = [key for key in place.unmet if key not in set(keys)]
        met_all = bool(place.unmet) and not unmet
        if page.next_url and page.items and not met_all:
            return replace(place, url=page.next_url, unmet=unmet)
        before = dict(place.before)
        if page.items and self.description.newest_first:
            before[start] = place.first
        elif not page.items:
            # The end of the list, or a page that something went wrong with: look again next time.
            logger.warning("%s has no items: taken for the end.", redact(place.url or start))
        following = (place.list_number + 1) % len(self.description.start)
        return Place(list_number=following, before=before)

    def _keys(self, page: Page, url: str) -> list[bytes]:
        at = [self.columns.index(name) for name in self.description.key]
        keys = []
        for item in page.items:
            values = [item[column] for column in at]
            if None in values:
                name = self.description.key[values.index(None)]
                raise InputError(
                    f"{redact(url)} has an item without {name!r}: look at it in [columns], and at "
                    "item."
                )
            keys.append(hashlib.sha256(json.dumps(values).encode()).digest()[:16])
        return keys

    def _refuse_missing_columns(self, page: Page, url: str) -> None:
        """A text that is left out would be missing for ever: its item counts as fetched."""
        for at, name in enumerate(self.columns):
            if name not in self.description.optional and all(row[at] is None for row in page.items):
                raise InputError(
                    f"{redact(url)} has no item with {name!r}: look at it in [columns], or name it "
                    "in optional."
                )


@contextmanager
def opened(asked: Asked) -> Iterator[Website]:
    """Read the description of a website, and start the process that reads its pages.

    Raises:
        InputError: something in it is wrong, or the site's robots.txt can't be reached.
        SettingsError: what reads websites isn't installed.
    """
    description = website_description.read(asked.source)
    shape = json.dumps([description.start, description.key])
    digest = hashlib.sha256(shape.encode()).hexdigest()[:12]
    with website_process.started(description) as spider:
        yield Website(description, spider, f"{description.start[0]} (settings {digest})")
