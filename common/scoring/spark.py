"""Score jobs on Spark: an executor does each input as one process of this machine would.

So rows, rejects, manifests and the answers to interruptions are the same. Large inputs are cut into
ranges (`pieces`), each a task. The model comes from the driver; only the driver sees the registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import cloudpickle

from common.errors import InputError
from common.scoring import cluster, pieces, staging
from common.scoring.cluster import Refused
from common.scoring.file import Options, score_file
from common.scoring.jobs import Job
from common.scoring.manifest import Manifest
from common.scoring.model import LoadedModel
from common.scoring.pieces import Cut
from common.scoring.resume import remove_pieces
from common.types import Progress


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
    here = [cluster.for_any_folder(job) for job in jobs]
    one_process = replace(options, workers=1)
    # Without the models, which are sent once and not with each task.
    identity, compared = model.identity, challenger.identity if challenger else None
    with cluster.context(master, options.workers) as context:
        run = partial(cluster.run, context, progress)
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


@dataclass
class _Outcomes:
    """What became of inputs so far; a cut is what still has to be done in pieces."""

    of: dict[Job, Cut | Manifest | Refused | None]

    @property
    def cuts(self) -> dict[Job, Cut]:
        return {job: found for job, found in self.of.items() if isinstance(found, Cut)}

    @property
    def refused(self) -> dict[Job, Refused]:
        return {job: found for job, found in self.of.items() if isinstance(found, Refused)}

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

    def add(self, job: Job, found: Manifest | Refused | None) -> None:
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


# An executor's process does task after task with the same models.
@lru_cache(maxsize=1)
def _unpickle(models: bytes) -> tuple[LoadedModel, LoadedModel | None]:
    return cloudpickle.loads(models)
