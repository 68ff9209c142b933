"""Labels that are no classes of the model: most likely they are from another column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from common.data.labels import normalise
from common.errors import InputError
from common.evaluation.profile import Profile
from common.text import escape

SHOWN, CHARACTERS = 5, 40


def refuse_unknown_labels(
    windows: Mapping[str, Profile], classes: Iterable[object], column: str | None
) -> None:
    """Raise InputError if there are labels and the model knows none of them.

    Each answer would count as wrong, which says nothing about the model.

    Args:
        column: of the labels; None if LABEL_WITH makes them from the text.
    """
    labels: Counter[str] = Counter()
    for window in windows.values():
        for (true, _), rows in window.pairs.items():
            labels[true] += rows
    names = [str(name) for name in classes]
    if not labels or {normalise(label) for label in labels} & {normalise(name) for name in names}:
        return
    frequent = [label for label, _ in labels.most_common()]
    where, setting = (
        (f"in column {_shown([column])} ", "TARGET_COLUMN") if column else ("", "LABEL_WITH")
    )
    raise InputError(
        f"none of the {labels.total():,} labels {where}is a class of the model: the labels are "
        f"{_shown(frequent)}, the classes {_shown(names)}. Is {setting} right?"
    )


def _shown(names: list[str]) -> str:
    """Some of the names, quoted, without what could break a line, each cut to a sane length."""
    quoted = [f"'{_cut(name)}'" for name in names[:SHOWN]]
    rest = len(names) - SHOWN
    return ", ".join(quoted) + (f" and {rest:,} more" if rest > 0 else "")


def _cut(name: str) -> str:
    cut = name if len(name) <= CHARACTERS else f"{name[:CHARACTERS]}..."
    return escape(cut)
