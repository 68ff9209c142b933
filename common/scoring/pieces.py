"""One large input scored in ranges, by whoever is free, and joined to the one output.

Each range is scored to a piece: a draft as that of a whole output, which is resumed in the same way
and kept when it is complete. When all pieces are, they are joined in order. Output and rejects have
the bytes that scoring the input in one go gives.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import BinaryIO

from common.data.ranges import Range
from common.data.reader import MessageFile
from common.data.remote import is_remote
from common.errors import TriageError
from common.scoring import file, resume
from common.scoring.file import Options, Stamp
from common.scoring.formats import REJECTS_HEADER
from common.scoring.jobs import Job
from common.scoring.manifest import Identity, Manifest, Tally
from common.scoring.model import LoadedModel, ModelIdentity
from common.scoring.resume import Draft
from common.types import Json

# A task of some seconds. Not by the number of cores: another number would cut elsewhere, and what
# was scored before an interruption could not be used.
RANGE_BYTES = 32_000_000
MOST_RANGES = 2000

_COPIED_AT_ONCE = 1 << 23


@dataclass(frozen=True)
class Cut:
    """How one input is scored in ranges.

    Attributes:
        identity: of the whole job.
        stamp: of the input when it was cut.
        columns: of the input.
    """

    job: Job
    identity: Identity
    stamp: Stamp
    columns: tuple[str, ...]
    ranges: tuple[Range, ...]


def is_large(job: Job) -> bool:
    """Whether it may pay to cut an input: it is on this machine, and larger than two ranges.

    Raises:
        InputError: it is gone.
    """
    if is_remote(job.source) or is_remote(job.output):
        return False
    return file.stamp_of(job.source).size >= 2 * RANGE_BYTES


def cut_input(
    job: Job, model: ModelIdentity, challenger: ModelIdentity | None, options: Options
) -> Cut | Manifest | None:
    """Cut an input; None if it is better scored whole: it is small, can't be read from its middle,
    or an interrupted run has begun to score it whole. If its output is complete, the manifest.

    Raises:
        InputError: it can't be read, or `options` keep what is there.
    """
    if not is_large(job):
        return None
    stamp = file.stamp_of(job.source)
    identity = Identity.of(job, model, challenger, options.chunk_rows)
    done = file.find_done(job, identity, options)
    if done:
        return done
    if resume.has_progress(job.output, identity.to_json()):
        return None
    with MessageFile(job.source, options.chunk_rows, job.settings.reading) as messages:
        ranges = tuple(messages.cut(max(RANGE_BYTES, stamp.size // MOST_RANGES)))
        columns = tuple(messages.columns)
    return Cut(job, identity, stamp, columns, ranges) if len(ranges) > 1 else None


def score(
    cut: Cut, number: int, model: LoadedModel, options: Options, challenger: LoadedModel | None
) -> None:
    """Score one range of an input to its piece; nothing is done if the piece is complete.

    Raises:
        InputError: as `file.score_file`.
        ModelUnavailable: as `file.score_file`.
    """
    started = time.monotonic()
    with _open_piece(cut, number) as piece, _open_input(cut, options) as messages:
        if _is_complete(piece):
            return
        scorer = file.make_scorer(cut.job, messages, model, challenger)
        tally = file.tally_of(piece, started)
        file.score_chunks(
            piece,
            messages,
            scorer,
            tally,
            options=options,
            advance=lambda units: None,
            within=cut.ranges[number],
        )
        file.refuse_change(cut.job.source, cut.stamp)
        piece.checkpoint({**tally.to_payload(), "complete": True}, now=True)


def join(
    cut: Cut, model: LoadedModel, options: Options, challenger: LoadedModel | None
) -> Manifest:
    """Make the output of all pieces, which are complete, and return its manifest.

    Raises:
        InputError: the input was changed meanwhile, the pieces together have too many rejects, or
            the output can't be written.
        TriageError: a piece is not there.
    """
    job, started = cut.job, time.monotonic()
    resume.clean_up(job.output)  # an interrupted join starts over
    with (
        _open_input(cut, options) as messages,
        resume.open_draft(job.output, job.rejects, cut.identity.to_json()) as whole,
    ):
        scorer = file.make_scorer(job, messages, model, challenger)
        whole.content.write(scorer.format.head())
        tally = Tally(started)
        for number in range(len(cut.ranges)):
            with _open_piece(cut, number) as piece:
                _append(piece, whole, tally)
        file.refuse_many_rejects(job, tally.rejected, options.most_rejects)
        made = file.publish(
            whole, messages, scorer, tally, cut.identity, cut.stamp, options.workers
        )
    resume.remove_pieces(job.output)
    return made


def _append(piece: Draft, whole: Draft, tally: Tally) -> None:
    if not _is_complete(piece):
        raise TriageError(
            "a piece of the output is gone, or was written where this machine does not see it: "
            "executors must share the folder of the output."
        )
    found = Tally.from_payload(piece.payload or {}, time.monotonic())
    if found.rejected:
        _copy(piece.rejects, whole.rejects, len(REJECTS_HEADER) if tally.rejected else 0)
    _copy(piece.content, whole.content, 0)
    tally.add_piece(found)


def _copy(source: BinaryIO, target: BinaryIO, start: int) -> None:
    source.seek(start)
    shutil.copyfileobj(source, target, _COPIED_AT_ONCE)


def _is_complete(piece: Draft) -> bool:
    return bool(piece.payload and piece.payload.get("complete"))


def _open_input(cut: Cut, options: Options) -> MessageFile:
    reading = cut.job.settings.reading
    return MessageFile(cut.job.source, options.chunk_rows, reading, keys=cut.columns)


def _open_piece(cut: Cut, number: int) -> AbstractContextManager[Draft]:
    place = resume.piece(cut.job.output, number)
    return resume.open_draft(
        place, place.with_name(f"{place.name}.rejects"), _identity(cut, number)
    )


def _identity(cut: Cut, number: int) -> Mapping[str, Json]:
    return {**cut.identity.to_json(), "range": asdict(cut.ranges[number])}
