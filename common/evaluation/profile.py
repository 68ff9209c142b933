"""A stretch of messages summed up: exact counts, and a sample of the rows.

Profiles of parts add up to that of the whole, in any order. What they hold grows with the classes
and segments, not with the rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from common import masking
from common.evaluation import digests, weighted
from common.evaluation.digests import NO_DIGESTS, Digests
from common.evaluation.metrics import class_indices
from common.evaluation.routing import AutoCounts, Routing
from common.evaluation.two_samples import Share
from common.evaluation.weighted import Drawn, WeightedAccuracy
from common.masking import Disclosure
from common.types import Floats, Json, Labels

SAMPLE_ROWS = 2000
# Of each text of the sample: more would only be stored, 2,000 times.
SAMPLE_CHARACTERS = 10_000

NEVER = np.datetime64("NaT", "s")

_SCHEMA = pa.schema(
    [
        ("order", pa.float64()),
        ("text", pa.large_string()),
        ("label", pa.large_string()),
        ("predicted", pa.large_string()),
        ("confidence", pa.float64()),
        ("delay_days", pa.float64()),
    ]
)
_COUNTS = ("read", "rejected", "blank", "undated", "replaced", "mojibake", "unlabelled")
# UTF-8 that was read as Windows-1252 or Latin-1, and written as UTF-8 again: the two or three
# letters that each accented letter, typographic quote or emoji becomes.
MOJIBAKE = (
    "[\u00c3\u00c5][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a"
    "\u20ac\u2122]|\u00c2[\u0080-\u00bf]|\u00e2\u20ac|\u00e2[\u0080-\u009f]|\u00f0(\u0178|\u009f)"
)
_FACTS = b"triage"


@dataclass(frozen=True)
class Profile:
    """Rows of a window, or of the holdout that a model was promoted on.

    Attributes:
        read: all rows; of these `rejected` could not be read, `blank` have no text, `undated` have
            no time where windows are days, `replaced` hold characters that could not be decoded,
            `mojibake` letters that were decoded twice,
            `unlabelled` have a text and no class.
        pairs: rows with a class by (true class, predicted class).
        predicted: rows with a text by predicted class.
        segments: (right, rows) of the rows with a class, by segment.
        versus: rows with a class that only the model, and that only another model gets right.
        sample: at most SAMPLE_ROWS rows with a text, drawn evenly; `label` is empty where there is
            none, `delay_days` nan.
        stream: of a reference, messages drawn evenly from the whole file: the holdout alone is not
            like the stream, because all copies of a frequent message are on one side of the split.
        fitted_accuracy: of a reference, accuracy on messages that the model was fitted on.
        masked: whether texts hold masks in place of what tells who wrote them.
        newest_label: when the newest label came, or its message; NaT if that is not known.
        digests: of a window's messages; not stored with a reference.
        automatic: rows with a text by predicted class; empty where no answer is routed.
        summed_up: its messages were not kept, nor their digests: only the counts are known.
        drawn: of rows that say how they were drawn, the labelled ones; those that were chosen for
            another reason than chance are counted here and in `read` alone.
        drawn_automatic: of the labelled automatic answers, the same by predicted class.
        left_out: labelled rows that were chosen so, and don't say with which probability.
    """

    read: int = 0
    rejected: int = 0
    blank: int = 0
    undated: int = 0
    replaced: int = 0
    mojibake: int = 0
    unlabelled: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)
    segments: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    sample: pa.Table = field(default_factory=_SCHEMA.empty_table)
    newest_label: np.datetime64 = NEVER
    versus: tuple[int, int] = (0, 0)
    stream: Sequence[str] = ()
    fitted_accuracy: float = 1.0
    masked: bool = False
    digests: Digests = NO_DIGESTS
    automatic: Mapping[str, AutoCounts] = field(default_factory=dict)
    summed_up: bool = False
    drawn: Drawn = field(default_factory=Counter)
    drawn_automatic: Mapping[str, Drawn] = field(default_factory=dict)
    left_out: int = 0

    def __add__(self, other: Profile) -> Profile:
        segments = dict(self.segments)
        for name, (right, rows) in other.segments.items():
            before = segments.get(name, (0, 0))
            segments[name] = (before[0] + right, before[1] + rows)
        return Profile(
            **{name: getattr(self, name) + getattr(other, name) for name in _COUNTS},
            pairs=self.pairs + other.pairs,
            predicted=self.predicted + other.predicted,
            segments=segments,
            sample=_drawn(pa.concat_tables([self.sample, other.sample])),
            newest_label=np.fmax(self.newest_label, other.newest_label),
            versus=(self.versus[0] + other.versus[0], self.versus[1] + other.versus[1]),
            masked=self.masked or other.masked,
            digests=self.digests + other.digests,
            automatic=_sum(self.automatic, other.automatic),
            summed_up=self.summed_up or other.summed_up,
            drawn=self.drawn + other.drawn,
            drawn_automatic={
                name: self.drawn_automatic.get(name, Counter())
                + other.drawn_automatic.get(name, Counter())
                for name in {**self.drawn_automatic, **other.drawn_automatic}
            },
            left_out=self.left_out + other.left_out,
        )

    @property
    def rows(self) -> int:
        """Rows with a text and a class."""
        return self.pairs.total()

    @property
    def correct(self) -> int:
        return sum(rows for (true, predicted), rows in self.pairs.items() if true == predicted)

    @cached_property
    def weighted(self) -> WeightedAccuracy | None:
        """Accuracy of the messages that the drawn rows stand for; None if none was drawn."""
        return weighted.estimate(self.drawn) if self.drawn else None

    @property
    def share(self) -> Share:
        """Right answers: of `rows`, or of as many as drawn rows are worth."""
        return self.weighted.effective if self.weighted else Share(self.correct, self.rows)

    @property
    def expected(self) -> int:
        """How many of `rows` a stable model gets right.

        No model is better on new messages than on those it was fitted on. Where a holdout says so,
        it was lucky: all copies of a frequent message are on one side of the split, and hard ones
        may be on the other.
        """
        return min(self.correct, round(self.fitted_accuracy * self.rows))

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that occur, as true or as predicted ones."""
        return tuple(sorted({name for pair in self.pairs for name in pair}))

    def confusion(self, classes: Sequence[str]) -> npt.NDArray[np.intp]:
        """(K, K) rows of true classes, columns of predicted ones; other classes are left out."""
        number = class_indices(classes)
        counts = np.zeros((len(classes), len(classes)), np.intp)
        for (true, predicted), rows in self.pairs.items():
            if true in number and predicted in number:
                counts[number[true], number[predicted]] = rows
        return counts

    def texts(self) -> list[str]:
        """At most SAMPLE_ROWS messages, drawn evenly."""
        return list(self.stream) or self.unfitted()

    def unfitted(self) -> list[str]:
        """Messages of the sample, on which no model was fitted."""
        return list(self.sample.column("text").to_pylist())

    def answers(self) -> tuple[Labels, Floats]:
        """Of the sample: predicted classes and confidences."""
        return _numpy(self.sample, "predicted"), _numpy(self.sample, "confidence")

    def judged(self) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Of the sample's rows with a class: whether the answer is right, and its confidence."""
        rows = self.sample.filter(pc.not_equal(self.sample.column("label"), ""))
        right = _numpy(rows, "label") == _numpy(rows, "predicted")
        return right.astype(bool), _numpy(rows, "confidence")

    def delays(self) -> Floats:
        """Of the sample: days from a message to its label, where both times are known."""
        days: Floats = _numpy(self.sample, "delay_days")
        return days[~np.isnan(days)]

    def counts_json(self) -> dict[str, Json]:
        """All that is counted, without any message, for JSON."""
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            "pairs": [[*pair, rows] for pair, rows in self.pairs.items()],
            "predicted": dict(self.predicted),
            "segments": {name: list(counts) for name, counts in self.segments.items()},
            **self._later_json(),
        }

    def routed(self, routing: Routing) -> Mapping[str, AutoCounts]:
        """`automatic`; of rows that say how they were drawn, as many labels as they are worth
        together with those that share their promise."""
        if not self.drawn_automatic:
            return self.automatic
        groups: dict[str, dict[str, AutoCounts]] = {}
        for name in {**self.automatic, **self.drawn_automatic}:
            group = groups.setdefault(routing.group_of(name), {})
            group[name] = self.automatic.get(name, AutoCounts())
        found: dict[str, AutoCounts] = {}
        for group in groups.values():
            found |= weighted.automatic_counts(group, self.drawn_automatic)
        return found

    def _later_json(self) -> dict[str, Json]:
        """What later releases count; nothing where there is none of it, so that what is kept of
        such files is as it always was."""
        found: dict[str, Json] = {
            "drawn": weighted.to_cells(self.drawn),
            "left_out": self.left_out,
            "drawn_automatic": {
                name: weighted.to_cells(drawn) for name, drawn in self.drawn_automatic.items()
            },
            "automatic": {name: list(counts) for name, counts in self.automatic.items()},
        }
        return {name: value for name, value in found.items() if value}

    @classmethod
    def from_counts_json(cls, counts: Mapping[str, Any]) -> Profile:
        """What `counts_json` gave, without sample, stream and digests.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return cls(
            **{name: counts.get(name, 0) for name in _COUNTS},  # older releases count less
            pairs=Counter({(true, predicted): rows for true, predicted, rows in counts["pairs"]}),
            predicted=Counter(counts["predicted"]),
            segments={name: (right, rows) for name, (right, rows) in counts["segments"].items()},
            automatic={
                name: AutoCounts(*group) for name, group in counts.get("automatic", {}).items()
            },
            drawn=weighted.from_cells(counts.get("drawn", ())),
            drawn_automatic={
                name: weighted.from_cells(cells)
                for name, cells in counts.get("drawn_automatic", {}).items()
            },
            left_out=counts.get("left_out", 0),
        )

    def save(self, path: Path) -> None:
        """Write the profile as one Parquet file: the sample, and the counts as metadata."""
        import pyarrow.parquet as pq

        facts = {
            **self.counts_json(),
            "stream": list(self.stream),
            "fitted_accuracy": self.fitted_accuracy,
            "masked": self.masked,
        }
        pq.write_table(self.sample.replace_schema_metadata({_FACTS: json.dumps(facts)}), path)

    @classmethod
    def load(cls, path: Path) -> Profile:
        """What `save` has written."""
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        facts: dict[str, Any] = json.loads(table.schema.metadata[_FACTS])
        return replace(
            cls.from_counts_json(facts),
            sample=table.replace_schema_metadata(None),
            stream=facts["stream"],
            fitted_accuracy=facts["fitted_accuracy"],
            masked=facts.get("masked", False),  # older releases stored texts as they were
        )


def of_rows(
    texts: pa.Array,
    labels: Labels,
    predicted: Labels,
    confidence: Floats,
    segments: Labels | None = None,
    delay_days: Floats | None = None,
    seed: int = 0,
) -> Profile:
    """The profile of n rows with a text each.

    Args:
        labels: (n,) true classes, "" where there is none.
        seed: of the sample; another one for each part of a whole.
    """
    n = len(texts)
    known = labels != ""
    right = (labels == predicted) & known
    by_segment: dict[str, tuple[int, int]] = {}
    if segments is not None:
        for name in set(segments[known].tolist()) - {""}:
            chosen = known & (segments == name)
            by_segment[name] = (int(right[chosen].sum()), int(chosen.sum()))
    sample = pa.table(
        [
            np.random.default_rng(seed).random(n),
            pc.utf8_slice_codeunits(texts, 0, SAMPLE_CHARACTERS),
            pa.array(labels, pa.large_string()),
            pa.array(predicted, pa.large_string()),
            pa.array(confidence, pa.float64()),
            np.full(n, np.nan) if delay_days is None else delay_days,
        ],
        schema=_SCHEMA,
    )
    return Profile(
        read=n,
        replaced=_holding(texts, "\ufffd"),
        mojibake=_holding(texts, MOJIBAKE),
        unlabelled=n - int(known.sum()),
        pairs=Counter(zip(labels[known].tolist(), predicted[known].tolist(), strict=True)),
        predicted=Counter(predicted.tolist()),
        segments=by_segment,
        sample=_drawn(sample),
        digests=digests.of_texts(texts),
    )


def with_unread(profile: Profile, rejected: int, blank: int, undated: int = 0) -> Profile:
    """The profile with rows that can't be read, or lack a text, or a time in a window of days."""
    return replace(
        profile,
        read=profile.read + rejected + blank + undated,
        rejected=profile.rejected + rejected,
        blank=profile.blank + blank,
        undated=profile.undated + undated,
    )


def masked(profile: Profile) -> Profile:
    """The profile with masks in its texts."""
    if profile.masked:
        return profile
    texts = [masking.mask(text) for text in profile.unfitted()]
    return replace(
        _with_texts(profile, texts),
        stream=tuple(masking.mask(text) for text in profile.stream),
        masked=True,
    )


def disclosed(profile: Profile, shown: Disclosure) -> Profile:
    """The profile as it may be stored: without any text if no message may be kept."""
    if not shown.examples:
        return replace(_with_texts(profile, [""] * len(profile.sample)), stream=())
    return masked(profile) if shown.mask else profile


def _sum(one: Mapping[str, AutoCounts], other: Mapping[str, AutoCounts]) -> dict[str, AutoCounts]:
    none = AutoCounts()
    return {name: one.get(name, none).plus(other.get(name, none)) for name in {**one, **other}}


def _holding(texts: pa.Array, pattern: str) -> int:
    return int(pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0)


def _with_texts(profile: Profile, texts: Sequence[str]) -> Profile:
    at = profile.sample.schema.get_field_index("text")
    column = pa.array(texts, pa.large_string())
    return replace(profile, sample=profile.sample.set_column(at, _SCHEMA.field("text"), column))


def _drawn(sample: pa.Table) -> pa.Table:
    """The rows with the smallest random numbers: an even draw, also from what was drawn before."""
    if len(sample) <= SAMPLE_ROWS:
        return sample
    order = pc.select_k_unstable(sample, SAMPLE_ROWS, [("order", "ascending")])
    return sample.take(order).combine_chunks()


def _numpy(table: pa.Table, column: str) -> Any:
    return table.column(column).to_numpy()
