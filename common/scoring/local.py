"""Score jobs one after the other on this machine."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from common.data.remote import is_remote
from common.scoring import draft, staging
from common.scoring import file as scoring
from common.scoring.jobs import Job
from common.types import Progress

logger = logging.getLogger(__name__)


def score(
    planned: Sequence[Job],
    classifier: Any,
    identity: dict[str, Any],
    progress: Progress,
    draft_days: float,
    **how: Any,
) -> list[dict[str, Any]]:
    """The manifests of all jobs.

    Args:
        progress: `cli.progress`.
        draft_days: what interrupted runs have left for longer is removed.
        how: of `scoring.score_file`.
    """
    if any(is_remote(job.source) or is_remote(job.output) for job in planned):
        staging.remove_stale(draft_days)
    manifests = []
    for planned_job in planned:
        with staging.local(planned_job) as job:
            for removed in draft.remove_stale(job.output.parent, draft_days):
                logger.info("Removed what an interrupted run has left of %s.", removed)
            logger.info("Scoring %s.", job.shown_source or job.source)
            with progress(job.source.name, "B", job.source.stat().st_size) as advance:
                manifests.append(
                    scoring.score_file(job, classifier, identity, advance=advance, **how)
                )
    return manifests
