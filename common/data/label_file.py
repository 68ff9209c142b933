"""Classes in files of their own, joined to the messages by an identifier."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.data import drawn, files
from common.data.drawn import DrawnRows
from common.data.files import parts
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.times import KNOWN_FORMS, Moments, TimeFormat
from common.errors import SettingsError
from common.text import printable
from common.types import Labels

NEVER = np.datetime64("NaT", "s")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FiledLabels:
    """Classes, and when they came (NaT where that isn't known), by identifier.

    Of several for one identifier the last counts. Blanks around identifiers don't matter, and a
    blank identifier is none.

    Attributes:
        path, label: where they are, and the column that holds them.
        repeated: rows that were overruled.
        contradicting: identifiers that had different classes.
        drawn: how the messages were drawn; None where nothing says.
    """

    path: Path
    label: str
    index: Any
    labels: Labels
    moments: Moments
    repeated: int
    contradicting: int
    drawn: DrawnRows | None = None

    def find(self, identifiers: pa.Array) -> tuple[Labels, Moments]:
        """(n,) classes, "" where none has come, and when they came."""
        rows = self.rows(identifiers)
        found = rows >= 0
        labels = (
            np.where(found, self.labels[rows], "") if len(self.labels) else np.full(len(rows), "")
        )
        moments = np.full(len(rows), NEVER)
        moments[found] = self.moments[rows[found]]
        return labels.astype(object), moments

    def drawn_of(self, identifiers: pa.Array) -> DrawnRows | None:
        """How the messages with these (n,) identifiers were drawn; None where nothing says."""
        if self.drawn is None or not len(self.labels):
            return None
        rows = self.rows(identifiers)
        found = self.drawn.take(np.maximum(rows, 0))
        missing = rows < 0
        return DrawnRows(np.where(missing, "", found.why), np.where(missing, np.nan, found.weight))

    def rows(self, identifiers: pa.Array) -> Any:
        """(n,) places of identifiers among these, -1 where none has come."""
        return self.index.get_indexer(_trimmed(identifiers))


def sha256(path: Path) -> str:
    """Digest of a file, or of a folder's files, of labels."""
    digests = [files.sha256(part) for part in files.parts(path)]
    return (
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    )


def require_named(path: Path | None) -> Path:
    """The file of labels.

    Raises:
        SettingsError: nobody names one.
    """
    if path is None:
        raise SettingsError(
            "LABEL_WITH=file needs LABELS_PATH: a file with the columns ID_COLUMN and "
            "TARGET_COLUMN."
        )
    return path


def read(
    path: Path,
    identifier: str,
    label: str,
    moment: str | None,
    reading: Reading = FIND_OUT,
    times: TimeFormat = KNOWN_FORMS,
) -> FiledLabels:
    """Read a file, or a folder of files, of labels.

    Args:
        moment: column that says when a label came; None where there is none.
        times: how that column writes times.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    import pandas as pd

    cells = _cells(path, identifier, label, moment, reading)
    texts = cells.columns
    frame = pd.DataFrame(
        {
            "id": _trimmed(texts[0]),
            "label": _trimmed(texts[1]),
            "moment": times.read(texts[2]) if moment else NEVER,
        }
    )
    frame = frame[frame["label"] != ""]
    # What has no identifier is of no message: it would be of all that have none either.
    if blank := int((frame["id"] == "").sum()):
        logger.warning(
            "%s: %s labels have no %s, and are left out.",
            printable(path.name),
            f"{blank:,}",
            printable(identifier),
        )
    frame = frame[frame["id"] != ""]
    last = frame.drop_duplicates("id", keep="last")
    distinct = frame[["id", "label"]].drop_duplicates()
    return FiledLabels(
        path,
        label,
        pd.Index(last["id"]),
        last["label"].to_numpy(object),
        last["moment"].to_numpy("datetime64[s]"),
        len(frame) - len(last),
        int((distinct["id"].value_counts() > 1).sum()),
        None if cells.drawn is None else cells.drawn.take(last.index.to_numpy()),
    )


@dataclass(frozen=True)
class _Cells:
    """Identifiers, labels and, if asked for, moments of all rows; how these were drawn."""

    columns: list[pa.LargeStringArray]
    drawn: DrawnRows | None


def _cells(path: Path, identifier: str, label: str, moment: str | None, reading: Reading) -> _Cells:
    chosen = [identifier, label, *([moment] if moment else [])]
    pieces = [pa.table({name: pa.array([], pa.large_string()) for name in chosen})]
    how: list[DrawnRows] = []
    says = False
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            messages.require(identifier, "ID_COLUMN")
            messages.require(label, "TARGET_COLUMN")
            told = drawn.columns(messages.columns)
            says = says or bool(told)
            for chunk in messages.chunks(list(dict.fromkeys([*chosen, *told]))):
                cells = [chunk.texts(name) for name in chosen]
                pieces.append(pa.table(cells, names=chosen))
                unknown_how = drawn.unknown(len(cells[0]))
                how.append(drawn.read(told, chunk.texts, str(part)) or unknown_how)
    texts = [column.combine_chunks() for column in pa.concat_tables(pieces).columns]
    return _Cells(texts, drawn.join(how) if says else None)


def unknown(filed: FiledLabels, path: Path, identifier: str, reading: Reading = FIND_OUT) -> int:
    """How many identifiers of the labels no message of a file, or of a folder of files, has.

    Raises:
        InputError: a file can't be read, or lacks the column.
    """
    met = np.zeros(len(filed.labels), bool)
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            messages.require(identifier, "ID_COLUMN")
            for chunk in messages.chunks([identifier]):
                rows = filed.rows(chunk.texts(identifier))
                met[rows[rows >= 0]] = True
    return int((~met).sum())


def _trimmed(cells: pa.Array) -> Any:
    return pc.utf8_trim_whitespace(cells).to_numpy(zero_copy_only=False)
