"""Classes as files spell them: spellings that mean the same, and cells that mean none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.errors import InputError
from common.types import Labels

# More are texts or ids; the figures of classes have a cell for each pair of them.
MOST_CLASSES = 1000
# Longer names of classes and segments are cut: tables, pages and figures show them.
NAME_CHARACTERS = 1000

# What spreadsheets and programs write where there is no label, folded.
MISSING = frozenset({"nan", "na", "n/a", "#n/a", "null", "none", "nil", "-", "--", "?", "nat"})

Form = Callable[[str], str]


def normalise(label: str) -> str:
    """What two spellings of a class have in common: `true`, `TRUE` and `True`; `1` and `1.0`.

    Files written by different tools spell booleans and whole numbers in different ways.

    >>> normalise(" TRUE "), normalise("1.0"), normalise("Angry")
    ('true', '1', 'Angry')
    """
    label = label.strip()
    if label.lower() in ("true", "false"):
        return label.lower()
    return re.sub(r"^(-?\d+)\.0+$", r"\1", label)


def fold(label: str) -> str:
    """What spellings of a class have in common that differ only by case or blanks.

    >>> fold("Very  Angry "), fold("TRUE")
    ('very angry', 'true')
    """
    return " ".join(normalise(label).split()).casefold()


def preferred_spelling(labels: Iterable[str], form: Form = normalise) -> dict[str, str]:
    """The most frequent spelling of each class, by its form; ties: the first met.

    Args:
        form: `normalise`, or `fold` to make one class of spellings that differ by case or blanks.
    """
    counts = Counter(label.strip() for label in labels)
    chosen: dict[str, str] = {}
    for label, _ in counts.most_common():
        chosen.setdefault(form(label), label)
    return chosen


def named(cells: pa.LargeStringArray) -> pa.LargeStringArray:
    """Names of classes or segments as cells hold them, without blanks around them."""
    return pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(cells, 0, NAME_CHARACTERS))


def refuse_many(path: Path, classes: int) -> None:
    """Refuse a file with more than MOST_CLASSES classes.

    Raises:
        InputError: it has more.
    """
    if classes > MOST_CLASSES:
        raise InputError(
            f"{path} has {classes:,} classes, more than {MOST_CLASSES:,}: TARGET_COLUMN seems to "
            "name a column of texts or ids."
        )


def spell(labels: pa.Array, classes: Collection[str]) -> Labels:
    """(n,) labels, those that mean one of `classes` spelled like it; others stay as they are.

    Case and blanks make no difference unless two of the classes differ by them alone. Each distinct
    label is looked at once.

    Args:
        labels: Arrow strings.
    """
    same, alike = _by_form(classes)
    coded = pc.dictionary_encode(labels)
    spelled = [
        same.get(normalise(name)) or alike.get(fold(name), name)
        for name in coded.dictionary.to_pylist()
    ]
    return np.array([*spelled, ""], object)[coded.indices.to_numpy()]


def without_missing(labels: Labels, classes: Collection[str]) -> Labels:
    """(n,) labels, those empty that look like none (`NaN`, `N/A`) and are no class.

    >>> without_missing(np.array(["good", "NaN", "none"], object), ["good", "None"]).tolist()
    ['good', '', 'none']
    """
    known = {fold(name) for name in classes}
    empty = [name for name in set(labels.tolist()) if fold(name) in MISSING - known]
    return np.where(np.isin(labels, empty), "", labels).astype(object) if empty else labels


def match_spelling(classes: Iterable[str], like: Collection[str]) -> tuple[str, ...]:
    """The classes, spelt as in `like` where those mean the same; no two become one.

    >>> match_spelling(["true", "maybe"], ["False", "True"])
    ('True', 'maybe')
    >>> match_spelling(["angry", "Angry"], ["Angry", "Calm"])
    ('angry', 'Angry')
    """
    own = [str(name) for name in classes]
    same, alike = _by_form(like)
    exact = {name: same[normalise(name)] for name in own if normalise(name) in same}
    often = Counter(map(fold, own))
    loosely = {
        name: alike[fold(name)]
        for name in own
        if often[fold(name)] == 1 and alike.get(fold(name)) not in (None, *exact.values())
    }
    return tuple((loosely | exact).get(name, name) for name in own)


def _by_form(classes: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Classes by their normal form, and by their fold if no two share one."""
    names = [str(name) for name in classes]
    folded = {fold(name): name for name in names}
    return {normalise(name): name for name in names}, folded if len(folded) == len(names) else {}
