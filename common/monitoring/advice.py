"""What to do about what was found: in words, and as command lines that run when pasted."""

from __future__ import annotations

import csv
import io
import shlex
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from common import CODE
from common.commands import as_typed
from common.evaluation.routing import Promise
from common.monitoring.checks.catalogue import Question, Subject, about, asked_by
from common.monitoring.checks.finding import TROUBLE, Finding
from common.monitoring.version_changes import VersionChange
from common.text import listed, printable, quoted
from common.types import Json

REPORT = "report.html"
# Labels that mean something else now explain the accuracy, and nobody should learn from them.
WRONG_LABELS = ("unseen_labels", "swapped_labels")
_PLAIN = "python"


@dataclass(frozen=True)
class Step:
    """One thing to do; with a command line where one does it."""

    say: str
    command: str | None = None

    def to_json(self) -> dict[str, Json]:
        return {"say": self.say, "command": self.command}


@dataclass(frozen=True)
class Look:
    """How the monitor was called, as far as a next step must repeat it.

    Attributes:
        monitor: flags with which monitor.py looks at the same in the same way; None if no flags
            can say it, as for a table in memory.
        report: where this look has written its page.
        train: flags with which train.py fits a model on messages that the version has not seen;
            None if there are none.
        registry: flags that name the registered model.
        retrained: this look has just trained.
        version: that was watched.
        promise: of its automatic answers, with those of single classes.
        higher_promise: that its automatic answers can keep beside the present one; None: no
            answer is routed.
    """

    monitor: Sequence[str] | None = None
    report: Path | None = None
    train: Sequence[str] | None = None
    registry: Sequence[str] = ()
    retrained: bool = False
    version: int | None = None
    promise: Promise | None = None
    higher_promise: float | None = None


def propose_steps(
    findings: Collection[Finding], look: Look, changed: VersionChange | None = None
) -> tuple[Step, ...]:
    """What to do next, the most urgent first; nothing if nothing is wrong.

    Nothing that was just done is proposed, nor a training on the synthetic sample.

    Args:
        changed: the version that came right before the trouble.
    """
    wrong = {finding.name for finding in findings if finding.status in TROUBLE}
    if not wrong:
        return ()
    of_accuracy = bool(wrong & set(about(Subject.ACCURACY)))
    is_suspect = of_accuracy and changed is not None and changed.after == look.version
    steps = [_go_back(changed, look)] if changed and is_suspect else []
    if look.monitor is not None and look.report is None:
        say = "Look at the page: the wrong answers, the words, the classes."
        steps.append(Step(say, command("monitor.py", *look.monitor, "--report", REPORT)))
    if "auto_accuracy" in wrong and look.promise is not None:
        broken = next(finding for finding in findings if finding.name == "auto_accuracy")
        steps.append(_route_more_carefully(broken, look, look.promise))
    if wrong & set(asked_by(Question.LABELS)):
        say = "Ask who labels whether the labels still mean what they meant, and come as they did."
        steps.append(Step(say))
    if of_accuracy and not is_suspect and not wrong & set(WRONG_LABELS):
        steps += _mend(look)
    if not of_accuracy and wrong & set(about(Subject.DRIFT)):
        say = (
            "A campaign, a new product, an outage? Label a hundred of these messages: accuracy on "
            "them says whether it does harm."
        )
        steps.append(Step(say))
    if wrong & {*asked_by(Question.BAD_ROWS), *asked_by(Question.ROW_COUNT)}:
        steps.append(Step("Ask who delivers the file what has changed there."))
    return tuple(steps)


def _route_more_carefully(broken: Finding, look: Look, promise: Promise) -> Step:
    """To people at once: the classes that break the promise, or else what is least sure."""
    blamed = [broken.detail.get(key) for key in ("classes", "broken")]
    found = (name for names in blamed if isinstance(names, list) for name in names)
    names = list(dict.fromkeys(str(name) for name in found if name))
    higher = promise.accuracy if names or not look.higher_promise else look.higher_promise
    words = ["route", str(look.version), "--accuracy", repr(higher)]
    own = {**promise.by_class, **dict.fromkeys(names, 1.0)}
    if own:
        words += ["--by-class", _csv_row(f"{name}:{share:g}" for name, share in own.items())]
    which = f"those that say {listed(map(quoted, names))}" if names else "more of them"
    say = (
        f"Answers that nobody looks at are wrong more often than promised: give {which} to people "
        "at once, then label the newest messages and train."
    )
    return Step(say, command("-m", "common.registry", *words, *look.registry))


def _csv_row(cells: Iterable[str]) -> str:
    """One row of CSV, as flags read names: quoted where they hold a comma."""
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow(cells)
    return row.getvalue()


def _go_back(changed: VersionChange, look: Look) -> Step:
    say = (
        f"Version {changed.after} came right before it: go back to version "
        f"{changed.before}. That takes seconds; everything else can wait for daylight."
    )
    reason = f"accuracy fell with version {changed.after}"
    words = ("rollback", "--reason", reason, *look.registry)
    return Step(say, command("-m", "common.registry", *words))


def _mend(look: Look) -> list[Step]:
    steps = []
    if look.version != 1:  # before the first there is nothing to go back to
        say = (
            "Did a new champion come right before it? Then write rollback in place of history, to "
            "go back to the one before."
        )
        steps.append(Step(say, command("-m", "common.registry", "history", *look.registry)))
    if look.train is not None and not look.retrained:
        say = (
            "Fit a model on the newest messages and see whether it would win; this changes nothing."
        )
        steps.append(Step(say, command("train.py", *look.train, "--dry-run")))
        say = (
            "If it would, let it: the same without --dry-run. If not, label more of such messages."
        )
        steps.append(Step(say))
    return steps


def command(*words: str) -> str:
    """A command line that runs where this process was started, with its interpreter.

    >>> command("train.py", "--data", "my data.csv").endswith("train.py --data 'my data.csv'")
    True
    """
    typed = shlex.join([_PLAIN, *words])
    if as_typed(typed) != typed:
        return as_typed(typed)
    here = _here()
    if words[0] == "-m" and here != CODE:  # modules are found from the folder that they are in
        inside = shlex.join([sys.executable, *words])
        return f"(cd {shlex.quote(str(CODE))} && {inside})"
    script = words[0] if words[0] == "-m" else short(CODE / words[0])
    return shlex.join([_runnable(short(sys.executable)), script, *words[1:]])


def short(path: Path | str) -> str:
    """A path from the current directory where it is below it.

    >>> short("/elsewhere/a.csv")
    '/elsewhere/a.csv'
    """
    whole, here = Path(path), _here()
    return printable(whole.relative_to(here) if whole.is_relative_to(here) else whole)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # deleted: nothing is below it
        return Path("/nonexistent")


def _runnable(path: str) -> str:
    """A path that the shell does not look for elsewhere."""
    return path if "/" in path else f"./{path}"
