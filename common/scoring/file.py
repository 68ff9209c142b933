"""Score a file of messages as a stream: output, rejects and manifest, each whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import logging
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version as installed
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from common import parallel
from common.data import atomic, csv_reader
from common.data.csv_reader import Reject
from common.data.reader import CHUNK_ROWS, MessageFile, sha256
from common.errors import InputError, ModelUnavailable
from common.scoring import draft
from common.scoring.chunk import Scored, Scorer, Shadow, harmless
from common.scoring.draft import Draft
from common.scoring.jobs import Job
from common.types import Advance

SMALL_BYTES = 4_000_000
# Part of what identifies a job: raised when the same input gets another output.
OUTPUT_VERSION = 1

logger = logging.getLogger(__name__)


@dataclass
class Tally:
    """What became of the rows: `read` = `scored` + `blank` + `rejected`.

    `seconds` are those of interrupted runs.
    """

    scored: int = 0
    blank: int = 0
    rejected: int = 0
    replaced: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0
    shadow: Shadow = field(default_factory=Shadow)
    chunks: int = 0
    seconds: float = 0.0

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
        self.confidence += part.confidence
        self.chunks += 1

    def saved(self, seconds: float) -> dict[str, Any]:
        """For JSON, `seconds` later; `restored` makes a tally of it again."""
        shadow = {
            "pairs": [[*pair, rows] for pair, rows in self.shadow.pairs.items()],
            "differing": self.shadow.differing,
        }
        return {**vars(self), "shadow": shadow, "seconds": self.seconds + seconds}

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Tally:
        shadow = Shadow(
            Counter({(own, other): rows for own, other, rows in saved["shadow"]["pairs"]}),
            [(row, own, other) for row, own, other in saved["shadow"]["differing"]],
        )
        return cls(**{**saved, "classes": Counter(saved["classes"]), "shadow": shadow})


def score_file(
    job: Job,
    classifier: Any,
    model: dict[str, Any],
    chunk_rows: int = CHUNK_ROWS,
    workers: int = 1,
    most_rejects: int | None = None,
    advance: Advance = lambda units: None,
    shadow: tuple[Any, dict[str, Any]] | None = None,
    force: bool = False,
    frozen: bool = False,
) -> dict[str, Any]:
    """Score one file and return its manifest, which is also written beside the output.

    What was interrupted is gone on with; what was done already, is not done again.

    Args:
        classifier: has `classes_` and `predict_proba(texts)`, shape (n, K).
        model: what identifies the model: `name`, `version`, `run_id`.
        workers: processes that score; the output is the same for any number.
        most_rejects: refuse the file if more rows than this can't be read.
        advance: told how many bytes of the input were just done.
        shadow: a second classifier and what identifies it; its answers are compared, not written.
        force: score also what was scored already.
        frozen: refuse what was not scored already.

    Raises:
        InputError: the input can't be read, changes meanwhile, has too many rejects or a column
            that would be added; or the output can't be written.
    """
    if job.with_reasons and not hasattr(classifier, "explain"):
        raise ModelUnavailable(
            f"version {model['version']} of {model['name']} is too old to explain itself: "
            "train again, or leave out --explain."
        )
    started = time.monotonic()
    stamp = _stamp(job.source)
    identity = _identity(job, model, chunk_rows, shadow[1] if shadow else None)
    manifest = None if force else _done_already(job, identity)
    if manifest and (most_rejects is None or manifest["rows"]["rejected"] <= most_rejects):
        draft.tidied(job.output)
        return manifest | {"done_already": True}
    if frozen:
        raise InputError(
            f"{job.shown_output or job.output} belongs to a complete run, whose input, model or "
            "settings were others: set another --run-id."
        )
    with (
        MessageFile(job.source, chunk_rows, job.reading) as messages,
        draft.opened(job.output, job.rejects, identity) as unfinished,
    ):
        added = job.added_columns(classifier.classes_)
        _refuse_taken_names(messages.columns, added, job)
        scorer = Scorer(
            job, classifier, int(model["version"]), messages.delimiter, shadow and shadow[0]
        )
        if messages.size < SMALL_BYTES:
            workers = 1
        tally = _stream(
            unfinished, messages, scorer, added, workers, most_rejects, advance, started
        )
        if _stamp(job.source) != stamp:
            raise InputError(
                f"{job.source} was changed while it was read: nothing was written. Run again when "
                "it is complete."
            )
        whole = unfinished.finish()
        if job.format == "parquet":
            whole = atomic.to_parquet(whole)
        manifest = {
            "identity": identity,
            "model": model,
            "input": {
                "path": job.shown_source or str(job.source),
                "size": messages.size,
                "sha256": identity["input"],
            },
            "output": {
                "path": job.shown_output or str(job.output),
                "size": whole.stat().st_size,
                "sha256": sha256(whole),
                "rejects": job.shown_rejects if tally.rejected else None,
            },
            **_facts(tally, classifier.classes_, workers, time.monotonic() - started),
        }
        if shadow:
            manifest["shadow"] = tally.shadow.facts(shadow[1])
        unfinished.publish(whole, tally.rejected > 0, job.manifest, manifest)
    return manifest


def _stream(
    unfinished: Draft,
    messages: MessageFile,
    scorer: Scorer,
    added: Sequence[tuple[str, pa.DataType]],
    workers: int,
    most_rejects: int | None,
    advance: Advance,
    started: float,
) -> Tally:
    """Write all chunks, from where an interrupted run has left off."""
    job, done = scorer.job, 0
    if unfinished.payload:
        tally, done = Tally.restored(unfinished.payload["tally"]), unfinished.payload["bytes"]
        logger.info("Going on after %s rows of an interrupted run.", f"{tally.read:,}")
        advance(done)
    else:
        tally = Tally()
        unfinished.content.write(_head(job, messages, added))
    raw_rows = messages.header is not None and job.format == "csv" and job.copies_rows
    wanted = [job.text_column] if raw_rows else _wanted(job, messages)
    chunks = islice(messages.chunks(wanted), tally.chunks, None)
    for part in parallel.map_in_order(scorer, chunks, workers):
        if part.rejects and not tally.rejected:
            unfinished.rejects.write(b"line,reason,raw\n")
        unfinished.content.write(part.content)
        unfinished.rejects.write(_reject_lines(part.rejects))
        tally.add(part)
        if most_rejects is not None and tally.rejected > most_rejects:
            last = part.rejects[most_rejects - tally.rejected]
            raise InputError(
                f"{job.source}, line {last.line}: {last.reason}; nothing was written, because "
                f"more than {most_rejects} rows can't be read."
            )
        advance(part.bytes_done - done)
        done = part.bytes_done
        elapsed = time.monotonic() - started
        unfinished.checkpoint({"tally": tally.saved(elapsed), "bytes": done})
    return tally


def _identity(
    job: Job, model: Mapping[str, Any], chunk_rows: int, shadow: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What makes the same output of the same input; all of it by value."""
    places = ("source", "output", "shown_source", "shown_output")
    settings = {key: value for key, value in asdict(job).items() if key not in places}
    settings |= {"chunk_rows": chunk_rows, "output_version": OUTPUT_VERSION}
    return json.loads(
        json.dumps(
            {
                "input": sha256(job.source),
                "model": [model, shadow],
                "settings": settings,
            }
        )
    )


def _done_already(job: Job, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The manifest of an earlier run that did the same, if its files are as it left them."""
    try:
        manifest = json.loads(job.manifest.read_text("utf-8"))
        same = (
            manifest["identity"] == identity
            and job.output.stat().st_size == manifest["output"]["size"]
            and sha256(job.output) == manifest["output"]["sha256"]
            and job.rejects.exists() == bool(manifest["rows"]["rejected"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(manifest) if same else None


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"{path} can't be read any more: {error.strerror}.") from error
    return found.st_size, found.st_mtime_ns, found.st_ino


def _facts(tally: Tally, classes: Sequence[str], workers: int, elapsed: float) -> dict[str, Any]:
    seconds = max(tally.seconds + elapsed, 1e-9)
    return {
        "rows": {
            "read": tally.read,
            "scored": tally.scored,
            "blank": tally.blank,
            "rejected": tally.rejected,
        },
        "replaced_cells": tally.replaced,
        "classes": {str(name): tally.classes[name] for name in classes},
        "mean_confidence": round(tally.confidence / tally.scored, 6) if tally.scored else None,
        "seconds": round(seconds, 3),
        "rows_per_second": round(tally.read / seconds, 1),
        "workers": workers,
        "versions": {"python": platform.python_version()}
        | {name: installed(name) for name in ("catboost", "mlflow", "scikit-learn", "pyarrow")},
    }


def _refuse_taken_names(
    columns: Sequence[str], added: Sequence[tuple[str, pa.DataType]], job: Job
) -> None:
    kept = columns if job.keep is None else job.keep
    taken = [name for name, _ in added if name in kept]
    if taken:
        raise InputError(
            f"{job.source} already has a column {taken[0]!r}: give the new ones another name, "
            "for example --prefix new_."
        )


def _wanted(job: Job, messages: MessageFile) -> list[str]:
    kept = messages.columns if job.keep is None else job.keep
    return list(dict.fromkeys([*kept, job.text_column]))


def _head(job: Job, messages: MessageFile, added: Sequence[tuple[str, pa.DataType]]) -> bytes:
    """What the output starts with: the header; for Parquet, the columns and their types."""
    kept = messages.columns if job.keep is None else job.keep
    if job.format == "jsonl":
        return b""
    if job.format == "parquet":
        fields = [messages.schema.field(name) for name in kept]
        schema = pa.schema([*fields, *(pa.field(name, kind) for name, kind in added)])
        return atomic.as_stream(schema.with_metadata(messages.schema.metadata).empty_table())
    header = messages.header
    if header is None or not job.copies_rows:
        names = pa.chunked_array([pa.array(kept, pa.string())])
        shown = harmless(names) if job.spreadsheet_safe else names
        columns = [pa.array([name]) for name in shown.to_pylist()]
        header = csv_reader.written(columns, messages.delimiter)[0].as_py()
    names = csv_reader.written([pa.array([name]) for name, _ in added], messages.delimiter)
    return f"{header}{messages.delimiter}{names[0]}\n".encode()


def _reject_lines(rejects: Sequence[Reject]) -> bytes:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerows((reject.line, reject.reason, reject.raw) for reject in rejects)
    return lines.getvalue().encode("utf-8")
