"""Train again because of what the monitor has found, as a person would: with train.py."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from common.masking import OPEN, Disclosure
from common.monitoring.checks.catalogue import Subject
from common.monitoring.checks.finding import Status
from common.monitoring.checks.severity import SEVERITY
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.incident import ESCALATED, FLAPPING, OPENED, RETRAINED, Notice
from common.types import Json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retraining:
    """How models are trained again.

    Attributes:
        level: how bad accuracy must become.
        scripts: the folder that train.py is in.
        data: to train on; None for what train.py takes by itself.
        model_name: of the registered model.
        tracking_uri: of MLflow.
        shown: how much of the messages is stored.
        columns: of the messages, by the setting that names them.
    """

    level: Status
    scripts: Path
    data: Path | None
    model_name: str
    tracking_uri: str = field(repr=False)
    shown: Disclosure = OPEN
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Retrained:
    """What became of a training.

    Attributes:
        trained: whether it ended well.
        text: the verdict of its contest, or why it failed, in one sentence.
        contest: what `train.py --json` has printed; None if it failed.
    """

    trained: bool
    text: str
    contest: Json


def retrain_if_needed(
    new_notices: Sequence[Notice], retraining: Retraining, book: Book, addresses: Sequence[str]
) -> list[Notice]:
    """Retrain if accuracy has just reached the level; queue a notice of it in the same incident.

    Args:
        new_notices: what is new of incidents.
        addresses: that are to be told.
    """
    causes = [
        notice
        for notice in new_notices
        if notice.finding == Subject.ACCURACY
        and notice.change in (OPENED, ESCALATED, FLAPPING)
        and SEVERITY.index(notice.status) >= SEVERITY.index(retraining.level)
    ]
    if not causes:
        return []
    outcome = train(retraining)
    notice = replace(
        causes[-1],
        change=RETRAINED,
        at=datetime.now(UTC),
        reason=outcome.text,
        detail={"trained": outcome.trained, "contest": outcome.contest},
    )
    book.add(notice, addresses)
    return [notice]


def train(retraining: Retraining) -> Retrained:
    """Run train.py in a process of its own.

    It takes the same lock as any other training, and promotes by the same rules.
    """
    command = [sys.executable, str(retraining.scripts / "train.py"), "--json"]
    command += ["--model-name", retraining.model_name]
    command += ["--mask", str(retraining.shown.mask)]
    command += ["--examples", str(retraining.shown.examples)]
    command += ["--data", str(retraining.data)] if retraining.data else []
    # Not a flag: an address may hold a password, and everybody sees flags.
    environment = os.environ | {"MLFLOW_TRACKING_URI": retraining.tracking_uri}
    environment |= retraining.columns
    logger.info("Training again.")
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    # A training that ends well prints its result, also if no contest could be held (exit code 5).
    if not done.stdout.strip():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Retrained(False, f"retraining failed: {last}", None)
    contest = json.loads(done.stdout)
    return Retrained(True, f"retrained: {contest['reason']}", contest)
