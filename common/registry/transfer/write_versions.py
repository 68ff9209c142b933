"""The registered model of an export, made under another name, then given its own in one call."""

from __future__ import annotations

import json
import logging

from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from common.errors import StoreError
from common.registry import history, lock
from common.registry.store import Registry, is_missing
from common.registry.transfer.mapping import Import
from common.registry.transfer.records import (
    CREATED,
    EXPORT,
    MOVED_AT,
    VersionRecord,
    made_at,
)

GAP = "triage.gap"  # tag of a version that only takes a number

logger = logging.getLogger(__name__)


def begin(registry: Registry, export_id: str) -> bool:
    """Note that this export is imported here, or find it noted; whether that is left to do.

    Raises:
        StoreError: the store has a model of this name, or another import of it was begun.
    """
    name, draft = registry.model_name, draft_name(registry)
    with lock.hold(registry):
        if (there := _model(registry, name)) is not None:
            if there.tags.get(EXPORT) == export_id:
                return False
            raise StoreError(
                f"the store has a model {name!r} already, which is never overwritten: import into "
                "another store, or rename or delete that model in MLflow."
            )
        begun = _model(registry, draft)
        if begun is None:
            with registry.store_errors():
                registry.client.create_registered_model(
                    draft, {EXPORT: export_id}, "An import at work; it gets its name when whole."
                )
        elif begun.tags.get(EXPORT) != export_id:
            raise StoreError(
                f"an import of another export of {name!r} was begun and not finished: run that "
                f"one again, or delete the model {draft!r} in MLflow."
            )
        else:
            logger.info("Going on with an import that was interrupted.")
    return True


def write(moving: Import) -> None:
    """Make the versions with their numbers, then aliases and history; last comes the name.

    Raises:
        StoreError: another program makes versions of it, or has registered a model of this name.
    """
    registry, draft = moving.registry, draft_name(moving.registry)
    client, record = registry.client, moving.export.registry
    _number(moving)
    with registry.store_errors():
        client.update_registered_model(draft, record.description)
        tags = {CREATED: made_at(record.created), **moving.tags(record.tags)}
        for key, value in tags.items():
            client.set_registered_model_tag(draft, key, value)
        for alias, number in record.aliases.items():
            client.set_registered_model_alias(draft, alias, str(number))
    with lock.hold(registry) as confirm:
        if _model(registry, registry.model_name) is not None:
            raise StoreError(
                f"a model {registry.model_name!r} was registered meanwhile: rename or delete it "
                "in MLflow, then import again; what was done is kept."
            )
        confirm()
        with registry.store_errors():
            client.rename_registered_model(draft, registry.model_name)


def draft_name(registry: Registry) -> str:
    """What the registered model is called until it is whole."""
    return f"{registry.model_name}.importing"


def _number(moving: Import) -> None:
    """Make all versions: a store counts on from the highest, so gaps are filled, then deleted."""
    registry, draft = moving.registry, draft_name(moving.registry)
    client, record = registry.client, moving.export.registry
    versions = {version.number: version for version in record.versions}
    with registry.store_errors():
        if MOVED_AT not in client.get_registered_model(draft).tags:
            made = len(_versions(registry))  # none is deleted before all are made
            for number in range(made + 1, record.last_number + 1 if versions else 1):
                _create(moving, number, versions.get(number))
            client.set_registered_model_tag(draft, MOVED_AT, history.now())
        for found in _versions(registry):
            if GAP in found.tags:
                client.delete_model_version(draft, str(found.version))
        _tell_models(moving)


def _tell_models(moving: Import) -> None:
    """Servers note with a logged model of which versions it is: there, the draft and the gaps."""
    client, record = moving.registry.client, moving.export.registry
    made_of: dict[str, list[int]] = {}
    for version in record.versions:
        if model_id := moving.new_id(version.model_id):
            made_of.setdefault(model_id, []).append(version.number)
    for model_id, numbers in made_of.items():
        if MLFLOW_MODEL_VERSIONS in client.get_logged_model(model_id).tags:
            noted = [{"name": record.model, "version": number} for number in numbers]
            client.set_logged_model_tags(model_id, {MLFLOW_MODEL_VERSIONS: json.dumps(noted)})


def _create(moving: Import, number: int, version: VersionRecord | None) -> None:
    """Make the next version, which must get this number; one that only takes it, if None."""
    registry, record = moving.registry, moving.export.registry
    like = version or record.versions[0]  # a version can't be made of nothing
    run_id, model_id = moving.new_id(like.run_id), moving.new_id(like.model_id)
    if model_id:
        source = f"models:/{model_id}"
    else:
        source = f"{registry.client.get_run(run_id).info.artifact_uri}/{like.path}"
    tags = {GAP: "yes"}
    if version:
        tags = {CREATED: made_at(version.created), **moving.tags(version.tags)}
    with registry.global_address():
        made = registry.client.create_model_version(
            draft_name(registry),
            source,
            run_id,
            tags=tags,
            description=moving.renamed(version.description) if version else None,
            model_id=model_id,
        )
    if int(made.version) != number:
        raise StoreError(
            f"the store gave a version the number {made.version} instead of {number}: is another "
            f"import at work? Delete the model {draft_name(registry)!r} in MLflow, then import "
            "again."
        )


def _versions(registry: Registry) -> list[ModelVersion]:
    return list(registry.client.search_model_versions(f"name = '{draft_name(registry)}'"))


def _model(registry: Registry, name: str) -> RegisteredModel | None:
    with registry.store_errors():
        try:
            return registry.client.get_registered_model(name)
        except MlflowException as error:
            if is_missing(error):
                return None
            raise
