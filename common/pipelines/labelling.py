"""Runs of `python -m common.labelling` as functions: a queue to label, and its labels taken in.

>>> request = QueueRequest(Path("queue.csv"), Path("scored.csv"), number=100)
>>> draw(request).drawn    # doctest: +SKIP
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common import ROOT
from common.errors import InputError, ModelUnavailable, StoreError
from common.pipelines.form import reading_of
from common.pipelines.labelling_request import AbsorbRequest as AbsorbRequest
from common.pipelines.labelling_request import QueueRequest as QueueRequest
from common.pipelines.target_names import refuse_several
from common.settings import Settings

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.data.reading import Reading
    from common.labelling.absorb import Absorbed
    from common.labelling.form import QueueColumns
    from common.labelling.known import KnownLabels
    from common.labelling.novelty import NovelWords
    from common.labelling.queue import ScoredColumns
    from common.registry.columns import TrainedColumns
    from common.registry.store import Registry
    from common.registry.versions import Version

# Carried along where it is there: what a router has decided.
ROUTE = "route"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueMade:
    """What a queue holds, and what it was made from.

    Attributes:
        drawn: messages by why they are asked for.
        filled: of these, how many have a class already, from before.
        label: the column to fill in.
        read: rows of the file; `rejected` could not be read, `blank` have no text or no answer.
        labelled: messages of the file that have a label already; `id_taken` have the id of another
            one that has.
    """

    output: str
    label: str
    drawn: dict[str, int]
    filled: int = 0
    read: int = 0
    rejected: int = 0
    blank: int = 0
    labelled: int = 0
    id_taken: int = 0

    @property
    def messages(self) -> int:
        return sum(self.drawn.values())


def draw(request: QueueRequest) -> QueueMade:
    """Write a queue; it appears whole.

    Raises:
        SettingsError: columns that can't be meant together.
        InputError: a file can't be read or written, or lacks a column.
        StoreError: a version was asked for, and can't be had.
    """
    refuse_several(request.target_column, "a request for each")
    asked = _asked(request, required=request.label_issues)
    return _of_issues(request, asked) if request.label_issues else _of_scored(request, asked)


def absorb(request: AbsorbRequest) -> Absorbed:
    """Add what people filled in to the file of labels, all of it or nothing.

    Raises:
        InputError: something is wrong in the queue, or a file can't be read or written.
    """
    from common.data.labelled_file import LabelColumns
    from common.labelling import absorb as absorbing
    from common.labelling import answers
    from common.labelling.stored import open_file
    from common.masking import Disclosure

    refuse_several(request.target_column, "a request for each")
    asked = _asked(request)
    columns = LabelColumns(request.id_column, request.time_column, asked.text, asked.target)
    of_queue = _queue_columns(request, asked, request.time_column)
    with open_file(request.into, columns) as stored:
        classes = {*stored.classes, *asked.classes()}
        given = answers.read(
            request.queue,
            of_queue,
            sorted(classes),
            stored,
            request.new_classes,
            reading_of(request),
        )
        shown = Disclosure(mask=request.mask)
        return absorbing.absorb(request.queue, given, stored, of_queue, shown)


@dataclass(frozen=True)
class _Asked:
    """The version that is asked, as far as one can be, and the columns that it was trained on."""

    text: str
    target: str
    segment: str | None = None
    registry: Registry | None = None
    version: Version | None = None

    def classes(self) -> set[str]:
        """The classes that the version knows."""
        from common.registry import versions

        if self.registry is None or self.version is None:
            return set()
        try:
            return {str(name) for name in versions.load(self.registry, self.version).classes_}
        except StoreError as error:
            logger.info("The model can't be asked for its classes: %s", error)
            return set()


def _asked(request: QueueRequest | AbsorbRequest, required: bool = False) -> _Asked:
    from common.registry import store, versions
    from common.registry.columns import trained_columns

    which = request.model if isinstance(request, QueueRequest) else None
    segment = request.segment_column if isinstance(request, QueueRequest) else None
    trained: TrainedColumns | None = None
    registry = version = None
    try:
        registry = store.connect(request.tracking_uri, ROOT, request.model_name)
        version = versions.find(registry, which or versions.CHAMPION)
        trained = trained_columns(registry, version)
    except StoreError as error:
        if which is not None or required:
            raise
        logger.info("No model is asked: %s", error)
    fields = Settings.model_fields
    text = trained.text_column if trained else fields["text_column"].default
    target = trained.target_column if trained else fields["target_column"].default
    return _Asked(
        text=request.text_column or text,
        target=request.target_column or target,
        segment=segment or (trained.segment_column if trained else None),
        registry=registry,
        version=version,
    )


def _of_scored(request: QueueRequest, asked: _Asked) -> QueueMade:
    from common.labelling import form
    from common.labelling.queue import Asked, draw_queue
    from common.labelling.replaced import require_replaceable

    assert request.scored is not None
    scored = _scored_columns(request, asked)
    columns = _queue_columns(request, asked, scored.time, scored.carried)
    form.refuse_clashes(columns)
    known = _known(request, asked)
    require_replaceable(request.output, columns, known)
    queue = draw_queue(
        request.scored,
        scored,
        Asked(request.random, request.number - request.random, request.seed),
        known,
        _novel_words(request, asked),
        _of_predictions(request),
    )
    if not queue.messages:
        raise InputError(
            f"{request.scored} has no message to ask for: of {queue.read:,} rows {queue.blank:,} "
            f"have no text or no prediction, {queue.rejected:,} can't be read, {queue.labelled:,} "
            f"are labelled already, {queue.id_taken:,} have the id of another labelled message."
        )
    form.write(request.output, columns, queue.messages)
    reasons = ("random", "uncertain", "novel")
    return QueueMade(
        output=str(request.output),
        label=asked.target,
        drawn={why: queue.count(why) for why in reasons},
        filled=queue.filled,
        read=queue.read,
        rejected=queue.rejected,
        blank=queue.blank,
        labelled=queue.labelled,
        id_taken=queue.id_taken,
    )


def _of_predictions(request: QueueRequest) -> Reading:
    """predict.py writes UTF-8 with a header, and CSV with the delimiter of its input: the setting
    says it only where it can't be found out, since from Excel and the like it writes commas."""
    from common.data.csv_reader import DELIMITERS
    from common.data.reading import Reading

    unusual = request.delimiter is not None and request.delimiter not in DELIMITERS
    return Reading(
        delimiter=request.delimiter if unusual else None, field_characters=request.field_characters
    )


def _of_issues(request: QueueRequest, asked: _Asked) -> QueueMade:
    from common.data.drawn import LABEL_ISSUE
    from common.labelling import form, issues
    from common.labelling.replaced import require_replaceable
    from common.registry import run_files
    from common.registry.run_files import RunFile
    from common.reports.console import LABELS_TO_CHECK

    registry, version = asked.registry, asked.version
    assert registry is not None
    assert version is not None
    content = run_files.read_if_there(registry, RunFile(version.run_id, LABELS_TO_CHECK))
    if content is None:
        raise InputError(
            f"version {version.number} has no list of labels that look wrong: its training found "
            "none, EXAMPLES was 0, or it was not trained here."
        )
    columns = _queue_columns(request, asked, None)
    form.refuse_clashes(columns)
    known = _known(request, asked)
    require_replaceable(request.output, columns, known)
    found = issues.of_list(content, request.number, known, str(version.number))
    if not found:
        raise InputError(f"all labels that looked wrong to version {version.number} are checked.")
    form.write(request.output, columns, found)
    return QueueMade(str(request.output), asked.target, {LABEL_ISSUE: len(found)})


def _scored_columns(request: QueueRequest, asked: _Asked) -> ScoredColumns:
    from common.data import files
    from common.data.reader import MessageFile
    from common.labelling.queue import ScoredColumns

    assert request.scored is not None
    with MessageFile(files.parts(request.scored)[0], reading=_of_predictions(request)) as first:
        first.require(asked.text, "TEXT_COLUMN")
        there = first.columns
    # The columns of one of several targets are named after it.
    names = [f"{request.prefix}{name}" for name in ("prediction", "confidence", "model_version")]
    of_target = f"_{asked.target}"
    ending = of_target if {f"{name}{of_target}" for name in names} <= set(there) else ""
    missing = [name for name in names[:2] if f"{name}{ending}" not in there]
    if missing:
        raise InputError(
            f"{request.scored} has no column {missing[0]!r}: name a file that predict.py wrote; if "
            "it was told a --prefix, say the same here."
        )
    prediction, confidence, version = (f"{name}{ending}" for name in names)

    def found(column: str | None) -> str | None:
        return column if column in there else None

    carried = (asked.segment, f"{request.prefix}{ROUTE}{ending}")
    return ScoredColumns(
        text=asked.text,
        prediction=prediction,
        confidence=confidence,
        version=found(version),
        id=found(request.id_column),
        time=found(request.time_column),
        carried=tuple(name for name in carried if name is not None and name in there),
    )


def _queue_columns(
    request: QueueRequest | AbsorbRequest,
    asked: _Asked,
    time: str | None,
    carried: tuple[str, ...] = (),
) -> QueueColumns:
    from common.labelling.form import QueueColumns

    return QueueColumns(request.id_column, asked.text, time, asked.target, carried)


def _known(request: QueueRequest, asked: _Asked) -> KnownLabels:
    from common.labelling.known import KnownLabels, labels_of

    if request.labelled is None:
        return KnownLabels()
    return labels_of(request.labelled, request.id_column, asked.text, asked.target)


def _novel_words(request: QueueRequest, asked: _Asked) -> NovelWords | None:
    """What is new to the version; None if it can't be asked, or does not know its words."""
    from common.labelling.novelty import NovelWords
    from common.models.base import KnowsWords
    from common.registry import versions

    version = asked.version
    if asked.registry is None or version is None or request.random == request.number:
        return None
    if version.made_elsewhere:
        logger.info("Version %d was made elsewhere and knows no words.", version.number)
        return None
    try:
        classifier = versions.load(asked.registry, version)
    except ModelUnavailable as error:
        logger.info("What is new to the model is not looked for: %s", error)
        return None
    return NovelWords(classifier) if isinstance(classifier, KnowsWords) else None
