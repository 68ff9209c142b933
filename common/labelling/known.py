"""What is labelled already, so that people are not asked for it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.data import drawn, files, split
from common.data.labelled_file import named_by_text
from common.data.reader import MessageFile
from common.masking import mask


def has_text(key: int, text: str) -> bool:
    """Whether a stored text with this key is that one, as it was written or with masks."""
    return key in split.keys([text, mask(text)])


@dataclass(frozen=True)
class LabelledMessage:
    """A message that has a class.

    Attributes:
        key: what tells its text from others.
        why: what it was drawn for; "" where nothing says.
        chance: with which it was drawn; 0 where nothing says.
    """

    label: str
    key: int
    why: str = ""
    chance: float = 0.0

    @property
    def is_hard(self) -> bool:
        """Whether it was chosen, and stands for the copies of its text."""
        return self.why not in ("", drawn.RANDOM) and self.chance > 0


@dataclass(frozen=True)
class KnownLabels:
    """What is labelled already.

    Attributes:
        by_id: messages by what names them.
        by_text: classes by what tells a text from others; "" where people don't agree.
        checked: texts whose label looked wrong, and was looked at.
    """

    by_id: Mapping[str, LabelledMessage] = field(default_factory=dict)
    by_text: Mapping[int, str] = field(default_factory=dict)
    checked: frozenset[int] = frozenset()

    def find(self, id: str, text: str) -> LabelledMessage | None:
        """The message, if it is labelled: an id alone may be that of another one."""
        there = self.by_id.get(id)
        return there if there is not None and has_text(there.key, text) else None

    def has_other(self, id: str, text: str) -> bool:
        """Whether another message is labelled under this id."""
        return id in self.by_id and self.find(id, text) is None


def labels_of(path: Path, id: str, text: str, label: str) -> KnownLabels:
    """What a file, or a folder of files, of labels holds; nothing if it isn't there yet, or has the
    labels of another target.

    Raises:
        InputError: it can't be read, or lacks the text.
    """
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return KnownLabels()
    by_id: dict[str, LabelledMessage] = {}
    by_text: dict[int, str] = {}
    checked: dict[int, str] = {}  # wins over what else is said of a text, as in `corrections`
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
                    agreed = by_text.setdefault(keys[row], given) == given
                    by_text[keys[row]] = given if agreed else ""
                    why = cells[drawn.WHY][row].strip() if drawn.WHY in there else ""
                    if why == drawn.LABEL_ISSUE:
                        checked[keys[row]] = given
                    chance = cells[drawn.PROBABILITY][row] if drawn.PROBABILITY in there else ""
                    by_id[name] = LabelledMessage(given, keys[row], why, _chance(chance))
    by_id = {
        name: replace(one, label=checked.get(one.key, one.label)) for name, one in by_id.items()
    }
    return KnownLabels(by_id, by_text | checked, frozenset(checked))


def _chance(cell: str) -> float:
    try:
        found = drawn.number(cell)
    except ValueError:  # what a file of labels from elsewhere may have
        return 0.0
    return found if 0 < found <= 1 else 0.0
