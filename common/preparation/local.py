"""Prepare the inputs of a run one after the other on this machine."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from common.data.remote import is_remote
from common.preparation import duplicates, part
from common.preparation.manifest import Identity, PartManifest
from common.preparation.part import Task
from common.scoring import resume, staging
from common.types import Progress

logger = logging.getLogger(__name__)


def require_done(tasks: Sequence[Task]) -> list[PartManifest]:
    """The manifests of a complete run.

    Raises:
        InputError: it has other inputs or settings.
    """
    inputs = [part.digest(task) for task in tasks]
    return [part.require_done(task, _identity(task, inputs)) for task in tasks]


def prepare(
    tasks: Sequence[Task], *, force: bool, draft_days: float, progress: Progress
) -> list[PartManifest]:
    """Write all parts that are not there yet, and return the manifests of all.

    Args:
        force: write those that are there, too.
        draft_days: remove what interrupted runs left for longer.

    Raises:
        InputError: as `part.survey` and `part.write`, from the first input that can't be prepared.
    """
    if any(is_remote(task.job.source) or is_remote(task.job.output) for task in tasks):
        staging.remove_stale(draft_days)
    surveys = []
    for task in tasks:
        with progress(f"Surveying {_name(task)}", "B", _bytes(task)) as advance:
            surveys.append(part.survey(task, advance))
    inputs = [survey.facts.sha256 for survey in surveys]
    found = duplicates.find(survey.block for survey in surveys)
    facts = [survey.facts for survey in surveys]
    del surveys
    manifests = []
    for task, known in zip(tasks, facts, strict=True):
        if not is_remote(task.job.output):
            for removed in resume.remove_stale(task.job.output.parent, draft_days):
                logger.info("Removed what an interrupted run left of %s.", removed)
        with progress(f"Writing {_name(task)}", "B", _bytes(task)) as advance:
            identity, repeated = _identity(task, inputs), found[task.number]
            manifests.append(part.write(task, identity, known, repeated, force, advance))
    return manifests


def _identity(task: Task, inputs: Sequence[str]) -> Identity:
    return Identity.of(task.job, task.number, task.recipe, inputs)


def _name(task: Task) -> str:
    return Path(task.job.source_name).name


def _bytes(task: Task) -> int:
    return 0 if is_remote(task.job.source) else task.job.source.stat().st_size
