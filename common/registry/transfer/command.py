"""The commands `python -m common.registry export` and `import`, and what they print."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from common import ROOT, cli
from common.registry.store import Registry, connect
from common.settings import Settings

if TYPE_CHECKING:  # a mistake in the flags is told without any heavy library
    from common.registry.transfer.records import Moved

logger = logging.getLogger("registry")


def export_registry(registry: Registry, folder: Path, as_json: bool) -> None:
    from common.registry.transfer import export

    moved = export.export(registry, folder, cli.progress)
    show_moved(f"Exported to {folder}", moved, as_json)


def import_registry(settings: Settings, folder: Path, as_json: bool) -> None:
    """Check the export first: a damaged one does not even make an empty database."""
    from common.registry.transfer import restore

    export = restore.check(folder, settings.model_name)
    registry = connect(settings.mlflow_tracking_uri, ROOT, settings.model_name, create=True)
    moved = restore.restore(registry, folder, export, cli.progress)
    before = "Nothing to do, the store has it already" if moved.already else "Imported"
    show_moved(f"{before} from {folder}", moved, as_json)


def show_moved(done: str, moved: Moved, as_json: bool) -> None:
    from dataclasses import asdict

    champion = f"version {moved.champion}" if moved.champion else "none"
    text = (
        f"{done}: {moved.model}. Versions: {moved.versions:,} (champion: {champion}), entries of "
        f"history: {moved.history:,}, runs: {moved.runs:,}, stored models: {moved.models:,}, "
        f"files: {moved.files:,} ({moved.bytes / 1e6:,.1f} MB)."
    )
    if moved.unusable:
        logger.warning(
            "Versions that can't be used, in either store, as their files are gone or are not "
            "those that were registered: %s.",
            ", ".join(map(str, moved.unusable)),
        )
    cli.show(text, asdict(moved), as_json)
