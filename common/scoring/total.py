"""What a run of predict.py has done, over all of its inputs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, count

from common.evaluation.routing import AUTO
from common.scoring.manifest import InputFile, Manifest, Outcomes, OutputFile
from common.scoring.model import ModelIdentity
from common.scoring.model_answers import TargetAnswers
from common.scoring.shadow import Agreement
from common.types import Json

# MLflow refuses longer parameters.
PARAM_CHARACTERS = 6000
CHARTED_CLASSES = 50
# Of a class in the name of a metric, which may have 250: letters, digits and few others.
METRIC_CHARACTERS = 200
_NOT_IN_METRICS = re.compile(r"[^\w.\- ]")


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
        routes: scored rows by who looks at them; None if that was never chosen.
        targets: each of several; `model`, `classes` and `mean_confidence` are of the first.
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
    targets: tuple[TargetAnswers, ...] = ()
    routes: Mapping[str, int] | None = None

    def by_model(self) -> list[Total]:
        """The total as each model that has answered sees it: its own classes and confidence."""
        if not self.targets:
            return [self]
        return [
            replace(
                self,
                model=each.model,
                classes=each.classes,
                mean_confidence=each.mean_confidence,
                routes=each.routes,
            )
            for each in self.targets
        ]

    def to_json(self) -> dict[str, Json]:
        data: dict[str, Json] = {
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
        if self.routes is not None:
            data["routes"] = dict(self.routes)
        if self.targets:
            data["targets"] = [each.to_json() for each in self.targets]
        if self.challenger and self.agreement:
            data["shadow"] = {
                "model": self.challenger.to_json(),
                "rows": self.agreement.rows,
                "agreement": self.agreement.share,
            }
        return data

    def metrics(self) -> dict[str, float]:
        """For charts: rows by outcome, the share of each class, confidence, speed."""
        frequent = sorted(self.classes.items(), key=lambda pair: -pair[1])[:CHARTED_CLASSES]
        names = metric_names("share", [name for name, _ in frequent])
        shares = {
            name: rows / max(self.rows.scored, 1)
            for name, (_, rows) in zip(names, frequent, strict=True)
        }
        figures = {
            "mean_confidence": self.mean_confidence,
            "rows_per_second": self.rows_per_second,
            "seconds": self.seconds,
            "inputs": self.inputs,
        }
        known = {name: float(value) for name, value in figures.items() if value is not None}
        rows = {f"rows_{name}": float(count) for name, count in asdict(self.rows).items()}
        if self.routes is not None:
            rows |= {f"rows_{name}": float(count) for name, count in self.routes.items()}
            known["share_automatic"] = self.routes[AUTO] / max(self.rows.scored, 1)
        agreement = {"shadow_agreement": self.agreement.share or 0.0} if self.agreement else {}
        return rows | shares | known | agreement

    def params(self) -> dict[str, str]:
        """What identifies the run in MLflow's tables."""
        challenger = {"shadow_version": str(self.challenger.version)} if self.challenger else {}
        return {
            "model_version": str(self.model.version),
            "input_sha256": self.files[0].input.sha256,
            "classes": json.dumps(list(self.classes))[:PARAM_CHARACTERS],
            **challenger,
        }


def metric_names(prefix: str, classes: Sequence[str]) -> list[str]:
    """A metric for each class, named after it as far as MLflow allows; no two are the same.

    >>> metric_names("share", ["on time", "late?", "late!"])
    ['share_on time', 'share_late_', 'share_late__2']
    """
    names: list[str] = []
    taken: set[str] = set()  # some databases know no capitals
    for text in classes:
        name = f"{prefix}_{_NOT_IN_METRICS.sub('_', text)[:METRIC_CHARACTERS].strip()}"
        numbered = (f"{name}_{number}" for number in count(2))
        unique = next(found for found in chain([name], numbered) if found.casefold() not in taken)
        taken.add(unique.casefold())
        names.append(unique)
    return names


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
        routes=_sum_of_routes(m.routes for m in manifests),
        targets=tuple(map(_sum_of_target, zip(*(m.targets for m in manifests), strict=True))),
    )


def _sum_of_target(parts: Sequence[TargetAnswers]) -> TargetAnswers:
    classes = _sum(part.classes for part in parts)
    scored = sum(classes.values())
    confidence = sum((p.mean_confidence or 0) * sum(p.classes.values()) for p in parts)
    return replace(
        parts[0],
        classes=classes,
        mean_confidence=round(confidence / scored, 6) if scored else None,
        routes=_sum_of_routes(part.routes for part in parts),
    )


def _sum_of_routes(parts: Iterable[Mapping[str, int] | None]) -> dict[str, int] | None:
    known = [part for part in parts if part is not None]
    return _sum(known) if known else None


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
