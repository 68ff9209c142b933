"""One run of prepare as a function: raw messages in, a versioned folder of Parquet out.

>>> request = PrepareRequest([Path("raw/")], Path("lake"), run_id="nightly")
>>> run(request).rows.written    # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import InputError, SettingsError
from common.pipelines.form import reading_of
from common.pipelines.progress import no_progress
from common.pipelines.target_names import several
from common.settings import CRITICAL_KEYWORDS, LabelWith

if TYPE_CHECKING:  # a request is made without any heavy library
    from common.preparation.manifest import PartManifest, Total
    from common.preparation.part import Task
    from common.preparation.recipe import Recipe
    from common.scoring.jobs import Job
    from common.types import Progress


@dataclass(frozen=True)
class PrepareRequest:
    """What one run is asked to do; see `python -m common.prepare --help`.

    Attributes:
        inputs: files, folders, patterns or addresses (`remote.parse_location`), in the order in
            which a message is met first.
        output: the folder, or its address, that holds the runs.
        run_date, run_id: of this run; None: the present time.
        text_column: the column with the message.
        target_column: the class; None: `inbound`, where a file has it (`topic` in synthetic ones).
        label_with, critical_keywords: the rule that makes labels, if any; they go to
            `target_column`, or to `label`.
        labels_path, id_column: of `label_with` "file": the file of labels, and the column that
            joins them to the messages; the labels have the name of the column that they go to.
        delimiter, encoding, header, sheet, field_characters: the form of the inputs, as in
            `reading.Reading`.
        member: files of a zip archive to read; empty: the only one.
        force: write parts again that an interrupted run has written.
        workers: processes; None: one for each processor.
        engine, spark_master: what prepares, and the address of its cluster.
        draft_days: remove what interrupted runs left for longer.

    Raises:
        SettingsError: some of it can't be meant together.
    """

    inputs: Sequence[Path]
    output: Path
    run_date: date | None = None
    run_id: str | None = None
    text_column: str = "text"
    target_column: str | None = None
    label_with: LabelWith = "column"
    critical_keywords: tuple[str, ...] = CRITICAL_KEYWORDS
    labels_path: Path | None = None
    id_column: str = "tweet_id"
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    field_characters: int = 16_000_000
    member: tuple[str, ...] = ()
    force: bool = False
    workers: int | None = None
    engine: str = "local"
    spark_master: str | None = None
    draft_days: float = 7

    def __post_init__(self) -> None:
        if isinstance(self.inputs, str | Path) or not self.inputs:
            raise SettingsError("inputs must be a list of at least one path.")
        if self.engine not in ("local", "spark"):
            raise SettingsError(f"--engine must be local or spark, not {self.engine!r}.")
        if self.spark_master and self.engine != "spark":
            raise SettingsError("--spark-master is for --engine spark.")
        if self.workers is not None and self.workers < 1:
            raise SettingsError("--workers must be at least 1.")


def run(request: PrepareRequest, progress: Progress = no_progress) -> Total:
    """Prepare the inputs, mark the run's folder as complete, and say what became of the rows.

    A run that is complete is compared with what is asked for, and not written again.

    Args:
        progress: such as `cli.progress`.

    Raises:
        SettingsError, InputError: the request can't be met; the message says what to do.
    """
    from common.data.remote import without_secrets
    from common.preparation.manifest import total_of
    from common.scoring import lake

    started = time.monotonic()
    folder = lake.run_folder(request.output, request.run_date, request.run_id)
    recipe = _recipe(request)
    tasks = _tasks(request, folder, recipe)
    complete = lake.is_complete(folder)
    if complete and request.force:
        raise InputError(
            f"{without_secrets(folder)} is complete and is never changed again: set another "
            "--run-id."
        )
    lake.create_run_folder(folder)
    manifests = _prepare(request, tasks, complete, progress)
    seconds = time.monotonic() - started
    total = total_of(manifests, without_secrets(folder), recipe, seconds)
    lake.mark_complete(folder, {task.job.output.name for task in tasks}, total.to_json())
    return total


def _recipe(request: PrepareRequest) -> Recipe:
    from common.data import label_file, rules

    if several(request.target_column):
        raise SettingsError(
            f"TARGET_COLUMN {request.target_column!r} names several columns, and duplicates are "
            "compared by one: name it with --target-column. All columns stay as they are."
        )
    from common.preparation.recipe import LabelSource, Recipe

    rules.labeller(request.label_with, request.critical_keywords)  # refuses unknown ones
    keywords = request.critical_keywords if request.label_with == "keywords" else ()
    recipe = Recipe(request.text_column, request.target_column, request.label_with, keywords)
    if request.label_with != "file":
        return recipe
    path, target = label_file.require_named(request.labels_path), recipe.added_column or ""
    label_file.read(path, request.id_column, target, None)  # what is wrong with it is told at once
    labels = LabelSource(str(path.resolve()), label_file.sha256(path), request.id_column)
    return replace(recipe, labels=labels)


def _tasks(request: PrepareRequest, folder: Path, recipe: Recipe) -> list[Task]:
    from common import parallel
    from common.data.files import LEFT_OUT, REJECTS
    from common.preparation.manifest import Code
    from common.preparation.part import Task
    from common.scoring import jobs

    for given in request.inputs:
        _refuse_output_within(given, request.output)
    settings = jobs.JobSettings(request.text_column, reading=reading_of(request), part=True)
    planned = jobs.plan(request.inputs, folder, settings, request.member, format="parquet")
    names = tuple(_name(job) for job in planned)
    code, workers = Code.present(), request.workers or parallel.available()
    return [
        Task(replace(job, companions=(REJECTS, LEFT_OUT)), number, recipe, names, code, workers)
        for number, job in enumerate(planned)
    ]


def _name(job: Job) -> str:
    from common.data.remote import without_secrets

    member = job.settings.reading.member
    return without_secrets(job.source) + (f"/{member}" if member else "")


def _refuse_output_within(given: Path, output: Path) -> None:
    """Refuse an output whose files would be read as messages the next time."""
    from common.data.remote import is_remote, without_secrets

    if is_remote(given) or is_remote(output):
        within = f"{output}/".startswith(f"{str(given).rstrip('/')}/")
    else:
        within = given.is_dir() and output.resolve().is_relative_to(given.resolve())
    if within:
        raise InputError(
            f"{without_secrets(output)} is in {without_secrets(given)}, whose files are the input: "
            "name a folder outside of it."
        )


def _prepare(
    request: PrepareRequest, tasks: Sequence[Task], complete: bool, progress: Progress
) -> list[PartManifest]:
    from common.preparation import local, spark

    if request.engine == "spark":
        return spark.prepare(
            tasks,
            complete=complete,
            force=request.force,
            master=request.spark_master,
            workers=tasks[0].workers,
            progress=progress,
        )
    if complete:
        return local.require_done(tasks)
    return local.prepare(
        tasks, force=request.force, draft_days=request.draft_days, progress=progress
    )
