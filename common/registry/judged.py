"""Which rows versions were tested on, so that a contest after a rollback can ask for newer ones."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from mlflow.exceptions import MlflowException

from common.registry import history
from common.registry.store import Registry, is_missing

Keys = npt.NDArray[np.uint64]

ROWS, SEEN = "holdout_rows.npy", "seen_elsewhere.npy"


@dataclass(frozen=True)
class Withdrawn:
    """A version that was rolled back from and not promoted again since.

    Attributes:
        at, reason: of the rollback.
        latest: nobody was promoted since.
        predictions_sha256: of its answers to its holdout; None if that is not recorded.
        rows: keys (see `split.keys`) of the messages it was tested on; None if that is not recorded
            or, where `latest` is False, not asked for.
    """

    version: int
    at: str
    reason: str
    latest: bool
    predictions_sha256: str | None
    rows: Keys | None


def log_rows(registry: Registry, run_id: str, keys: Keys) -> None:
    """Record the messages a model is tested on."""
    _log(registry, run_id, ROWS, keys)


def log_seen(registry: Registry, run_id: str, keys: Keys) -> None:
    """Record the messages that a model from elsewhere was fitted on."""
    _log(registry, run_id, SEEN, keys)


def rows(registry: Registry, run_id: str) -> Keys | None:
    """The messages a model was tested on (see `split.keys`); None if that is not recorded."""
    return _read(registry, run_id, ROWS)


def seen(registry: Registry, run_id: str) -> Keys | None:
    """The messages that a model from elsewhere was fitted on; None if that is not recorded."""
    return _read(registry, run_id, SEEN)


def _log(registry: Registry, run_id: str, name: str, keys: Keys) -> None:
    with registry.store_errors(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        np.save(path, np.unique(keys))
        registry.client.log_artifact(run_id, str(path))


def _read(registry: Registry, run_id: str, name: str) -> Keys | None:
    client = registry.client
    with tempfile.TemporaryDirectory() as folder, registry.store_errors():
        try:
            if name not in [item.path for item in client.list_artifacts(run_id)]:
                return None
        except MlflowException as error:
            if is_missing(error):
                return None
            raise
        keys: Keys = np.load(client.download_artifacts(run_id, name, folder), allow_pickle=False)
        return keys


def withdrawn(registry: Registry) -> list[Withdrawn]:
    """The versions that were rolled back from and not promoted again since, oldest first."""
    return [
        Withdrawn(
            version=found.version,
            at=found.at,
            reason=found.reason,
            latest=found.latest,
            predictions_sha256=_predictions(registry, found.run_id),
            rows=rows(registry, found.run_id) if found.latest else None,
        )
        for found in history.read(registry).withdrawals()
    ]


def _predictions(registry: Registry, run_id: str) -> str | None:
    # Of the run, which is there when the version was pruned.
    with registry.store_errors():
        try:
            tags = registry.client.get_run(run_id).data.tags
        except MlflowException as error:
            if is_missing(error):
                return None
            raise
    digest = tags.get("predictions_sha256")
    return None if digest is None else str(digest)
