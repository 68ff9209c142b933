"""A fitted model becomes a version: logged with all that belongs to it, checked, registered."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.data import files
from common.data.labelled import RowCounts
from common.errors import InputError
from common.registry import artifact, runs, versions
from common.registry.store import Registry
from common.registry.versions import Version
from common.text import printable
from common.training.fit import Fitted, Source

logger = logging.getLogger(__name__)


def provenance(
    fitted: Fitted, counts: RowCounts, source: Source, params: Mapping[str, str], root: Path
) -> dict[str, dict[str, str]]:
    """What a version was made from, by section: Data, Code, Settings.

    Args:
        params: the settings without secrets.
        root: of the project, whose commit and lock file are noted.
    """
    return {
        "Data": {
            "file": printable(source.path.name),
            "sha256": files.sha256(source.path),
            "rows": counts.sentence(),
            "synthetic": str(source.synthetic),
            "fitted on": f"{fitted.train_rows:,} rows",
            "holdout": f"{len(fitted.holdout):,} rows",
        },
        "Code": {
            "git commit": runs.git_commit(root),
            "lock file sha256": runs.lock_sha256(root),
            "predictions sha256": fitted.predictions_sha256,
        },
        "Settings": dict(params),
    }


def require_same_data(version: Version, path: Path) -> None:
    """Raise InputError unless the file is, byte for byte, what a version was fitted on."""
    found = files.sha256(path)
    if found != version.data_sha256:
        raise InputError(
            f"{path} is not the file that version {version.number} was fitted on: its SHA-256 is "
            f"{found}, that of the version's data is {version.data_sha256 or 'not recorded'}."
        )


def reproduction(fitted: Fitted, version: Version, root: Path) -> dict[str, Any]:
    """Whether a version that was fitted again answers its holdout as it did, bit by bit; and
    whether code and lock file of the project at `root` are those of then."""
    then = version.tags
    return {
        "identical": fitted.predictions_sha256 == then.get("predictions_sha256"),
        "same_lock_file": runs.lock_sha256(root) == then.get("lock_sha256"),
        "same_commit": runs.git_commit(root) == then.get("git_commit"),
        "holdout_rows": len(fitted.holdout),
        "metrics": fitted.metrics,
        "model": version.identity(),
    }


def register(
    registry: Registry,
    fitted: Fitted,
    counts: RowCounts,
    source: Source,
    provenance: Mapping[str, Mapping[str, str]],
    experiment: str,
) -> Version:
    """Log a fitted model to MLflow, check it in a clean process, register it as the challenger.

    Raises:
        StoreError: the store fails; nothing is registered then.
        ModelUnavailable: the logged model doesn't load or answers differently.
    """
    params = provenance["Settings"]
    tags = {
        "data_sha256": provenance["Data"]["sha256"],
        "git_commit": provenance["Code"]["git commit"],
        "lock_sha256": provenance["Code"]["lock file sha256"],
        "predictions_sha256": fitted.predictions_sha256,
        "synthetic_data": str(source.synthetic),
        "target_column": params["target_column"],
        "text_column": params["text_column"],
        "holdout_accuracy": f"{fitted.metrics['accuracy']:.6f}",
        "holdout_percent": params["holdout_percent"],
        "holdout_rows": str(len(fitted.holdout)),
    }
    if abandoned := runs.end_abandoned(registry, experiment):
        logger.warning("Closed %d runs that killed trainings had left open.", abandoned)
    with runs.training_run(registry, experiment, tags) as run_id:
        runs.log_training(
            registry,
            run_id,
            params,
            fitted.metrics | counts.metrics(),
            fitted.figures(),
            fitted.documents(),
            {"worst_errors.json": fitted.worst_errors()},
        )
        runs.log_reference(registry, run_id, fitted.profile(counts))
        runs.log_dataset(registry, run_id, Path(printable(source.path)), tags["data_sha256"])
        model_uri = runs.log_model(registry, run_id, fitted.classifier)
        artifact.check_in_clean_process(
            registry.uri, model_uri, fitted.classifier.text_column, *fitted.answers()
        )
        return versions.register(registry, model_uri, run_id, tags)
