"""Score jobs on Spark: an executor does each input as one process of this machine would.

So rows, rejects, manifests and the answers to interruptions are the same. Executors need the same
Python packages, and see inputs and outputs under the same paths or addresses. Model and code come
from the driver; only the driver sees the registry.
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
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cloudpickle

from common.data.remote import is_remote
from common.errors import InputError, SettingsError, TriageError
from common.scoring import staging
from common.scoring.file import Options, score_file
from common.scoring.jobs import Job
from common.scoring.manifest import Manifest
from common.scoring.model import LoadedModel
from common.types import Progress

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
    one_process = replace(options, workers=1)
    with _context(master, options.workers) as context:
        models = context.broadcast(cloudpickle.dumps((model, challenger)))
        ended = context.accumulator(0)

        def do(job: Job) -> Manifest | str:
            model, challenger = _unpickle(models.value)
            try:
                with staging.stage(job) as staged:
                    made = score_file(staged, model, one_process, challenger=challenger)
            except InputError as error:
                # Trying again would not help.
                return f"{error} (on {socket.gethostname()})"
            ended.add(1)
            return made

        tasks = context.parallelize([_for_any_folder(job) for job in jobs], len(jobs)).map(do)
        with ThreadPoolExecutor(1) as waiting, progress("Spark", "inputs", len(jobs)) as advance:
            running = waiting.submit(tasks.collect)
            try:
                _advance_until_done(running, lambda: int(ended.value), advance)
            except BaseException:
                context.cancelAllJobs()
                raise
        outcomes = _result(running)
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if refused:
        raise InputError(f"{len(refused)} of {len(jobs)} inputs were refused: {refused[0]}")
    return [outcome for outcome in outcomes if isinstance(outcome, Manifest)]


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


def _result(running: Future[list[Manifest | str]]) -> list[Manifest | str]:
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
