"""The project's commands: what each is called, and how people have typed the present one.

`triage train` and `python train.py` are the same; help and messages name the form that was used.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

TRIAGE = "triage"
MODULE = "python -m common"  # the same in a checkout


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        name: after `triage`.
        module: that runs it.
        typed: how it is started without `triage`.
        summary: what it does, for a list.
    """

    name: str
    module: str
    typed: str
    summary: str


COMMANDS = (
    Command("train", "train", "python train.py", "fit a model; promote it if it wins"),
    Command("predict", "predict", "python predict.py", "score files of messages"),
    Command("monitor", "monitor", "python monitor.py", "measure accuracy and drift; alert"),
    Command(
        "prepare",
        "common.prepare",
        "python -m common.prepare",
        "raw messages to versioned Parquet: labelled by rule, each text once",
    ),
    Command("serve", "serving", "python -m serving", "answer over HTTP, with a page"),
    Command(
        "fetch",
        "common.fetch",
        "python -m common.fetch",
        "fetch messages from an archive, a database or an API",
    ),
    Command(
        "context",
        "common.context",
        "python -m common.context",
        "put each message together with the one that it answers",
    ),
    Command(
        "label",
        "common.labelling",
        "python -m common.labelling",
        "draw the messages that people should label, and take in their labels",
    ),
    Command(
        "registry",
        "common.registry",
        "python -m common.registry",
        "list versions, promote by hand, roll back, prune, export, import",
    ),
    Command(
        "incidents",
        "common.monitoring.incidents",
        "python -m common.monitoring.incidents",
        "list, acknowledge, mute and close what the monitor has found",
    ),
    Command(
        "privacy",
        "common.privacy",
        "python -m common.privacy",
        "remove a person's messages from all that was written",
    ),
    Command(
        "sample",
        "common.data.synthetic",
        "python -m common.data.synthetic",
        "write synthetic messages to try things with",
    ),
)


def as_typed(text: str) -> str:
    """A text with its commands in the form that started this process.

    >>> as_typed("see python train.py --help")
    'see python train.py --help'
    """
    start = sys.argv[0].rpartition(" ")[0]
    if start not in (TRIAGE, MODULE):
        return text
    for command in COMMANDS:
        text = text.replace(command.typed, f"{start} {command.name}")
    return text
