"""Score a file of messages as a stream: output, rejects and manifest, each whole or not at all."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pyarrow as pa

from common import parallel
from common.data.files import sha256
from common.data.ranges import Range
from common.data.reader import CHUNK_ROWS, Chunk, MessageFile
from common.errors import InputError
from common.scoring import flips, manifest, resume, stdio
from common.scoring.chunk import ChunkScorer, ScoredChunk, added_columns
from common.scoring.formats import FORMATS, REJECTS_HEADER, Layout, reject_lines
from common.scoring.jobs import Job
from common.scoring.manifest import Identity, InputFile, Manifest, OutputFile, Tally
from common.scoring.model import LoadedModel
from common.scoring.resume import Draft
from common.types import Advance

# Smaller inputs are scored before other processes would have started.
SMALL_BYTES = 4_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stamp:
    """What differs after a file was changed: bytes, nanoseconds, and which file it is."""

    size: int
    modified: int
    inode: int


@dataclass(frozen=True)
class Options:
    """How jobs are done. No option changes a prediction.

    Attributes:
        chunk_rows: rows scored at once, which bounds memory.
        workers: processes that score.
        most_rejects: refuse an input of which more rows than this can't be read; None: never.
        force: score what was scored before, too.
        frozen: refuse what was not scored before.
    """

    chunk_rows: int = CHUNK_ROWS
    workers: int = 1
    most_rejects: int | None = None
    force: bool = False
    frozen: bool = False


def score_file(
    job: Job,
    model: LoadedModel,
    options: Options,
    challenger: LoadedModel | None = None,
    advance: Advance = lambda units: None,
) -> Manifest:
    """Score one file and return its manifest, which is also written beside the output.

    Resumes an interrupted run; returns at once if the output is already complete.

    Args:
        challenger: its answers are compared, not written.
        advance: told how many bytes of the input were just done.

    Raises:
        InputError: the input can't be read, changes meanwhile, has too many rejects or a column
            that would be added; or the output can't be written.
        ModelUnavailable: explanations are asked of a model that has none.
    """
    started = time.monotonic()
    stamp = stamp_of(job.source)
    compared = challenger.identity if challenger else None
    targets = {each.target: each.identity for each in model.all} if model.beside else {}
    identity = Identity.of(job, model.identity, compared, options.chunk_rows, targets)
    done = find_done(job, identity, options)
    if done:
        return done
    with (
        MessageFile(job.source, options.chunk_rows, job.settings.reading) as messages,
        resume.open_draft(job.output, job.rejects, identity.to_json()) as unfinished,
    ):
        scorer = make_scorer(job, messages, model, challenger)
        if messages.size < SMALL_BYTES:
            options = replace(options, workers=1)
        tally = tally_of(unfinished, started)
        if not tally.chunks:
            unfinished.content.write(scorer.format.head())
        score_chunks(unfinished, messages, scorer, tally, options=options, advance=advance)
        made = publish(unfinished, messages, scorer, tally, identity, stamp, options.workers)
    resume.remove_pieces(job.output)
    return made


def publish(
    unfinished: Draft,
    messages: MessageFile,
    scorer: ChunkScorer,
    tally: Tally,
    identity: Identity,
    stamp: Stamp,
    workers: int,
) -> Manifest:
    """Give an output that is whole its name, and return its manifest.

    Args:
        stamp: the input's, before it was read.

    Raises:
        InputError: the input was changed meanwhile.
    """
    job = scorer.job
    changed = _write_flips(unfinished, messages, scorer, tally)
    refuse_change(job.source, stamp)
    whole = scorer.format.finish(unfinished.finish())
    made = Manifest.of(
        tally,
        identity,
        input=InputFile(job.source_name, messages.size, identity.input),
        output=_describe_output(job, whole, tally),
        model=scorer.model,
        workers=workers,
        flips=job.name_of(job.flips) if changed else None,
    )
    beside = {job.flips: changed}
    unfinished.publish(whole, tally.rejected > 0, job.manifest, made.to_json(), beside)
    return made


def _write_flips(
    unfinished: Draft, messages: MessageFile, scorer: ChunkScorer, tally: Tally
) -> Path | None:
    """Write the messages whose class changes; None if there are none, or nowhere to put them."""
    job, challenger = scorer.job, scorer.challenger
    if challenger is None or job.shown_output == stdio.OUTPUT:
        return None
    columns = scorer.format.needed
    found = flips.table(tally.shadow, messages, columns, job.settings, scorer.model, challenger)
    return unfinished.write_table(found.header, found.rows) if found else None


def find_done(job: Job, identity: Identity, options: Options) -> Manifest | None:
    """Return the manifest of an earlier run that did the same, as far as the options allow it.

    Raises:
        InputError: an earlier run did something else, and the options want it kept.
    """
    found = None if options.force else manifest.find_done(job, identity)
    most = options.most_rejects
    if found and (most is None or found.rows.rejected <= most):
        resume.clean_up(job.output)
        resume.remove_pieces(job.output)
        return replace(found, done_already=True)
    if options.frozen:
        raise InputError(
            f"{job.output_name} belongs to a complete run with another input, model or settings: "
            "set another --run-id."
        )
    return None


def make_scorer(
    job: Job, messages: MessageFile, model: LoadedModel, challenger: LoadedModel | None
) -> ChunkScorer:
    """Return what scores the chunks of the input, and knows the form of the output.

    Raises:
        InputError: the input has a column that would be added.
        ModelUnavailable: explanations are asked of a model that has none.
    """
    settings = job.settings
    fields = []
    for each in model.all:
        if settings.with_reasons:
            each.require_explanations()
        fields += added_columns(
            each,
            prefix=settings.prefix,
            with_proba=settings.with_proba,
            with_reasons=settings.with_reasons,
            with_route=settings.with_route,
        )
    added = pa.schema(fields)
    layout = Layout(settings.text_column, settings.keep, added, settings.spreadsheet_safe)
    format = FORMATS[settings.format](messages, layout)
    refuse_taken_names(format.kept, added.names, str(job.source))
    return ChunkScorer(job, model, format, challenger)


def tally_of(unfinished: Draft, started: float) -> Tally:
    """Return what an interrupted run has counted, or a new tally."""
    if not unfinished.payload:
        return Tally(started)
    tally = Tally.from_payload(unfinished.payload, started)
    logger.info("Resuming after %s rows of an interrupted run.", f"{tally.rows.read:,}")
    return tally


def score_chunks(
    unfinished: Draft,
    messages: MessageFile,
    scorer: ChunkScorer,
    tally: Tally,
    *,
    options: Options,
    advance: Advance,
    within: Range | None = None,
) -> None:
    """Write and count all chunks that the tally does not have.

    Args:
        within: of these rows alone.

    Raises:
        InputError: too many rows can't be read.
    """
    # The interrupted run may have had no such limit.
    refuse_many_rejects(scorer.job, tally.rejected, options.most_rejects)
    if tally.chunks:
        advance(tally.bytes_done)
    chunks = messages.chunks(scorer.format.needed, within)
    _skip_done(chunks, tally, messages)
    for part in parallel.map_in_order(scorer, chunks, options.workers):
        if part.rejects and not tally.rejected:
            unfinished.rejects.write(REJECTS_HEADER)
        unfinished.content.write(part.content)
        unfinished.rejects.write(reject_lines(part.rejects))
        done_before = tally.bytes_done
        tally.add(part)
        _refuse_rejects(scorer.job, part, tally.rejected, options.most_rejects)
        advance(part.bytes_done - done_before)
        unfinished.checkpoint(tally.to_payload())


def _skip_done(chunks: Iterator[Chunk], tally: Tally, messages: MessageFile) -> None:
    """Pass over what an interrupted run has scored."""
    done = deque(islice(chunks, tally.chunks), maxlen=1)
    # Parquet is read ahead; its chunks have always had the same rows.
    if done and done[0].bytes_done != tally.bytes_done and not messages.columnar:
        raise InputError(
            f"{messages.path}: an interrupted run of another release cannot be resumed. It is "
            "discarded: run again."
        )


def _describe_output(job: Job, whole: Path, tally: Tally) -> OutputFile:
    rejects = job.rejects_name if tally.rejected else None
    return OutputFile(job.output_name, whole.stat().st_size, sha256(whole), rejects)


def refuse_many_rejects(job: Job, rejected: int, most: int | None) -> None:
    """Refuse an input of which so many rows could not be read.

    Raises:
        InputError: they are more than `most`.
    """
    if most is not None and rejected > most:
        raise InputError(
            f"{job.source}: {rejected} rows can't be read, more than {most}; nothing was written."
        )


def _refuse_rejects(job: Job, part: ScoredChunk, rejected: int, most: int | None) -> None:
    """Raise InputError if, after this part, more rows than `most` could not be read."""
    if most is None or rejected <= most:
        return
    first_too_many = part.rejects[most - rejected]
    remedy = " Name a file with -o: they are set aside beside it."
    raise InputError(
        f"{job.source}, line {first_too_many.line}: {first_too_many.reason}; nothing was written, "
        f"because more than {most} rows can't be read."
        + (remedy if job.shown_output == stdio.OUTPUT else "")
    )


def refuse_taken_names(kept: Sequence[str], added: Sequence[str], source: str) -> None:
    """Refuse to add a column whose name the input has.

    Raises:
        InputError: names it.
    """
    taken = [name for row, name in enumerate(added) if name in kept or name in added[:row]]
    if taken:
        raise InputError(
            f"{source} already has a column {taken[0]!r}: give the new ones another name, "
            "for example --prefix new_."
        )


def refuse_change(source: Path, stamp: Stamp) -> None:
    """Refuse an input that is not as it was.

    Raises:
        InputError: its stamp is another one.
    """
    if stamp_of(source) != stamp:
        raise InputError(
            f"{source} was changed while it was read: nothing was written. Run again when it is "
            "complete."
        )


def stamp_of(path: Path) -> Stamp:
    """Return what differs after a file was changed.

    Raises:
        InputError: the file is gone.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"{path} can't be read any more: {error.strerror}.") from error
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)
