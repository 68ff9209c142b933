"""A small model and small files for tests that score."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.evaluation.routing import Group, Promise, Routing
from common.models.boosted import TextClassifier
from common.scoring import file, jobs
from common.scoring.file import Options
from common.scoring.jobs import Job, JobSettings
from common.scoring.manifest import Manifest
from common.scoring.model import LoadedModel, ModelIdentity
from common.types import Advance

IDENTITY = ModelIdentity("triage", 7, "abc")
TEXTS = [f"{text} {k}" for k in range(8) for text in ("it is LOST!!", "thank you", 'a "b", c')]
CLASSES = ["angry", "calm", 'odd, "very"']
ADDED = ["prediction", "confidence", "model_version"]
HEADER = "id,text,note\n"


def make_model(*classes: str, version: int = 7) -> LoadedModel:
    """Fit a model that gives its classes to the three kinds of TEXTS, in order."""
    classifier = TextClassifier().fit(TEXTS, [*(classes or CLASSES)] * 8)
    return LoadedModel(classifier, ModelIdentity("triage", version, "abc"))


def plan(source: Path, output: Path | None = None, **settings: Any) -> Job:
    (job,) = jobs.plan([source], output, JobSettings("text", **settings))
    return job


def score(
    model: LoadedModel,
    source: Path,
    output: Path | None = None,
    *,
    prefix: str = "",
    proba: bool = False,
    explain: bool = False,
    keep: list[str] | None = None,
    safe: bool = False,
    challenger: LoadedModel | None = None,
    advance: Advance = lambda units: None,
    **options: Any,
) -> tuple[Job, Manifest]:
    """Plan and score one file."""
    job = plan(
        source,
        output,
        prefix=prefix,
        with_proba=proba,
        with_reasons=explain,
        keep=None if keep is None else tuple(keep),
        spreadsheet_safe=safe,
    )
    return job, file.score_file(job, model, Options(**options), challenger, advance)


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as opened:
        return list(csv.reader(opened))


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def make_routed(model: LoadedModel, threshold: float | None = 0.0, **of: None) -> LoadedModel:
    """The model with thresholds, one of all classes and those of single ones; None: no answer."""
    groups = {name: Group(0.9, own, 100) for name, own in of.items()}
    routing = Routing(Promise(0.9), Group(0.9, threshold, 100), groups)
    return replace(model, routing=routing)
