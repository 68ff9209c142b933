"""When the flows run: by a schedule, by hand, and when accuracy has become CRITICAL."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from prefect import serve as serve_all
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import EntrypointType, RunnerDeployment
from prefect.events import DeploymentEventTrigger

from flows import pipeline
from flows.tasks import ACCURACY_CRITICAL


class BadPlan(Exception):
    """What was asked for can't be a schedule."""


@dataclass(frozen=True)
class Plan:
    """What runs when.

    Attributes:
        daily, retrain: cron expressions; None: by hand only.
        time_zone: of both, an IANA name.
        fetch, train, predict, monitor: see the flows; None: as they are by default.
    """

    daily: str | None
    retrain: str | None
    time_zone: str
    fetch: list[str] | None
    train: list[str] | None
    predict: list[str] | None
    monitor: list[str] | None


def plan(wanted: Plan) -> list[RunnerDeployment]:
    """The three flows with their schedules and parameters.

    Raises:
        BadPlan: a cron expression or a time zone is none.
    """
    critical = DeploymentEventTrigger(
        name="train again when accuracy is critical",
        expect={ACCURACY_CRITICAL},
        match={"prefect.resource.id": "triage.model.*"},
        parameters={
            "contest_since": {
                "__prefect_kind": "json",
                "value": {
                    "__prefect_kind": "jinja",
                    "template": "{{ event.payload.contest_since | tojson }}",
                },
            }
        },
    )
    at = {"name": "triage", "entrypoint_type": EntrypointType.MODULE_PATH}
    fetch = {"fetch": wanted.fetch}
    scoring = {"predict": wanted.predict, "monitor": wanted.monitor}
    return [
        pipeline.daily.to_deployment(
            **at, schedule=_schedule(wanted.daily, wanted), parameters=fetch | scoring
        ),
        pipeline.retrain.to_deployment(
            **at,
            schedule=_schedule(wanted.retrain, wanted),
            parameters=fetch | {"train": wanted.train},
            triggers=[critical],
        ),
        pipeline.pipeline.to_deployment(**at, parameters=fetch | {"train": wanted.train} | scoring),
    ]


def serve(planned: Sequence[RunnerDeployment]) -> None:
    """Run what is due, one at a time, until interrupted; the schedules rest after that."""
    # It says every ten seconds that a run waits for the one that is at work.
    logging.getLogger("prefect.runner").setLevel(logging.WARNING)
    serve_all(*planned, limit=1)


def _schedule(cron: str | None, wanted: Plan) -> CronSchedule | None:
    if cron is None:
        return None
    try:
        return CronSchedule(cron=cron, timezone=wanted.time_zone)
    except ValueError as error:
        zones = "an IANA name, such as Europe/Berlin"
        raise BadPlan(
            f"{cron!r} in {wanted.time_zone!r} is no schedule: a cron expression has five fields, "
            f"a time zone is {zones}."
        ) from error
