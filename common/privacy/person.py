"""Whose messages are to be forgotten: their texts in any form in which they were written."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from common.data.files import parts
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.errors import InputError
from common.masking import mask
from common.reports.html import legible
from common.text import escape

# Shorter texts ("ok, thanks") are only found where a message stands alone.
LONG = 12
REMOVED = "(removed)"
CUT = "…"


@dataclass(frozen=True)
class Person:
    """Whose messages are to be forgotten.

    Attributes:
        texts: the messages as they were written.
        authors: what a column of authors calls the person.
        author_column: the name of that column.
    """

    texts: frozenset[str]
    authors: frozenset[str] = frozenset()
    author_column: str = "author_id"

    def wrote(self, text: str) -> bool:
        """Whether a text is one of the messages, perhaps masked or cut."""
        found = legible(text)
        if found in self._known:
            return True
        stem = found.removesuffix(CUT)
        if stem == found or len(stem) < LONG:
            return False
        at = bisect_left(self._sorted, stem)
        return at < len(self._sorted) and self._sorted[at].startswith(stem)

    def scrub(self, text: str) -> str:
        """A text without the messages, and without the person's handle."""
        if self.wrote(text):
            return REMOVED
        found = legible(text)
        if any(known in found for known in self._long):
            return REMOVED
        return self._handles.sub("[handle]", text) if self.authors else text

    def scrub_bytes(self, content: bytes) -> tuple[bytes, int]:
        """The same for a file that somebody may be writing to, so its length stays.

        Returns:
            The content, and how many places were overwritten.
        """
        places = 0
        for written in self._written:
            places += content.count(written)
            content = content.replace(written, b"*" * len(written))
        return content, places

    def is_in(self, content: bytes) -> bool:
        """Whether a message stands anywhere in the bytes of a file."""
        return any(written in content for written in self._written)

    @cached_property
    def _known(self) -> frozenset[str]:
        forms = (form for text in self.texts for form in (text, mask(text)))
        return frozenset(filter(None, map(legible, forms)))

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._known)

    @cached_property
    def _long(self) -> list[str]:
        return [text for text in self._known if len(text) >= LONG]

    @cached_property
    def _handles(self) -> re.Pattern[str]:
        names = "|".join(re.escape(author.removeprefix("@")) for author in sorted(self.authors))
        return re.compile(rf"@(?:{names})(?!\w)")

    @cached_property
    def _written(self) -> list[bytes]:
        """The long messages as logs, JSON and CSV write them, the longest first."""
        forms: set[str] = set()
        for text in self.texts:
            for form in (text, mask(text), legible(text), legible(mask(text))):
                if len(form) >= LONG:
                    forms |= {form, escape(form), form.replace('"', '""')}
                    forms |= {json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]}
        encoded = {form.encode("utf-8", "replace") for form in forms}
        return sorted(encoded, key=len, reverse=True)


def texts_in(path: Path, column: str) -> frozenset[str]:
    """The messages of a file: of a plain text file its lines, else a column.

    Raises:
        InputError: it can't be read, lacks the column, or holds no message.
    """
    if path.suffix == ".txt":
        try:
            found = set(path.read_text("utf-8-sig").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read: {error}.") from error
    else:
        with MessageFile(path) as messages:
            messages.require(column, "TEXT_COLUMN")
            found = {
                text
                for chunk in messages.chunks([column])
                for text in chunk.texts(column).to_pylist()
            }
    texts = frozenset(text for text in found if text.strip())
    if not texts:
        raise InputError(f"{path} holds no message.")
    return texts


def texts_by(
    path: Path,
    authors: frozenset[str],
    author_column: str,
    text_column: str,
    reading: Reading = FIND_OUT,
) -> Iterator[str]:
    """The messages that authors have in a file, or in a folder's files.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            messages.require(author_column, "--author-column")
            messages.require(text_column, "TEXT_COLUMN")
            for chunk in messages.chunks([author_column, text_column]):
                pairs = zip(
                    chunk.texts(author_column).to_pylist(),
                    chunk.texts(text_column).to_pylist(),
                    strict=True,
                )
                yield from (text for author, text in pairs if author.strip() in authors)


def clean_authors(authors: Iterable[str]) -> frozenset[str]:
    """Authors as a column has them."""
    return frozenset(filter(None, (author.strip() for author in authors)))
