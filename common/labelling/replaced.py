"""A queue that another one takes the place of: nothing that people filled in is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common.data import drawn, labels, split
from common.data.reader import MessageFile
from common.errors import InputError
from common.labelling.form import LABEL_NOW, PREDICTION, QueueColumns, is_untouched
from common.labelling.known import KnownLabels

# What the file of labels has, and a queue has not.
_OF_LABELS = "labelled_by"


def require_replaceable(path: Path, columns: QueueColumns, known: KnownLabels) -> None:
    """Refuse to replace a file with work in it; one that isn't there, or is empty, has none.

    Args:
        columns: of the queue that is to be written.
        known: what is labelled; classes in the queue that are there too were absorbed.

    Raises:
        InputError: the file is no queue, has classes that are nowhere else, or can't be read.
    """
    if not path.is_file() or not path.stat().st_size:
        return
    needed = {columns.id, columns.text, columns.label, PREDICTION, drawn.WHY, drawn.PROBABILITY}
    no_queue = f"{path} is there and is no queue of {columns.label!r}: name another file with -o."
    with MessageFile(path) as messages:
        there = set(messages.columns)
        if not needed <= there or _OF_LABELS in there:
            raise InputError(no_queue)
        row = 2  # as a spreadsheet counts
        for chunk in messages:
            if len(chunk.rejects):
                raise InputError(no_queue)
            names = (columns.id, columns.text, columns.label, drawn.WHY)
            ids, texts, filled, whys = (chunk.texts(name).to_pylist() for name in names)
            if LABEL_NOW in there:
                rows = zip(filled, chunk.texts(LABEL_NOW).to_pylist(), whys, strict=True)
                filled = [
                    "" if is_untouched(cell.strip(), now, why.strip()) else cell
                    for cell, now, why in rows
                ]
            lost = _lost(ids, texts, filled, known)
            if lost is not None:
                raise InputError(
                    f"{path} is a queue with a class that the file of labels lacks (row "
                    f"{row + lost}): absorb it first, or name another file with -o."
                )
            row += len(texts)


def _lost(ids: list[str], texts: list[str], filled: list[str], known: KnownLabels) -> int | None:
    """The place of the first class that is known neither of its message nor of its text."""
    given = labels.without_missing(np.array([cell.strip() for cell in filled], object), ())
    rows = zip(ids, texts, split.keys(texts).tolist(), given.tolist(), strict=True)
    for place, (id, text, key, cell) in enumerate(rows):
        own = known.find(id.strip(), text)
        there = ("" if own is None else own.label, known.by_text.get(key, ""))
        if cell and labels.fold(cell) not in map(labels.fold, there):
            return place
    return None
