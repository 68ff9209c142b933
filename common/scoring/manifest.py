"""What was done: the manifest of an output, the total of a run, and whether it was done before.

`to_json` gives the keys of the files, which `docs/schemas/` describes. They stay: a manifest or a
draft of an earlier release is still recognised.
"""

from __future__ import annotations

import json
import platform
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from common.data.files import sha256
from common.scoring.chunk import ScoredChunk
from common.scoring.jobs import Job
from common.scoring.model import ModelIdentity
from common.scoring.shadow import Agreement, Comparison, Shadow

# Part of what identifies a job: raise it when the same input gets another output.
OUTPUT_VERSION = 1
LIBRARIES = ("catboost", "mlflow", "scikit-learn", "pyarrow")


@dataclass(frozen=True)
class Identity:
    """What makes the same output of the same input, all of it by value.

    Attributes:
        input: SHA-256 of the input.
        settings: as JSON holds them.
    """

    input: str
    model: ModelIdentity
    challenger: ModelIdentity | None
    settings: Mapping[str, object]

    @classmethod
    def of(
        cls, job: Job, model: ModelIdentity, challenger: ModelIdentity | None, chunk_rows: int
    ) -> Identity:
        settings = {
            **asdict(job.settings),
            "chunk_rows": chunk_rows,
            "output_version": OUTPUT_VERSION,
        }
        as_read_back = json.loads(json.dumps(settings))  # tuples become lists
        return cls(sha256(job.source), model, challenger, as_read_back)

    def to_json(self) -> dict[str, object]:
        challenger = self.challenger.to_json() if self.challenger else None
        return {
            "input": self.input,
            "model": [self.model.to_json(), challenger],
            "settings": dict(self.settings),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Identity:
        model, challenger = data["model"]
        return cls(
            input=data["input"],
            model=ModelIdentity.from_json(model),
            challenger=ModelIdentity.from_json(challenger) if challenger else None,
            settings=data["settings"],
        )


@dataclass(frozen=True)
class Outcomes:
    """What became of the rows: `read` = `scored` + `blank` + `rejected`.

    Attributes:
        blank: without a text.
        rejected: could not be read.
    """

    read: int
    scored: int
    blank: int
    rejected: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcomes:
        return cls(data["read"], data["scored"], data["blank"], data["rejected"])


@dataclass(frozen=True)
class InputFile:
    """The file that was scored, its size in bytes, and its digest."""

    path: str
    size: int
    sha256: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> InputFile:
        return cls(data["path"], data["size"], data["sha256"])


@dataclass(frozen=True)
class OutputFile:
    """The file that was written, its size in bytes, its digest, and the file of rejects, if any."""

    path: str
    size: int
    sha256: str
    rejects: str | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OutputFile:
        return cls(data["path"], data["size"], data["sha256"], data["rejects"])


@dataclass
class Tally:
    """Counts so far, with those of an interrupted run that is resumed.

    Attributes:
        confidence: sum over the scored rows.
        chunks, bytes_done: how far the input is done.
        earlier_seconds: time that interrupted runs took.
        started: when this run started, by `time.monotonic`.
    """

    started: float
    scored: int = 0
    blank: int = 0
    rejected: int = 0
    replaced: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0
    shadow: Shadow = field(default_factory=Shadow)
    chunks: int = 0
    bytes_done: int = 0
    earlier_seconds: float = 0.0

    @property
    def rows(self) -> Outcomes:
        read = self.scored + self.blank + self.rejected
        return Outcomes(read, self.scored, self.blank, self.rejected)

    @property
    def seconds(self) -> float:
        return max(self.earlier_seconds + time.monotonic() - self.started, 1e-9)

    def add(self, part: ScoredChunk) -> None:
        self.shadow.add(part.shadow, self.scored + self.blank)
        self.scored += part.scored
        self.blank += part.blank
        self.rejected += len(part.rejects)
        self.replaced += part.replaced
        self.classes += part.classes
        self.confidence += part.confidence
        self.chunks += 1
        self.bytes_done = part.bytes_done

    def to_payload(self) -> dict[str, object]:
        """Give what a draft keeps. Drafts of an earlier release have the same keys."""
        counts = {
            "scored": self.scored,
            "blank": self.blank,
            "rejected": self.rejected,
            "replaced": self.replaced,
            "classes": dict(self.classes),
            "confidence": self.confidence,
            "shadow": self.shadow.to_json(),
            "chunks": self.chunks,
            "seconds": self.seconds,
        }
        return {"tally": counts, "bytes": self.bytes_done}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any], started: float) -> Tally:
        counts = payload["tally"]
        return cls(
            started=started,
            scored=counts["scored"],
            blank=counts["blank"],
            rejected=counts["rejected"],
            replaced=counts["replaced"],
            classes=Counter(counts["classes"]),
            confidence=counts["confidence"],
            shadow=Shadow.from_json(counts["shadow"]),
            chunks=counts["chunks"],
            bytes_done=payload["bytes"],
            earlier_seconds=counts["seconds"],
        )


@dataclass(frozen=True)
class Manifest:
    """What was done to one input. Keys: docs/schemas/predict.manifest.schema.json."""

    identity: Identity
    model: ModelIdentity
    input: InputFile
    output: OutputFile
    rows: Outcomes
    replaced_cells: int
    classes: Mapping[str, int]
    mean_confidence: float | None
    seconds: float
    rows_per_second: float
    workers: int
    versions: Mapping[str, str]
    comparison: Comparison | None = None
    done_already: bool = False

    @classmethod
    def of(
        cls,
        tally: Tally,
        identity: Identity,
        input: InputFile,
        output: OutputFile,
        classes: Iterable[str],
        workers: int,
    ) -> Manifest:
        """Sum up a job that is done now; `classes` are all of the model."""
        rows, seconds, challenger = tally.rows, tally.seconds, identity.challenger
        return cls(
            identity=identity,
            model=identity.model,
            input=input,
            output=output,
            rows=rows,
            replaced_cells=tally.replaced,
            classes={str(name): tally.classes[name] for name in classes},
            mean_confidence=round(tally.confidence / rows.scored, 6) if rows.scored else None,
            seconds=round(seconds, 3),
            rows_per_second=round(rows.read / seconds, 1),
            workers=workers,
            versions={
                "python": platform.python_version(),
                **{name: version(name) for name in LIBRARIES},
            },
            comparison=Comparison.of(tally.shadow, challenger) if challenger else None,
        )

    def to_json(self) -> dict[str, object]:
        data: dict[str, object] = {
            "identity": self.identity.to_json(),
            "model": self.model.to_json(),
            "input": asdict(self.input),
            "output": asdict(self.output),
            "rows": asdict(self.rows),
            "replaced_cells": self.replaced_cells,
            "classes": dict(self.classes),
            "mean_confidence": self.mean_confidence,
            "seconds": self.seconds,
            "rows_per_second": self.rows_per_second,
            "workers": self.workers,
            "versions": dict(self.versions),
        }
        if self.comparison:
            data["shadow"] = self.comparison.to_json()
        if self.done_already:
            data["done_already"] = True
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        return cls(
            identity=Identity.from_json(data["identity"]),
            model=ModelIdentity.from_json(data["model"]),
            input=InputFile.from_json(data["input"]),
            output=OutputFile.from_json(data["output"]),
            rows=Outcomes.from_json(data["rows"]),
            replaced_cells=data["replaced_cells"],
            classes=data["classes"],
            mean_confidence=data["mean_confidence"],
            seconds=data["seconds"],
            rows_per_second=data["rows_per_second"],
            workers=data["workers"],
            versions=data["versions"],
            comparison=Comparison.from_json(data["shadow"]) if "shadow" in data else None,
            done_already=data.get("done_already", False),
        )


def find_done(job: Job, identity: Identity) -> Manifest | None:
    """Return the manifest of an earlier run that did the same, if its files are as it left them."""
    try:
        manifest = Manifest.from_json(json.loads(job.manifest.read_text("utf-8")))
        same = (
            manifest.identity == identity
            and job.output.stat().st_size == manifest.output.size
            and sha256(job.output) == manifest.output.sha256
            and job.rejects.exists() == bool(manifest.rows.rejected)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest if same else None


@dataclass(frozen=True)
class FileTotal:
    """One input of a run: the file, its output, what became of its rows."""

    input: InputFile
    output: OutputFile
    rows: Outcomes


@dataclass(frozen=True)
class Total:
    """Sums and means over the inputs of one run. Keys: docs/schemas/predict.schema.json.

    Attributes:
        seconds: of all inputs, even if Spark scored many at once, so that `rows_per_second` is the
            rate of one task.
        challenger, agreement: of a run with --shadow.
    """

    model: ModelIdentity
    inputs: int
    done_already: int
    rows: Outcomes
    replaced_cells: int
    classes: Mapping[str, int]
    mean_confidence: float | None
    seconds: float
    rows_per_second: float | None
    files: tuple[FileTotal, ...]
    challenger: ModelIdentity | None = None
    agreement: Agreement | None = None

    def to_json(self) -> dict[str, object]:
        data: dict[str, object] = {
            "model": self.model.to_json(),
            "inputs": self.inputs,
            "done_already": self.done_already,
            "rows": asdict(self.rows),
            "replaced_cells": self.replaced_cells,
            "classes": dict(self.classes),
            "mean_confidence": self.mean_confidence,
            "seconds": self.seconds,
            "rows_per_second": self.rows_per_second,
            "files": [asdict(file) for file in self.files],
        }
        if self.challenger and self.agreement:
            data["shadow"] = {
                "model": self.challenger.to_json(),
                "rows": self.agreement.rows,
                "agreement": self.agreement.share,
            }
        return data


def total_of_manifests(manifests: Sequence[Manifest]) -> Total:
    """Add up the manifests of one run, of which there is at least one."""
    first = manifests[0]
    scored = sum(manifest.rows.scored for manifest in manifests)
    confidence = sum((m.mean_confidence or 0) * m.rows.scored for m in manifests)
    rows = Outcomes(
        read=sum(manifest.rows.read for manifest in manifests),
        scored=scored,
        blank=sum(manifest.rows.blank for manifest in manifests),
        rejected=sum(manifest.rows.rejected for manifest in manifests),
    )
    seconds = sum(manifest.seconds for manifest in manifests)
    return Total(
        model=first.model,
        inputs=len(manifests),
        done_already=sum(manifest.done_already for manifest in manifests),
        rows=rows,
        replaced_cells=sum(manifest.replaced_cells for manifest in manifests),
        classes=_sum(manifest.classes for manifest in manifests),
        mean_confidence=round(confidence / scored, 6) if scored else None,
        seconds=round(seconds, 3),
        rows_per_second=round(rows.read / seconds, 1) if seconds else None,
        files=tuple(FileTotal(m.input, m.output, m.rows) for m in manifests),
        challenger=first.comparison.challenger if first.comparison else None,
        agreement=_agreement(manifests),
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(total)


def _agreement(manifests: Sequence[Manifest]) -> Agreement | None:
    compared = [m.comparison.total for m in manifests if m.comparison]
    if not compared:
        return None
    return Agreement(
        rows=sum(part.rows for part in compared), agreeing=sum(part.agreeing for part in compared)
    )
