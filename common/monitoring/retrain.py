"""Train again because of what the monitor has found, as a person would: with train.py."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from common.masking import OPEN, Disclosure
from common.monitoring.checks.catalogue import Subject
from common.monitoring.checks.finding import Status
from common.monitoring.checks.severity import SEVERITY
from common.monitoring.history import WindowRecord
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.incident import (
    ESCALATED,
    FLAPPING,
    OPENED,
    REMINDED,
    RETRAINED,
    Notice,
)
from common.types import Json

# When trouble has lasted so long, it is what things are like now.
LASTING_DAYS, LASTING_ROWS = 7, 1_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retraining:
    """How models are trained again.

    Attributes:
        level: how bad accuracy must become.
        days: messages of the last days alone are used; None: see `period`.
        window_days: length of a window; None if windows are not stretches of time.
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
    days: int | None
    window_days: int | None
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


@dataclass(frozen=True)
class Period:
    """Which messages matter, by the first day that they were written on; None: all.

    Attributes:
        fitted: those that are fitted and tested on.
        decisive: those that decide the contest.
    """

    fitted: date | None = None
    decisive: date | None = None


def period(cause: Notice, windows: Sequence[WindowRecord], retraining: Retraining) -> Period:
    """The days of which messages are used, and of which they decide.

    What was so before accuracy fell is no measure of what holds since: the days from then on
    decide. Once they are a week and 1,000 messages with a class, a model is fitted on them alone;
    it would else go on learning what no longer holds.

    Args:
        cause: why a model is fitted.
        windows: of the feed, oldest first.
    """
    if retraining.window_days is None or not windows:
        return Period()
    fell = cause.since.date()
    newest = date.fromisoformat(windows[-1].window) + timedelta(days=retraining.window_days - 1)
    if retraining.days is not None:
        fitted = newest - timedelta(days=retraining.days - 1)
        return Period(fitted, max(fell, fitted))
    rows = sum(each.labelled for each in windows if date.fromisoformat(each.window) >= fell)
    lasts = (newest - fell).days + 1 >= LASTING_DAYS and rows >= LASTING_ROWS
    return Period(fell if lasts else None, fell)


def retrain_if_needed(
    new_notices: Sequence[Notice],
    retraining: Retraining,
    windows: Sequence[WindowRecord],
    book: Book,
    addresses: Sequence[str],
) -> list[Notice]:
    """Retrain if accuracy has reached the level; queue a notice of it in the same incident.

    And again with each reminder: by then there are more messages of what is new.

    Args:
        new_notices: what is new of incidents.
        windows: of the feed, oldest first.
        addresses: that are to be told.
    """
    causes = [
        notice
        for notice in new_notices
        if notice.finding == Subject.ACCURACY
        and notice.change in (OPENED, ESCALATED, FLAPPING, REMINDED)
        and SEVERITY.index(notice.status) >= SEVERITY.index(retraining.level)
    ]
    if not causes:
        return []
    outcome = train(retraining, period(causes[-1], windows, retraining))
    notice = replace(
        causes[-1],
        change=RETRAINED,
        at=datetime.now(UTC),
        reason=outcome.text,
        detail={"trained": outcome.trained, "contest": outcome.contest},
    )
    book.add(notice, addresses)
    return [notice]


def train(retraining: Retraining, used: Period) -> Retrained:
    """Run train.py in a process of its own.

    It takes the same lock as any other training, and promotes by the same rules.
    """
    command = [sys.executable, str(retraining.scripts / "train.py"), "--json"]
    command += ["--model-name", retraining.model_name]
    command += ["--mask", str(retraining.shown.mask)]
    command += ["--examples", str(retraining.shown.examples)]
    command += ["--data", str(retraining.data)] if retraining.data else []
    command += ["--since", str(used.fitted)] if used.fitted else []
    command += ["--contest-since", str(used.decisive)] if used.decisive else []
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
    since = f" since {used.fitted}" if used.fitted else ""
    rows = f"{contest['rows']['used']:,} messages{since}"
    return Retrained(True, f"retrained on {rows}: {contest['reason']}", contest)
