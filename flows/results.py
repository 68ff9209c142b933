"""What the scripts print with --json, as far as the flows speak of it.

`docs/schemas/` has all of it. Messages are in there too (examples, words): they are not read here,
so that none gets into Prefect's database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Model:
    """A version of the registered model."""

    name: str
    version: int


@dataclass(frozen=True)
class Trained:
    """A training.

    Attributes:
        verdict: promoted, rejected, waiting or no contest.
        reason: of it, in one sentence.
        model: what was registered; None after --dry-run.
        metrics: of the holdout, by name.
        rows: with a text and a class.
        ways_out: what can be done if no contest could be held.
    """

    verdict: str
    reason: str
    model: Model | None
    metrics: Mapping[str, float]
    holdout_rows: int
    rows: int
    synthetic: bool
    ways_out: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """Files that were scored, all with one version.

    Attributes:
        done_already: files of which an earlier run has done the same.
        classes: rows by prediction.
        outputs: files that were written.
    """

    model: Model
    files: int
    done_already: int
    rows: int
    rejected: int
    classes: Mapping[str, int]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Incident:
    """An incident that is open.

    Attributes:
        since: day.
        news: what was told of it for the first time in this look (opened, escalated, ...).
    """

    about: str
    status: str
    since: str
    reason: str
    news: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """A look of the monitor.

    Attributes:
        status: OK, WARNING, CRITICAL or UNKNOWN.
        text: the verdict in one line.
        rows, accuracy: of the newest window; None without labels.
        window_day: the first day of the newest window; None if windows are not days.
    """

    status: str
    text: str
    model: Model
    file: str
    rows: int | None
    accuracy: float | None
    floor: float
    incidents: tuple[Incident, ...]
    window_day: date | None

    @property
    def calls_for_training(self) -> Incident | None:
        """The incident of accuracy that has just become or stayed CRITICAL, and was told of.

        The same as `monitor.py --retrain-on critical` goes by; None if that has trained already.
        """
        for incident in self.incidents:
            is_critical = (incident.about, incident.status) == ("accuracy", "CRITICAL")
            if is_critical and incident.news and "retrained" not in incident.news:
                return incident
        return None

    @property
    def fell_on(self) -> date | None:
        """The day since which accuracy is CRITICAL, if windows are days."""
        cause = self.calls_for_training
        return date.fromisoformat(cause.since) if cause and self.window_day else None


@dataclass(frozen=True)
class Pages:
    """Where the pages of a version and of the monitor are: addresses, or paths of files.

    Attributes:
        runs, model: MLflow's pages; None if no server shows them.
        contest, report: None if there is none yet.
    """

    runs: str | None
    model: str | None
    contest: str | None
    report: str | None


def read_trained(printed: str) -> Trained:
    """Of `train.py --json`.

    Raises:
        ValueError, KeyError: it is something else.
    """
    facts = json.loads(printed)
    model = facts["model"]
    return Trained(
        verdict=facts["verdict"],
        reason=facts["reason"],
        model=_model(model) if model else None,
        metrics=facts["metrics"],
        holdout_rows=facts["holdout_rows"],
        rows=facts["rows"]["used"],
        synthetic=facts["synthetic_data"],
        ways_out=tuple(facts["ways_out"]),
    )


def read_scored(printed: str) -> Scored:
    """Of `predict.py --json`.

    Raises:
        ValueError, KeyError: it is something else.
    """
    total = json.loads(printed)["total"]
    return Scored(
        model=_model(total["model"]),
        files=total["inputs"],
        done_already=total["done_already"],
        rows=total["rows"]["read"],
        rejected=total["rows"]["rejected"],
        classes=total["classes"],
        outputs=tuple(file["output"]["path"] for file in total["files"]),
    )


def read_judged(printed: str) -> Judged:
    """Of `monitor.py --json`.

    Raises:
        ValueError, KeyError: it is something else.
    """
    facts = json.loads(printed)
    measured = [window for window in facts["windows"] if window["accuracy"] is not None]
    newest = measured[-1] if measured else None
    return Judged(
        status=facts["status"],
        text=facts["text"],
        model=_model(facts["model"]),
        file=facts["file"],
        rows=newest["rows"] if newest else None,
        accuracy=newest["accuracy"] if newest else None,
        floor=facts["floor"],
        incidents=tuple(
            _incident(each, facts["at"]) for each in facts["incidents"] if not each["recovered"]
        ),
        window_day=_day(facts["window"]),
    )


def read_pages(printed: str) -> Pages:
    """Of `python -m common.registry links --json`.

    Raises:
        ValueError, TypeError: it is something else.
    """
    return Pages(**json.loads(printed))


def _model(facts: Mapping[str, Any]) -> Model:
    return Model(facts["name"], facts["version"])


def _incident(facts: Mapping[str, Any], look: str) -> Incident:
    return Incident(
        about=facts["finding"],
        status=facts["status"],
        since=facts["since"][: len("2026-01-01")],
        reason=facts["reason"],
        news=tuple(each["change"] for each in facts["changes"] if each["at"] >= look),
    )


def _day(window: str | None) -> date | None:
    window = window or ""
    return date.fromisoformat(window) if re.fullmatch(r"\d{4}-\d\d-\d\d", window) else None
