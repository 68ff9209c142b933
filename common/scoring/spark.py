"""Score jobs on Spark: each input is a task, which an executor does as one process of this machine
would. So rows, rejects, manifests and the answers to interruptions are the same.

Executors need the same Python packages, and see inputs and outputs under the same paths or
addresses. Model and code come from the driver; nobody but the driver sees the registry.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle

from common.data.remote import is_remote
from common.errors import InputError, SettingsError, TriageError
from common.scoring import file as scoring
from common.scoring import staging
from common.scoring.jobs import Job
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
    planned: Sequence[Job],
    classifier: Any,
    identity: dict[str, Any],
    progress: Progress,
    master: str | None = None,
    workers: int = 1,
    shadow: tuple[Any, dict[str, Any]] | None = None,
    **how: Any,
) -> list[dict[str, Any]]:
    """The manifests of all jobs.

    Args:
        progress: `cli.progress`.
        master: Spark's address of the cluster; None: what spark-submit says, or this machine with
            `workers` threads.
        how: of `scoring.score_file`.

    Raises:
        SettingsError: Spark can't be started, or its master does not answer.
        InputError: as `scoring.score_file`, from the first part that can't be scored.
    """
    with _context(master, workers) as context:
        model = context.broadcast(cloudpickle.dumps((classifier, shadow)))
        ended = context.accumulator(0)

        def task(job: Job) -> dict[str, Any] | str:
            classifier, shadow = _unpickled(model)
            try:
                with staging.local(job) as copied:
                    manifest = scoring.score_file(
                        copied, classifier, identity, workers=1, shadow=shadow, **how
                    )
            except InputError as error:
                # Trying again would not help.
                return f"{error} (on {socket.gethostname()})"
            ended.add(1)
            return manifest

        tasks = context.parallelize(list(map(_anywhere, planned)), len(planned)).map(task)
        with (
            ThreadPoolExecutor(1) as waiting,
            progress("Spark", "inputs", len(planned)) as advance,
        ):
            running = waiting.submit(tasks.collect)
            seen = 0
            try:
                while not running.done():
                    wait([running], timeout=0.2)
                    advance(ended.value - seen)
                    seen = ended.value
            except BaseException:
                context.cancelAllJobs()
                raise
        outcomes = _result(running)
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if refused:
        raise InputError(f"{len(refused)} of {len(planned)} inputs were refused: {refused[0]}")
    return outcomes


def _anywhere(job: Job) -> Job:
    """The job for a process whose current folder is another one."""
    return replace(
        job,
        source=job.source if is_remote(job.source) else job.source.absolute(),
        output=job.output if is_remote(job.output) else job.output.absolute(),
        shown_source=str(job.source),
        shown_output=str(job.output),
    )


def _unpickled(model: Any, loaded: dict[int, Any] = {}) -> Any:  # noqa: B006
    """Classifier and shadow, once for each process of an executor, which does task after task."""
    key = id(model.value)
    if key not in loaded:
        loaded[key] = cloudpickle.loads(model.value)
    return loaded[key]


def _result(running: Any) -> Any:
    from py4j.protocol import Py4JJavaError

    try:
        return running.result()
    except Py4JJavaError as error:
        lines = [line for line in str(error.java_exception.getMessage()).splitlines() if line]
        errors = [line for line in lines if "Error" in line and not line.startswith(" ")]
        raise TriageError(f"a task failed on Spark: {(errors or lines)[-1].strip()}") from error


@contextmanager
def _context(master: str | None, workers: int) -> Iterator[Any]:
    """A SparkContext that has our code."""
    try:
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
    except ImportError as error:
        raise SettingsError("--engine spark needs more packages: make spark") from error
    from py4j.protocol import Py4JError

    logging.getLogger("py4j").setLevel(logging.ERROR)  # it tells of each connection
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
    """Our package as an archive that Python imports from."""
    package = Path(__file__).parent.parent
    with zipfile.ZipFile(archive, "w") as file:
        for module in sorted(package.rglob("*.py")):
            file.write(module, module.relative_to(package.parent))
    return archive
