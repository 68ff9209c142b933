"""A challenger in the shadow of the model that scores: its answers are compared, never written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from common.data.labels import match_spelling
from common.models.base import Classifier
from common.scoring.model import ModelIdentity
from common.types import Bools, Json, Labels

SHOWN_DIFFERENCES = 20
SHOWN_CLASSES = 5


@dataclass
class Shadow:
    """How the challenger's answers compare with the model's, row by row.

    Attributes:
        pairs: number of rows by (the model's class, the challenger's class).
        differing: the first rows whose classes differ: (row number from 1, the model's class, the
            challenger's class).
    """

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    differing: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, part: Shadow, rows_before: int) -> None:
        """Add the next rows, whose numbers start after `rows_before`."""
        self.pairs += part.pairs
        wanted = SHOWN_DIFFERENCES - len(self.differing)
        self.differing += [
            (rows_before + row, own, other) for row, own, other in part.differing[:wanted]
        ]

    def to_json(self) -> dict[str, Json]:
        return {
            "pairs": [[own, other, rows] for (own, other), rows in self.pairs.items()],
            "differing": self.differing,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shadow:
        return cls(
            Counter({(own, other): rows for own, other, rows in data["pairs"]}),
            [(row, own, other) for row, own, other in data["differing"]],
        )


def compare(
    answers: Labels, classes: Labels, texts: pa.Array, filled: Bools, challenger: Classifier
) -> Shadow:
    """Ask the challenger about the rows of a chunk that have a text, and compare.

    Args:
        answers: (m,) the model's classes of these rows.
        classes: (K,) all classes of the model; the challenger's are spelt like these.
        texts: (m,) the texts.
        filled: (n,) which rows of the chunk these are.
    """
    names = np.array(match_spelling(challenger.classes_, classes), object)
    others = names[challenger.predict_proba(texts).argmax(axis=1)]
    rows = np.flatnonzero(filled) + 1
    differing = np.flatnonzero(answers != others)[:SHOWN_DIFFERENCES]
    return Shadow(
        Counter(zip(answers.tolist(), others.tolist(), strict=True)),
        [(int(rows[k]), str(answers[k]), str(others[k])) for k in differing],
    )


def other_classes(own: Iterable[object], challenger: Iterable[object]) -> str | None:
    """How the challenger's classes differ from the model's, in one sentence; None if they don't.

    >>> other_classes(["True", "False"], ["true", "spam"])
    "it alone has 'spam', and it lacks 'False': rows of these classes never agree"
    """
    names = {str(name) for name in own}
    others = set(match_spelling(map(str, challenger), names))
    parts = [
        f"{verb} {', '.join(map(repr, sorted(found)[:SHOWN_CLASSES]))}"
        + (f" and {len(found) - SHOWN_CLASSES} more" if len(found) > SHOWN_CLASSES else "")
        for verb, found in (("it alone has", others - names), ("it lacks", names - others))
        if found
    ]
    return f"{', and '.join(parts)}: rows of these classes never agree" if parts else None


@dataclass(frozen=True)
class Agreement:
    """Rows, and on how many of them the two models agree; the share is None without rows."""

    rows: int
    agreeing: int

    @property
    def share(self) -> float | None:
        return round(self.agreeing / self.rows, 6) if self.rows else None

    def to_json(self) -> dict[str, Json]:
        return {**asdict(self), "agreement": self.share}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Agreement:
        return cls(data["rows"], data["agreeing"])


@dataclass(frozen=True)
class Change:
    """A class that the challenger turns into another, and in how many rows."""

    own: str
    other: str
    rows: int


@dataclass(frozen=True)
class DifferingRow:
    """A row (number from 1) that the two models give different classes."""

    row: int
    own: str
    other: str


@dataclass(frozen=True)
class Comparison:
    """What a manifest says of the challenger.

    Attributes:
        by_class: agreement by the model's class, sorted by class.
        changes: the most frequent first.
        first_differing_rows: at most SHOWN_DIFFERENCES.
    """

    challenger: ModelIdentity
    total: Agreement
    by_class: dict[str, Agreement]
    changes: tuple[Change, ...]
    first_differing_rows: tuple[DifferingRow, ...]

    @classmethod
    def of(cls, shadow: Shadow, challenger: ModelIdentity) -> Comparison:
        own: Counter[str] = Counter()
        agreeing: Counter[str] = Counter()
        for (name, other), rows in shadow.pairs.items():
            own[name] += rows
            agreeing[name] += rows if name == other else 0
        return cls(
            challenger=challenger,
            total=Agreement(own.total(), agreeing.total()),
            by_class={name: Agreement(own[name], agreeing[name]) for name in sorted(own)},
            changes=tuple(
                Change(name, other, rows)
                for (name, other), rows in shadow.pairs.most_common()
                if name != other
            ),
            first_differing_rows=tuple(DifferingRow(*found) for found in shadow.differing),
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "model": self.challenger.to_json(),
            **self.total.to_json(),
            "by_class": {name: rows.to_json() for name, rows in self.by_class.items()},
            "changes": [
                {"from": change.own, "to": change.other, "rows": change.rows}
                for change in self.changes
            ],
            "first_differing_rows": [
                {"row": row.row, "from": row.own, "to": row.other}
                for row in self.first_differing_rows
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Comparison:
        return cls(
            challenger=ModelIdentity.from_json(data["model"]),
            total=Agreement.from_json(data),
            by_class={name: Agreement.from_json(rows) for name, rows in data["by_class"].items()},
            changes=tuple(
                Change(change["from"], change["to"], change["rows"]) for change in data["changes"]
            ),
            first_differing_rows=tuple(
                DifferingRow(row["row"], row["from"], row["to"])
                for row in data["first_differing_rows"]
            ),
        )
