"""One run of predict.py as a function: messages in, predictions, manifests and a run in MLflow out.

>>> request = PredictRequest([Path("new.csv")], output=Path("scored.parquet"))
>>> run(request).total.rows.scored    # doctest: +SKIP
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from common import ROOT
from common.errors import InputError, MissingColumn, SettingsError, StoreError
from common.pipelines.classify import classify as classify
from common.pipelines.classify import load_model
from common.pipelines.form import reading_of
from common.pipelines.progress import no_progress
from common.scoring import stdio

if TYPE_CHECKING:  # heavy libraries are loaded by the functions that need them
    from common.data.tables import Table
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
class PredictRequest:
    """What one run is asked to do; see `predict.py --help`.

    Attributes:
        inputs: files, folders, patterns, addresses (`remote.parse_location`), or `-` for standard
            input; or a pandas or Arrow table.
        text_column: the column with the message; None: as the version was trained.
        delimiter, encoding, header, sheet, field_characters: the form of the input, if it can't be
            found out: see `reading.Reading`.
        member: files of a zip archive to score; empty: the only one.
        strict: write nothing if a row can't be read.
        max_rejects: write nothing if more rows than this can't be read.
        output: file or folder; None: beside the input, or standard output for standard input. A
            folder is made if it isn't there.
        output_is_folder: `output` is a folder, whatever it looks like.
        format: csv, jsonl or parquet; None: as the output's name ends.
        columns: columns of the input to keep; None: all.
        prefix: put before the names of the columns that are added.
        proba, explain: add the probability of each class; the words that speak most for the
            prediction.
        spreadsheet_safe: quote cells that look like formulas.
        output_dir, run_date, run_id: write numbered parts to a versioned folder.
        metrics_file: write figures for Prometheus there.
        model: alias, `latest` or number of a version of `model_name`.
        challenger: compare with this version's answers, without writing them (--shadow).
        force: score again what was scored already.
        chunk_size: rows scored at once, which bounds memory.
        workers: processes; None: one for each processor.
        engine, spark_master: what scores, and the address of its cluster.
        draft_days: remove what interrupted runs left for longer.
        tracking_uri: MLflow's server or database; None: mlflow.db in the project's folder.
        experiment: what the run is logged under.

    Raises:
        SettingsError: some of it can't be meant together.
    """

    inputs: Sequence[Path] | Table
    text_column: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    field_characters: int = 16_000_000
    member: tuple[str, ...] = ()
    strict: bool = False
    max_rejects: int | None = None
    output: Path | None = None
    output_is_folder: bool = False
    format: str | None = None
    columns: tuple[str, ...] | None = None
    prefix: str = ""
    proba: bool = False
    explain: bool = False
    spreadsheet_safe: bool = False
    output_dir: Path | None = None
    run_date: date | None = None
    run_id: str | None = None
    metrics_file: Path | None = None
    model: str = "champion"
    challenger: str | None = None
    force: bool = False
    chunk_size: int = 10_000
    workers: int | None = None
    engine: str = "local"
    spark_master: str | None = None
    draft_days: float = 7
    tracking_uri: str | None = field(default=None, repr=False)
    experiment: str = "triage"
    model_name: str = "triage"

    def __post_init__(self) -> None:
        problem = self._contradiction()
        if problem:
            raise SettingsError(problem)

    def _contradiction(self) -> str | None:
        place = self.output or self.output_dir
        if self.output and self.output_dir:
            return "-o and --output-dir are two places for the output: give one."
        if (self.run_date or self.run_id) and not self.output_dir:
            return "--run-date and --run-id are for --output-dir."
        if self.engine not in ("local", "spark"):
            return f"--engine must be local or spark, not {self.engine!r}."
        if self.spark_master and self.engine != "spark":
            return "--spark-master is for --engine spark."
        if self.chunk_size < 1 or (self.workers is not None and self.workers < 1):
            return "--chunk-size and --workers must be at least 1."
        if isinstance(self.inputs, str | Path):
            return "inputs must be a list of at least one path."
        if not isinstance(self.inputs, Sequence):
            return None if place else "a table needs a place for its output: give one."
        if not self.inputs:
            return "inputs must be a list of at least one path."
        if stdio.STANDARD in self.inputs and len(self.inputs) > 1:
            return "- (standard input) is scored alone: give the files to another run."
        if stdio.STANDARD in self.inputs and self.engine == "spark":
            return "Spark can't read standard input: save it as a file."
        return None

    @property
    def to_stdout(self) -> bool:
        """Whether the predictions go to standard output."""
        piped = isinstance(self.inputs, Sequence) and stdio.STANDARD in self.inputs
        return piped and self.output is None and self.output_dir is None


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
        registry = store.connect(request.tracking_uri, ROOT, request.model_name)
        version = versions.find(registry, request.model)
        if plan is None or (request.text_column or version.text_column) != usual:
            plan = _plan_of_version(request, inputs, output, version)
        manifests = _score(request, registry, version, plan, progress)
    result = PredictResult(tuple(manifests), total_of_manifests(manifests))
    show(result)
    if request.metrics_file:
        from common.reports import prometheus

        prometheus.write_scoring(request.metrics_file, result.total)
    if result.total.done_already < result.total.inputs:
        _log(result.total, registry, request.experiment)
    return result


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
) -> list[Manifest]:
    from common.registry import versions
    from common.scoring import jobs, lake, local, spark
    from common.scoring.total import total_of_manifests

    if plan.folder:
        lake.create_run_folder(plan.folder)
    challenger = None
    if request.challenger:
        other = versions.find_challenger(registry, version, request.challenger)
        challenger = load_model(registry, other)
    logger.info("Scoring with %s version %d.", version.name, version.number)
    model = load_model(registry, version)
    if challenger:
        _say_if_classes_differ(model, challenger)
    if request.explain:
        model.require_explanations()
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
