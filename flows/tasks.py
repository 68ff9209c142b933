"""The steps of the flows: each runs one command, and leaves on Prefect's pages what came of it.

A step ends in a state that has the name of its verdict (promoted, CRITICAL); an alert is a result.
What may pass is tried again, six times within six minutes.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed, Failed
from prefect.tasks import exponential_backoff

from flows import scripts, summaries
from flows.results import Judged, Pages
from flows.scripts import Call, MayPass

# Emitted when an incident of accuracy has become CRITICAL, or is told of again.
ACCURACY_CRITICAL = "triage.accuracy.critical"


def _may_pass(_task: Any, _run: Any, state: State) -> bool:
    return isinstance(state.result(raise_on_failure=False), MayPass)


_step = partial(
    task,
    retries=6,
    retry_delay_seconds=exponential_backoff(backoff_factor=5),
    retry_condition_fn=_may_pass,
)


@_step()
def fetch(call: Call) -> None:
    """Run the command that brings messages."""
    scripts.fetch(call, _tell())


@_step()
def train(call: Call) -> State:
    """Run train.py: fit a model, promote it if it wins."""
    trained = scripts.train(call, _tell())
    pages = scripts.pages(trained.model, _tell()) if trained.model else None
    _show("training", summaries.of_training(trained, pages))
    _link("contest", pages, pages.contest if pages else None)
    # Where no contest could be held, none can be until somebody has done something.
    end = Failed if trained.verdict == "no contest" else Completed
    return end(name=trained.verdict, message=trained.reason)


@_step()
def predict(call: Call) -> State:
    """Run predict.py: score files of messages."""
    if empty := scripts.empty_folder(call):
        return Completed(name="nothing to score", message=f"{empty} is empty")
    scored = scripts.predict(call, _tell())
    _show("scoring", summaries.of_scoring(scored))
    return Completed(message=f"{scored.rows:,} rows with version {scored.model.version}")


@_step()
def monitor(call: Call) -> State:
    """Run monitor.py: measure accuracy and drift, alert."""
    judged = scripts.monitor(call, _tell())
    _emit(judged)
    pages = scripts.pages(judged.model, _tell())
    _show("look", summaries.of_look(judged, pages))
    _link("report", pages, pages.report if pages else None)
    return Completed(name=judged.status, message=judged.text)


def _tell() -> scripts.Tell:
    return get_run_logger().info


def _show(key: str, markdown: str) -> None:
    create_markdown_artifact(markdown, key=key)


def _link(key: str, pages: Pages | None, address: str | None) -> None:
    """A link, if a server shows the page; a browser would not open a file."""
    if pages and pages.runs and address:
        create_link_artifact(address, key=key)


def _emit(judged: Judged) -> None:
    """Tell Prefect's automations that the model should be trained again."""
    if cause := judged.calls_for_training:
        fell_on = judged.fell_on
        emit_event(
            ACCURACY_CRITICAL,
            resource={
                "prefect.resource.id": f"triage.model.{judged.model.name}",
                "prefect.resource.name": judged.model.name,
            },
            payload={
                "version": judged.model.version,
                "change": cause.news[-1],
                "reason": cause.reason,
                "contest_since": str(fell_on) if fell_on else None,
            },
        )
