"""One input to one part: surveyed for duplicates first, written when all of these are known."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from common import parallel
from common.data import labels, source
from common.data.files import LEFT_OUT, sha256
from common.data.reader import MessageFile, as_text
from common.errors import InputError
from common.preparation import duplicates, manifest
from common.preparation.duplicates import Block, Duplicates, Numbers
from common.preparation.manifest import Code, Identity, Outcomes, PartManifest
from common.preparation.recipe import PreparedChunk, Recipe, prepare_chunk, survey_chunk
from common.scoring import resume, staging
from common.scoring.file import SMALL_BYTES, refuse_change, stamp_of
from common.scoring.formats import REJECTS_HEADER, as_stream, reject_lines, to_parquet
from common.scoring.jobs import Job
from common.scoring.manifest import InputFile, OutputFile
from common.scoring.resume import Draft
from common.types import Advance

LEFT_OUT_HEADER = ("row", "reason", "of_input", "of_row")


@dataclass(frozen=True)
class Task:
    """One input of a run.

    Attributes:
        job: its part, and how it is read.
        number: of the input, from 0.
        recipe: what is done to its rows.
        inputs: names of all inputs of the run, in order.
        code: of the process that started the run; an executor of Spark has no git.
        workers: processes that work on it.
    """

    job: Job
    number: int
    recipe: Recipe
    inputs: tuple[str, ...]
    code: Code
    workers: int


@dataclass(frozen=True)
class Facts:
    """What is known of an input once it was surveyed.

    Attributes:
        sha256: of the file.
        target: the column with its classes; None: it has none, or a rule makes them.
    """

    sha256: str
    target: str | None


@dataclass(frozen=True)
class Survey:
    """An input that was read once; `block` has all of its rows with a text."""

    facts: Facts
    block: Block


def survey(task: Task, advance: Advance) -> Survey:
    """Read an input for its duplicates.

    Args:
        advance: told how many bytes of the input were just done.

    Raises:
        InputError: it can't be read, lacks the column of messages, or has one that would be added.
    """
    with _on_this_machine(task.job) as job:
        digest = sha256(job.source)
        with MessageFile(job.source, reading=job.settings.reading) as messages:
            target = _target(job, messages, task.recipe)
            columns = list(dict.fromkeys(filter(None, (task.recipe.text_column, target))))
            work = partial(survey_chunk, task.number, task.recipe, target)
            chunks = messages.chunks(columns)
            none = np.empty(0, np.uint64)
            blocks = [Block(task.number, np.empty(0, np.int64), none, none)]
            start = done = 0
            for chunk in parallel.map_in_order(work, chunks, _workers(messages, task)):
                blocks.append(replace(chunk.block, rows=chunk.block.rows + start))
                start += chunk.read
                advance(chunk.bytes_done - done)
                done = chunk.bytes_done
    return Survey(Facts(digest, target), duplicates.join(blocks))


def digest(task: Task) -> str:
    """SHA-256 of an input.

    Raises:
        InputError: it can't be read.
    """
    with _on_this_machine(task.job) as job:
        return sha256(job.source)


def require_done(task: Task, identity: Identity) -> PartManifest:
    """The manifest of a part of a complete run, which nothing is added to.

    Raises:
        InputError: an earlier run made it of something else.
    """
    with staging.stage(task.job) as job:
        done = manifest.find_done(job, identity)
        if done is None:
            raise InputError(
                f"{job.output_name} belongs to a complete run with other inputs or settings: "
                "set another --run-id."
            )
        return done


def write(
    task: Task, identity: Identity, facts: Facts, found: Duplicates, force: bool, advance: Advance
) -> PartManifest:
    """Write a part, with its rejects, what was left out, and its manifest, which is returned.

    Args:
        found: the rows that are left out because an earlier one has their text.
        force: even if an earlier run did the same.

    Raises:
        InputError: the input was changed meanwhile, or the part can't be written.
    """
    started = time.monotonic()
    with staging.stage(task.job) as job:
        done = None if force else manifest.find_done(job, identity)
        if done:
            resume.clean_up(job.output)
            return done
        stamp = stamp_of(job.source)
        if sha256(job.source) != facts.sha256:
            raise InputError(f"{job.source} was changed while it was read: run again.")
        with (
            MessageFile(job.source, reading=job.settings.reading) as messages,
            resume.open_draft(job.output, job.rejects, identity.to_json()) as draft,
        ):
            tally = _Tally(found, task.recipe.added_column or facts.target)
            draft.content.write(as_stream(_schema(messages, task.recipe).empty_table()))
            work = partial(prepare_chunk, task.recipe)
            for chunk in parallel.map_in_order(work, messages, _workers(messages, task)):
                advance(chunk.bytes_done - tally.bytes_done)
                _write_chunk(draft, chunk, tally, job.source)
            refuse_change(job.source, stamp)
            whole = to_parquet(draft.finish())
            left_out = job.beside(LEFT_OUT)
            listed = _write_left_out(draft, tally, task.inputs)
            made = PartManifest(
                identity=identity,
                code=task.code,
                input=InputFile(job.source_name, messages.size, facts.sha256),
                output=_described(job, whole, tally),
                left_out=job.name_of(left_out) if listed else None,
                rows=tally.rows(task.number),
                replaced_cells=tally.replaced,
                class_column=tally.class_column,
                classes=dict(tally.classes.most_common()),
                seconds=round(time.monotonic() - started, 3),
            )
            draft.publish(
                whole, tally.rejected > 0, job.manifest, made.to_json(), {left_out: listed}
            )
    return made


@dataclass
class _Tally:
    """What became of the rows so far.

    Attributes:
        read: rows that could be read.
        blank: numbers of those without a text.
    """

    found: Duplicates
    class_column: str | None
    read: int = 0
    written: int = 0
    rejected: int = 0
    replaced: int = 0
    bytes_done: int = 0
    blank: list[Numbers] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)

    def rows(self, number: int) -> Outcomes:
        return Outcomes(
            read=self.read + self.rejected,
            written=self.written,
            blank=sum(map(len, self.blank)),
            duplicates=len(self.found),
            rejected=self.rejected,
            of_other_inputs=int((self.found.of_part != number).sum()),
            contradicting=int(self.found.contradict.sum()),
        )


def _on_this_machine(job: Job) -> AbstractContextManager[Job]:
    """The job with its input on this machine, and nothing to upload."""
    return staging.stage(replace(job, output=Path(job.output.name)))


def _workers(messages: MessageFile, task: Task) -> int:
    return task.workers if messages.size >= SMALL_BYTES else 1


def _target(job: Job, messages: MessageFile, recipe: Recipe) -> str | None:
    """The column with the classes, if there is one and no rule makes them."""
    messages.require(recipe.text_column, "TEXT_COLUMN")
    if recipe.labels:
        messages.require(recipe.labels.id_column, "ID_COLUMN")
    if recipe.added_column:
        if recipe.added_column in messages.columns:
            raise InputError(
                f"{job.source_name} already has a column {recipe.added_column!r}: name another one "
                "for the labels with --target-column."
            )
        return None
    usual = source.choose_source(job.source, job.source.parent, 0, job.settings.reading)
    target = recipe.target_column or usual.usual_target
    return target if target in messages.columns else None


def _schema(messages: MessageFile, recipe: Recipe) -> pa.Schema:
    schema: pa.Schema = messages.schema
    if recipe.added_column is None:
        return schema
    return schema.append(pa.field(recipe.added_column, pa.string()))


def _write_chunk(draft: Draft, chunk: PreparedChunk, tally: _Tally, path: Path) -> None:
    here = tally.found.rows
    here = here[slice(*np.searchsorted(here, [tally.read, tally.read + chunk.read]))]
    repeated = np.isin(chunk.rows + tally.read, here, assume_unique=True)
    table = chunk.table.filter(pa.array(~repeated))
    if len(table):
        draft.content.write(as_stream(table))
    if chunk.rejects and not tally.rejected:
        draft.rejects.write(REJECTS_HEADER)
    draft.rejects.write(reject_lines(chunk.rejects))
    if tally.class_column:
        named = labels.named(as_text(table.column(tally.class_column), str(path)))
        tally.classes.update(name for name in named.to_pylist() if name)
        labels.refuse_many(path, len(tally.classes))
    tally.blank.append(np.setdiff1d(np.arange(chunk.read), chunk.rows) + tally.read)
    tally.read += chunk.read
    tally.written += len(table)
    tally.rejected += len(chunk.rejects)
    tally.replaced += chunk.replaced
    tally.bytes_done = chunk.bytes_done


def _described(job: Job, whole: Path, tally: _Tally) -> OutputFile:
    rejects = job.rejects_name if tally.rejected else None
    return OutputFile(job.output_name, whole.stat().st_size, sha256(whole), rejects)


def _write_left_out(draft: Draft, tally: _Tally, inputs: Sequence[str]) -> Path | None:
    """Write which rows the part does not have, and why; None if it has all."""
    blank = np.concatenate([*tally.blank, np.empty(0, np.int64)])
    if not len(blank) and not len(tally.found):
        return None
    return draft.write_table(LEFT_OUT_HEADER, _left_out(blank, tally.found, inputs))


def _left_out(
    blank: Numbers, found: Duplicates, inputs: Sequence[str]
) -> Iterator[tuple[str, str, str, str]]:
    """Rows of the list, ascending; numbers are from 1."""
    at = {int(row): place for place, row in enumerate(found.rows)}
    for row in np.sort(np.concatenate([blank, found.rows])).tolist():
        place = at.get(row)
        if place is None:
            yield str(row + 1), "no text", "", ""
            continue
        reason = "duplicate with another label" if found.contradict[place] else "duplicate"
        first = int(found.of_row[place]) + 1
        yield str(row + 1), reason, inputs[int(found.of_part[place])], str(first)
