"""Labels that looked wrong, and what people say that they are: these win over the labels before.

A correction is a row of a file of labels (`labelled_file`) that was asked for because its label
looked wrong. It holds for all rows of the same file, or of the same folder, with its text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from common.data import drawn, split
from common.data.files import parts
from common.data.labels import named
from common.data.reader import MessageFile
from common.data.reading import FIND_OUT, Reading


@dataclass(frozen=True)
class Corrections:
    """Classes by what tells a text from others.

    Attributes:
        digest: of them all.
    """

    labels: Mapping[int, str] = field(repr=False, compare=False)
    digest: str

    def applied(self, texts: pa.LargeStringArray, labels: pa.Array) -> pa.Array:
        """(n,) labels, those of texts that were corrected as they should be; none stays none."""
        keys = split.keys(texts.to_pylist()).tolist()
        given = zip(keys, labels.to_pylist(), strict=True)
        corrected = [self.labels.get(key, label) if label else label for key, label in given]
        return pa.array(corrected, pa.large_string())


def read(path: Path, text: str, label: str, reading: Reading = FIND_OUT) -> Corrections | None:
    """The corrections in a file, or in a folder of files; None if there are none.

    Args:
        text, label: columns of the messages and their classes.

    Raises:
        InputError: a file can't be read.
    """
    found: dict[int, str] = {}
    for part in parts(path):
        with MessageFile(part, reading=reading) as messages:
            there = messages.columns
            if not drawn.columns(there) or text not in there or label not in there:
                continue
            for chunk in messages.chunks(list(dict.fromkeys([text, label, drawn.WHY]))):
                whys = named(chunk.texts(drawn.WHY)).to_pylist()
                texts, classes = chunk.texts(text).to_pylist(), named(chunk.texts(label))
                rows = [row for row, why in enumerate(whys) if why == drawn.LABEL_ISSUE]
                keys = split.keys([texts[row] for row in rows]).tolist()
                given = [classes[row].as_py() for row in rows]
                found |= {k: name for k, name in zip(keys, given, strict=True) if name}
    if not found:
        return None
    listed = "\n".join(f"{key} {name}" for key, name in sorted(found.items()))
    return Corrections(found, hashlib.sha256(listed.encode()).hexdigest())
