"""A queue of labels that look wrong: those that train.py lists with a version."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from common.data import drawn, split
from common.data.labelled_file import named_as_issue, named_by_text
from common.errors import InputError
from common.labelling.form import QueuedMessage
from common.labelling.known import KnownLabels

# What keeps a spreadsheet from taking a cell for a formula (`scoring.formats.harmless`).
_QUOTED = re.compile(r"\A'(?=[=+\-@\t\r])")


def of_list(content: bytes, most: int, known: KnownLabels, version: str) -> list[QueuedMessage]:
    """The messages whose labels look wrong, the most doubtful first; each text once.

    Args:
        content: the list, CSV with the columns text, label and likeliest.
        known: what was corrected or confirmed already is left out.
        version: of the model.

    Raises:
        InputError: it is something else.
    """
    try:
        rows: Sequence[Mapping[str, str]] = list(csv.DictReader(io.StringIO(content.decode(), "")))
        cells = [
            [_QUOTED.sub("", row[name]) for name in ("text", "label", "likeliest")] for row in rows
        ]
    except (UnicodeDecodeError, csv.Error, KeyError, TypeError) as error:
        raise InputError("the list of labels to check can't be read: train again.") from error
    found: dict[int, QueuedMessage] = {}
    keys = split.keys([text for text, *_ in cells]).tolist()
    for key, (text, label, likeliest) in zip(keys, cells, strict=True):
        done = key in known.checked or known.by_text.get(key, label) not in ("", label)
        if key not in found and not done and len(found) < most:
            found[key] = QueuedMessage(
                id=named_as_issue(named_by_text(text)),
                text=text,
                why=drawn.LABEL_ISSUE,
                prediction=likeliest,
                version=version,
                label_now=label,
            )
    return list(found.values())
