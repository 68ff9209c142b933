"""Folders of runs, `run_date=.../run_id=...`, and which of them are whole: those with `_SUCCESS`.

The names are those of Hive's partitions and of Hadoop's output committers, which Spark, Glue,
Athena and others read. A mark above a folder, as Spark writes it, counts for all below.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

from common.errors import InputError

SUCCESS = "_SUCCESS"
DATE, ID = "run_date=", "run_id="

logger = logging.getLogger(__name__)


def unfinished(files: Iterable[PurePosixPath]) -> set[PurePosixPath]:
    """The runs among some files, marks included, that have no mark.

    >>> run = PurePosixPath("lake/run_date=2026-03-01/run_id=x")
    >>> unfinished([run / "part-00000.parquet"]) == {run}
    True
    >>> unfinished([run / "part-00000.parquet", run / "_SUCCESS"])
    set()
    """
    found = list(files)
    marked = {file.parent for file in found if file.name == SUCCESS}
    runs = {run for file in found if (run := run_of(file))}
    return {run for run in runs if marked.isdisjoint([run, *run.parents])}


def run_of(file: PurePosixPath) -> PurePosixPath | None:
    """The folder of the run that a file belongs to, if any."""
    return next(
        (
            folder
            for folder in file.parents
            if folder.name.startswith(ID) and folder.parent.name.startswith(DATE)
        ),
        None,
    )


def refuse_unfinished(place: Path | str) -> None:
    """Refuse a folder in which all that there is may be half-written.

    Raises:
        InputError: says so.
    """
    raise InputError(
        f"{place} has no complete run: {SUCCESS} is missing. Wait for the run that writes it, or "
        "start that again with the same --run-id."
    )


@cache  # a folder is looked at several times
def say_skipped(run: PurePosixPath | str) -> None:
    """Log that a run is left out."""
    logger.warning("Skipping %s: it is not complete, %s is missing.", run, SUCCESS)
