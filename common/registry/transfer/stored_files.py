"""The artifacts of runs and logged models, copied out of a store and into one, and compared."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.models_artifact_repo import REGISTERED_MODEL_META_FILE_NAME
from requests import RequestException

from common import disk
from common.errors import StoreError, StoreFull
from common.registry import artifact, patience
from common.registry.store import Registry


def fetch(registry: Registry, location: str, target: Path) -> None:
    """Copy all artifacts of a run or logged model into the folder `target`, which must not exist.

    Args:
        location: their address in the store.
    """
    with registry.store_errors():
        try:
            copied = patience.within(
                patience.TRANSFER_SECONDS,
                lambda: mlflow.artifacts.download_artifacts(
                    location, dst_path=str(target.parent), tracking_uri=registry.uri
                ),
                late=f"artifacts could not be fetched from {location}: the store took too long.",
            )
        except (MlflowException, RequestException, OSError) as error:
            if disk.is_full(error):  # the folder's disk, not the store's
                raise StoreFull(disk.explained(error, target.parent)) from error
            raise
        if Path(copied) != target:
            Path(copied).rename(target)
        (target / REGISTERED_MODEL_META_FILE_NAME).unlink(missing_ok=True)  # added by a download


def send(
    registry: Registry, folder: Path, location: str, there: bool, log: Callable[[str], None]
) -> None:
    """Make the artifacts at an address those of a folder, and make sure that they are.

    Args:
        there: whether the store has some already, which a killed process has sent.
        log: sends a folder, which replaces files of the same names.

    Raises:
        StoreError: the store gives other bytes back.
    """
    expected = artifact.digests(folder)
    if there and _stored(registry, location) == expected:
        return
    with registry.store_errors():
        log(str(folder))
    if _stored(registry, location) != expected:
        raise StoreError(
            f"the store gives other files back than were sent to {location}: is its disk full or "
            "failing? Import again: what is there already is kept."
        )


def _stored(registry: Registry, location: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary, "found", "artifacts")
        target.parent.mkdir()
        fetch(registry, location, target)
        return artifact.digests(target)
