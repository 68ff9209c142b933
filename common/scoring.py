"""Score a file of messages as a stream: output, rejects and manifest, each whole or not at all."""

from __future__ import annotations

import csv
import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common import delimited, parallel
from common.data import CHUNK_ROWS, Chunk, MessageFile, as_text, sha256
from common.delimited import Reject
from common.errors import InputError, ModelUnavailable
from common.jobs import Job
from common.labels import spelt_alike
from common.output import atomic_path, csv_writer, parquet_writer

SMALL_BYTES = 4_000_000
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
    """A chunk with its predictions: lines of CSV, or a table for Parquet; and what became of it."""

    content: bytes | pa.Table
    scored: int
    blank: int
    classes: Counter[str]
    rejects: list[Reject]
    replaced: int
    bytes_done: int
    shadow: Shadow


@dataclass
class Tally:
    """What became of the rows: `read` = `scored` + `blank` + `rejected`."""

    scored: int = 0
    blank: int = 0
    rejected: int = 0
    replaced: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    shadow: Shadow = field(default_factory=Shadow)

    @property
    def read(self) -> int:
        return self.scored + self.blank + self.rejected

    def add(self, part: Scored) -> None:
        self.shadow.add(part.shadow, self.scored + self.blank)
        self.scored += part.scored
        self.blank += part.blank
        self.rejected += len(part.rejects)
        self.replaced += part.replaced
        self.classes += part.classes


def score_file(
    job: Job,
    classifier: Any,
    model: dict[str, Any],
    chunk_rows: int = CHUNK_ROWS,
    workers: int = 1,
    strict: bool = False,
    advance: Callable[[int], None] = lambda units: None,
    shadow: tuple[Any, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Score one file and return its manifest, which is also written beside the output.

    Args:
        classifier: has `classes_` and `predict_proba(texts)`, shape (n, K).
        model: what identifies the model: `name`, `version`, `run_id`.
        workers: processes that score; the output is the same for any number.
        strict: refuse the whole file if a row can't be read.
        advance: told how many bytes of the input were just done.
        shadow: a second classifier and what identifies it; its answers are compared, not written.

    Raises:
        InputError: the input can't be read, has a column that would be added, or `strict`.
    """
    if job.with_reasons and not hasattr(classifier, "explain"):
        raise ModelUnavailable(
            f"version {model['version']} of {model['name']} is too old to explain itself: "
            "train again, or leave out --explain."
        )
    started = time.monotonic()
    digest = sha256(job.source)
    tally = Tally()
    added = job.added_columns(classifier.classes_)
    with MessageFile(job.source, chunk_rows) as messages, ExitStack() as files:
        _refuse_taken_names(messages.columns, added, job)
        other = shadow[0] if shadow else None
        scorer = Scorer(job, classifier, int(model["version"]), messages.delimiter, other)
        write = _open_output(files, job, messages, added)
        write_rejects = _lazy_rejects(files, job.rejects)
        keeps_rows = messages.header is not None and not job.as_parquet
        chunks = messages.chunks([job.text_column] if keeps_rows else messages.columns)
        done = 0
        workers = 1 if messages.size < SMALL_BYTES else workers
        for part in parallel.in_order(scorer, chunks, workers):
            if part.rejects and strict:
                first = part.rejects[0]
                raise InputError(
                    f"{job.source}, line {first.line}: {first.reason}; nothing was written, "
                    "because of --strict."
                )
            write(part.content)
            write_rejects(part.rejects)
            tally.add(part)
            advance(part.bytes_done - done)
            done = part.bytes_done
    if not tally.rejected:
        job.rejects.unlink(missing_ok=True)
    seconds = time.monotonic() - started
    manifest = {
        "model": model,
        "input": {"path": str(job.source), "size": messages.size, "sha256": digest},
        "output": {
            "path": str(job.output),
            "rejects": str(job.rejects) if tally.rejected else None,
        },
        "rows": {
            "read": tally.read,
            "scored": tally.scored,
            "blank": tally.blank,
            "rejected": tally.rejected,
        },
        "replaced_cells": tally.replaced,
        "classes": {str(name): tally.classes[name] for name in classifier.classes_},
        "seconds": round(seconds, 3),
        "rows_per_second": round(tally.read / seconds, 1),
        "workers": workers,
        "versions": {"python": platform.python_version()}
        | {name: installed(name) for name in ("catboost", "mlflow", "scikit-learn", "pyarrow")},
    }
    if shadow:
        manifest["shadow"] = tally.shadow.facts(shadow[1])
    with atomic_path(job.manifest) as temporary:
        temporary.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    return manifest


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
        if self.job.as_parquet:
            content = self._table(chunk, filled, best, values)
        else:
            content = self._lines(chunk, filled, best, values)
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
        )

    def _compared(self, texts: Any, filled: Any, best: Any) -> Shadow:
        """The second model's answers beside ours."""
        names = np.array(spelt_alike(self.shadow.classes_, self.classifier.classes_), object)
        others = names[self.shadow.predict_proba(texts.filter(filled)).argmax(axis=1)]
        own = self.classifier.classes_[best]
        rows = np.flatnonzero(filled.to_numpy(zero_copy_only=False)) + 1
        differ = np.flatnonzero(own != others)[:SHOWN_DIFFERENCES]
        return Shadow(
            Counter(zip(own.tolist(), others.tolist(), strict=True)),
            [(int(rows[k]), str(own[k]), str(others[k])) for k in differ],
        )

    def _table(self, chunk: Chunk, filled: Any, best: Any, values: list[pa.Array]) -> pa.Table:
        table = chunk.table
        labels = pa.array(self.classifier.classes_[best], pa.string())
        added = self.job.added_columns(self.classifier.classes_)
        for (name, kind), column in zip(added, [labels, *values], strict=True):
            empty = pa.nulls(len(table), kind)
            table = table.append_column(name, pc.replace_with_mask(empty, filled, column))
        return table

    def _lines(self, chunk: Chunk, filled: Any, best: Any, values: list[pa.Array]) -> bytes:
        rows = chunk.raw
        if rows is None:
            rows = delimited.written(chunk.table.columns)
        names = delimited.written([pa.array(self.classifier.classes_, pa.string())], self.delimiter)
        cells = [names.take(pa.array(best))]
        for column in values:
            is_text = pa.types.is_string(column.type)
            cells.append(
                delimited.written([column], self.delimiter)
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


def _refuse_taken_names(
    columns: Sequence[str], added: Sequence[tuple[str, pa.DataType]], job: Job
) -> None:
    taken = [name for name, _ in added if name in columns]
    if taken:
        raise InputError(
            f"{job.source} already has a column {taken[0]!r}: give the new ones another name, "
            "for example --prefix new_."
        )


def _open_output(
    files: ExitStack, job: Job, messages: MessageFile, added: Sequence[tuple[str, pa.DataType]]
) -> Callable[[Any], None]:
    """Open the output under a temporary name, with the input's header and the added names."""
    temporary = files.enter_context(atomic_path(job.output))
    if job.as_parquet:
        schema = messages.schema
        for name, kind in added:
            schema = schema.append(pa.field(name, kind))
        return files.enter_context(parquet_writer(temporary, schema))
    header = messages.header
    if header is None:
        header = delimited.written([pa.array([name]) for name in messages.columns])[0].as_py()
    names = delimited.written([pa.array([name]) for name, _ in added], messages.delimiter)
    write = files.enter_context(csv_writer(temporary))
    write(f"{header}{messages.delimiter}{names[0]}\n".encode())
    return write


def _lazy_rejects(files: ExitStack, path: Path) -> Callable[[Sequence[Reject]], None]:
    """A function that writes rejects; their file is made when the first one comes."""
    writer: Any = None

    def write(rejects: Sequence[Reject]) -> None:
        nonlocal writer
        if rejects and writer is None:
            temporary = files.enter_context(atomic_path(path))
            file = files.enter_context(temporary.open("w", encoding="utf-8", newline=""))
            writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
            writer.writerow(("line", "reason", "raw"))
        for reject in rejects:
            writer.writerow((reject.line, reject.reason, reject.raw))

    return write
