"""Train again because of what the monitor has found, as a person would: with train.py."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.monitoring.checks.finding import SEVERITY, Status
from common.monitoring.incidents.book import Book
from common.monitoring.incidents.lifecycle import ESCALATED, FLAPPING, OPENED, RETRAINED, Notice

logger = logging.getLogger(__name__)


def because_of(
    news: Sequence[Notice],
    level: str,
    root: Path,
    data: Path | None,
    model_name: str,
    tracking_uri: str,
    book: Book,
    addresses: Sequence[str],
) -> list[Notice]:
    """Train once if accuracy has just become as bad as `level`; tell of it in the same incident.

    Args:
        news: what is new of incidents.
        level: warning or critical.
        data: to train on; None for what train.py takes by itself.
    """
    causes = [
        notice
        for notice in news
        if notice.finding == "accuracy"
        and notice.change in (OPENED, ESCALATED, FLAPPING)
        and SEVERITY.index(notice.status) >= SEVERITY.index(Status[level.upper()])
    ]
    if not causes:
        return []
    outcome = train(root, data, model_name, tracking_uri)
    notice = replace(
        causes[-1],
        change=RETRAINED,
        at=datetime.now(UTC),
        reason=outcome["text"],
        detail={"trained": outcome["trained"], "contest": outcome["result"]},
    )
    book.add(notice, addresses)
    return [notice]


def train(root: Path, data: Path | None, model_name: str, tracking_uri: str) -> dict[str, Any]:
    """Run train.py in a process of its own; what it says of the contest, or why it failed.

    It takes the same lock as any other training, and promotes by the same rules.

    Returns:
        `trained`: whether it ended well; `text`: one sentence; `result`: what `train.py --json`
        has printed.
    """
    command = [sys.executable, str(root / "train.py"), "--json", "--model-name", model_name]
    command += ["--data", str(data)] if data else []
    # Not a flag: an address may hold a password, and flags are seen by all.
    environment = os.environ | {"MLFLOW_TRACKING_URI": tracking_uri}
    logger.info("Training again.")
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"trained": False, "text": f"retraining failed: {last}", "result": None}
    result = json.loads(done.stdout)
    return {"trained": True, "text": f"retrained: {result['reason']}", "result": result}
