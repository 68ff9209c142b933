"""Classes that came later than their messages, in files of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.data.files import parts
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading
from common.data.times import KNOWN_FORMS, Moments, TimeFormat
from common.evaluation import profile
from common.types import Labels


@dataclass(frozen=True)
class LateLabels:
    """Classes that came later, and when (NaT where that isn't known), by identifier.

    Of several for one identifier the last counts; `repeated` says how many were overruled.
    """

    index: Any
    labels: Labels
    moments: Moments
    repeated: int

    def find(self, identifiers: pa.Array) -> tuple[Labels, Moments]:
        """(n,) classes, "" where none has come, and when they came."""
        rows = self.index.get_indexer(identifiers.to_numpy(zero_copy_only=False))
        found = rows >= 0
        labels = (
            np.where(found, self.labels[rows], "") if len(self.labels) else np.full(len(rows), "")
        )
        moments = np.full(len(rows), profile.NEVER)
        moments[found] = self.moments[rows[found]]
        return labels.astype(object), moments


def read(
    path: Path,
    identifier: str,
    label: str,
    moment: str | None,
    reading: Reading = FIND_OUT,
    times: TimeFormat = KNOWN_FORMS,
) -> LateLabels:
    """Read a file, or a folder of files, of labels.

    Args:
        moment: column that says when a label came; None where there is none.
        times: how that column writes times.

    Raises:
        InputError: a file can't be read, or lacks a column.
    """
    import pandas as pd

    chosen = [identifier, label, *([moment] if moment else [])]
    pieces = [pa.table({name: pa.array([], pa.large_string()) for name in chosen})]
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            messages.require(identifier, "--on")
            messages.require(label, "TARGET_COLUMN")
            for chunk in messages.chunks(chosen):
                cells = [chunk.texts(name) for name in chosen]
                pieces.append(pa.table(cells, names=chosen))
    texts = [column.combine_chunks() for column in pa.concat_tables(pieces).columns]
    frame = pd.DataFrame(
        {
            "id": texts[0].to_numpy(zero_copy_only=False),
            "label": pc.utf8_trim_whitespace(texts[1]).to_numpy(zero_copy_only=False),
            "moment": times.read(texts[2]) if moment else profile.NEVER,
        }
    )
    frame = frame[frame["label"] != ""]
    last = frame.drop_duplicates("id", keep="last")
    return LateLabels(
        pd.Index(last["id"]),
        last["label"].to_numpy(object),
        last["moment"].to_numpy("datetime64[s]"),
        len(frame) - len(last),
    )
