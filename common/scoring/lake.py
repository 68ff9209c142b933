"""Versioned folders for data lakes: `run_date=.../run_id=.../part-*`, complete with `_SUCCESS`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from common.data import atomic
from common.data.remote import is_remote, remote_errors
from common.data.runs import DATE, ID, SUCCESS
from common.errors import InputError
from common.types import Json

MANIFEST = "_manifest.json"


def run_folder(root: Path, run_date: date | None, run_id: str | None) -> Path:
    """Return where a run's parts go; by default, date and id are the present time.

    >>> run_folder(Path("lake"), date(2026, 3, 1), "nightly").as_posix()
    'lake/run_date=2026-03-01/run_id=nightly'
    """
    now = datetime.now(UTC)
    name = run_id or now.strftime("%Y%m%dT%H%M%SZ")
    return root / f"{DATE}{run_date or now.date()}" / f"{ID}{name}"


def create_run_folder(place: Path) -> None:
    """Create the folder of a run, unless it is there (an object store has no folders to create).

    Raises:
        InputError: it can't be created.
    """
    if is_remote(place):
        return
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write in {place}: {error.strerror}.") from error


def is_complete(place: Path) -> bool:
    """Tell whether a run has ended there; what it wrote is never changed again."""
    with remote_errors(place):
        return (place / SUCCESS).exists()


def mark_complete(place: Path, parts: set[str], facts: Mapping[str, Json]) -> None:
    """Note that all parts are there, unless that is noted already.

    Args:
        parts: names of the parts; what else an interrupted run has left is removed.
        facts: of the run as a whole, for JSON.
    """
    if is_complete(place):
        return
    with remote_errors(place):
        for path in place.iterdir():
            name = path.name.removeprefix("_")
            old = name.startswith("part-") and not any(name.startswith(part) for part in parts)
            if old or path.name.startswith((f".{SUCCESS}.", f".{MANIFEST}.")):
                path.unlink()
    text = json.dumps(facts, indent=2) + "\n"
    if not is_remote(place):
        atomic.write_text(place / MANIFEST, text)
        atomic.write_text(place / SUCCESS, "")
        return
    with remote_errors(place):  # an object store shows an object when it is whole
        (place / MANIFEST).write_text(text, "utf-8")
        (place / SUCCESS).write_bytes(b"")
