"""One run of predict.py as a function: messages in, predictions, manifests and a run in MLflow out.

>>> request = PredictRequest([Path("new.csv")], output=Path("scored.parquet"))
>>> run(request).total.rows.scored    # doctest: +SKIP
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from common import ROOT
from common.commands import as_typed
from common.errors import InputError, MissingColumn, SettingsError, StoreError
from common.pipelines.classify import classify as classify
from common.pipelines.classify import load_model
from common.pipelines.form import reading_of
from common.pipelines.predict_request import PredictRequest as PredictRequest
from common.pipelines.progress import no_progress
from common.scoring import stdio

if TYPE_CHECKING:  # heavy libraries are loaded by the functions that need them
    from common.registry.store import Registry
    from common.registry.versions import Version
    from common.scoring.file import Options
    from common.scoring.jobs import Job
    from common.scoring.manifest import Manifest
    from common.scoring.model import LoadedModel
    from common.scoring.total import Total
    from common.types import Progress

USUAL_TEXT_COLUMN = "text"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictResult:
    """What a run has done: a manifest for each input, and their sum."""

    manifests: tuple[Manifest, ...]
    total: Total


def run(
    request: PredictRequest,
    progress: Progress = no_progress,
    show: Callable[[PredictResult], None] = lambda result: None,
) -> PredictResult:
    """Score the inputs, write the outputs, and log the run to MLflow.

    Args:
        progress: such as `cli.progress`.
        show: called with the result as soon as the outputs are there: what fails after that must
            keep it from nobody. A failure of the store is only logged.

    Raises:
        SettingsError, InputError: the request can't be met; the message says what to do.
        StoreError: MLflow is out of reach, or the model can't be loaded.
    """
    from common.registry import store, versions
    from common.scoring.total import total_of_manifests

    with _files(request) as (inputs, output):
        usual = request.text_column or USUAL_TEXT_COLUMN
        plan = _plan_early(request, inputs, output, usual)
        registries = [
            store.connect(request.tracking_uri, ROOT, name) for name in request.model_names
        ]
        found = [versions.find(registry, request.model) for registry in registries]
        registry, version = registries[0], found[0]
        _refuse_other_columns(request, found)
        if plan is None or (request.text_column or version.text_column) != usual:
            plan = _plan_of_version(request, inputs, output, version)
        beside = list(zip(registries[1:], found[1:], strict=True))
        manifests = _score(request, registry, version, plan, progress, beside)
    result = PredictResult(tuple(manifests), total_of_manifests(manifests))
    show(result)
    if request.metrics_file:
        from common.reports import prometheus

        prometheus.write_scoring(request.metrics_file, result.total)
    if result.total.done_already < result.total.inputs:
        for logged, total in zip(registries, result.total.by_model(), strict=True):
            _log(total, logged, request.experiment)
    return result


def _refuse_other_columns(request: PredictRequest, found: Sequence[Version]) -> None:
    """Refuse models of several targets that were trained on messages of different columns."""
    columns = sorted({version.text_column for version in found})
    if len(columns) > 1 and request.text_column is None:
        raise SettingsError(
            f"the models of {', '.join(request.targets)} were trained on different columns "
            f"({', '.join(columns)}): name the one to read with --text-column."
        )


def _log(total: Total, registry: Registry, experiment: str) -> None:
    from common.registry import runs
    from common.text import printable

    run = runs.ScoringRun(
        version=total.model.version,
        data=Path(total.files[0].input.path).name,
        metrics=total.metrics(),
        params=total.params(),
        # Paths in it are as they were given, so they start here.
        document={**total.to_json(), "directory": printable(Path.cwd())},
    )
    try:
        runs.log_scoring(registry, experiment, run)
    except StoreError as error:
        logger.warning("predict: this run is missing in MLflow: %s", error)


@contextmanager
def _files(request: PredictRequest) -> Iterator[tuple[list[Path], Path | None]]:
    """Yield the inputs as files, and where the output goes: a file, a folder or beside them."""
    output = request.output or request.output_dir
    if isinstance(request.inputs, Sequence):
        with stdio.standard_streams(request.inputs, output) as files:
            yield files
        return
    from common.data import tables

    with tempfile.TemporaryDirectory() as folder:
        yield [tables.save(request.inputs, Path(folder, "table.parquet"))], output


@dataclass(frozen=True)
class _Plan:
    """The jobs of a run, and the versioned folder that they write to, if any."""

    jobs: list[Job]
    folder: Path | None


def _plan_early(
    request: PredictRequest, inputs: list[Path], output: Path | None, usual: str
) -> _Plan | None:
    """Refuse what can't be scored before the store is asked, which may take long.

    Only a version knows its columns, so without the usual one the plan has to wait (None).
    """
    try:
        return _plan(request, inputs, output, usual)
    except MissingColumn:
        if request.text_column:
            raise
        return None


def _plan_of_version(
    request: PredictRequest, inputs: list[Path], output: Path | None, version: Version
) -> _Plan:
    """The plan with the version's own column; say so if the version knows the sample alone."""
    try:
        return _plan(request, inputs, output, request.text_column or version.text_column)
    except MissingColumn as error:
        if request.text_column or not version.synthetic:
            raise
        raise InputError(
            f"{error} Version {version.number} was fitted on SYNTHETIC messages, though: train on "
            "your own first (train.py --data FILE)."
        ) from error


def _plan(
    request: PredictRequest, inputs: list[Path], output: Path | None, text_column: str
) -> _Plan:
    from common.scoring import jobs, lake

    folder = None
    if request.output_dir:
        folder = lake.run_folder(request.output_dir, request.run_date, request.run_id)
    columns = request.columns
    settings = jobs.JobSettings(
        text_column=text_column,
        prefix=request.prefix,
        with_proba=request.proba,
        with_reasons=request.explain,
        keep=None if columns is None else tuple(dict.fromkeys(columns)),
        spreadsheet_safe=request.spreadsheet_safe,
        reading=reading_of(request),
        part=folder is not None,
        with_route=request.auto_accuracy is not None or request.only is not None,
        only=request.only,
    )
    format = request.format or ("parquet" if folder else None)
    planned = jobs.plan(
        inputs,
        folder or output,
        settings,
        members=request.member,
        format=format,
        output_is_folder=request.output_is_folder,
    )
    return _Plan(_as_called(request, planned), folder)


def _as_called(request: PredictRequest, planned: list[Job]) -> list[Job]:
    """Jobs on the copies of standard input and output, called by these names."""
    if not isinstance(request.inputs, Sequence) or stdio.STANDARD not in request.inputs:
        return planned
    output = stdio.OUTPUT if request.to_stdout else None
    return [replace(job, shown_source=stdio.INPUT, shown_output=output) for job in planned]


def _score(
    request: PredictRequest,
    registry: Registry,
    version: Version,
    plan: _Plan,
    progress: Progress,
    beside: Sequence[tuple[Registry, Version]] = (),
) -> list[Manifest]:
    """Score the jobs of a plan.

    Args:
        beside: versions of the other targets, each with its registry.
    """
    from common.registry import versions
    from common.scoring import jobs, lake, local, spark
    from common.scoring.model import of_targets
    from common.scoring.total import total_of_manifests

    if plan.folder:
        lake.create_run_folder(plan.folder)
    challenger = None
    if request.challenger:
        other = versions.find_challenger(registry, version, request.challenger)
        challenger = load_model(registry, other)
    for used in (version, *(other for _, other in beside)):
        logger.info("Scoring with %s version %d.", used.name, used.number)
    model = load_model(registry, version)
    if request.targets:
        others = [load_model(*each) for each in beside]
        model = of_targets([model, *others], request.targets)
    for used, answering in zip((version, *(v for _, v in beside)), model.all, strict=True):
        _say_if_not_routed(request, used, answering)
    if challenger:
        _say_if_classes_differ(model, challenger)
    if request.explain:
        for each in model.all:
            each.require_explanations()
    if request.output:
        jobs.make_folder(plan.jobs, request.output)
    options = _options(request, frozen=plan.folder is not None and lake.is_complete(plan.folder))
    if request.engine == "spark":
        manifests = spark.score(
            plan.jobs,
            model,
            options,
            challenger=challenger,
            master=request.spark_master,
            progress=progress,
        )
    else:
        manifests = local.score(
            plan.jobs,
            model,
            options,
            challenger=challenger,
            draft_days=request.draft_days,
            progress=progress,
        )
    if plan.folder:
        parts = {job.output.name for job in plan.jobs}
        lake.mark_complete(plan.folder, parts, total_of_manifests(manifests).to_json())
    return manifests


def _say_if_not_routed(request: PredictRequest, version: Version, model: LoadedModel) -> None:
    from common.registry import routing

    number, expected = version.number, request.auto_accuracy
    decided = routing.decisions(version)
    if decided:
        promised = decided[-1].routing.promise.accuracy
        # What a person has decided since the training is meant so.
        if len(decided) == 1 and expected not in (None, promised):
            logger.warning(
                "Version %d promises %g, not AUTO_ACCURACY %g. To choose its thresholds anew: %s "
                "route %d --accuracy %g",
                number,
                promised,
                expected,
                as_typed("python -m common.registry"),
                number,
                expected,
            )
    elif model.is_routed and expected is not None:
        logger.warning(
            "Version %d was trained without AUTO_ACCURACY: route follows from its costs alone. To "
            "promise %g: %s route %d --accuracy %g",
            number,
            expected,
            as_typed("python -m common.registry"),
            number,
            expected,
        )
    elif not model.is_routed and (expected is not None or request.only):
        logger.warning(
            "Version %d of %s was trained without AUTO_ACCURACY, so nothing says which answers "
            "nobody has to look at: route is empty. Set AUTO_ACCURACY and train again.",
            number,
            version.name,
        )


def _say_if_classes_differ(model: LoadedModel, challenger: LoadedModel) -> None:
    from common.scoring.shadow import other_classes

    found = other_classes(model.classifier.classes_, challenger.classifier.classes_)
    if found:
        numbers = challenger.identity.version, model.identity.version
        logger.warning("Version %s has other classes than version %s: %s.", *numbers, found)


def _options(request: PredictRequest, frozen: bool) -> Options:
    from common import parallel
    from common.scoring.file import Options

    # Rejects need a file beside the output, which standard output has not.
    strict = request.strict or request.to_stdout
    return Options(
        chunk_rows=request.chunk_size,
        workers=request.workers or parallel.available(),
        most_rejects=0 if strict else request.max_rejects,
        force=request.force,
        frozen=frozen,
    )
