"""The flows: what runs each day, what trains, and all of it one after the other.

Parameters are command lines as lists of words, without a shell: what a script can be told is in
its --help, and all else in .env.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import tasks
from flows.scripts import Call

Words = list[str]
SIX_HOURS = 360


@flow(name="daily")
def daily(
    fetch: Words | None = None,
    predict: Words | None = None,
    monitor: Words | None = None,
    minutes: int = SIX_HOURS,
) -> State | list[State]:
    """Score the messages that are new, then look at how the champion fares.

    Args:
        fetch: command that brings messages, such as ["rsync", "-a", "host:new/", "new/"]; none:
            they are there.
        predict: files and flags of predict.py, such as ["new/", "-o", "scored/"]; none: nothing is
            scored.
        monitor: flags of monitor.py, such as ["--data", "labelled.csv"].
        minutes: each command may take; then it is ended.
    """
    _fetch(fetch, minutes)
    scored = _predict(predict, minutes)
    # A file that can't be scored is no reason not to look at the champion.
    return _end([*scored, _monitor(monitor, minutes)])


@flow(name="retrain")
def retrain(
    fetch: Words | None = None,
    train: Words | None = None,
    contest_since: date | None = None,
    minutes: int = SIX_HOURS,
) -> State | list[State]:
    """Fit a model on the messages of now; promote it if it beats the champion.

    Args:
        fetch: command that brings messages; none: they are there.
        train: flags of train.py, such as ["--data", "labelled.csv"].
        contest_since: let messages written on this day or later decide the contest; filled in
            where the monitor has started the training.
        minutes: each command may take; then it is ended.
    """
    _fetch(fetch, minutes)
    since = ["--contest-since", str(contest_since)] if contest_since else []
    return _end([_train([*(train or []), *since], minutes)])


@flow(name="pipeline")
def pipeline(
    fetch: Words | None = None,
    train: Words | None = None,
    predict: Words | None = None,
    monitor: Words | None = None,
    minutes: int = SIX_HOURS,
) -> State | list[State]:
    """Fetch, train, predict, monitor.

    Args:
        fetch: command that brings messages; none: they are there.
        train: flags of train.py.
        predict: files and flags of predict.py; none: nothing is scored.
        monitor: flags of monitor.py.
        minutes: each command may take; then it is ended.
    """
    _fetch(fetch, minutes)
    trained = _train(train or [], minutes)
    # Where no model could be fitted, the champion goes on.
    return _end([trained, *_predict(predict, minutes), _monitor(monitor, minutes)])


def _fetch(command: Words | None, minutes: int) -> None:
    """What was not brought can't be scored: a failure ends the flow."""
    if command:
        tasks.fetch(_call(command, minutes))


def _train(arguments: Words, minutes: int) -> State:
    return tasks.train(_call(arguments, minutes), return_state=True)


def _predict(arguments: Words | None, minutes: int) -> list[State]:
    return [tasks.predict(_call(arguments, minutes), return_state=True)] if arguments else []


def _monitor(arguments: Words | None, minutes: int) -> State:
    return tasks.monitor(_call(arguments or [], minutes), return_state=True)


def _call(arguments: Words, minutes: int) -> Call:
    return Call(arguments, minutes * 60.0)


def _end(steps: Sequence[State]) -> State | list[State]:
    """The last verdict, if all steps have one; Prefect makes a failure of the list if not."""
    if not all(step.is_completed() for step in steps):
        return list(steps)
    return Completed(name=steps[-1].name, message=steps[-1].message)
