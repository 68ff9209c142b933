"""A challenger in the shadow of the model that scores: its answers are compared, never written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from common.data.labels import match_spelling
from common.scoring.model import LoadedModel, ModelIdentity
from common.types import Bools, Json, Labels

SHOWN_DIFFERENCES = 20
SHOWN_CLASSES = 5
# Of each pair of classes, the first rows that are written down.
ROWS_OF_PAIR = 20

Pair = tuple[str, str]


@dataclass
class Shadow:
    """How the challenger's answers compare with the model's, row by row.

    Attributes:
        pairs: number of rows by (the model's class, the challenger's class).
        differing: the first rows whose classes differ: (row number from 1, the model's class, the
            challenger's class).
        moves: number of rows by (the model's class, the challenger's, whether the model's answer is
            automatic, whether the challenger's is); None: not known of all rows.
        first: of each pair that differs, the first rows; None: not known of all rows.
    """

    pairs: Counter[Pair] = field(default_factory=Counter)
    differing: list[tuple[int, str, str]] = field(default_factory=list)
    moves: Counter[tuple[str, str, bool, bool]] | None = field(default_factory=Counter)
    first: dict[Pair, list[int]] | None = field(default_factory=dict)

    def add(self, part: Shadow, rows_before: int) -> None:
        """Add the next rows, whose numbers start after `rows_before`."""
        self.pairs += part.pairs
        wanted = SHOWN_DIFFERENCES - len(self.differing)
        self.differing += [
            (rows_before + row, own, other) for row, own, other in part.differing[:wanted]
        ]
        unknown = self.moves is None or part.moves is None
        self.moves = None if unknown else (self.moves or Counter()) + (part.moves or Counter())
        if self.first is None or part.first is None:
            self.first = None
            return
        for pair, rows in part.first.items():
            known = self.first.setdefault(pair, [])
            known += [rows_before + row for row in rows[: ROWS_OF_PAIR - len(known)]]

    def to_json(self) -> dict[str, Json]:
        found: dict[str, Json] = {
            "pairs": [[own, other, rows] for (own, other), rows in self.pairs.items()],
            "differing": self.differing,
        }
        if self.moves is not None:
            found["moves"] = [[*move, rows] for move, rows in self.moves.items()]
        if self.first is not None:
            found["first"] = [[*pair, rows] for pair, rows in self.first.items()]
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shadow:
        """What `to_json` gave, here or in a release that did not have `moves` and `first`."""
        pairs = Counter({(own, other): rows for own, other, rows in data["pairs"]})
        begun: list[Any] | None = None if pairs else []
        moves, first = data.get("moves", begun), data.get("first", begun)
        return cls(
            pairs,
            [(row, own, other) for row, own, other in data["differing"]],
            None if moves is None else Counter({(*move,): rows for *move, rows in moves}),
            None if first is None else {(own, other): rows for own, other, rows in first},
        )


def compare(
    answers: Labels,
    classes: Labels,
    texts: pa.Array,
    filled: Bools,
    challenger: LoadedModel,
    automatic: Bools | None = None,
) -> Shadow:
    """Ask the challenger about the rows of a chunk that have a text, and compare.

    Args:
        answers: (m,) the model's classes of these rows.
        classes: (K,) all classes of the model; the challenger's are spelt like these.
        texts: (m,) the texts.
        filled: (n,) which rows of the chunk these are.
        automatic: (m,) whether nobody has to look at the model's answers; None: nobody has chosen.
    """
    asked = challenger.classifier
    names = np.array(match_spelling(asked.classes_, classes), object)
    decided = challenger.decide(asked.predict_proba(texts))
    others = names[decided.best]
    rows = np.flatnonzero(filled) + 1
    differing = np.flatnonzero(answers != others)
    pairs = list(zip(answers.tolist(), others.tolist(), strict=True))
    moves = None
    if automatic is not None and decided.automatic is not None:
        routes = zip(automatic.tolist(), decided.automatic.tolist(), strict=True)
        moves = Counter((*pair, *both) for pair, both in zip(pairs, routes, strict=True))
    first: dict[Pair, list[int]] = {}
    for k in differing.tolist():
        known = first.setdefault(pairs[k], [])
        if len(known) < ROWS_OF_PAIR:
            known.append(int(rows[k]))
    return Shadow(
        Counter(pairs),
        [(int(rows[k]), *pairs[k]) for k in differing[:SHOWN_DIFFERENCES]],
        moves,
        first,
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
class Moves:
    """Rows by who looks at the model's answer and at the challenger's: nobody (auto) or a person.
    Its fields are keys of manifests."""

    auto_to_auto: int = 0
    auto_to_person: int = 0
    person_to_auto: int = 0
    person_to_person: int = 0

    @classmethod
    def of(cls, counted: Mapping[tuple[bool, bool], int]) -> Moves:
        """Rows by whether each of the two answers is automatic."""
        keys = ((True, True), (True, False), (False, True), (False, False))
        return cls(*(counted.get(key, 0) for key in keys))

    @property
    def in_words(self) -> str:
        """For people.

        >>> Moves(auto_to_auto=1200, person_to_auto=3).in_words
        'auto -> auto 1,200, auto -> person 0, person -> auto 3, person -> person 0'
        """
        return ", ".join(
            f"{name.replace('_to_', ' -> ')} {rows:,}" for name, rows in asdict(self).items()
        )


@dataclass(frozen=True)
class Change:
    """A class that the challenger turns into another, in how many rows, and who looks at these.

    Attributes:
        routes: None: the answers of one of the two are not routed.
    """

    own: str
    other: str
    rows: int
    routes: Moves | None = None

    def to_json(self) -> dict[str, Json]:
        routes = {"routes": asdict(self.routes)} if self.routes else {}
        return {"from": self.own, "to": self.other, "rows": self.rows, **routes}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Change:
        return cls(data["from"], data["to"], data["rows"], _moves(data))


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
        routes: of all rows compared; None: the answers of one of the two are not routed.
        flips: the file beside the output of messages whose class changes; None: there is none.
    """

    challenger: ModelIdentity
    total: Agreement
    by_class: dict[str, Agreement]
    changes: tuple[Change, ...]
    first_differing_rows: tuple[DifferingRow, ...]
    routes: Moves | None = None
    flips: str | None = None

    @classmethod
    def of(cls, shadow: Shadow, challenger: ModelIdentity, flips: str | None = None) -> Comparison:
        own: Counter[str] = Counter()
        agreeing: Counter[str] = Counter()
        for (name, other), rows in shadow.pairs.items():
            own[name] += rows
            agreeing[name] += rows if name == other else 0
        moves: dict[Pair, Counter[tuple[bool, bool]]] = {}
        for (name, other, *automatic), rows in (shadow.moves or {}).items():
            moves.setdefault((name, other), Counter())[automatic[0], automatic[1]] += rows
        return cls(
            challenger=challenger,
            total=Agreement(own.total(), agreeing.total()),
            by_class={name: Agreement(own[name], agreeing[name]) for name in sorted(own)},
            changes=tuple(
                Change(name, other, rows, Moves.of(moves[name, other]) if moves else None)
                for (name, other), rows in shadow.pairs.most_common()
                if name != other
            ),
            first_differing_rows=tuple(DifferingRow(*found) for found in shadow.differing),
            routes=Moves.of(sum(moves.values(), Counter())) if moves else None,
            flips=flips,
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "model": self.challenger.to_json(),
            **self.total.to_json(),
            "by_class": {name: rows.to_json() for name, rows in self.by_class.items()},
            **({"routes": asdict(self.routes)} if self.routes else {}),
            **({"flips": self.flips} if self.flips else {}),
            "changes": [change.to_json() for change in self.changes],
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
            changes=tuple(map(Change.from_json, data["changes"])),
            first_differing_rows=tuple(
                DifferingRow(row["row"], row["from"], row["to"])
                for row in data["first_differing_rows"]
            ),
            routes=_moves(data),
            flips=data.get("flips"),
        )


def _moves(data: Mapping[str, Any]) -> Moves | None:
    return Moves(**data["routes"]) if "routes" in data else None
