"""What the monitor looks at: messages with their classes, or predictions and late labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc

from common import parallel
from common.data import files, label_file, labels, split
from common.data.columns import (
    MessageColumns,
    PredictionColumns,
    require,
    with_corrections,
)
from common.data.label_file import FiledLabels
from common.data.languages import LANGUAGE
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.times import KNOWN_FORMS, TimeFormat, find_format
from common.errors import InputError, MissingColumn
from common.evaluation.costs import Costs
from common.evaluation.profile import Profile
from common.evaluation.routing import Routing
from common.models.base import Classifier
from common.monitoring import observe, summaries, windows
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.feed import HOLDOUT, TABLE, Feed, source_of, window_text
from common.monitoring.observe import Observer, Windows
from common.monitoring.windows import Length
from common.text import printable
from common.types import Progress

LABELLED_AT = "labelled_at"
# Columns that predict.py adds.
ANSWERS = ("prediction", "confidence", "model_version")
NOTHING_KNOWN: Mapping[Path, Windows] = {}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Where messages and their classes are, and how they are cut into windows.

    Attributes:
        times: how the column of times is read.
        late: labels that are not in the file.
        absent: columns that would be looked at, and are not there.
        holdout_only: the model was fitted on the other rows.
        in_memory: the file holds a table that is nowhere else.
        version: predictions of this version of the model alone are looked at; None: all.
        flags: that say the same to monitor.py.
    """

    path: Path
    columns: MessageColumns | PredictionColumns
    length: Length
    reading: Reading = FIND_OUT
    times: TimeFormat = KNOWN_FORMS
    late: FiledLabels | None = None
    absent: tuple[str, ...] = ()
    holdout_only: bool = False
    in_memory: bool = False
    version: int | None = None
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As text: the name of a file may hold bytes that are not."""
        return printable(self.path.name)

    def feed(self, model: str, watched: str, floor: float, root: Path) -> Feed:
        """What its windows are compared within.

        Args:
            watched: which version is looked at.
            root: of the project.
        """
        if self.holdout_only and not self.flags:
            source = HOLDOUT
        elif self.in_memory:
            source = TABLE
        else:
            source = source_of(self.path, self.length, root)
        return Feed(model, watched, source, window_text(self.length), floor)

    @property
    def can_be_split(self) -> bool:
        """Whether the rows that a model was not fitted on can be told by their texts."""
        return isinstance(self.columns, MessageColumns)

    def say_if_holdout(self) -> None:
        """Say so where only the holdout is looked at."""
        if self.holdout_only and self.flags:
            logger.warning(
                "The model was fitted on %s: looking at the rows that were held out.", self.name
            )
        elif self.holdout_only:
            logger.info("No data given: looking at the holdout side of %s.", self.path)

    def is_unlabelled(self, found: Mapping[str, Profile]) -> bool:
        """Whether the messages that were found have no labels at all, and none can come later."""
        messages = any(window.predicted for window in found.values())
        return messages and not self.late and not any(window.rows for window in found.values())

    def say_if_unlabelled(self, found: Mapping[str, Profile]) -> None:
        """Say that there are no labels, and what is done instead."""
        if self.is_unlabelled(found):
            label = isinstance(self.columns, MessageColumns) and self.columns.label
            why = f": column {label!r} is empty" if label else ""
            logger.info("%s has no labels%s; accuracy is estimated.", self.name, why)

    def say_if_left_out(self, found: Mapping[str, Profile]) -> None:
        """Say how many labels were left out, as nobody knows how their messages were drawn."""
        if rows := sum(window.left_out for window in found.values()):
            logger.info(
                "%s labelled rows were chosen for being hard and have no inclusion_probability: "
                "they are left out of accuracy.",
                f"{rows:,}",
            )

    def findings(self) -> list[Finding]:
        """That columns are missing, where any is."""
        if not self.absent:
            return []
        names = ", ".join(map(repr, self.absent))
        reason = f"{self.name} has no column {names}, which was to be looked at"
        return [Finding("columns", Status.WARNING, reason, detail={"columns": list(self.absent)})]


def messages(
    path: Path,
    columns: MessageColumns,
    length: Length,
    reading: Reading = FIND_OUT,
    times: TimeFormat = KNOWN_FORMS,
    holdout_only: bool = False,
    in_memory: bool = False,
    by_default: bool = False,
) -> Source:
    """A file, or a folder of files, of messages; a segment column that is missing is a finding.

    Args:
        holdout_only: the model was fitted on the other rows.
        by_default: nobody has named the file.
        times: what is known of how times are written; the rest is found out.

    Raises:
        InputError: it can't be read, or lacks a column or times that can't be done without.
    """
    there = _columns_of(path, reading)
    absent: tuple[str, ...] = ()
    if length.days is None:
        columns = replace(columns, time=None)
    if columns.segment is not None and columns.segment not in (LANGUAGE, *there):
        absent = (columns.segment,)
        columns = replace(columns, segment=None)
    require(path, columns, reading)
    columns = with_corrections(path, columns, reading)
    if columns.time is not None:
        times = find_format(path, columns.time, times, reading)
    flags = () if by_default else ("--data", printable(path))
    return Source(
        path,
        columns,
        length,
        reading,
        times,
        absent=absent,
        holdout_only=holdout_only,
        in_memory=in_memory,
        flags=flags,
    )


def without_label(
    path: Path,
    columns: MessageColumns,
    reading: Reading = FIND_OUT,
    *,
    named: bool = True,
    no_labels: bool = False,
) -> MessageColumns:
    """The columns without that of the classes where there are no labels; else as they are.

    Args:
        named: somebody named the column: where it isn't there, that is a mistake.
        no_labels: somebody says that there are none.

    Raises:
        MissingColumn: the column was named, and is not there.
    """
    if no_labels:
        return replace(columns, label=None, labeller=None, filed=None, identifier=None)
    files_of = files.parts(path)
    if columns.label is None or columns.label in _columns_of(files_of[0], reading):
        return columns
    if named:
        there = _columns_of(files_of[0], reading)
        hint = "Without labels, say --no-labels: accuracy is then estimated."
        raise MissingColumn(files_of[0], columns.label, there, "TARGET_COLUMN", hint)
    if any(columns.label in _columns_of(file, reading) for file in files_of[1:]):
        return columns
    return replace(columns, label=None)


def predictions(
    path: Path,
    classes: Path,
    identifier: str,
    columns: MessageColumns,
    length: Length,
    reading: Reading = FIND_OUT,
    times: TimeFormat = KNOWN_FORMS,
    prefix: str = "",
) -> Source:
    """What predict.py has written, and the classes that came later.

    The file of predictions may lack text and segment, that of labels when they came.

    Args:
        columns: of the messages that were scored; `label` is the column of the classes.
        times: what is known of how both files write times; the rest is found out.

    Raises:
        InputError: a file can't be read, or lacks a column or times that can't be done without.
    """
    there = _columns_of(path, reading)

    def found(column: str | None) -> str | None:
        return column if column in there else None

    # The columns of one of several targets are named after it.
    named = f"_{columns.label}"
    of_target = named if {f"{prefix}{c}{named}" for c in ANSWERS} <= set(there) else ""
    # Of texts that are not there nobody tells the language.
    told = columns.segment == LANGUAGE and columns.text in there
    # Days need a time: without its column the file is refused below.
    time = columns.time if length.days is not None else None
    wanted = PredictionColumns(
        prediction=f"{prefix}prediction{of_target}",
        confidence=f"{prefix}confidence{of_target}",
        identifier=identifier,
        version=found(f"{prefix}model_version{of_target}"),
        route=found(f"{prefix}route{of_target}"),
        text=found(columns.text),
        time=time,
        segment=LANGUAGE if told else found(columns.segment),
    )
    require(path, wanted, reading)
    moment = LABELLED_AT if LABELLED_AT in _columns_of(classes, reading) else None
    come = times
    if moment is not None:
        come = find_format(classes, moment, times, reading, required=False)
    late = label_file.read(classes, identifier, columns.label or "", moment, reading, come)
    if time is not None:
        times = find_format(path, time, times, reading)
    absent = tuple(
        column
        for column, read in ((columns.text, wanted.text), (columns.segment, wanted.segment))
        if column is not None and read is None
    )
    places = {"--predictions": path, "--labels": classes, "--on": identifier}
    flags = tuple(printable(word) for pair in places.items() for word in pair)
    return Source(path, wanted, length, reading, times, late, absent, flags=flags)


def versions_of(source: Source) -> list[int]:
    """The versions that have made the predictions, the earliest first; none if it is not said.

    Raises:
        InputError: a file can't be read, or names what is no version.
    """
    columns = source.columns
    if not isinstance(columns, PredictionColumns) or columns.version is None:
        return []
    found: set[str] = set()
    for part in files.parts(source.path):
        with MessageFile(part, reading=source.reading) as predicted:
            predicted.require(columns.version, "--predictions")
            for chunk in predicted.chunks([columns.version]):
                cells = pc.utf8_trim_whitespace(chunk.texts(columns.version))
                found.update(pc.unique(cells).to_pylist())
    named = found - {""}
    wrong = sorted(name for name in named if not (name.isdecimal() and int(name)))
    if wrong:
        raise InputError(
            f"{source.name}: column {columns.version!r} should name versions of the model, such as "
            f"3, and holds {wrong[0][:40]!r}: is it what predict.py wrote?"
        )
    return sorted(map(int, named))


@dataclass(frozen=True)
class Found:
    """What the files of a source hold.

    Attributes:
        windows: oldest first; a whole file is called after its age and name.
        read: by file that was read now, what it adds to them.
    """

    windows: dict[str, Profile]
    read: Mapping[Path, Windows]


def by_window(
    source: Source,
    classifier: Classifier,
    holdout_percent: int,
    workers: int | None,
    progress: Progress,
    challenger: Classifier | None = None,
    known: Mapping[Path, Windows] = NOTHING_KNOWN,
    seen: split.Keys | None = None,
    routing: Routing | None = None,
    costs: Costs | None = None,
    challengers_costs: Costs | None = None,
) -> Found:
    """Have the messages of a source answered, and sum them up by window.

    Args:
        holdout_percent: look only at the rows that a split with this percentage holds out.
        workers: processes; None: one for each processor.
        challenger: another model, whose answers are compared.
        known: by file that has not changed, what it adds to windows, without texts. Those of
            recent windows, and of windows that others change, are read all the same.
        seen: keys of messages that are not held out, whatever their side.
        routing: who looks at which answers; None: nobody has chosen.
        costs, challengers_costs: what mistakes of each model cost; None: nobody has said.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    observer = Observer(
        columns=source.columns,
        classifier=classifier,
        length=source.length,
        times=source.times,
        late=source.late,
        holdout_percent=holdout_percent,
        seen=seen,
        challenger=challenger,
        version=source.version,
        routing=routing,
        costs=costs,
        challengers_costs=challengers_costs,
    )
    workers = workers or parallel.available()
    paths = files.parts(source.path)
    read: dict[Path, Windows] = {}
    with progress(source.name, "B", files.size(source.path)) as advance:
        while pending := summaries.to_read(paths, known, read):
            found = observe.by_file(pending, observer, workers, source.reading, advance)
            read |= zip(pending, found, strict=True)
        advance(sum(path.stat().st_size for path in paths if path not in read))
    merged = observe.by_window(read[path] if path in read else known[path] for path in paths)
    classes = max((len(window.classes) for window in merged.values()), default=0)
    labels.refuse_many(source.path, classes)
    newest = max(part.stat().st_mtime for part in paths)
    whole = windows.whole_file(datetime.fromtimestamp(newest, UTC), source.name)
    dated = _with_undated(merged)
    return Found(
        {whole if name == windows.WHOLE else name: window for name, window in dated.items()}, read
    )


def _with_undated(found: Mapping[str, Profile]) -> dict[str, Profile]:
    """Rows without a dated neighbour count in the newest window, where somebody will see them."""
    dated = {name: window for name, window in found.items() if name != windows.UNDATED}
    if not dated or len(dated) == len(found):
        return dict(found)
    newest = max(dated)
    return dated | {newest: dated[newest] + found[windows.UNDATED]}


def _columns_of(path: Path, reading: Reading) -> list[str]:
    """The columns of a file, or of a folder's first file."""
    with MessageFile(files.parts(path)[0], reading=reading) as first:
        return first.columns
