"""Work on Spark: a context that has our code, and tasks whose refusals come back as results.

Executors need the same Python packages, and see inputs and outputs under the same paths or
addresses. Our own code comes from the driver.
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
from pathlib import Path
from typing import Any, TypeVar

from common.data.remote import is_remote
from common.errors import InputError, SettingsError, TriageError
from common.scoring.jobs import Job
from common.types import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

CONFIGURATION = {
    "spark.app.name": "triage-trio",
    "spark.log.level": "ERROR",
    "spark.ui.showConsoleProgress": "false",
    # A second attempt at a part that is being written would only wait for the first.
    "spark.speculation": "false",
}


@dataclass(frozen=True)
class Refused:
    """Why an input can't be used.

    `passing`: a disk was full, or another run was writing; the same command may do it later.
    """

    reason: str
    passing: bool


@dataclass(frozen=True)
class Stage:
    """Tasks that are done together, and how many of them have ended.

    Args:
        name: what they do, for people.
        total: how many they are.
        ended: an accumulator of Spark.
    """

    name: str
    total: int
    ended: Any

    def attempt(self, work: Callable[[Item], Result]) -> Callable[[Item], Result | Refused]:
        """Return what does the work in a task; what it refuses is its result."""
        ended = self.ended

        def do(item: Item) -> Result | Refused:
            try:
                made = work(item)
            except InputError as error:
                # Trying again would not help.
                passing = isinstance(error.__cause__, OSError)
                return Refused(f"{error} (on {socket.gethostname()})", passing)
            ended.add(1)
            return made

        return do

    def collect(self, context: Any, tasks: Any, progress: Progress) -> list[Any]:
        """Return the results of all tasks, an RDD."""
        with (
            ThreadPoolExecutor(1) as waiting,
            progress(self.name, "tasks", self.total) as advance,
        ):
            running = waiting.submit(tasks.collect)
            try:
                _advance_until_done(running, lambda: int(self.ended.value), advance)
            except BaseException:
                context.cancelAllJobs()
                raise
        return _result(running)


def run(
    context: Any,
    progress: Progress,
    name: str,
    items: Sequence[Item],
    work: Callable[[Item], Result],
) -> list[Result | Refused]:
    """Do the work on each item, a task each, and return the results in order."""
    if not items:
        return []
    stage = Stage(name, len(items), context.accumulator(0))
    tasks = context.parallelize(items, len(items)).map(stage.attempt(work))
    return stage.collect(context, tasks, progress)


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


def for_any_folder(job: Job) -> Job:
    """Return the job with absolute paths, for a process with another working directory."""
    return replace(
        job,
        source=job.source if is_remote(job.source) else job.source.absolute(),
        output=job.output if is_remote(job.output) else job.output.absolute(),
        shown_source=str(job.source),
        shown_output=str(job.output),
    )


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
def context(master: str | None, workers: int) -> Iterator[Any]:
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
