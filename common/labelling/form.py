"""The form of a queue: a CSV file with a row for each message and an empty column for its class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.data import atomic, labels
from common.data.drawn import COPIES, LABEL_ISSUE, PROBABILITY, WHY
from common.errors import SettingsError

PREDICTION, CONFIDENCE, VERSION = "prediction", "confidence", "model_version"
LABEL_NOW = "label_now"


@dataclass(frozen=True)
class QueueColumns:
    """How the columns that have a meaning elsewhere are called.

    Attributes:
        label: people fill it in; the others say what is known of a message.
        carried: further columns of the file that the queue was drawn from.
    """

    id: str
    text: str
    time: str | None
    label: str
    carried: tuple[str, ...] = ()

    @property
    def all(self) -> list[str]:
        """In their order; the text and its class stand where a spreadsheet shows both."""
        known = [PREDICTION, CONFIDENCE, VERSION, WHY, PROBABILITY, COPIES]
        time = [] if self.time is None else [self.time]
        return [self.id, *time, self.text, self.label, LABEL_NOW, *self.carried, *known]


@dataclass(frozen=True)
class QueuedMessage:
    """A message that somebody is asked for the class of.

    Attributes:
        why: random, uncertain, novel or label_issue.
        probability: that it is among those that are asked for; None: nobody knows.
        copies: messages of the file with this text, or one that hardly differs; None: the same.
        label: its class, as it was before or as somebody has filled it in.
        label_now: its class before; of a label_issue, the one that looks wrong.
        carried: by column.
    """

    id: str
    text: str
    why: str
    prediction: str = ""
    confidence: str = ""
    version: str = ""
    written_at: str = ""
    probability: float | None = None
    copies: int | None = None
    label: str = ""
    label_now: str = ""
    carried: Mapping[str, str] = field(default_factory=dict)

    def cells(self, columns: QueueColumns) -> dict[str, str]:
        """By column."""
        return {
            **self.carried,
            columns.id: self.id,
            columns.text: self.text,
            **({} if columns.time is None else {columns.time: self.written_at}),
            columns.label: self.label,
            LABEL_NOW: self.label_now,
            PREDICTION: self.prediction,
            CONFIDENCE: self.confidence,
            VERSION: self.version,
            WHY: self.why,
            PROBABILITY: "" if self.probability is None else f"{self.probability:.9g}",
            COPIES: "" if self.copies is None else str(self.copies),
        }


def is_untouched(cell: str, now: str, why: str) -> bool:
    """Whether a class stands as the queue was written with it, so that nobody has said anything.
    To fill in the class that looks wrong says that it is right."""
    return why != LABEL_ISSUE and cell != "" and labels.normalise(cell) == labels.normalise(now)


def write(path: Path, columns: QueueColumns, messages: Iterable[QueuedMessage]) -> None:
    """Write a queue, whole or not at all.

    Raises:
        InputError: it can't be written.
    """
    every = (message.cells(columns) for message in messages)
    rows = ([cells.get(name, "") for name in columns.all] for cells in every)
    atomic.write_csv(path, columns.all, rows)


def require_csv(path: Path) -> None:
    """Raise SettingsError unless a queue can be written there."""
    if path.suffix.lower() != ".csv":
        raise SettingsError(f"a queue is CSV: let its name end in .csv, not {path.name!r}.")


def refuse_clashes(columns: QueueColumns) -> None:
    """Raise SettingsError if two columns of a queue would have one name."""
    names: Sequence[str] = columns.all
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(
            f"a queue would have two columns {twice[0]!r}: are TEXT_COLUMN, ID_COLUMN, TIME_COLUMN "
            "and TARGET_COLUMN right?"
        )
