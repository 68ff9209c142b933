"""Prepare the inputs of a run on Spark: an input is a task, as one process of this machine does it.

Duplicates are found by digests, which Spark brings together by their value; no text leaves the
task that has read it, and the driver sees manifests alone. The parts have the bytes that
`local` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from common.errors import InputError
from common.preparation import duplicates, part
from common.preparation.duplicates import Block, Duplicates
from common.preparation.manifest import Identity, PartManifest
from common.preparation.part import Survey, Task
from common.scoring import cluster
from common.scoring.cluster import Refused, Stage
from common.types import Progress

# Digests are brought together in so many places at most.
MOST_BUCKETS = 64


def prepare(
    tasks: Sequence[Task],
    *,
    complete: bool,
    force: bool,
    master: str | None,
    workers: int,
    progress: Progress,
) -> list[PartManifest]:
    """Write all parts that are not there yet, and return the manifests of all.

    Args:
        complete: the run is; nothing is written.
        force: write parts that are there, too.
        master: address of the cluster; None: what spark-submit says, or this machine.
        workers: threads of a Spark on this machine.

    Raises:
        SettingsError: Spark can't be started, or its master does not answer.
        InputError: as `part.survey` and `part.write`, from the first input that can't be prepared.
    """
    here = [replace(task, job=cluster.for_any_folder(task.job), workers=1) for task in tasks]
    with cluster.context(master, workers) as context:
        if complete:
            return _require_done(context, here, progress)
        return _prepare(context, here, force, progress)


def _require_done(context: Any, tasks: Sequence[Task], progress: Progress) -> list[PartManifest]:
    inputs = _accepted(cluster.run(context, progress, "Comparing", tasks, part.digest))

    def require(task: Task) -> PartManifest:
        return part.require_done(task, Identity.of(task.job, task.number, task.recipe, inputs))

    return _accepted(cluster.run(context, progress, "Checking", tasks, require))


def _prepare(
    context: Any, tasks: Sequence[Task], force: bool, progress: Progress
) -> list[PartManifest]:
    from pyspark import StorageLevel

    total, buckets = len(tasks), min(len(tasks), MOST_BUCKETS)
    surveying = Stage("Surveying", total, context.accumulator(0))
    survey = surveying.attempt(_survey)
    # Kept, because its digests are needed after its facts.
    surveyed = context.parallelize(tasks, total).map(survey).persist(StorageLevel.DISK_ONLY)
    facts = _accepted(surveying.collect(context, surveyed.map(_facts), progress))
    inputs = [known.sha256 for known in facts]

    def write(each: tuple[int, Iterable[Duplicates]]) -> PartManifest:
        number, found = each
        task = tasks[number]
        identity = Identity.of(task.job, number, task.recipe, inputs)
        repeated = duplicates.join_found(list(found))
        return part.write(task, identity, facts[number], repeated, force, _nobody)

    writing = Stage("Writing", total, context.accumulator(0))
    attempt = writing.attempt(write)
    found = (
        surveyed.flatMap(lambda survey: duplicates.by_digest(survey.block, buckets))
        .groupByKey(buckets, int)
        .flatMap(_find)
        .groupByKey(total, int)
    )
    made = writing.collect(context, found.map(lambda each: (each[0], attempt(each))), progress)
    return _accepted([result for _, result in sorted(made, key=lambda each: each[0])])


def _survey(task: Task) -> Survey:
    return part.survey(task, _nobody)


def _facts(survey: Survey | Refused) -> part.Facts | Refused:
    return survey if isinstance(survey, Refused) else survey.facts


def _find(bucket: tuple[int, Iterable[Block]]) -> Iterator[tuple[int, Duplicates]]:
    """The duplicates of one bucket, by input; none for inputs that have none in it."""
    yield from duplicates.find(bucket[1]).items()


def _nobody(units: int) -> None:
    """Tasks are watched as a whole."""


def _accepted(results: Sequence[Any]) -> list[Any]:
    """The results of all tasks.

    Raises:
        InputError: some were refused.
    """
    refused = [result.reason for result in results if isinstance(result, Refused)]
    if refused:
        raise InputError(f"{len(refused)} of {len(results)} inputs were refused: {refused[0]}")
    return list(results)
