"""Records of an HTTP API with pages, as a settings file describes it.

Each record is known by its key, so that pages that are asked for again, or shift while they are
read, bring nothing twice. A run that was interrupted goes on with the page after the last one that
was kept. Only a cursor can say what is new since a complete run; with other pages the next run
looks at all of them again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from common.data.connectors import api_description
from common.data.connectors.api_client import Answer, Client
from common.data.connectors.api_description import Cursor, Description, Links, Numbered, Offset
from common.data.connectors.base import Asked, Batch, Position, text_table
from common.errors import InputError

# A server that does not know the parameter sends the same page for ever.
MOST_EQUAL_PAGES = 10
# Filters of a server may leave nothing of many pages in a row, but its links may also lead in a
# circle.
MOST_EMPTY_PAGES = 10_000

_MISSING = object()


@dataclass(frozen=True)
class Api:
    """An HTTP API; see `base.Connector`."""

    client: Client
    description: Description
    identity: str

    @property
    def columns(self) -> Sequence[str]:
        return tuple(self.description.columns)

    def batches(self, position: Position) -> Iterator[Batch]:
        before, equal, first = b"", 0, True
        while True:
            answer = self._page(position)
            records = self._records(answer)
            keys = [self._key(record) for record in records]
            if first and records:
                self._refuse_wrong_paths(records)
                first = False
            following = self._next(position, answer, len(records))
            after = self._at_end(position, answer) if following is None else following
            rows = [self._row(record) for record in records]
            yield Batch(text_table(self.columns, rows), after, keys=keys)
            if following is None:
                return
            page = b"".join(keys)
            equal = equal + 1 if page == before else 1
            stuck = page or following == position
            if equal >= (MOST_EQUAL_PAGES if stuck else MOST_EMPTY_PAGES):
                what = "the same page" if stuck else "pages without records"
                raise InputError(
                    f"{self.description.url} sends {what} again and again: is [pages] right?"
                )
            before, position = page, following

    def _page(self, position: Position) -> Answer:
        pages, description = self.description.pages, self.description
        parameters: dict[str, str | int] = dict(description.parameters)
        if isinstance(pages, Links):
            return self.client.get(
                position or description.url,
                parameters | description.first if position is None else None,
            )
        if position is None:
            parameters |= description.first
        if isinstance(pages, Cursor):
            parameters |= {} if position is None else {pages.parameter: position}
        elif isinstance(pages, Numbered):
            parameters[pages.parameter] = pages.first if position is None else position
        else:
            parameters[pages.parameter] = position or 0
        return self.client.get(description.url, parameters)

    def _next(self, position: Position, answer: Answer, records: int) -> Position:
        """What the next page is asked for by; None after the last."""
        pages = self.description.pages
        if isinstance(pages, Cursor):
            cursor = _found(answer.content, pages.path)
            if cursor in (None, "", _MISSING) or _text(cursor) == position:
                return None
            ended = pages.end is not None and _found(answer.content, pages.end) is True
            return None if ended else _text(cursor)
        if isinstance(pages, Links):
            return answer.next_url
        if not records:
            return None
        if isinstance(pages, Numbered):
            return (pages.first if position is None else position) + 1
        assert isinstance(pages, Offset)
        return (position or 0) + records

    def _at_end(self, position: Position, answer: Answer) -> Position:
        """Where the next run begins: a cursor leads on, other pages are read from the first."""
        pages = self.description.pages
        if not isinstance(pages, Cursor):
            return None
        cursor = _found(answer.content, pages.path)
        return position if cursor in (None, "", _MISSING) else _text(cursor)

    def _records(self, answer: Answer) -> Sequence[Any]:
        path = self.description.records.path
        records = _found(answer.content, path) if path else answer.content
        if not isinstance(records, list):
            where = f"no list at {path!r}" if path else "no list"
            raise InputError(f"{self.description.url} answers with {where}: look at [records].")
        return records

    def _key(self, record: Any) -> bytes:
        values = [_found(record, path) for path in self.description.records.key]
        for path, value in zip(self.description.records.key, values, strict=True):
            if value is _MISSING or value is None:
                raise InputError(
                    f"{self.description.url} has a record without {path!r}: look at key in "
                    "[records]."
                )
        return hashlib.sha256(json.dumps(values).encode()).digest()[:16]

    def _row(self, record: Any) -> list[str | None]:
        return [_text(_found(record, path)) for path in self.description.columns.values()]

    def _refuse_wrong_paths(self, records: Sequence[Any]) -> None:
        for column, path in self.description.columns.items():
            if all(_lacks(record, path) for record in records):
                names = sorted(records[0]) if isinstance(records[0], dict) else []
                has = f"; the first one has {', '.join(map(str, names[:30]))}" if names else ""
                raise InputError(
                    f"{self.description.url} has no record with {path!r} for the column "
                    f"{column!r}{has}: look at [columns]."
                )


@contextmanager
def opened(asked: Asked) -> Iterator[Api]:
    """Read the description of an API.

    Raises:
        InputError: something in it is wrong.
        SettingsError: its token is not set.
    """
    description = api_description.read(asked.source)
    client = Client(description)
    shape = description.model_dump(mode="json", include={"url", "parameters", "first", "records"})
    digest = hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:12]
    try:
        yield Api(client, description, f"{description.url} (settings {digest})")
    finally:
        client.close()


def _found(content: Any, path: str) -> Any:
    """The value at a path: names of fields, and numbers of items from 0."""
    for name in path.split("."):
        if isinstance(content, Mapping) and name in content:
            content = content[name]
        elif isinstance(content, list) and name.isdecimal() and int(name) < len(content):
            content = content[int(name)]
        else:
            return _MISSING
    return content


def _lacks(content: Any, path: str) -> bool:
    """Whether a name of the path is not among the fields where it should be.

    A list that is too short, and a value that is null or empty, say nothing about the path.
    """
    for name in path.split("."):
        if isinstance(content, Mapping) and content and name not in content:
            return True
        content = _found(content, name)
    return False


def _text(value: Any) -> str | None:
    """A value of JSON as a cell of a file would have it."""
    if value is None or value is _MISSING:
        return None
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    # Half of a pair of surrogates is no text.
    return str(value).encode("utf-8", "replace").decode()
