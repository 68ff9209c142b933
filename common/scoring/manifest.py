"""What was done: the manifest of an output, and whether it was done before.

`to_json` gives the keys of the files, which `docs/schemas/` describes. They stay: a manifest or a
draft of an earlier release is still recognised.
"""

from __future__ import annotations

import json
import platform
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from operator import add
from types import MappingProxyType
from typing import Any

from common.data.files import sha256
from common.data.reading import FIND_OUT
from common.scoring.chunk import Counts, ScoredChunk
from common.scoring.jobs import Job
from common.scoring.model import LoadedModel, ModelIdentity
from common.scoring.model_answers import TargetAnswers, routes_of, target_answers
from common.scoring.shadow import Comparison, Shadow
from common.types import Json

# Part of what identifies a job: raise it when the same input gets another output.
OUTPUT_VERSION = 1
LIBRARIES = ("catboost", "mlflow", "scikit-learn", "pyarrow")


# Of `Reading`, what came later: as long as nobody sets it, what was scored before is not scored
# again.
LATER_FIELDS = ("sheet", "joined")
LATER_SETTINGS: Mapping[str, Json] = MappingProxyType({"with_route": False, "only": None})
NO_TARGETS: Mapping[str, ModelIdentity] = MappingProxyType({})


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
    settings: Mapping[str, Json]

    @classmethod
    def of(
        cls,
        job: Job,
        model: ModelIdentity,
        challenger: ModelIdentity | None,
        chunk_rows: int,
        targets: Mapping[str, ModelIdentity] = NO_TARGETS,
    ) -> Identity:
        """Identify a job; `targets` are the models by what they answer, if there are several."""
        settings = {
            **asdict(job.settings),
            "chunk_rows": chunk_rows,
            "output_version": OUTPUT_VERSION,
        }
        for name, default in LATER_SETTINGS.items():
            if settings[name] == default:
                del settings[name]
        for name in LATER_FIELDS:
            if getattr(job.settings.reading, name) == getattr(FIND_OUT, name):
                del settings["reading"][name]
        if targets:
            settings["targets"] = {name: each.to_json() for name, each in targets.items()}
        as_read_back = json.loads(json.dumps(settings))  # tuples become lists
        return cls(sha256(job.source), model, challenger, as_read_back)

    def to_json(self) -> dict[str, Json]:
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
        beside: what the models of other targets have answered; empty before the first chunk.
        routes: scored rows by who looks at them; empty where that was never chosen.
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
    beside: tuple[Counts, ...] = ()
    routes: Counter[str] = field(default_factory=Counter)

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
        self.routes += part.routes
        before = self.beside or tuple(Counts(Counter(), 0.0) for _ in part.beside)
        self.beside = tuple(map(add, before, part.beside))
        self.chunks += 1
        self.bytes_done = part.bytes_done

    def add_piece(self, piece: Tally) -> None:
        """Add the rows that follow, which were counted apart."""
        self.shadow.add(piece.shadow, self.scored + self.blank)
        self.scored += piece.scored
        self.blank += piece.blank
        self.rejected += piece.rejected
        self.replaced += piece.replaced
        self.classes += piece.classes
        self.confidence += piece.confidence
        self.routes += piece.routes
        self.chunks += piece.chunks
        self.bytes_done = piece.bytes_done
        self.earlier_seconds += piece.earlier_seconds

    def to_payload(self) -> dict[str, Json]:
        """Give what a draft keeps. Drafts of an earlier release have the same keys."""
        counts: dict[str, Json] = {
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
        if self.beside:
            counts["beside"] = [
                [dict(each.classes), each.confidence, dict(each.routes)] for each in self.beside
            ]
        if self.routes:
            counts["routes"] = dict(self.routes)
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
            beside=tuple(
                Counts(Counter(classes), confidence, Counter(*routes))
                for classes, confidence, *routes in counts.get("beside", ())
            ),
            routes=Counter(counts.get("routes", {})),
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
    targets: tuple[TargetAnswers, ...] = ()
    routes: Mapping[str, int] | None = None

    @classmethod
    def of(
        cls,
        tally: Tally,
        identity: Identity,
        input: InputFile,
        output: OutputFile,
        model: LoadedModel,
        workers: int,
        flips: str | None = None,
    ) -> Manifest:
        """Sum up a job that is done now; `flips` names the file of messages that change class."""
        rows, seconds, challenger = tally.rows, tally.seconds, identity.challenger
        return cls(
            identity=identity,
            model=identity.model,
            input=input,
            output=output,
            rows=rows,
            replaced_cells=tally.replaced,
            classes={str(name): tally.classes[name] for name in model.classifier.classes_},
            mean_confidence=round(tally.confidence / rows.scored, 6) if rows.scored else None,
            seconds=round(seconds, 3),
            rows_per_second=round(rows.read / seconds, 1),
            workers=workers,
            versions={
                "python": platform.python_version(),
                **{name: version(name) for name in LIBRARIES},
            },
            comparison=Comparison.of(tally.shadow, challenger, flips) if challenger else None,
            targets=target_answers(
                (Counts(tally.classes, tally.confidence, tally.routes), *tally.beside),
                rows.scored,
                model,
            ),
            routes=routes_of(tally.routes, model),
        )

    @property
    def has_flips(self) -> bool:
        """Whether a file of messages that change class lies beside the output."""
        return self.comparison is not None and self.comparison.flips is not None

    def to_json(self) -> dict[str, Json]:
        data: dict[str, Json] = {
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
        if self.routes is not None:
            data["routes"] = dict(self.routes)
        if self.targets:
            data["targets"] = [each.to_json() for each in self.targets]
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
            targets=tuple(map(TargetAnswers.from_json, data.get("targets", ()))),
            routes=data.get("routes"),
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
            and (job.flips.exists() or not manifest.has_flips)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest if same else None
