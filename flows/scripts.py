"""The project's commands as a person would type them, with the project's own Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from flows import outcome, process
from flows.outcome import Meaning
from flows.process import Finished
from flows.results import (
    Judged,
    Model,
    Pages,
    Scored,
    Trained,
    read_judged,
    read_pages,
    read_scored,
    read_trained,
)

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
# Of commands that only ask the registry.
SECONDS_TO_ASK = 300.0

Tell = Callable[[str], None]
T = TypeVar("T")


class ScriptFailed(Exception):
    """A command failed, and would fail again."""


class MayPass(ScriptFailed):
    """A command failed of what may pass: a store or a network that does not answer."""


@dataclass(frozen=True)
class Call:
    """A command to run.

    Attributes:
        arguments: as on a command line.
        seconds: it may take.
    """

    arguments: Sequence[str]
    seconds: float


def train(call: Call, tell: Tell) -> Trained:
    """Run train.py.

    Raises:
        MayPass: the store does not answer.
        ScriptFailed: anything else.
    """
    done = _run_script("train.py", call, tell)
    _require_result("train.py", done, outcome.of_train(done.code))
    return _read("train.py", done, read_trained)


def predict(call: Call, tell: Tell) -> Scored:
    """Run predict.py. Raises as `train` does."""
    done = _run_script("predict.py", call, tell)
    _require_result("predict.py", done, outcome.of_predict(done.code))
    return _read("predict.py", done, read_scored)


def empty_folder(call: Call) -> str | None:
    """The first argument, if it is a folder with nothing in it: an hour without messages is no
    failure."""
    given = call.arguments[0]
    folder = ROOT / given
    return given if folder.is_dir() and not any(folder.iterdir()) else None


def monitor(call: Call, tell: Tell) -> Judged:
    """Run monitor.py. Raises as `train` does."""
    done = _run_script("monitor.py", call, tell)
    meaning = outcome.of_monitor(done.code, bool(done.stdout.strip()))
    if meaning is Meaning.UNCLEAR:
        # 3 is every failure of its own: whether the store is there decides what it was.
        store_is_there = _ask(["list"], tell).code != outcome.STORE
        meaning = Meaning.STAYS if store_is_there else Meaning.MAY_PASS
    _require_result("monitor.py", done, meaning)
    return _read("monitor.py", done, read_judged)


def fetch(call: Call, tell: Tell) -> None:
    """Run a command that brings messages; what it prints on stdout is not kept.

    Raises:
        MayPass: it failed, perhaps of the network.
        ScriptFailed: it can't be run, or was used wrongly.
    """
    name = Path(call.arguments[0]).name
    try:
        done = process.run(call.arguments, ROOT, tell, call.seconds)
    except OSError as error:
        raise ScriptFailed(f"{name} can't be run: {error.strerror}") from error
    _require_result(name, done, outcome.of_fetch(done.code))


def pages(model: Model, tell: Tell) -> Pages | None:
    """Where the pages of a version and of the monitor are; None if the registry can't say."""
    done = _ask(["links", str(model.version), "--model-name", model.name], tell)
    return _read("links", done, read_pages) if done.code == 0 else None


def _run_script(script: str, call: Call, tell: Tell) -> Finished:
    if not PYTHON.exists():
        raise ScriptFailed(f"{PYTHON} is not there: make setup")
    return process.run([str(PYTHON), script, *call.arguments, "--json"], ROOT, tell, call.seconds)


def _ask(question: Sequence[str], tell: Tell) -> Finished:
    command = [str(PYTHON), "-m", "common.registry", *question, "--json"]
    return process.run(command, ROOT, tell, SECONDS_TO_ASK)


def _require_result(name: str, done: Finished, meaning: Meaning) -> None:
    if meaning is Meaning.RESULT:
        return
    said = f": {done.last_line}" if done.last_line else ""
    kind = MayPass if meaning is Meaning.MAY_PASS else ScriptFailed
    raise kind(f"{name} ended with exit code {done.code}{said}")


def _read(name: str, done: Finished, reader: Callable[[str], T]) -> T:
    try:
        return reader(done.stdout)
    except (ValueError, KeyError, TypeError) as error:
        raise ScriptFailed(
            f"{name} printed no result that can be read: was it told to do something else?"
        ) from error
