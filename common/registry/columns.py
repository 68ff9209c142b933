"""The columns that a version was trained with: they hold wherever nobody names others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.registry import runs
from common.registry.store import Registry
from common.registry.versions import Version
from common.settings import LabelWith, Settings
from common.settings_reader import from_text

FIELDS = (
    *("text_column", "target_column", "segment_column", "label_with", "critical_keywords"),
    *("labels_path", "id_column"),
)


@dataclass(frozen=True)
class TrainedColumns:
    """Where the training had its messages, classes and groups; as `pipelines.TrainRequest`."""

    text_column: str
    target_column: str
    segment_column: str | None
    label_with: LabelWith
    critical_keywords: tuple[str, ...]
    labels_path: Path | None
    id_column: str


def trained_columns(registry: Registry, version: Version) -> TrainedColumns:
    """The columns of a version: from its tags, else from its run, else the settings' defaults.

    Raises:
        SettingsError: what is recorded is not a setting's value.
    """
    recorded = runs.params(registry, version.run_id) | dict(version.tags)
    found: dict[str, Any] = {name: Settings.model_fields[name].default for name in FIELDS}
    found |= from_text({name: recorded[name] for name in FIELDS if name in recorded})
    return TrainedColumns(**found)
