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

from common.data import CHUNK_ROWS, MessageFile, Reject, as_text, sha256
from common.errors import InputError
from common.output import atomic_path, table_writer

_ENDINGS = (
    (".gz", ".bz2", ".xz", ".zst", ".zip"),
    (
        ".csv",
        ".tsv",
        ".txt",
        ".jsonl",
        ".ndjson",
        ".json",
        ".parquet",
    ),
)


@dataclass(frozen=True)
class Job:
    """One input, where its predictions go, and which columns are added."""

    source: Path
    output: Path
    text_column: str
    prefix: str = ""
    with_proba: bool = False

    @property
    def rejects(self) -> Path:
        return self.output.with_name(self.output.name + ".rejects.csv")

    @property
    def manifest(self) -> Path:
        return self.output.with_name(self.output.name + ".manifest.json")

    def added_columns(self, classes: Sequence[str]) -> list[tuple[str, pa.DataType]]:
        """Names and types of what is added, in order; the probabilities come last."""
        columns = [
            ("prediction", pa.string()),
            ("confidence", pa.float64()),
            ("model_version", pa.int64()),
        ]
        if self.with_proba:
            columns += [(f"proba_{name}", pa.float64()) for name in classes]
        return [(self.prefix + name, kind) for name, kind in columns]


@dataclass
class Tally:
    """What became of the rows: `read` = `scored` + `blank` + `rejected`."""

    scored: int = 0
    blank: int = 0
    rejected: int = 0
    classes: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        return self.scored + self.blank + self.rejected


def plan(
    inputs: Sequence[Path], output: Path | None, text_column: str, prefix: str, with_proba: bool
) -> list[Job]:
    """One job for each input, checked before anything slow starts.

    The default output is `<input's stem>.predictions.csv` beside the input, `.parquet` for
    Parquet. With several inputs `output` must be a folder.

    Raises:
        InputError: an input that can't be read or lacks the text column, or an output that would
            overwrite an input or another output.
    """
    if output and len(inputs) > 1 and not output.is_dir():
        raise InputError(f"{output} is no folder: with several inputs, -o must name one.")
    jobs = []
    for source in inputs:
        with MessageFile(source) as messages:
            messages.require(text_column, "TEXT_COLUMN")
        name = default_name(source)
        target = output / name if output and output.is_dir() else output
        jobs.append(Job(source, target or source.with_name(name), text_column, prefix, with_proba))
    outputs = Counter(path.resolve() for job in jobs for path in (job.output, job.rejects))
    for job in jobs:
        if outputs[job.output.resolve()] > 1:
            raise InputError(f"{job.output} would be written for two inputs: score them apart.")
        if any(path.resolve() in outputs for path in inputs):
            raise InputError(f"{job.output} is also an input, which is never changed: set -o.")
    return jobs


def default_name(source: Path) -> str:
    """The output's name for an input.

    >>> default_name(Path("in/day.csv.gz")), default_name(Path("day.parquet"))
    ('day.predictions.csv', 'day.predictions.parquet')
    """
    stem = source
    for endings in _ENDINGS:
        stem = stem.with_suffix("") if stem.suffix.lower() in endings else stem
    ending = ".parquet" if source.suffix.lower() == ".parquet" else ".csv"
    return f"{stem.name}.predictions{ending}"


def score_file(
    job: Job,
    classifier: Any,
    model: dict[str, Any],
    chunk_rows: int = CHUNK_ROWS,
    strict: bool = False,
    advance: Callable[[int], None] = lambda units: None,
) -> dict[str, Any]:
    """Score one file and return its manifest, which is also written beside the output.

    Args:
        classifier: has `classes_` and `predict_proba(texts)`.
        model: what identifies the model: `name`, `version`, `run_id`.
        strict: refuse the whole file if a row can't be read.
        advance: told how many bytes of the input were just done.

    Raises:
        InputError: the input can't be read, has a column that would be added, or `strict`.
    """
    started = time.monotonic()
    digest = sha256(job.source)
    tally = Tally()
    added = job.added_columns(classifier.classes_)
    with MessageFile(job.source, chunk_rows) as messages, ExitStack() as files:
        schema = _extended(messages.schema, added, job)
        temporary = files.enter_context(atomic_path(job.output))
        as_parquet = job.output.suffix.lower() == ".parquet"
        write = files.enter_context(table_writer(temporary, schema, as_parquet))
        write_rejects = _lazy_rejects(files, job.rejects)
        done = 0
        for chunk in messages:
            if chunk.rejects and strict:
                first = chunk.rejects[0]
                raise InputError(
                    f"{job.source}, line {first.line}: {first.reason}; nothing was written, "
                    "because of --strict."
                )
            write(_scored(chunk.table, job, classifier, int(model["version"]), schema, tally))
            write_rejects(chunk.rejects)
            tally.rejected += len(chunk.rejects)
            advance(chunk.bytes_done - done)
            done = chunk.bytes_done
        replaced, size = messages.replaced, messages.size
    if not tally.rejected:
        job.rejects.unlink(missing_ok=True)
    seconds = time.monotonic() - started
    manifest = {
        "model": model,
        "input": {"path": str(job.source), "size": size, "sha256": digest},
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
        "replaced_cells": replaced,
        "classes": {str(name): tally.classes[name] for name in classifier.classes_},
        "seconds": round(seconds, 3),
        "rows_per_second": round(tally.read / seconds, 1),
        "versions": {"python": platform.python_version()}
        | {name: installed(name) for name in ("catboost", "mlflow", "scikit-learn", "pyarrow")},
    }
    with atomic_path(job.manifest) as temporary:
        temporary.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return manifest


def _scored(
    table: pa.Table,
    job: Job,
    classifier: Any,
    version: int,
    schema: pa.Schema,
    tally: Tally,
) -> pa.Table:
    """The chunk with its predictions; where there is no text, the added columns are empty."""
    where = f"{job.source}, column {job.text_column!r},"
    texts = as_text(table.column(job.text_column), where)
    rows = [i for i, text in enumerate(texts) if text and not text.isspace()]
    proba = classifier.predict_proba([texts[i] for i in rows])
    best = proba.argmax(axis=1)
    predicted = classifier.classes_[best]
    tally.classes.update(predicted)
    tally.scored += len(rows)
    tally.blank += len(texts) - len(rows)

    scored = pa.array(np.isin(np.arange(len(texts)), rows))
    confidence = proba[np.arange(len(rows)), best]
    values = [pa.array(predicted, pa.string()), pa.array(confidence.round(6))]
    values.append(pa.array(np.full(len(rows), version), pa.int64()))
    if job.with_proba:
        values += [pa.array(column.round(6)) for column in proba.T]
    for name, filled in zip(schema.names[table.num_columns :], values, strict=True):
        empty = pa.nulls(len(texts), filled.type)
        table = table.append_column(name, pc.replace_with_mask(empty, scored, filled))
    return table


def _extended(schema: pa.Schema, added: Sequence[tuple[str, pa.DataType]], job: Job) -> pa.Schema:
    taken = [name for name, _ in added if name in schema.names]
    if taken:
        raise InputError(
            f"{job.source} already has a column {taken[0]!r}: give the new ones another name, "
            "for example --prefix new_."
        )
    for name, kind in added:
        schema = schema.append(pa.field(name, kind))
    return schema


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
