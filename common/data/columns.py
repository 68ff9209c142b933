"""Where a file of messages has what: the text, the class, the time, the segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.data import corrections, label_file, languages, rules
from common.data.corrections import Corrections
from common.data.files import parts
from common.data.label_file import FiledLabels
from common.data.languages import LANGUAGE
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.rules import Labeller


@dataclass(frozen=True)
class MessageColumns:
    """The columns of a file of messages and their classes.

    Attributes:
        text: what was written.
        label: the class; None where it is not in the file: see the next two, or it comes later.
        labeller: makes classes from texts.
        label_with: as LABEL_WITH names where the classes come from.
        filed: classes of a file of their own, found by the column `identifier`.
        time: when a message was written; None: nobody asks.
        segment: the group that a message belongs to, "@language" for that of its text; None:
            nobody asks.
        fold_labels: classes that differ only by case or blanks are one, when a model is fitted.
        corrected: classes of the file that people have corrected; see `with_corrections`.
    """

    text: str
    label: str | None = None
    labeller: Labeller | None = None
    time: str | None = None
    segment: str | None = None
    fold_labels: bool = False
    label_with: str = "column"
    identifier: str | None = None
    filed: FiledLabels | None = field(default=None, repr=False, compare=False)
    corrected: Corrections | None = None

    @property
    def is_labelled(self) -> bool:
        """Whether the classes are in the file, or made from its texts."""
        return self.label is not None or self.labeller is not None

    @property
    def needed(self) -> dict[str, str]:
        """The columns, each by the setting that names it."""
        return _present(
            {
                "TEXT_COLUMN": self.text,
                "TARGET_COLUMN": self.label,
                "ID_COLUMN": self.identifier,
                "TIME_COLUMN": self.time,
                "SEGMENT_COLUMN": None if self.segment == LANGUAGE else self.segment,
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
        route: who looked at the answer; None where the file lacks it.
    """

    prediction: str
    confidence: str
    identifier: str
    text: str | None = None
    time: str | None = None
    segment: str | None = None
    version: str | None = None
    route: str | None = None

    @property
    def needed(self) -> dict[str, str]:
        """The columns, each by the setting or flag that names it."""
        return _present(
            {
                "TEXT_COLUMN": self.text,
                "TIME_COLUMN": self.time,
                "SEGMENT_COLUMN": None if self.segment == LANGUAGE else self.segment,
                "--predictions": self.prediction,
                "--predictions (with predict.py)": self.confidence,
                "--on": self.identifier,
                "--predictions (which version)": self.version,
                "--predictions (route)": self.route,
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
    labels_path: Path | None = None,
    identifier: str = "",
) -> MessageColumns:
    """The columns of a file of messages, as the settings name them.

    Args:
        target: column of the class, for `label_with` "column" and "file".
        critical_keywords: for `label_with` "keywords".
        normalise_labels: make one class of those that differ only by case or blanks.
        labels_path, identifier: for `label_with` "file": where classes are, and the column, there
            and among the messages, that joins them. The form of that file is found out: it needn't
            be that of the messages.

    Raises:
        SettingsError: `label_with` is unknown, "file" without a file, or languages can't be told.
        InputError: the file of labels can't be read, or lacks a column.
    """
    if segment == LANGUAGE:
        languages.require()
    columns = MessageColumns(text, None, None, time, segment, normalise_labels, label_with)
    if label_with == "column":
        return replace(columns, label=target)
    if label_with == "file":
        filed = label_file.read(label_file.require_named(labels_path), identifier, target, None)
        return replace(columns, identifier=identifier, filed=filed)
    return replace(columns, labeller=rules.labeller(label_with, critical_keywords))


def with_corrections(
    path: Path, columns: MessageColumns, reading: Reading = FIND_OUT
) -> MessageColumns:
    """The columns, with the corrections that a file, or a folder of files, holds of its classes.

    Raises:
        InputError: a file can't be read.
    """
    if columns.label is None:
        return columns
    found = corrections.read(path, columns.text, columns.label, reading)
    return columns if found is None else replace(columns, corrected=found)


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
