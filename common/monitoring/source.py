"""What the monitor looks at: messages with their classes, or predictions and late labels."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import parallel
from common.data import labels, reader
from common.data.reader import FIND_OUT, MessageFile, Reading
from common.evaluation.profile import Profile
from common.monitoring import observe as observed
from common.monitoring import windows
from common.monitoring.checks.finding import Finding, Status
from common.monitoring.observe import Columns, LateLabels, Observer
from common.monitoring.windows import Length
from common.text import printable
from common.types import Progress

LABELLED_AT = "labelled_at"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Where messages and their classes are, and how they are cut into windows.

    Attributes:
        late: labels that are not in the file.
        absent: columns that would be looked at, and are not there.
        holdout_only: the model was fitted on the other rows.
        flags: that say the same to monitor.py.
    """

    path: Path
    columns: Columns
    length: Length
    reading: Reading = FIND_OUT
    late: LateLabels | None = None
    absent: tuple[str, ...] = ()
    holdout_only: bool = False
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As text: the name of a file may hold bytes that are none."""
        return printable(self.path.name)

    def feed(self, model: str) -> str:
        """What windows are compared within: days are not like files, nor like the holdout.

        >>> Source(Path("a.csv"), Columns("text"), Length(days=7), FIND_OUT).feed("triage")
        'triage, 7 days'
        """
        if self.holdout_only:
            return f"{model}, holdout"
        counted = {"days": self.length.days, "rows": self.length.rows}
        return ", ".join([model, *(f"{n} {unit}" for unit, n in counted.items() if n)])

    def warn_if_fitted_on(self, version: int, sha256: str | None) -> None:
        """Say so where the model knows the answers, or only the holdout is looked at."""
        if self.holdout_only:
            logger.info("No data given: looking at the holdout side of %s.", self.path)
        elif reader.sha256(self.path) == sha256:
            logger.warning("Version %d was fitted on %s, which flatters it.", version, self.path)

    def findings(self) -> list[Finding]:
        """That columns are missing, where any is."""
        if not self.absent:
            return []
        names = ", ".join(map(repr, self.absent))
        reason = f"{self.name} has no column {names}, which was to be looked at"
        return [Finding("columns", Status.WARNING, reason, detail={"columns": list(self.absent)})]


def messages(
    path: Path, columns: Columns, length: Length, reading: Reading, holdout_only: bool = False
) -> Source:
    """A file, or a folder of files, of messages; a segment column that is missing is a finding.

    Raises:
        InputError: it can't be read, or lacks a column that can't be done without.
    """
    found = _without(path, _timed(columns, length), reading, ("segment",))
    found.columns.require(path, reading)
    flags = () if holdout_only else ("--data", printable(path))
    return replace(found, length=length, holdout_only=holdout_only, flags=flags)


def predictions(
    path: Path,
    classes: Path,
    identifier: str,
    columns: Columns,
    length: Length,
    reading: Reading,
    prefix: str = "",
) -> Source:
    """What predict.py has written, and the classes that came later.

    The file of predictions may lack text and segment, that of labels when they came.

    Raises:
        InputError: a file can't be read, or lacks a column that can't be done without.
    """
    wanted = replace(
        _timed(columns, length),
        label=None,
        labeller=None,
        prediction=f"{prefix}prediction",
        confidence=f"{prefix}confidence",
        identifier=identifier,
    )
    found = _without(path, wanted, reading, ("text", "segment", "time"))
    if length.days is not None:
        found = replace(found, columns=replace(found.columns, time=columns.time))
    found.columns.require(path, reading)
    with MessageFile(reader.parts(classes)[0], reading=reading) as first:
        moment = LABELLED_AT if LABELLED_AT in first.columns else None
    assert columns.label is not None
    late = observed.late_labels(classes, identifier, columns.label, moment, reading)
    places = {"--predictions": path, "--labels": classes, "--on": identifier}
    flags = tuple(printable(word) for pair in places.items() for word in pair)
    return replace(found, length=length, late=late, flags=flags)


def by_window(
    source: Source,
    classifier: Any,
    holdout_percent: int,
    workers: int | None,
    progress: Progress,
    challenger: Any = None,
) -> dict[str, Profile]:
    """The windows, oldest first; a whole file is called after its name and age.

    Args:
        holdout_percent: look only at the rows that a split with this percentage holds out.
        workers: processes; None: one for each processor.
        progress: `cli.progress`.
        challenger: another model, whose answers are compared.
    """
    workers = workers or parallel.available()
    observer = Observer(
        source.columns, classifier, source.length, source.late, holdout_percent, challenger
    )
    with progress(source.name, "B", reader.size(source.path)) as advance:
        found = observed.by_window(source.path, observer, workers, source.reading, advance)
    newest = max(part.stat().st_mtime for part in reader.parts(source.path))
    whole = f"{datetime.fromtimestamp(newest, UTC):%Y-%m-%d %H:%M:%S} {source.name}"
    return {whole if name == windows.WHOLE else name: seen for name, seen in found.items()}


def columns(
    text_column: str,
    target_column: str,
    label_with: str,
    critical_keywords: Sequence[str],
    time_column: str | None,
    segment_column: str | None,
) -> Columns:
    """Where a file of messages has what, as the settings say it."""
    labeller = labels.labeller(label_with, critical_keywords)
    label = None if labeller else target_column
    return Columns(text_column, label, labeller, time_column, segment_column)


def _timed(columns: Columns, length: Length) -> Columns:
    return columns if length.days is not None else replace(columns, time=None)


def _without(path: Path, columns: Columns, reading: Reading, optional: Sequence[str]) -> Source:
    """A source without those of the optional columns that are not there."""
    with MessageFile(reader.parts(path)[0], reading=reading) as first:
        missing = [
            name
            for name in optional
            if getattr(columns, name) is not None and getattr(columns, name) not in first.columns
        ]
    absent = tuple(getattr(columns, name) for name in missing if name != "time")
    kept = replace(columns, **dict.fromkeys(missing))
    return Source(path, kept, Length(), reading, absent=absent)
