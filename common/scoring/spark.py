"""Score jobs on Spark: an executor does each input as one process of this machine would.

So rows, rejects, manifests and the answers to interruptions are the same. Large inputs are cut into
ranges (`pieces`), each a task. Executors need the same Python packages, and see inputs and outputs
under the same paths or addresses. Model and code come from the driver; only the driver sees the
registry.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import cloudpickle

from common.data.remote import is_remote
from common.errors import InputError, SettingsError, TriageError
from common.scoring import pieces, staging
from common.scoring.file import Options, score_file
from common.scoring.jobs import Job
from common.scoring.manifest import Manifest
from common.scoring.model import LoadedModel
from common.scoring.pieces import Cut
from common.scoring.resume import remove_pieces
from common.types import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

CONFIGURATION = {
    "spark.app.name": "triage-trio predict",
    "spark.log.level": "ERROR",
    "spark.ui.showConsoleProgress": "false",
    # A second attempt at a part that is being written would only wait for the first.
    "spark.speculation": "false",
}


def score(
    jobs: Sequence[Job],
    model: LoadedModel,
    options: Options,
    *,
    challenger: LoadedModel | None,
    master: str | None,
    progress: Progress,
) -> list[Manifest]:
    """Score all jobs and return their manifests.

    Args:
        options: its `workers` are the threads of a Spark on this machine.
        master: address of the cluster; None: what spark-submit says, or this machine.

    Raises:
        SettingsError: Spark can't be started, or its master does not answer.
        InputError: as `score_file`, from the first job that can't be done.
    """
    here = [_for_any_folder(job) for job in jobs]
    one_process = replace(options, workers=1)
    # Without the models, which are sent once and not with each task.
    identity, compared = model.identity, challenger.identity if challenger else None
    with _context(master, options.workers) as context:
        run = partial(_run, context, progress)
        models = context.broadcast(cloudpickle.dumps((model, challenger)))

        def cut(job: Job) -> Cut | Manifest | None:
            return pieces.cut_input(job, identity, compared, one_process)

        def work(task: _Task) -> Manifest | None:
            model, challenger = _unpickle(models.value)
            if task.piece is None:
                with staging.stage(task.job) as staged:
                    return score_file(staged, model, one_process, challenger=challenger)
            pieces.score(cuts.value[task.job], task.piece, model, one_process, challenger)
            return None

        def join(cut: Cut) -> Manifest:
            model, challenger = _unpickle(models.value)
            return pieces.join(cut, model, one_process, challenger)

        large = [job for job in here if pieces.is_large(job)]
        outcomes = _Outcomes(dict(zip(large, run("Cutting", large, cut), strict=True)))
        cuts = context.broadcast(outcomes.cuts)
        tasks = [task for job in here for task in outcomes.tasks(job)]
        for task, made in zip(tasks, run("Scoring", tasks, work), strict=True):
            outcomes.add(task.job, made)
        scored = list(outcomes.cuts.values())
        for cut_up, made in zip(scored, run("Joining", scored, join), strict=True):
            outcomes.add(cut_up.job, made)
        run("Cleaning", outcomes.hopeless, remove_pieces)
    return outcomes.manifests(here)


@dataclass(frozen=True)
class _Task:
    """One input, or the piece of it that has this number."""

    job: Job
    piece: int | None = None


@dataclass(frozen=True)
class _Refused:
    """Why an input can't be scored.

    `passing`: a disk was full, or another run was writing; the same command may do it later.
    """

    reason: str
    passing: bool


@dataclass
class _Outcomes:
    """What became of inputs so far; a cut is what still has to be done in pieces."""

    of: dict[Job, Cut | Manifest | _Refused | None]

    @property
    def cuts(self) -> dict[Job, Cut]:
        return {job: found for job, found in self.of.items() if isinstance(found, Cut)}

    @property
    def refused(self) -> dict[Job, _Refused]:
        return {job: found for job, found in self.of.items() if isinstance(found, _Refused)}

    @property
    def hopeless(self) -> list[Path]:
        """Outputs of which no piece will be needed."""
        return [job.output for job, found in self.refused.items() if not found.passing]

    def tasks(self, job: Job) -> list[_Task]:
        """What is to be scored of an input."""
        found = self.of.get(job)
        if isinstance(found, Cut):
            return [_Task(job, number) for number in range(len(found.ranges))]
        return [] if found else [_Task(job)]

    def add(self, job: Job, found: Manifest | _Refused | None) -> None:
        """Keep what became of a task; of the pieces of an input, the first refusal."""
        if found and job not in self.refused:
            self.of[job] = found

    def manifests(self, jobs: Sequence[Job]) -> list[Manifest]:
        """Those of all jobs.

        Raises:
            InputError: some were refused.
        """
        refused = [self.refused[job].reason for job in jobs if job in self.refused]
        if refused:
            raise InputError(f"{len(refused)} of {len(jobs)} inputs were refused: {refused[0]}")
        return [found for job in jobs if isinstance(found := self.of[job], Manifest)]


def _run(
    context: Any,
    progress: Progress,
    name: str,
    items: Sequence[Item],
    work: Callable[[Item], Result],
) -> list[Result | _Refused]:
    """Do the work on each item, a task each, and return the results in order."""
    if not items:
        return []
    ended = context.accumulator(0)

    def do(item: Item) -> Result | _Refused:
        try:
            made = work(item)
        except InputError as error:
            # Trying again would not help.
            passing = isinstance(error.__cause__, OSError)
            return _Refused(f"{error} (on {socket.gethostname()})", passing)
        ended.add(1)
        return made

    tasks = context.parallelize(items, len(items)).map(do)
    with ThreadPoolExecutor(1) as waiting, progress(name, "tasks", len(items)) as advance:
        running = waiting.submit(tasks.collect)
        try:
            _advance_until_done(running, lambda: int(ended.value), advance)
        except BaseException:
            context.cancelAllJobs()
            raise
    return _result(running)


def _advance_until_done(
    running: Future[Any], count: Callable[[], int], advance: Callable[[int], None]
) -> None:
    """Tell `advance` five times a second how many more tasks have ended."""
    told = 0
    while not running.done():
        wait([running], timeout=0.2)
        ended = count()
        advance(ended - told)
        told = ended


def _for_any_folder(job: Job) -> Job:
    """Return the job with absolute paths, for a process with another working directory."""
    return replace(
        job,
        source=job.source if is_remote(job.source) else job.source.absolute(),
        output=job.output if is_remote(job.output) else job.output.absolute(),
        shown_source=str(job.source),
        shown_output=str(job.output),
    )


# An executor's process does task after task with the same models.
@lru_cache(maxsize=1)
def _unpickle(models: bytes) -> tuple[LoadedModel, LoadedModel | None]:
    return cloudpickle.loads(models)


def _result(running: Future[Result]) -> Result:
    """Return what the tasks returned; raise in one line what failed on Spark itself."""
    from py4j.protocol import Py4JJavaError

    try:
        return running.result()
    except Py4JJavaError as error:
        lines = [line for line in str(error.java_exception.getMessage()).splitlines() if line]
        errors = [line for line in lines if "Error" in line and not line.startswith(" ")]
        raise TriageError(f"a task failed on Spark: {(errors or lines)[-1].strip()}") from error


@contextmanager
def _context(master: str | None, workers: int) -> Iterator[Any]:
    """Yield a SparkContext that has our code."""
    try:
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
    except ImportError as error:
        raise SettingsError("--engine spark needs more packages: make spark") from error
    from py4j.protocol import Py4JError

    logging.getLogger("py4j").setLevel(logging.ERROR)  # it logs each connection
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = SparkConf()
    for key, value in CONFIGURATION.items():
        settings.setIfMissing(key, value)
    if master:
        settings.setMaster(master)
    settings.setIfMissing("spark.master", f"local[{workers}]")
    address = settings.get("spark.master")
    logger.info("Starting Spark on %s.", address)
    with tempfile.TemporaryDirectory() as folder:
        try:
            context = SparkContext(conf=settings)
            context.addPyFile(str(_code(Path(folder, "triage_trio.zip"))))
        except PySparkException as error:
            raise SettingsError(
                "Spark can't be started: it needs Java 17 or newer (JAVA_HOME or PATH)."
            ) from error
        except Py4JError as error:
            raise SettingsError(
                f"Spark can't be started on {address}: is --spark-master right?"
            ) from error
        try:
            yield context
        finally:
            context.stop()


def _code(archive: Path) -> Path:
    """Write our package as an archive that Python can import from."""
    package = Path(__file__).parent.parent
    with zipfile.ZipFile(archive, "w") as file:
        for module in sorted(package.rglob("*.py")):
            file.write(module, module.relative_to(package.parent))
    return archive
