"""A fitted model becomes a version: logged with all that belongs to it, checked, registered."""

from __future__ import annotations

import logging
from pathlib import Path

from common.data import split
from common.data.rules import agreement
from common.evaluation.profile import Profile
from common.evaluation.routing import Routing
from common.models.families import KNOWN
from common.registry import artifact, costs, judged, known_answers, routing, runs, versions
from common.registry.runs import TrainingRecord
from common.registry.store import Registry
from common.registry.versions import FITTED_ON, Version
from common.training.fit import TrainingResult
from common.training.provenance import Provenance

# Where messages have their classes and groups; a version without a tag of these has none.
SOURCES = ("target_column", "label_with", "segment_column")

logger = logging.getLogger(__name__)


def register(
    registry: Registry,
    result: TrainingResult,
    provenance: Provenance,
    record: TrainingRecord,
    experiment: str,
    reference: Profile,
    routed: Routing | None = None,
) -> Version:
    """Log a fitted model to MLflow, check it in a clean process, register it as the challenger.

    Args:
        record: what people see of the training in MLflow.
        reference: what the monitor compares later messages with.
        routed: who looks at which of its answers; None: nothing is promised.

    Raises:
        StoreError: the store fails; nothing is registered then.
        ModelUnavailable: the logged model doesn't load or answers differently.
    """
    tags = version_tags(result, provenance)
    abandoned = runs.end_abandoned(registry, experiment)
    if abandoned:
        logger.warning("Closed %d runs that killed trainings had left open.", abandoned)
    classifier, requirements = result.classifier, KNOWN[provenance.family].requirements
    with runs.training_run(registry, experiment, tags, provenance.file) as run_id:
        runs.log_training(registry, run_id, record)
        runs.log_reference(registry, run_id, reference)
        routing.log_answers(registry, run_id, result.holdout_answers)
        judged.log_rows(registry, run_id, split.keys(result.holdout.texts))
        if result.seen_elsewhere is not None:
            judged.log_seen(registry, run_id, result.seen_elsewhere)
        runs.log_dataset(registry, run_id, Path(provenance.location), provenance.data_sha256)
        model_uri = runs.log_model(registry, run_id, classifier, requirements)
        artifact.check_in_clean_process(
            registry.uri, model_uri, classifier.text_column, *result.answers()
        )
        asked = {known_answers.TAG: known_answers.of(classifier)}
        if result.costs:
            asked |= costs.tags(result.costs)
        if routed:
            asked |= routing.first_decision(routed, provenance.by)
        version = versions.register(registry, model_uri, run_id, tags | asked)
        runs.name_version(registry, run_id, version.number, provenance.file)
        return version


def version_tags(result: TrainingResult, provenance: Provenance) -> dict[str, str]:
    """What a version and its run are found by; part of the registry's format."""
    settings = provenance.settings
    made_by_rule = agreement(settings.get("label_with", "column"))
    return {
        "data_sha256": provenance.data_sha256,
        "git_commit": provenance.git_commit,
        "lock_sha256": provenance.lock_sha256,
        "model_family": provenance.family,
        "predictions_sha256": provenance.predictions_sha256,
        "synthetic_data": str(provenance.synthetic),
        **{name: settings[name] for name in (*SOURCES, FITTED_ON) if name in settings},
        **({"labels": made_by_rule} if made_by_rule else {}),
        "text_column": result.recipe.text_column,
        "holdout_accuracy": f"{result.metrics['accuracy']:.6f}",
        "holdout_percent": str(result.recipe.holdout_percent),
        "holdout_rows": str(provenance.holdout_rows),
    }
