"""What is labelled already, so that people are not asked for it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.data import drawn, files, split
from common.data.labelled_file import named_by_text
from common.data.reader import MessageFile


@dataclass(frozen=True)
class KnownLabels:
    """What is labelled already.

    Attributes:
        by_id: classes by what names a message.
        by_text: classes by what tells a text from others; "" where people don't agree.
        checked: texts whose label looked wrong, and was looked at.
        random: with which probability messages were drawn at random, by id; 0 where nothing says.
    """

    by_id: Mapping[str, str] = field(default_factory=dict)
    by_text: Mapping[int, str] = field(default_factory=dict)
    checked: frozenset[int] = frozenset()
    random: Mapping[str, float] = field(default_factory=dict)


def labels_of(path: Path, id: str, text: str, label: str) -> KnownLabels:
    """What a file, or a folder of files, of labels holds; nothing if it isn't there yet, or has the
    labels of another target.

    Raises:
        InputError: it can't be read, or lacks the text.
    """
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return KnownLabels()
    by_id: dict[str, str] = {}
    random: dict[str, float] = {}
    by_text: dict[int, str] = {}
    checked: set[int] = set()
    for part in files.parts(path):
        with MessageFile(part) as messages:
            if label not in messages.columns:
                continue  # labels of another target
            messages.require(text, "TEXT_COLUMN")
            told = (id, drawn.WHY, drawn.PROBABILITY)
            there = [name for name in told if name in messages.columns]
            for chunk in messages.chunks(list(dict.fromkeys([text, label, *there]))):
                cells = {name: chunk.texts(name).to_pylist() for name in (text, label, *there)}
                keys = split.keys(cells[text]).tolist()
                for row, given in enumerate(map(str.strip, cells[label])):
                    if not given or not cells[text][row].strip():
                        continue
                    own = cells[id][row].strip() if id in there else ""
                    name = own or named_by_text(cells[text][row])
                    by_id[name] = given
                    agreed = by_text.setdefault(keys[row], given) == given
                    by_text[keys[row]] = given if agreed else ""
                    why = cells[drawn.WHY][row].strip() if drawn.WHY in there else ""
                    if why == drawn.LABEL_ISSUE:
                        checked.add(keys[row])
                    if why == drawn.RANDOM:
                        there_at = drawn.PROBABILITY in there
                        random[name] = _chance(cells[drawn.PROBABILITY][row] if there_at else "")
    return KnownLabels(by_id, by_text, frozenset(checked), random)


def _chance(cell: str) -> float:
    try:
        found = drawn.number(cell)
    except ValueError:  # what a file of labels from elsewhere may have
        return 0.0
    return found if 0 < found <= 1 else 0.0
