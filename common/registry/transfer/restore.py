"""A registry that was exported, written into another store.

Runs and logged models come first; versions are made in a registered model of another name, which
nobody reads. Giving it its name is the last step, and one call: until then there is no such model,
from then on there is all of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from common.errors import SettingsError
from common.registry.store import Registry
from common.registry.transfer import folder as layout
from common.registry.transfer import write_runs, write_versions
from common.registry.transfer.mapping import Import
from common.registry.transfer.records import ExportRecord, Moved
from common.types import Progress


def check(folder: Path, model_name: str) -> ExportRecord:
    """The export in a folder, if it is whole and undamaged, and of this model.

    Raises:
        InputError: it is not.
        SettingsError: it is of another model.
    """
    layout.refuse_damage(folder)
    export = layout.read(folder / layout.EXPORT, ExportRecord)
    name = export.registry.model
    if name != model_name:
        raise SettingsError(
            f"{folder} holds the model {name!r}, and MODEL_NAME is {model_name!r}: to import it, "
            f"add --model-name {name}"
        )
    return export


def restore(registry: Registry, folder: Path, export: ExportRecord, progress: Progress) -> Moved:
    """Write an export into a store; what a killed import of it has written is used.

    Args:
        export: what `check` gave.

    Raises:
        StoreError: the store has this model already, or fails.
    """
    with layout.alone(folder):
        moved = layout.summary(folder, export.registry)
        if not write_versions.begin(registry, export.id):
            return replace(moved, already=True)
        moving = Import(registry, folder, export, _experiments(registry, export))
        write_runs.write(moving, progress)
        write_versions.write(moving)
        return moved


def _experiments(registry: Registry, export: ExportRecord) -> dict[str, str]:
    """The ids of the experiments, which are made if need be; tags that one has stay."""
    ids = {name: registry.experiment_id(name) for name in sorted(export.experiments)}
    with registry.store_errors():
        for name, number in ids.items():
            there = registry.client.get_experiment(number).tags
            for key, value in export.experiments[name].items():
                if key not in there:
                    registry.client.set_experiment_tag(number, key, value)
    return ids
