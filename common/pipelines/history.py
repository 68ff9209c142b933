"""What registry and monitor know of a model so far: versions, champions, windows, incidents.

Nothing is changed by looking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common import ROOT

if TYPE_CHECKING:
    from common.monitoring.history import WindowRecord
    from common.monitoring.incidents.incident import Incident
    from common.registry.listing import Listed
    from common.registry.store import Registry

# The last ones of each feed.
WINDOWS = 90


@dataclass(frozen=True)
class ReignRecord:
    """Which version was champion from when until when (UTC, ISO 8601; None: still is)."""

    version: int | None
    since: str
    until: str | None
    kind: str
    by: str
    reason: str


@dataclass(frozen=True)
class JudgedRecord:
    """What the monitor found in a window.

    Attributes:
        accuracy, lower, upper: 0 to 1, with the 95 % interval; None where nothing is known.
        is_estimate: it was estimated without labels.
        status: of the accuracy, as it was told.
    """

    feed: str
    window: str
    version: int
    read: int
    labelled: int
    accuracy: float | None
    lower: float | None
    upper: float | None
    is_estimate: bool
    status: str


@dataclass(frozen=True)
class OpenIncident:
    """What is amiss, and since when (UTC, ISO 8601)."""

    id: str
    subject: str
    status: str
    since: str
    window: str
    reason: str
    version: int
    acknowledged: bool


@dataclass(frozen=True)
class History:
    """All of it: versions the newest first, champions and windows in their order."""

    versions: Sequence[Listed]
    champions: Sequence[ReignRecord]
    windows: Sequence[JudgedRecord]
    incidents: Sequence[OpenIncident]


def read(registry: Registry, monitor_state: Path | None = None) -> History:
    """Read it.

    Args:
        monitor_state: the monitor's database; None: monitor.db in the project's folder.

    Raises:
        ModelUnavailable: there is no such model.
        StoreError: the registry is out of reach, or the monitor's database can't be read.
    """
    from common.monitoring.incidents.book import open_book
    from common.registry import history, listing

    champions = [
        ReignRecord(
            reign.entry.version,
            reign.entry.at,
            reign.until or None,
            reign.entry.kind,
            reign.entry.by,
            reign.entry.reason,
        )
        for reign in history.read(registry).reigns()
    ]
    with open_book(monitor_state or ROOT / "monitor.db") as book:
        windows = [
            _judged(str(feed), record)
            for feed in book.feeds(registry.model_name)
            for record in book.windows(feed, WINDOWS)
        ]
        incidents = [
            _incident(incident)
            for incident in book.incidents()
            if incident.is_open and incident.trouble.model == registry.model_name
        ]
    return History(listing.read(registry), champions, windows, incidents)


def contest_page(registry: Registry, which: str) -> bytes:
    """The page on the contest of a version: HTML.

    Raises:
        ModelUnavailable: there is no such version.
        StoreError: its run has none, or the registry is out of reach.
    """
    from common.registry import run_files, runs, versions
    from common.registry.run_files import RunFile

    return run_files.read(registry, RunFile(versions.find(registry, which).run_id, runs.CONTEST))


def monitor_page(registry: Registry, experiment: str) -> bytes | None:
    """The page on the last look of the monitor: HTML; None if it has not looked yet.

    Raises:
        StoreError: the registry is out of reach.
    """
    from common.registry import run_files, runs
    from common.registry.run_files import RunFile

    run_id = runs.monitoring_run(registry, experiment)
    return run_files.read(registry, RunFile(run_id, runs.REPORT)) if run_id else None


def _judged(feed: str, record: WindowRecord) -> JudgedRecord:
    accuracy = record.measured or record.estimate
    return JudgedRecord(
        feed=feed,
        window=record.window,
        version=record.version,
        read=record.read,
        labelled=record.labelled,
        accuracy=accuracy.value if accuracy else None,
        lower=accuracy.lower if accuracy else None,
        upper=accuracy.upper if accuracy else None,
        is_estimate=record.measured is None,
        status=record.status.name,
    )


def _incident(incident: Incident) -> OpenIncident:
    trouble = incident.trouble
    return OpenIncident(
        id=trouble.incident,
        subject=trouble.finding,
        status=incident.status.name,
        since=incident.since.isoformat(),
        window=trouble.window,
        reason=trouble.reason,
        version=trouble.version,
        acknowledged=incident.is_acknowledged,
    )
