"""Score jobs one after the other on this machine."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from common.data.remote import is_remote
from common.scoring import resume, staging
from common.scoring.file import Options, score_file
from common.scoring.jobs import Job
from common.scoring.manifest import Manifest
from common.scoring.model import LoadedModel
from common.types import Progress

logger = logging.getLogger(__name__)


def score(
    jobs: Sequence[Job],
    model: LoadedModel,
    options: Options,
    *,
    challenger: LoadedModel | None,
    draft_days: float,
    progress: Progress,
) -> list[Manifest]:
    """Score all jobs and return their manifests.

    Args:
        draft_days: remove what interrupted runs left for longer.

    Raises:
        InputError: as `score_file`, from the first job that can't be done.
    """
    if any(is_remote(job.source) or is_remote(job.output) for job in jobs):
        staging.remove_stale(draft_days)
    manifests = []
    for planned in jobs:
        with staging.stage(planned) as job:
            for removed in resume.remove_stale(job.output.parent, draft_days):
                logger.info("Removed what an interrupted run left of %s.", removed)
            logger.info("Scoring %s.", job.source_name)
            with progress(Path(job.source_name).name, "B", job.source.stat().st_size) as advance:
                manifests.append(
                    score_file(job, model, options, challenger=challenger, advance=advance)
                )
    return manifests
