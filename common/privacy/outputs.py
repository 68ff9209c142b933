"""What predict.py and prepare wrote, without a person's rows: outputs, rejects, manifests, drafts.

The other rows stay byte for byte as they are, and the manifest gets the new digest, so that the
same command still finds its output complete.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from common.data import atomic
from common.data.files import FLIPS, MANIFEST, REJECTS, sha256
from common.data.reader import Chunk, MessageFile
from common.data.reading import Reading
from common.errors import InputError
from common.preparation.manifest import PartManifest
from common.privacy.person import Person
from common.scoring import resume
from common.scoring.manifest import Manifest

# Beside the content of a draft, what may hold messages.
MORE_IN_DRAFTS = ("rejects", "table")


@dataclass(frozen=True)
class Output:
    """An output of predict.py or a part of prepare, with its manifest.

    Attributes:
        path: of the output.
        about: of the manifest.
    """

    path: Path
    about: Path
    manifest: Manifest | PartManifest

    @property
    def rejects(self) -> Path:
        return self._beside(REJECTS)

    @property
    def flips(self) -> Path:
        """Messages whose class would be another with the model of --shadow."""
        return self._beside(FLIPS)

    def _beside(self, ending: str) -> Path:
        hidden = "_" if self.about.name.startswith("_") else ""
        return self.path.with_name(f"{hidden}{self.path.name}{ending}")

    @property
    def reading(self) -> Reading:
        """How the output is read, which is how its input was."""
        form = self.manifest.identity.settings["reading"]
        if not isinstance(form, dict):
            return Reading()
        return Reading(delimiter=form["delimiter"], field_characters=form["field_characters"])

    @property
    def text_column(self) -> str:
        return str(self.manifest.identity.settings["text_column"])


def find(about: Path) -> Output | None:
    """The output that a manifest is about; None if the file is another program's."""
    name = about.name.removesuffix(MANIFEST)
    manifest = _read(about, Manifest) or _read(about, PartManifest)
    if manifest is None:
        return None
    hidden = bool(manifest.identity.settings.get("part"))
    return Output(about.with_name(name.removeprefix("_") if hidden else name), about, manifest)


def _read(about: Path, kind: type[Manifest] | type[PartManifest]) -> Manifest | PartManifest | None:
    try:
        return kind.from_json(json.loads(about.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def texts_by(output: Output, person: Person) -> Iterator[str]:
    """The messages that the person has in an output."""
    if not output.path.exists():
        return
    with MessageFile(output.path, reading=output.reading) as messages:
        if {person.author_column, output.text_column} <= set(messages.columns):
            for chunk in messages.chunks([person.author_column, output.text_column]):
                mine = _written_by(chunk, person)
                yield from chunk.texts(output.text_column).filter(mine).to_pylist()


def remove_rows(output: Output, person: Person, do_it: bool) -> int:
    """Remove the person's rows from an output; return how many there are.

    Raises:
        InputError: it can't be read or written.
    """
    if not output.path.exists():
        return 0
    with MessageFile(output.path, reading=output.reading) as messages:
        columns = [c for c in (output.text_column, person.author_column) if c in messages.columns]
        if not columns:
            return 0
        found = sum(_mine(chunk, output, person).true_count for chunk in messages.chunks(columns))
    if found and do_it:
        with atomic.atomic_path(output.path) as temporary:
            _copy_others(output, person, temporary)
        _renew(output)
    return found


def remove_rejects(output: Output, person: Person, do_it: bool) -> int:
    """Remove the person's rows from what could not be read; return how many there are."""
    path = output.rejects
    if not path.exists():
        return 0
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    kept = [row for row in rows if not _rejected_row_of(row[-1], person)]
    if len(kept) < len(rows) and do_it:
        atomic.write_csv(path, header, kept)
    return len(rows) - len(kept)


def remove_draft(content: Path, person: Person, do_it: bool) -> int:
    """Remove an unfinished output that holds a message; its run then starts over.

    Raises:
        InputError: a run is writing it.
    """
    output = content.with_name(content.name[1:].removesuffix(".draft"))
    beside = [content, *(content.with_name(f"{content.name}-{part}") for part in MORE_IN_DRAFTS)]
    found = sum(person.is_in(path.read_bytes()) for path in beside if path.exists())
    if found and do_it:
        resume.clean_up(output)
        if content.exists():
            raise InputError(f"{output} is being written by another run: wait for its end.")
    return found


def _copy_others(output: Output, person: Person, target: Path) -> None:
    with MessageFile(output.path, reading=output.reading) as messages:
        chunks = messages.chunks(messages.columns)
        if output.manifest.identity.settings["format"] == "parquet":
            _copy_parquet(messages.schema, chunks, target, lambda c: _mine(c, output, person))
            return
        with target.open("wb") as file:
            if messages.header is not None:
                file.write(f"{messages.header}\n".encode())
            for chunk in chunks:
                others = pc.invert(_mine(chunk, output, person))
                for line in _lines(chunk, others):
                    file.write(f"{line}\n".encode("utf-8", "replace"))


def _lines(chunk: Chunk, chosen: pa.Array) -> Iterator[str]:
    """Rows as they stand in the file."""
    if chunk.rejects:
        raise InputError(
            f"{chunk.path}, line {chunk.rejects[0].line} can't be read: mend or remove the file."
        )
    if chunk.raw is not None:
        yield from chunk.raw.filter(chosen).to_pylist()
        return
    for row in chunk.table.filter(chosen).to_pylist():
        yield json.dumps(row, ensure_ascii=False, default=str)


def _copy_parquet(
    schema: pa.Schema, chunks: Iterator[Chunk], target: Path, mine: Callable[[Chunk], pa.Array]
) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(target, schema) as writer:
        for chunk in chunks:
            writer.write_table(chunk.table.filter(pc.invert(mine(chunk))).cast(schema))


def _mine(chunk: Chunk, output: Output, person: Person) -> pa.Array:
    """(n,) which rows are the person's."""
    columns = chunk.table.column_names
    mine = pa.array([False] * len(chunk.table), pa.bool_())
    if output.text_column in columns:
        # --spreadsheet-safe puts a quote before some texts.
        quoted = bool(output.manifest.identity.settings.get("spreadsheet_safe"))
        texts = chunk.texts(output.text_column).to_pylist()
        wrote = [person.wrote(t) or (quoted and person.wrote(t.removeprefix("'"))) for t in texts]
        mine = pc.or_(mine, pa.array(wrote, pa.bool_()))
    if person.author_column in columns:
        mine = pc.or_(mine, _written_by(chunk, person))
    return mine


def _written_by(chunk: Chunk, person: Person) -> pa.Array:
    authors = pc.utf8_trim_whitespace(chunk.texts(person.author_column))
    return pc.is_in(authors, value_set=pa.array(sorted(person.authors), pa.large_string()))


def _rejected_row_of(raw: str, person: Person) -> bool:
    """Whether a row that could not be read holds a message, or the author in a cell of its own."""
    if person.is_in(raw.encode("utf-8", "replace")):
        return True
    try:
        cells = [cell for row in csv.reader(io.StringIO(raw)) for cell in row]
    except csv.Error:
        cells = raw.split(",")
    return any(cell.strip() in person.authors or person.wrote(cell) for cell in cells)


def _renew(output: Output) -> None:
    """Write the output's new size and digest to its manifest, and to that of its folder."""
    before = output.manifest.output
    for path in (output.about, output.path.with_name("_manifest.json")):
        if not path.exists():
            continue
        facts = json.loads(path.read_text("utf-8"))
        described = [facts, *facts.get("files", [])]
        for one in described:
            if one.get("output", {}).get("sha256") == before.sha256:
                one["output"]["sha256"] = sha256(output.path)
                one["output"]["size"] = output.path.stat().st_size
        atomic.write_text(path, json.dumps(facts, indent=2) + "\n")
