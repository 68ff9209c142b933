"""One chunk of messages to one piece of output; this is what runs in the worker processes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.data import atomic, csv_reader
from common.data.csv_reader import Reject
from common.data.labels import match_spelling
from common.data.reader import Chunk, as_text
from common.scoring.jobs import Job

SHOWN_DIFFERENCES = 20


@dataclass
class Shadow:
    """How the answers of a second model compare, row by row.

    Attributes:
        pairs: rows by the classes that the model and the second model give them.
        differing: the first rows that get two classes: number (from 1), the classes.
    """

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    differing: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, part: Shadow, rows_before: int) -> None:
        self.pairs += part.pairs
        wanted = SHOWN_DIFFERENCES - len(self.differing)
        self.differing += [
            (rows_before + row, own, other) for row, own, other in part.differing[:wanted]
        ]

    def facts(self, model: dict[str, Any]) -> dict[str, Any]:
        """For the manifest: agreement in all and by class, and where the two differ."""
        own: Counter[str] = Counter()
        agreed: Counter[str] = Counter()
        for (name, other), rows in self.pairs.items():
            own[name] += rows
            agreed[name] += rows if name == other else 0
        rows, same = own.total(), agreed.total()
        return {
            "model": model,
            "rows": rows,
            "agreeing": same,
            "agreement": round(same / rows, 6) if rows else None,
            "by_class": {
                name: {
                    "rows": own[name],
                    "agreeing": agreed[name],
                    "agreement": round(agreed[name] / own[name], 6),
                }
                for name in sorted(own)
            },
            "changes": [
                {"from": name, "to": other, "rows": count}
                for (name, other), count in self.pairs.most_common()
                if name != other
            ],
            "first_differing_rows": [
                {"row": row, "from": name, "to": other} for row, name, other in self.differing
            ],
        }


@dataclass(frozen=True)
class Scored:
    """A chunk with its predictions, as bytes of the output's format, and what became of it."""

    content: bytes
    scored: int
    blank: int
    classes: Counter[str]
    rejects: list[Reject]
    replaced: int
    bytes_done: int
    shadow: Shadow
    confidence: float


class Scorer:
    """Scores one chunk; called in the worker processes."""

    def __init__(
        self, job: Job, classifier: Any, version: int, delimiter: str, shadow: Any = None
    ) -> None:
        self.job = job
        self.classifier = classifier
        self.version = version
        self.delimiter = delimiter
        self.shadow = shadow

    def __call__(self, chunk: Chunk) -> Scored:
        """The chunk with its predictions; where there is no text, the added columns are empty."""
        where = f"{self.job.source}, column {self.job.text_column!r},"
        texts = as_text(chunk.table.column(self.job.text_column), where)
        blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
        filled = pc.invert(blank)
        proba = self.classifier.predict_proba(texts.filter(filled))
        best = proba.argmax(axis=1)
        confidence = proba[np.arange(len(best)), best]
        values = [pa.array(confidence.round(6)), pa.array(np.full(len(best), self.version))]
        if self.job.with_proba:
            values += [pa.array(column.round(6)) for column in proba.T]
        if self.job.with_reasons:
            reasons = self.classifier.explain(texts.filter(filled), proba)
            values.append(pa.array(map(reason, reasons), pa.string()))
        make = {"csv": self._lines, "jsonl": self._json_lines, "parquet": self._stream}
        content = make[self.job.format](chunk, filled, best, values)
        counts = np.bincount(best, minlength=len(self.classifier.classes_))
        return Scored(
            content,
            scored=len(best),
            blank=len(texts) - len(best),
            classes=Counter(dict(zip(self.classifier.classes_, counts.tolist(), strict=True))),
            rejects=chunk.rejects,
            replaced=chunk.replaced,
            bytes_done=chunk.bytes_done,
            shadow=self._compared(texts, filled, best) if self.shadow else Shadow(),
            confidence=float(confidence.sum()),
        )

    def _compared(self, texts: Any, filled: Any, best: Any) -> Shadow:
        """The second model's answers beside ours."""
        names = np.array(match_spelling(self.shadow.classes_, self.classifier.classes_), object)
        others = names[self.shadow.predict_proba(texts.filter(filled)).argmax(axis=1)]
        own = self.classifier.classes_[best]
        rows = np.flatnonzero(filled.to_numpy(zero_copy_only=False)) + 1
        differ = np.flatnonzero(own != others)[:SHOWN_DIFFERENCES]
        return Shadow(
            Counter(zip(own.tolist(), others.tolist(), strict=True)),
            [(int(rows[k]), str(own[k]), str(others[k])) for k in differ],
        )

    def _stream(self, chunk: Chunk, filled: Any, best: Any, values: list[pa.Array]) -> bytes:
        return atomic.as_stream(self._table(chunk, filled, best, values))

    def _json_lines(self, chunk: Chunk, filled: Any, best: Any, values: list[pa.Array]) -> bytes:
        rows = self._table(chunk, filled, best, values).to_pylist()
        lines = (json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        # A text of Parquet may hold what UTF-8 can't.
        return "".join(lines).encode("utf-8", "replace")

    def _table(self, chunk: Chunk, filled: Any, best: Any, values: list[pa.Array]) -> pa.Table:
        table = self._kept(chunk.table)
        labels = pa.array(self.classifier.classes_[best], pa.string())
        added = self.job.added_columns(self.classifier.classes_)
        for (name, kind), column in zip(added, [labels, *values], strict=True):
            empty = pa.nulls(len(table), kind)
            table = table.append_column(name, pc.replace_with_mask(empty, filled, column))
        return table

    def _lines(self, chunk: Chunk, filled: Any, best: Any, values: list[pa.Array]) -> bytes:
        rows = chunk.raw
        if rows is None or not self.job.copies_rows:
            columns = self._kept(chunk.table).columns
            if self.job.spreadsheet_safe:
                columns = [harmless(column) for column in columns]
            rows = csv_reader.written(columns, self.delimiter)
        names = csv_reader.written(
            [pa.array(self.classifier.classes_, pa.string())], self.delimiter
        )
        cells = [names.take(pa.array(best))]
        for column in values:
            is_text = pa.types.is_string(column.type)
            cells.append(
                csv_reader.written([column], self.delimiter)
                if is_text
                else column.cast(pa.large_string())
            )
        empty = pa.array([""] * len(rows), pa.large_string())
        added = [pc.replace_with_mask(empty, filled, cell) for cell in cells]
        delimiter, nothing, newline = (
            pa.scalar(text, pa.large_string()) for text in (self.delimiter, "", "\n")
        )
        joined = pc.binary_join_element_wise(rows, *added, delimiter)
        lines = pc.binary_join_element_wise(joined, nothing, newline)
        return _content(lines)

    def _kept(self, table: pa.Table) -> pa.Table:
        keep = self.job.keep
        return table if keep is None else table.select(list(keep))


def harmless(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts that a spreadsheet would run as formulas get a quote in front, so that it shows them.

    Source: OWASP, CSV Injection.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    return pc.replace_substring_regex(column, r"\A([=+\-@\t\r])", r"'\1")


def reason(words: Sequence[tuple[str, float]]) -> str:
    """Words and their weights in one cell.

    >>> reason([("refund", 0.824), ("!", 0.1)])
    'refund (+0.82), ! (+0.10)'
    """
    return ", ".join(f"{word} ({weight:+.2f})" for word, weight in words)


def _content(strings: pa.LargeStringArray) -> bytes:
    """All strings one after the other."""
    _, offsets, data = strings.buffers()
    if data is None:
        return b""
    ends = np.frombuffer(offsets, np.int64)
    first, last = ends[strings.offset], ends[strings.offset + len(strings)]
    return data[first:last].to_pybytes() if last > first else b""
