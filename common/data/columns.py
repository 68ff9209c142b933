"""Where a file of messages has what: the text, the class, the time, the segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.data import labels
from common.data.files import parts
from common.data.labels import Labeller
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading


@dataclass(frozen=True)
class MessageColumns:
    """The columns of a file of messages and their classes.

    Attributes:
        text: what was written.
        label: the class; None where `labeller` makes it from the text, or where it comes later.
        labeller: makes classes from texts.
        time: when a message was written; None: nobody asks.
        segment: the group that a message belongs to; None: nobody asks.
        fold_labels: classes that differ only by case or blanks are one, when a model is fitted.
    """

    text: str
    label: str | None = None
    labeller: Labeller | None = None
    time: str | None = None
    segment: str | None = None
    fold_labels: bool = False

    @property
    def needed(self) -> dict[str, str]:
        """The columns, each by the setting that names it."""
        return _present(
            {
                "TEXT_COLUMN": self.text,
                "TARGET_COLUMN": None if self.labeller else self.label,
                "TIME_COLUMN": self.time,
                "SEGMENT_COLUMN": self.segment,
            }
        )


@dataclass(frozen=True)
class PredictionColumns:
    """The columns of a file that predict.py has written.

    Attributes:
        prediction, confidence: the answer, and how sure the model was of it.
        identifier: joins labels that came later.
        text, time, segment: as in `MessageColumns`; None where the file lacks them.
        version: of the model that answered; None where the file lacks it.
    """

    prediction: str
    confidence: str
    identifier: str
    text: str | None = None
    time: str | None = None
    segment: str | None = None
    version: str | None = None

    @property
    def needed(self) -> dict[str, str]:
        """The columns, each by the setting or flag that names it."""
        return _present(
            {
                "TEXT_COLUMN": self.text,
                "TIME_COLUMN": self.time,
                "SEGMENT_COLUMN": self.segment,
                "--predictions": self.prediction,
                "--predictions (with predict.py)": self.confidence,
                "--on": self.identifier,
                "--predictions (which version)": self.version,
            }
        )


Columns = MessageColumns | PredictionColumns


def message_columns(
    text: str,
    target: str,
    label_with: str = "column",
    critical_keywords: Sequence[str] = (),
    time: str | None = None,
    segment: str | None = None,
    normalise_labels: bool = False,
) -> MessageColumns:
    """The columns of a file of messages, as the settings name them.

    Args:
        target: column of the class, for `label_with` "column".
        critical_keywords: for `label_with` "keywords".
        normalise_labels: make one class of those that differ only by case or blanks.

    Raises:
        SettingsError: `label_with` is unknown.
    """
    labeller = labels.labeller(label_with, critical_keywords)
    label = None if labeller else target
    return MessageColumns(text, label, labeller, time, segment, normalise_labels)


def require(path: Path, columns: Columns, reading: Reading = FIND_OUT) -> None:
    """Refuse a file, or a folder of files, before slow work starts.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            require_in(messages, columns)


def require_in(messages: MessageFile, columns: Columns) -> None:
    """Raise MissingColumn unless an open file has all the columns."""
    for setting, column in columns.needed.items():
        messages.require(column, setting)


def _present(columns: Mapping[str, str | None]) -> dict[str, str]:
    return {setting: column for setting, column in columns.items() if column is not None}
