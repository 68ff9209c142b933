"""What to set so that the monitor suits a file: window and floor, and what follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from common.data.column_guess import FoundColumns
from common.data.files import parts
from common.data.reader import Chunk, MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.times import TimeFormat
from common.evaluation.two_samples import MIN_ROWS
from common.monitoring import windows
from common.monitoring.power import below_share, critical_share
from common.monitoring.windows import UNDATED
from common.types import Json

DAYS_A_YEAR = 365
# Windows in days to choose from.
WINDOWS = {"1d": 1, "1w": 7, "2w": 14, "4w": 28}
# How often a stable model may be below the floor by chance, in a year of windows.
WARNINGS_A_YEAR = 2.0
# What lies between accuracy and floor at least: a smaller loss is nobody's trouble.
MARGIN = 0.02
LOSSES = (0.05, 0.10, 0.15)
# The loss that decides which window finds it soonest.
DECISIVE_LOSS = 0.10
# For which accuracies the figures are shown before there is a model.
USUAL_ACCURACIES = (0.7, 0.8, 0.9)
# A file of more days has its first and last left out, which may be cut.
MOST_CUT_DAYS = 3


@dataclass(frozen=True)
class Volume:
    """Rows of a file by local day, from the first day to the last.

    Attributes:
        rows, labelled: rows with a text, and those with a class too; days without any are 0.
        undated: rows without a time; all of them if the file has no column of times.
        all_labelled: rows with a class, dated or not.
    """

    rows: Mapping[date, int] = field(default_factory=dict)
    labelled: Mapping[date, int] = field(default_factory=dict)
    undated: int = 0
    all_labelled: int = 0

    @property
    def whole_days(self) -> list[date]:
        """Days that are not cut, as far as that can be known."""
        days = list(self.rows)
        return days[1:-1] if len(days) > MOST_CUT_DAYS else days

    @property
    def busy_days(self) -> list[date]:
        """Whole days with any message; all of them are quiet only in files of stray messages."""
        return [day for day in self.whole_days if self.rows[day]]

    def typical(self) -> tuple[int, int]:
        """The medians of the busy days: of rows, and of rows with a class."""
        return (
            round(median([self.rows[day] for day in self.busy_days] or [0])),
            round(median([self.labelled[day] for day in self.busy_days] or [0])),
        )

    def labelled_in(self, days: int) -> int:
        """Rows with a class in a typical window of so many days."""
        if days == 1:
            return self.typical()[1]
        whole = self.whole_days
        return round(days * sum(self.labelled[day] for day in whole) / max(1, len(whole)))

    def by_weekday(self) -> list[int | None]:
        """The median of the rows on Mondays, Tuesdays ...; None where the file has no such day."""
        found = []
        for weekday in range(7):
            counts = [self.rows[day] for day in self.whole_days if day.weekday() == weekday]
            found.append(round(median(counts)) if counts else None)
        return found


@dataclass(frozen=True)
class Proposal:
    """A window with a floor, and what they do.

    Attributes:
        window: as WINDOW is set.
        rows: labelled rows of a typical window.
        accuracy: of the model, 0 to 1.
        floor: as ACCURACY_FLOOR is set; None if a window has too few rows to be judged.
        warnings_a_year, criticals_a_year: windows of a stable model that are below the floor by
            chance, and those that are CRITICAL.
        power: by loss of accuracy, the share of windows that are CRITICAL.
    """

    window: str
    rows: int
    accuracy: float
    floor: float | None = None
    warnings_a_year: float = 0.0
    criticals_a_year: float = 0.0
    power: Mapping[float, float] = field(default_factory=dict)

    @property
    def days_to_find(self) -> float:
        """Days until a decisive loss is CRITICAL, on average."""
        found = self.power.get(DECISIVE_LOSS, 0.0)
        return WINDOWS.get(self.window, 1) / found if found else float("inf")

    def to_json(self) -> dict[str, Json]:
        return {
            "window": self.window,
            "rows": self.rows,
            "accuracy": self.accuracy,
            "floor": self.floor,
            "warnings_a_year": self.warnings_a_year,
            "criticals_a_year": self.criticals_a_year,
            "power": {f"{loss:.2f}": share for loss, share in self.power.items()},
        }


@dataclass(frozen=True)
class KnownModel:
    """What is known of the model that would be watched.

    Attributes:
        accuracy: on messages that it was not fitted on, 0 to 1; None if that was not stored.
        synthetic: it was fitted on made-up messages, and these are not: its accuracy says nothing.
    """

    version: int
    text_column: str
    target_column: str
    label_with: str
    classes: tuple[str, ...]
    accuracy: float | None
    synthetic: bool


@dataclass(frozen=True)
class MonitorSetup:
    """What was found, and what is proposed.

    Attributes:
        model: None before a first training.
        proposals: for each window, or before there is an accuracy for each usual one.
        chosen: of the proposals; None if none suits.
        settings: lines of `.env`, by the setting's name.
    """

    data: Path
    columns: FoundColumns
    times: TimeFormat
    volume: Volume
    model: KnownModel | None
    proposals: tuple[Proposal, ...]
    chosen: Proposal | None
    settings: Mapping[str, str]

    def to_json(self) -> dict[str, Json]:
        volume = self.volume
        return {
            "data": str(self.data),
            "columns": {
                "text": self.columns.text,
                "label": self.columns.label,
                "time": self.columns.time,
            },
            "rows_by_day": {str(day): rows for day, rows in volume.rows.items()},
            "labelled_by_day": {str(day): rows for day, rows in volume.labelled.items()},
            "undated": volume.undated,
            "model_version": self.model.version if self.model else None,
            "accuracy": self.model.accuracy if self.model else None,
            "proposals": [proposal.to_json() for proposal in self.proposals],
            "chosen": self.chosen.to_json() if self.chosen else None,
            "settings": dict(self.settings),
        }


def count_rows(
    path: Path, columns: FoundColumns, times: TimeFormat, reading: Reading = FIND_OUT
) -> Volume:
    """Count the rows of a file, or of a folder's files, by day.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    rows: Counter[str] = Counter()
    labelled: Counter[str] = Counter()
    settings = {"TEXT_COLUMN": columns.text, "TARGET_COLUMN": columns.label}
    named = {name: column for name, column in settings.items() if column}
    named |= {"TIME_COLUMN": columns.time} if columns.time else {}
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            for setting, column in named.items():
                messages.require(column, setting)
            for chunk in messages.chunks(list(dict.fromkeys(named.values()))):
                text = _filled(chunk, columns.text)
                days = np.full(len(text), UNDATED, object)
                if columns.time:
                    days = windows.names(times.read(chunk.texts(columns.time)), 1, times.zone)
                rows.update(days[text].tolist())
                if columns.label:
                    labelled.update(days[text & _filled(chunk, columns.label)].tolist())
    undated, all_labelled = rows.pop(UNDATED, 0), labelled.total()
    dated = sorted(map(date.fromisoformat, rows))
    length = (dated[-1] - dated[0]).days + 1 if dated else 0
    span = [dated[0] + timedelta(days=k) for k in range(length)]
    return Volume(
        {day: rows[day.isoformat()] for day in span},
        {day: labelled[day.isoformat()] for day in span},
        undated,
        all_labelled,
    )


def _filled(chunk: Chunk, column: str) -> npt.NDArray[np.bool_]:
    cells = pc.not_equal(pc.utf8_trim_whitespace(chunk.texts(column)), "")
    return np.asarray(cells.to_numpy(zero_copy_only=False), bool)


def propose(window: str, rows: int, accuracy: float) -> Proposal:
    """The highest floor that a stable model rarely falls below by chance, and what follows.

    Args:
        window: a key of WINDOWS, or `file` for one a day.
        rows: labelled rows of a window.
        accuracy: of the model, 0 to 1.
    """
    if rows < MIN_ROWS:
        return Proposal(window, rows, accuracy)
    a_year = DAYS_A_YEAR / WINDOWS.get(window, 1)
    highest = int(round(100 * (accuracy - MARGIN), 6))
    floor = next(
        (
            percent / 100
            for percent in range(highest, 0, -1)
            if below_share(rows, percent / 100, accuracy) * a_year <= WARNINGS_A_YEAR
        ),
        None,
    )
    if floor is None:
        return Proposal(window, rows, accuracy)
    return Proposal(
        window,
        rows,
        accuracy,
        floor,
        below_share(rows, floor, accuracy) * a_year,
        critical_share(rows, floor, accuracy) * a_year,
        {loss: critical_share(rows, floor, max(0.0, accuracy - loss)) for loss in LOSSES},
    )


def best(proposals: Sequence[Proposal]) -> Proposal | None:
    """The one that finds a decisive loss soonest; None if none can be judged."""
    able = [proposal for proposal in proposals if proposal.floor is not None]
    return min(able, key=lambda proposal: proposal.days_to_find, default=None)


def proposals(
    volume: Volume, accuracy: float | None
) -> tuple[tuple[Proposal, ...], Proposal | None]:
    """What each window would do, and the one to take; before there is an accuracy, the best window
    for each usual one, and none to take."""
    if not volume.rows:
        lengths = {"file": volume.all_labelled}
    else:
        lengths = {window: volume.labelled_in(days) for window, days in WINDOWS.items()}

    def at(accuracy: float) -> list[Proposal]:
        return [propose(window, rows, accuracy) for window, rows in lengths.items()]

    if accuracy is not None:
        found = at(accuracy)
        return tuple(found), best(found)
    usual = (best(at(accuracy)) for accuracy in USUAL_ACCURACIES)
    return tuple(proposal for proposal in usual if proposal), None
