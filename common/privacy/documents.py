"""One document without a person's messages: JSON, pages, the reference.

Model cards and lists of packages hold no messages, and are left alone.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from common.data import csv_rows
from common.evaluation.profile import Profile
from common.privacy.person import Person
from common.registry.runs import REFERENCE

# Between tags; pages escape every < of a message.
_TEXT = re.compile(r">([^<]+)<")
# Of a page, a row with an answer and the words that speak for it.
_EXAMPLE = re.compile(r'<tr class="example">.*?</tr>\n?', re.DOTALL)
# A row of a table that shows examples: with the message go its class and the reasons.
_NAMES_MESSAGE = "text"


@dataclass(frozen=True)
class Edited:
    """A document after the edit, and in how many places something was taken out."""

    content: bytes
    places: int


def edit(name: str, content: bytes, person: Person) -> Edited:
    """Take a person's messages out of a document; of which kind, its name says."""
    kind = Path(name).suffix
    if kind not in EDITORS or (kind == ".parquet" and Path(name).name != REFERENCE):
        return Edited(content, 0)
    return EDITORS[kind](content, person)


def edit_json(content: bytes, person: Person) -> Edited:
    """JSON: rows and examples with a message are left out, other texts that hold it replaced."""
    try:
        before = json.loads(content)
    except ValueError:
        return _edit_text(content, person)
    counter = _Places()
    after = _without(before, person, counter)
    if not counter.places:
        return Edited(content, 0)
    return Edited(json.dumps(after).encode(), counter.places)


def edit_text_or_json(text: str, person: Person) -> str:
    """The same for a text that is JSON or plain words."""
    return edit_json(text.encode(), person).content.decode()


@dataclass
class _Places:
    places: int = 0


def _without(value: Any, person: Person, counter: _Places) -> Any:
    if isinstance(value, str):
        scrubbed = person.scrub(value)
        counter.places += scrubbed != value
        return scrubbed
    if isinstance(value, Mapping):
        kept = {key: item for key, item in value.items() if key not in person.authors}
        counter.places += len(value) - len(kept)
        return {key: _without(item, person, counter) for key, item in kept.items()}
    if isinstance(value, list):
        kept_items = [item for item in value if not _shows_message(item, person)]
        counter.places += len(value) - len(kept_items)
        return [_without(item, person, counter) for item in kept_items]
    return value


def _shows_message(item: Any, person: Person) -> bool:
    """Whether an item of a list is a message, or a row of a table or an example with one."""
    if isinstance(item, Mapping):
        text = item.get(_NAMES_MESSAGE)
        return isinstance(text, str) and person.wrote(text)
    cells = item if isinstance(item, list) else [item]
    return any(isinstance(cell, str) and person.wrote(cell) for cell in cells)


def _edit_page(content: bytes, person: Person) -> Edited:
    """HTML: what stands between tags is replaced; with a message go the words that decided."""
    counter = _Places()

    def kept(row: re.Match[str]) -> str:
        if not any(person.wrote(html.unescape(text)) for text in _TEXT.findall(row[0])):
            return row[0]
        counter.places += 1
        return ""

    def scrubbed(found: re.Match[str]) -> str:
        text = html.unescape(found[1])
        left = person.scrub(text)
        if left == text:
            return found[0]
        counter.places += 1
        return f">{html.escape(left)}<"

    page = _TEXT.sub(scrubbed, _EXAMPLE.sub(kept, content.decode("utf-8", "replace")))
    return Edited(page.encode(), counter.places) if counter.places else Edited(content, 0)


def _edit_table(content: bytes, person: Person) -> Edited:
    """CSV: rows with a message are left out, other cells that hold it replaced."""
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline="")))
    except csv.Error:  # a cell that is too long
        return _edit_text(content, person)
    # What a spreadsheet would take for a formula has a quote before it.
    kept = [row for row in rows if not any(person.wrote(cell.removeprefix("'")) for cell in row)]
    scrubbed = [[person.scrub(cell) for cell in row] for row in kept]
    places = len(rows) - len(kept)
    places += sum(before != after for before, after in zip(kept, scrubbed, strict=True))
    if not places:
        return Edited(content, 0)
    lines = io.StringIO(newline="")
    csv_rows.write(lines, scrubbed)
    return Edited(lines.getvalue().encode(), places)


def _edit_text(content: bytes, person: Person) -> Edited:
    lines = content.decode("utf-8", "replace").split("\n")
    scrubbed = [person.scrub(line) for line in lines]
    places = sum(before != after for before, after in zip(lines, scrubbed, strict=True))
    return Edited("\n".join(scrubbed).encode(), places) if places else Edited(content, 0)


def _edit_reference(content: bytes, person: Person) -> Edited:
    """The monitor's reference: its sampled rows go, its counts, which name nobody, stay."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "reference.parquet")
        path.write_bytes(content)
        found = Profile.load(path)
        keep = pa.array([not person.wrote(text) for text in found.unfitted()], pa.bool_())
        left = replace(
            found,
            sample=found.sample.filter(keep),
            stream=[text for text in found.stream if not person.wrote(text)],
            segments={k: v for k, v in found.segments.items() if k not in person.authors},
        )
        places = (
            len(found.sample)
            - len(left.sample)
            + len(found.stream)
            - len(left.stream)
            + len(found.segments)
            - len(left.segments)
        )
        left, mentions = _without_handles(left, person)
        if not places + mentions:
            return Edited(content, 0)
        left.save(path)
        return Edited(path.read_bytes(), places + mentions)


def _without_handles(profile: Profile, person: Person) -> tuple[Profile, int]:
    """Messages of others that name the person, without the handle."""
    texts, stream = profile.unfitted(), list(profile.stream)
    scrubbed, scrubbed_stream = ([person.scrub(text) for text in side] for side in (texts, stream))
    changed = sum(a != b for a, b in zip(texts + stream, scrubbed + scrubbed_stream, strict=True))
    at = profile.sample.schema.get_field_index("text")
    sample = profile.sample.set_column(at, "text", pa.array(scrubbed, pa.large_string()))
    return replace(profile, sample=sample, stream=scrubbed_stream), changed


EDITORS: Mapping[str, Callable[[bytes, Person], Edited]] = {
    ".csv": _edit_table,
    ".html": _edit_page,
    ".json": edit_json,
    ".parquet": _edit_reference,
}
